"""Measure how the camera has moved between two frames, so that tracks do not lose faces when it sweeps."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_WIDTH = 160
_POINTS = 40
_LEAST_POINTS = 10
_AGREE = 0.5
_TOLERANCE = 1.0  # pixels of the small picture
_STILL = 0.15


class CameraMotion:
    """Follow some points of a small grey picture from frame to frame.

    What most of them do is the camera's motion. Where they do not agree, as in a crowd that fills the view,
    it is taken to stand still.
    """

    def __init__(self) -> None:
        self._before: NDArray[np.uint8] | None = None

    def update(self, picture: NDArray[np.uint8]) -> tuple[float, float]:
        """Return by how many pixels the picture's content has moved to the right and down.

        Args:
            picture: the next frame, RGB uint8 (H, W, 3).
        """
        import cv2

        step = max(1, picture.shape[1] // (2 * _WIDTH))
        few = np.ascontiguousarray(picture[::step, ::step, 1])
        scale = max(picture.shape[1] / _WIDTH, 1.0)
        size = (max(round(picture.shape[1] / scale), 16), max(round(picture.shape[0] / scale), 16))
        now: NDArray[np.uint8] = np.asarray(cv2.resize(few, size, interpolation=cv2.INTER_AREA), np.uint8)
        before, self._before = self._before, now
        if before is None or before.shape != now.shape:
            return 0.0, 0.0
        points = cv2.goodFeaturesToTrack(before, _POINTS, 0.01, 7)
        if points is None or len(points) < _LEAST_POINTS:
            return 0.0, 0.0
        start = np.asarray(points, np.float32)
        moved, found, _ = cv2.calcOpticalFlowPyrLK(
            before, now, start, np.empty_like(start), winSize=(13, 13), maxLevel=2
        )
        shift = (np.asarray(moved, np.float32) - start).reshape(-1, 2)[np.asarray(found).ravel() == 1]
        if len(shift) < _LEAST_POINTS:
            return 0.0, 0.0
        common = np.median(shift, axis=0)
        # A zoom moves the points at the border apart, by a little.
        near = np.abs(shift - common).max(axis=1) <= _TOLERANCE + 0.25 * np.abs(common).max()
        if near.mean() < _AGREE:
            return 0.0, 0.0
        common = shift[near].mean(axis=0)
        if np.abs(common).max() < _STILL:
            return 0.0, 0.0
        return float(common[0]) * scale, float(common[1]) * scale

    def reset(self) -> None:
        """Forget the last frame, as at a hard cut."""
        self._before = None
