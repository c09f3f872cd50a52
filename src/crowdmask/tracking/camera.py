"""Measure the camera's motion between two frames, so that tracks do not lose faces when it pans."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_WIDTH = 160  # approximate width of the small picture
_POINTS = 32
_LEAST_POINTS = 10
_RENEW = 5  # number of frames with the same points, unless too many are lost
_WINDOW = (13, 13)
_LEVELS = 2
_STEPS = (3, 10, 0.03)  # iterations for each point: at most ten, or until it moves by less than this
_AGREE = 0.5
_TOLERANCE = 1.0  # pixels of the small picture
_STILL = 0.15


class CameraMotion:
    """Follow some points of a small grey picture from frame to frame.

    The motion of most of them is the camera's motion. If they do not agree, as in a crowd that fills the
    view, the camera is assumed to stand still.
    """

    def __init__(self) -> None:
        self._before: NDArray[np.uint8] | None = None
        self._points: NDArray[np.float32] | None = None
        self._age = 0

    def update(self, picture: NDArray[np.uint8]) -> tuple[float, float]:
        """Return how many pixels the picture's content has moved to the right and down.

        Args:
            picture: the next frame, RGB uint8 (H, W, 3).
        """
        step = step_of(picture.shape[1])
        return self.update_small(*shrink(picture[::step, ::step, 1], step))

    def update_small(self, now: NDArray[np.uint8], scale: int) -> tuple[float, float]:
        """As `update`, of a picture that `shrink` has made."""
        import cv2

        before, self._before = self._before, now
        if before is None or before.shape != now.shape:
            self._points = None
            return 0.0, 0.0
        start = self._points
        if start is None or self._age >= _RENEW or 2 * len(start) < _POINTS:
            found = cv2.goodFeaturesToTrack(before, _POINTS, 0.01, 7)
            start, self._age = None if found is None else np.asarray(found, np.float32), 0
        self._points, self._age = None, self._age + 1
        if start is None or len(start) < _LEAST_POINTS:
            return 0.0, 0.0
        end, good, _ = cv2.calcOpticalFlowPyrLK(
            before, now, start, np.empty_like(start), winSize=_WINDOW, maxLevel=_LEVELS, criteria=_STEPS
        )
        kept = np.asarray(good).ravel() == 1
        self._points = np.asarray(end, np.float32)[kept]
        x, y = _common((self._points - start[kept]).reshape(-1, 2))
        return x * scale, y * scale

    def reset(self) -> None:
        """Forget the last frame, as at a hard cut."""
        self._before = self._points = None


def step_of(width: int) -> int:
    """Return which points of a picture of this width matter: every so many-th, across and down."""
    return max(1, round(width / (2 * _WIDTH)))


def shrink(few: NDArray[np.uint8], step: int) -> tuple[NDArray[np.uint8], int]:
    """Return means of 2 x 2 points, about `_WIDTH` across, and how many pixels of the picture one is wide.

    Args:
        few: every `step`-th point of the picture's green, (H, W): with a whole step this takes a tenth of
            the time of a mean of all pixels.
    """
    import cv2

    few = np.ascontiguousarray(few)
    height, width = few.shape[0] // 2, few.shape[1] // 2
    if min(height, width) < 16:
        return few, step
    small = cv2.resize(few[: 2 * height, : 2 * width], (width, height), interpolation=cv2.INTER_AREA)
    return np.asarray(small, np.uint8), 2 * step


def _common(shift: NDArray[np.float32]) -> tuple[float, float]:
    """Return the shift (x, y) that most of the points (N, 2) share; None if they do not agree."""
    if len(shift) < _LEAST_POINTS:
        return 0.0, 0.0
    middle = np.sort(shift, axis=0)[len(shift) // 2]
    # A zoom moves the points at the border slightly apart.
    near = np.abs(shift - middle).max(axis=1) <= _TOLERANCE + 0.25 * np.abs(middle).max()
    if np.count_nonzero(near) < _AGREE * len(shift):
        return 0.0, 0.0
    x, y = shift[near].mean(axis=0).tolist()
    return (x, y) if max(abs(x), abs(y)) >= _STILL else (0.0, 0.0)
