"""A drawn face whose pose is known: skin, two eyes, a nose, a mouth, before a dull wall."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import pytest

if TYPE_CHECKING:
    from numpy.typing import NDArray

MakeFace = Callable[..., "tuple[NDArray[np.uint8], tuple[float, float, float, float]]"]


@pytest.fixture(scope="session")
def make_face() -> MakeFace:
    """Return a function that draws a face into a picture and returns both, picture and box."""
    cv2 = pytest.importorskip("cv2", reason="OpenCV is not installed")

    def make(
        width: int = 60,
        side: int = 160,
        at: tuple[int, int] | None = None,
        roll: float = 0.0,
        aside: float = 0.0,
        eye_line: float = 0.4,
        light: float = 1.0,
        grey: bool = False,
        onto: NDArray[np.uint8] | None = None,
    ) -> tuple[NDArray[np.uint8], tuple[float, float, float, float]]:
        random = np.random.default_rng(3)
        if onto is None:
            onto = random.integers(96, 108, (side, side, 3)).astype(np.uint8)
        picture = onto.copy()
        height = round(width * 1.3)
        x, y = at or ((picture.shape[1] - width) // 2, (picture.shape[0] - height) // 2)
        centre = np.array([x + width / 2, y + height / 2])
        cos, sin = np.cos(roll), np.sin(roll)

        def put(part_x: float, part_y: float, wide: float, tall: float, colour: tuple[int, int, int]) -> None:
            dx, dy = part_x * width, (part_y - 0.5) * height
            place = centre + np.array([cos * dx - sin * dy, sin * dx + cos * dy])
            axes = (max(1, int(16 * wide * width)), max(1, int(16 * tall * height)))
            shade = tuple(float(c * light) for c in colour)
            point = (int(16 * place[0]), int(16 * place[1]))
            cv2.ellipse(picture, point, axes, float(np.degrees(roll)), 0, 360, shade, -1, cv2.LINE_AA, 4)

        put(0, 0.5, 0.5, 0.5, (205, 160, 138))
        for side_of in (-1, 1):
            put(aside + side_of * 0.215, eye_line, 0.085, 0.035, (58, 40, 35))
        put(aside * 1.3, eye_line + 0.24, 0.05, 0.02, (170, 120, 100))
        put(aside, eye_line + 0.39, 0.15, 0.03, (170, 105, 95))
        if grey:
            picture[:] = picture.mean(2, keepdims=True).astype(np.uint8)
        return picture, (float(x), float(y), float(x + width), float(y + height))

    return make
