"""What a cheap comparison of frames notices: cuts, the camera, and motion where nobody is known to be."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from crowdmask.tracking.watch import Watch

from .test_camera import wall, window

FACE = np.array([[300, 100, 340, 150]], np.float32)


@cache
def _street(seed: int) -> np.ndarray:
    return window(wall(seed), 300, 200).copy()


def street(seed: int = 0) -> np.ndarray:
    return _street(seed).copy()


def looked_at(picture: np.ndarray) -> Watch:
    watch = Watch()
    watch.update(picture)
    watch.looked()
    return watch


def test_nothing_is_known_before_the_first_look() -> None:
    watch = Watch()
    watch.update(street())
    assert watch.changes
    assert watch.moves_beside(FACE)
    assert not watch.is_cut


def test_noise_is_no_change() -> None:
    watch, random = looked_at(street()), np.random.default_rng(1)
    for _ in range(5):
        noisy = np.clip(street() + random.normal(0, 3, (360, 640, 3)), 0, 255).astype(np.uint8)
        watch.update(noisy)
        assert (watch.changes, watch.moves_beside(FACE), watch.camera_moves) == (False, False, False)


@pytest.mark.parametrize(
    ("left", "top", "beside"),
    [(310, 110, False), (290, 200, False), (40, 100, True), (560, 280, True)],
)
def test_where_it_moves(left: int, top: int, beside: bool) -> None:
    watch, later = looked_at(street()), street()
    later[top : top + 40, left : left + 40] = street(3)[:40, :40]
    watch.update(later)
    assert watch.changes
    assert watch.moves_beside(FACE) is beside
    assert watch.moves_beside(np.zeros((0, 4), np.float32))
    watch.looked()
    assert not watch.changes


def test_a_slow_change_adds_up_since_the_last_look() -> None:
    watch = looked_at(street())
    for step in range(1, 9):
        later = street().astype(int)
        later[100:200, 40:140] += 6 * step
        watch.update(np.clip(later, 0, 255).astype(np.uint8))
    assert watch.moves_beside(FACE)


def test_a_slow_sweep_adds_up_since_the_last_look() -> None:
    view = wall()
    watch = looked_at(window(view, 300, 200))
    for step in range(1, 4):
        watch.update(window(view, 300 + 3 * step, 200))
        assert watch.camera_moves is (step == 3), step
    watch.looked()
    assert not watch.camera_moves


@pytest.mark.parametrize("skips_still", [True, False])
def test_a_cut_after_a_still_scene(skips_still: bool) -> None:
    watch, dark = Watch(skips_still), np.zeros((360, 640, 3), np.uint8)
    dark[200:] = (20, 30, 120)
    for _ in range(30):
        watch.update(street())
        assert not watch.is_cut
    watch.update(dark)
    assert watch.is_cut
    watch.update(dark)
    assert not watch.is_cut


def test_pictures_of_another_size_begin_anew() -> None:
    watch = looked_at(street())
    watch.update(street()[:300])
    assert watch.is_resized
    assert watch.changes
    watch.looked()
    watch.update(street()[:300])
    assert (watch.is_resized, watch.changes) == (False, False)
    watch.reset()
    watch.update(street())
    assert not watch.is_resized
