"""Detect hard cuts, so that no track continues across one."""

from __future__ import annotations

import math
import statistics
from collections import deque
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

_WIDTH, _HEIGHT = 32, 18
_BINS = 8
_LEAST = 0.45
_TIMES_USUAL = 3.0
_MEMORY = 15


class CutDetector:
    """Compare each frame with the one before.

    Two things are compared on a thumbnail: the brightness pattern (by correlation, which ignores flashes
    and the camera's exposure) and the amount of each colour. Both must change, and much more than in the
    previous frames, since they change all the time while the camera pans.
    """

    def __init__(self) -> None:
        self._last: _Thumbnail | None = None
        self._usual: deque[_Change] = deque(maxlen=_MEMORY)

    def is_cut(self, picture: NDArray[np.uint8]) -> bool:
        """Return whether this frame begins a new shot; False for the first frame.

        Args:
            picture: RGB uint8 (H, W, 3).
        """
        now = _Thumbnail(picture)
        before, self._last = self._last, now
        if before is None:
            return False
        change = _Change(before, now)
        if change.most > _LEAST and change.value > max(_LEAST, _TIMES_USUAL * self._median()):
            self._usual.clear()
            return True
        self._usual.append(change)
        return False

    def reset(self) -> None:
        """Forget the last frame, as after a stream's reconnect."""
        self._last = None
        self._usual.clear()

    def _median(self) -> float:
        return statistics.median(change.value for change in self._usual) if self._usual else 0.0


class _Thumbnail:
    """A thumbnail: its grey values, normalised to mean 0 and norm 1, and, when needed, its colours."""

    def __init__(self, picture: NDArray[np.uint8]) -> None:
        import cv2

        # Means of 4 x 4 pixels: whole factors in both directions make this fast.
        few = cv2.resize(picture, (4 * _WIDTH, 4 * _HEIGHT), interpolation=cv2.INTER_NEAREST)
        small = cv2.resize(few, (_WIDTH, _HEIGHT), interpolation=cv2.INTER_AREA)
        self._pixels = np.asarray(small, np.uint8).reshape(-1, 3)
        grey = self._pixels.sum(axis=1, dtype=np.float32)
        grey -= grey.mean()
        self.layout: NDArray[np.float32] = grey / np.float32(max(math.sqrt(float(grey @ grey)), 1e-6))

    @cached_property
    def colours(self) -> NDArray[np.float32]:
        """Histogram of each colour channel, (3, _BINS)."""
        bins = self._pixels // (256 // _BINS) + np.arange(0, 3 * _BINS, _BINS, dtype=np.uint8)
        counts = np.bincount(bins.ravel(), minlength=3 * _BINS).reshape(3, _BINS)
        return counts.astype(np.float32) / np.float32(len(self._pixels))


class _Change:
    """The change between two frames, from 0 to about 1.

    Attributes:
        most: upper limit of the change; for most frames this is enough.
    """

    def __init__(self, before: _Thumbnail, now: _Thumbnail) -> None:
        self._before, self._now = before, now
        self._layout = min(max(1 - float(before.layout @ now.layout), 0.0), 1.0)
        self.most = math.sqrt(self._layout)

    @cached_property
    def value(self) -> float:
        """The geometric mean of both measures."""
        # Neighbouring shades are similar: a move by one bin is a smaller change than a move by five.
        apart = np.cumsum(self._before.colours - self._now.colours, axis=1)
        return math.sqrt(self._layout * min(float(np.abs(apart).sum(axis=1).mean()), 1.0))
