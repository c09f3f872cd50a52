"""The pose of a face, estimated from its pixels only: without a landmark model, and so without its licence.

Eyes are dark, wide and come in pairs. The most likely pair of dark spots in the upper half of the box
gives the tilt of the head, the height of the eyes and, by its distance from the box's centre, how far the
head is turned sideways.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]
Floats = NDArray[np.float32]

_WIDTH, _HEIGHT = 36, 48
_SPOTS = 6
_LARGEST_YAW: Final = 0.9
# Expected position of the eyes in a box from forehead to chin, and its tolerance, relative to the box's size.
_EYE_LINE, _EYE_LINE_SPREAD = 0.40, 0.065
_EYE_GAP, _EYE_GAP_SPREAD = 0.43, 0.07
_MIDDLE_SPREAD: Final = 0.13
_TILT_SPREAD: Final = 0.26


@dataclass(frozen=True)
class Pose:
    """The pose of a face.

    Attributes:
        roll: tilt in the picture's plane, radians; positive turns clockwise.
        yaw: sideways turn, radians; positive looks to the right of the picture.
        eye_line: height of the eyes in the box, 0 its top, 1 its bottom.
        sure: how clearly the eyes were found; about 0 is a guess, above 2 is clear.
    """

    roll: float = 0.0
    yaw: float = 0.0
    eye_line: float = _EYE_LINE
    sure: float = 0.0


def estimate_pose(face: Pixels) -> Pose:
    """Estimate the pose of a face.

    Args:
        face: (H, W, 3) RGB, exactly the face's box.
    """
    height, width = face.shape[:2]
    grey = cv2.cvtColor(face, cv2.COLOR_RGB2GRAY)
    small = cv2.resize(grey, (_WIDTH, _HEIGHT), interpolation=cv2.INTER_AREA).astype(np.float32)
    wide = cv2.GaussianBlur(small, (0, 0), 4.5)
    dark = wide - cv2.GaussianBlur(small, (0, 0), sigmaX=1.8, sigmaY=1.1)
    spread = float(dark.std()) + 2.0
    flat = (small - wide) / (float((small - wide).std()) + 2.0)
    left, right = _spots(dark, 0), _spots(dark, 1)
    lx, ly = left[:, None, 0], left[:, None, 1]
    rx, ry = right[None, :, 0], right[None, :, 1]
    across = (rx - lx) / _WIDTH
    # The box is not square: angles are measured in the picture.
    tilt = np.arctan2((ry - ly) / _HEIGHT * height, np.maximum(across, 0.05) * width)
    middle_x, middle_y = (lx + rx) / 2 / _WIDTH - 0.5, (ly + ry) / 2 / _HEIGHT
    strength = np.minimum(dark[ly, lx], dark[ry, rx]) / spread
    score = (
        1.3 * strength
        + 0.8 * _alike(flat, left, right)
        - 0.5 * ((across - _EYE_GAP) / _EYE_GAP_SPREAD) ** 2
        - 0.5 * ((middle_y - _EYE_LINE) / _EYE_LINE_SPREAD) ** 2
        - 0.5 * (middle_x / _MIDDLE_SPREAD) ** 2
        - 0.5 * (tilt / _TILT_SPREAD) ** 2
    )
    i, j = np.unravel_index(int(np.argmax(score)), score.shape)
    best = float(score[i, j])
    # An unclear result is moved towards the usual pose.
    trust = float(np.clip(0.35 + 0.3 * best, 0.15, 0.95))
    turn = float(np.clip(2.1 * middle_x[i, j], -0.78, 0.78))
    return Pose(
        roll=trust * float(tilt[i, j]),
        yaw=float(np.clip(trust * np.arcsin(turn), -_LARGEST_YAW, _LARGEST_YAW)),
        eye_line=_EYE_LINE + trust * (float(middle_y[i, j]) - _EYE_LINE),
        sure=best,
    )


@cache
def _search_region(side: int) -> tuple[int, int, int, int]:
    first, last = ((0.10, 0.52), (0.48, 0.90))[side]
    return int(0.22 * _HEIGHT), int(0.58 * _HEIGHT), int(first * _WIDTH), int(last * _WIDTH)


def _spots(dark: Floats, side: int) -> NDArray[np.intp]:
    """Return the darkest local minima of one side, (N, 2) x and y."""
    top, bottom, first, last = _search_region(side)
    peak = cv2.dilate(dark, np.ones((3, 5), np.uint8))
    part = np.where(dark >= peak, dark, -np.inf)[top:bottom, first:last]
    order = np.argsort(part, axis=None)[::-1][:_SPOTS]
    ys, xs = np.unravel_index(order, part.shape)
    return np.stack([xs + first, ys + top], 1)


def _alike(flat: Floats, left: NDArray[np.intp], right: NDArray[np.intp]) -> NDArray[Any]:
    """Return how symmetrical the surroundings of each pair are, (L, R), -1 to 1."""
    padded = np.pad(flat, 4, mode="edge")

    def patches(spots: NDArray[np.intp], step: int) -> NDArray[Any]:
        cut = np.stack([padded[y : y + 9, x : x + 9][:, ::step] for x, y in spots]).reshape(len(spots), -1)
        cut = cut - cut.mean(1, keepdims=True)
        return cut / (np.linalg.norm(cut, axis=1, keepdims=True) + 1e-6)

    return patches(left, 1) @ patches(right, -1).T
