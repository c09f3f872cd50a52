"""The camera's motion is measured to a pixel, and is none where a still camera sees things move."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageFilter

from crowdmask.tracking.camera import CameraMotion


def wall(seed: int = 0, width: int = 1400, height: int = 800) -> np.ndarray:
    noise = np.random.default_rng(seed).integers(0, 255, (height // 10, width // 10, 3)).astype(np.uint8)
    return np.asarray(Image.fromarray(noise).resize((width, height)).filter(ImageFilter.GaussianBlur(3)))


def window(picture: np.ndarray, left: int, top: int) -> np.ndarray:
    return picture[top : top + 360, left : left + 640]


@pytest.mark.parametrize("step", [(0, 0), (3, 0), (-8, 5), (25, -10), (0, 2)])
def test_sweep(step: tuple[int, int]) -> None:
    picture, camera = wall(), CameraMotion()
    assert camera.update(window(picture, 300, 200)) == (0.0, 0.0)
    moved = camera.update(window(picture, 300 + step[0], 200 + step[1]))
    # The content moves against the camera.
    assert moved == pytest.approx((-step[0], -step[1]), abs=0.6)


def test_still_camera_is_exactly_still() -> None:
    picture, camera = wall(), CameraMotion()
    random = np.random.default_rng(1)
    for _ in range(10):
        noisy = np.clip(window(picture, 300, 200) + random.normal(0, 4, (360, 640, 3)), 0, 255)
        assert camera.update(noisy.astype(np.uint8)) == (0.0, 0.0)


def test_somebody_passing_is_not_the_camera() -> None:
    background, passer, camera = window(wall(1), 0, 0), wall(2), CameraMotion()
    for step in range(10):
        seen = background.copy()
        seen[100:300, 40 * step : 40 * step + 150] = passer[100:300, :150]
        assert camera.update(seen) == (0.0, 0.0)


@pytest.mark.parametrize("size", [(360, 640), (16, 16), (48, 400), (1080, 1920)])
def test_nothing_to_follow(size: tuple[int, int]) -> None:
    camera = CameraMotion()
    for _ in range(3):
        assert camera.update(np.full((*size, 3), 90, np.uint8)) == (0.0, 0.0)


def test_reset_and_a_new_size_begin_anew() -> None:
    picture, camera = wall(), CameraMotion()
    camera.update(window(picture, 300, 200))
    camera.reset()
    assert camera.update(window(picture, 310, 200)) == (0.0, 0.0)
    assert camera.update(picture[:300, :300]) == (0.0, 0.0)
