"""Notice a camera that hangs and sends the same picture again and again."""

from __future__ import annotations

from typing import Any

import numpy as np
from av.video.frame import VideoFrame
from numpy.typing import NDArray

_POINTS = 64
# Encoding one picture again and again changes it a little, from key frame to key frame. A living
# camera's noise changes more, also before a wall.
_MEAN_CHANGE = 0.3
_CHANGED = 8
_SHARE_CHANGED = 0.001


class FrozenCheck:
    """Measure for how long a picture has not changed."""

    def __init__(self) -> None:
        """Begin without a picture."""
        self._reference: NDArray[np.int16] | None = None
        self._since = 0.0

    def still_s(self, frame: VideoFrame | NDArray[np.uint8], now: float) -> float:
        """Return for how many seconds all pictures up to this one have been the same."""
        points = _sample(frame)
        if self._reference is None or _differ(self._reference, points):
            self._reference, self._since = points, now
        return now - self._since


def _sample(frame: VideoFrame | NDArray[np.uint8]) -> NDArray[np.int16]:
    """Return about 4,000 points of the brightness, on a grid."""
    if isinstance(frame, np.ndarray):
        luma: Any = frame[..., 1]
    else:
        plane: Any = frame.planes[0]  # a buffer, which its types do not say
        lines = np.frombuffer(plane, np.uint8).reshape(plane.height, -1)
        luma = lines[:, : plane.width]  # behind it lies padding
    down, across = (max(1, side // _POINTS) for side in luma.shape)
    return luma[down // 2 :: down, across // 2 :: across].astype(np.int16)


def _differ(before: NDArray[np.int16], after: NDArray[np.int16]) -> bool:
    if before.shape != after.shape:
        return True
    change = np.abs(before - after)
    return bool(change.mean() > _MEAN_CHANGE or (change > _CHANGED).mean() > _SHARE_CHANGED)
