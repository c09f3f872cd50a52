"""Cuts are noticed; sweeps, flashes, zooms and fades are not taken for one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from crowdmask.tracking.cuts import CutDetector

SIZE = (90, 160)
Picture = np.ndarray


def scenery(seed: int, width: int = 160) -> Picture:
    """Return blotches of colour, as broad as a frame's tenth."""
    random = np.random.default_rng(seed)
    palette = random.integers(0, 255, (3, 3))
    blotches = palette[random.integers(0, 3, (6, width // 16 + 1))]
    return np.kron(blotches, np.ones((15, 16, 1))).astype(np.uint8)[:, :width]


def noisy(picture: Picture, seed: int) -> Picture:
    noise = np.random.default_rng(seed).normal(0, 6, picture.shape)
    return np.clip(picture + noise, 0, 255).astype(np.uint8)


def cuts(frames: list[Picture]) -> list[int]:
    detector = CutDetector()
    return [index for index, frame in enumerate(frames) if detector.is_cut(frame)]


def test_takes_one_after_the_other() -> None:
    frames = [noisy(scenery(seed), step) for seed in range(6) for step in range(20)]
    assert cuts(frames) == [20, 40, 60, 80, 100]


def test_takes_of_a_few_frames() -> None:
    frames = [noisy(scenery(seed), step) for seed in range(4) for step in range(3)]
    assert cuts(frames) == [3, 6, 9]


@pytest.mark.parametrize(
    "frame",
    [
        pytest.param(lambda i: scenery(1, 800)[:, 8 * i : 8 * i + 160], id="sweep"),
        pytest.param(lambda i: np.clip(scenery(1) * (1 + 0.03 * i), 0, 255), id="exposure"),
        pytest.param(lambda i: scenery(1) * (0.6 if i % 7 else 1.0), id="flashes"),
        pytest.param(lambda i: scenery(1) * (1 - i / 40), id="fade to black"),
        pytest.param(lambda i: scenery(1) * (1 - i / 40) + scenery(2) * (i / 40), id="dissolve"),
        pytest.param(lambda i: scenery(1)[i // 2 : 90 - i // 2, i : 160 - i], id="zoom"),
        pytest.param(lambda i: scenery(1) if i % 3 else scenery(1)[:, ::1], id="still"),
        pytest.param(lambda i: np.full((*SIZE, 3), 16), id="dark"),
    ],
)
def test_no_cut(frame: Callable[[int], Picture]) -> None:
    assert cuts([noisy(frame(i), i) for i in range(40)]) == []


@pytest.mark.parametrize("size", [(36, 64), (16, 16), (720, 1280), (640, 360)])
def test_any_size(size: tuple[int, int]) -> None:
    from PIL import Image

    pictures = [np.asarray(Image.fromarray(scenery(seed)).resize(size[::-1])) for seed in (1, 1, 2, 2)]
    assert cuts(pictures) == [2]


def test_reset_forgets_the_last_frame() -> None:
    detector = CutDetector()
    assert not detector.is_cut(scenery(1))
    detector.reset()
    assert not detector.is_cut(scenery(2))
    assert detector.is_cut(scenery(3))


def test_real_cuts(shared: Path) -> None:
    """At 149 and 154, which the clip's description names too, the camera sweeps: the people stay in view."""
    av = pytest.importorskip("av")
    with av.open(str(shared / "video" / "crowds-with-cuts.mp4")) as file:
        frames = [frame.to_ndarray(format="rgb24")[::3, ::3] for frame in file.decode(video=0)]
    assert cuts(frames) == [41, 292, 350, 410, 432, 481, 535]


def test_one_take_has_none(shared: Path) -> None:
    av = pytest.importorskip("av")
    with av.open(str(shared / "video" / "five-masked-walkers.mp4")) as file:
        frames = [frame.to_ndarray(format="rgb24")[::3, ::3] for frame in file.decode(video=0)]
    assert cuts(frames) == []
