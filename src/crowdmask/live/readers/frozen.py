"""Detect a camera that hangs and sends the same picture repeatedly."""

from __future__ import annotations

from typing import Any

import numpy as np
from av.video.frame import VideoFrame
from numpy.typing import NDArray

_POINTS = 64
# Encoding the same picture repeatedly changes it a little between key frames. The noise of a
# working camera changes more, even in front of a wall.
_MEAN_CHANGE = 0.3
_CHANGED = 8
_SHARE_CHANGED = 0.001


class FrozenCheck:
    """Measure how long the picture has not changed."""

    def __init__(self) -> None:
        """Begin without pictures."""
        self._reference: NDArray[np.int16] | None = None
        self._since = 0.0

    def still_s(self, frame: VideoFrame | NDArray[np.uint8], now: float) -> float:
        """Return for how many seconds all pictures up to this one have been the same."""
        points = _sample(frame)
        if self._reference is None or _differ(self._reference, points):
            self._reference, self._since = points, now
        return now - self._since


def _sample(frame: VideoFrame | NDArray[np.uint8]) -> NDArray[np.int16]:
    """Return the brightness at about 4,000 points of a grid."""
    if isinstance(frame, np.ndarray):
        luma: Any = frame[..., 1]
    else:
        plane: Any = frame.planes[0]  # a buffer, contrary to its type stubs
        lines = np.frombuffer(plane, np.uint8).reshape(plane.height, -1)
        luma = lines[:, : plane.width]  # the rest of each row is padding
    down, across = (max(1, side // _POINTS) for side in luma.shape)
    return luma[down // 2 :: down, across // 2 :: across].astype(np.int16)


def _differ(before: NDArray[np.int16], after: NDArray[np.int16]) -> bool:
    if before.shape != after.shape:
        return True
    change = np.abs(before - after)
    return bool(change.mean() > _MEAN_CHANGE or (change > _CHANGED).mean() > _SHARE_CHANGED)
