"""Coordinates on a face: every pixel's height on the face and its position around the head."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crowdmask.data.synthesis.pose import Pose

Floats = NDArray[np.floating[Any]]
"""Always float32 at run time, which takes half the time."""

NOSE_BRIDGE, NOSE_TIP, MOUTH, CHIN = 0.15, 0.45, 0.67, 1.0
"""Heights on a face, from 0, the eyes, to 1, the chin; those of an average face."""

_HALF_TURN = math.pi / 2


@dataclass(frozen=True, eq=False)
class Surface:
    """The part of a picture around a face, in the coordinates of an upright head.

    Attributes:
        left, top: of the part in the picture, pixels.
        centre: of the face's box in the part, pixels.
        width, height: of the face, pixels.
        pose: of the face.
        x: (H, W) horizontal position without the tilt: -1 and 1 are the sides of the box.
        y: (H, W) height, 0 at the eyes, 1 at the chin.
        around: (H, W) position around the head, on visible skin: 0 is the nose, -1 and 1 are the ears.
        half: (H, W) half the width of the head at that height, in units of `x`.
    """

    left: int
    top: int
    centre: tuple[float, float]
    width: float
    height: float
    pose: Pose
    x: Floats
    y: Floats
    around: Floats
    half: Floats

    @property
    def span(self) -> float:
        """Pixels from the eyes to the chin."""
        return self.height * (1 - self.pose.eye_line)

    def shape(self) -> tuple[int, int]:
        """Rows and columns of the part."""
        return self.x.shape[0], self.x.shape[1]

    def inside(self) -> Floats:
        """Return the distance of each pixel from the head's outline, positive inside, (H, W), pixels."""
        return (self.half - np.abs(self.x)) * np.float32(self.width / 2)

    def locate(self, around: float, y: float) -> tuple[float, float]:
        """Return the position of a point of the head in the part, pixels; hidden ones move to the outline."""
        angle = float(np.clip(around * _HALF_TURN + self.pose.yaw, -_HALF_TURN, _HALF_TURN))
        half = float(_half_width(np.array([y], np.float32))[0])
        return self.project(half * math.sin(angle), y)

    def project(self, x: float, y: float) -> tuple[float, float]:
        """Return the position of a point of the upright face in the part, pixels."""
        across = x * self.width / 2
        down = (self.pose.eye_line + y * (1 - self.pose.eye_line) - 0.5) * self.height
        cos, sin = math.cos(self.pose.roll), math.sin(self.pose.roll)
        return cos * across - sin * down + self.centre[0], sin * across + cos * down + self.centre[1]


def lay(
    box: tuple[float, float, float, float],
    pose: Pose,
    picture: tuple[int, int],
    margins: tuple[float, float, float, float] = (0.3, -0.15, 0.3, 0.3),
) -> Surface:
    """Compute a face's coordinates for the part of a picture around it.

    Args:
        box: xyxy, pixels.
        pose: of the face.
        picture: height and width of the picture.
        margins: left, top, right, bottom: margins of the part around the box, relative to its size.
    """
    x1, y1, x2, y2 = box
    width, height = x2 - x1, y2 - y1
    left = max(0, int(x1 - margins[0] * width))
    top = max(0, int(y1 - margins[1] * height))
    right = min(picture[1], int(np.ceil(x2 + margins[2] * width)))
    bottom = min(picture[0], int(np.ceil(y2 + margins[3] * height)))
    centre = ((x1 + x2) / 2 - left, (y1 + y2) / 2 - top)
    columns = np.arange(right - left, dtype=np.float32)[None] + np.float32(0.5 - centre[0])
    rows = np.arange(bottom - top, dtype=np.float32)[:, None] + np.float32(0.5 - centre[1])
    cos, sin = np.float32(math.cos(pose.roll)), np.float32(math.sin(pose.roll))
    x = (cos * columns + sin * rows) * np.float32(2 / width)
    tall = (cos * rows - sin * columns) * np.float32(1 / height) + np.float32(0.5)
    y = (tall - np.float32(pose.eye_line)) * np.float32(1 / (1 - pose.eye_line))
    half = _half_width(y)
    if pose.yaw:
        # Nose and mouth stick out in front of the face, beyond the far cheek.
        bulge = np.exp(-(((y - np.float32(0.6)) / np.float32(0.35)) ** 2))
        far = x * np.float32(math.copysign(1, pose.yaw)) > 0
        half = half + np.where(far, np.float32(0.14 * abs(math.sin(pose.yaw))) * bulge, np.float32(0))
    angle = np.arcsin(np.clip(x / half, -1, 1))
    around = (angle - np.float32(pose.yaw)) * np.float32(1 / _HALF_TURN)
    return Surface(left, top, centre, width, height, pose, x, y, around, half)


def _half_width(y: Floats) -> Floats:
    """Return half the width of a head by height, 1 at the cheeks: jaws are narrower."""
    down = np.clip((y - np.float32(0.35)) * np.float32(1 / 0.75), 0, 1)
    return np.float32(0.97) - np.float32(0.45) * down * down
