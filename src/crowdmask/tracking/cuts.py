"""Notice hard cuts, so that no track goes on across one."""

from __future__ import annotations

import math
import statistics
from collections import deque

import numpy as np
from numpy.typing import NDArray

_WIDTH, _HEIGHT = 32, 18
_BINS = 8
_LEAST = 0.45
_TIMES_USUAL = 3.0
_MEMORY = 15


class CutDetector:
    """Compare each frame with the one before.

    Two things are compared on a thumbnail: where it is light and where dark (by correlation, which does not
    mind a flash or the camera's exposure) and how much there is of each colour. Both must break, and break
    much more than they did in the frames before, as they do all the time while the camera sweeps.
    """

    def __init__(self) -> None:
        self._layout: NDArray[np.float32] | None = None
        self._colours: NDArray[np.float32] | None = None
        self._usual: deque[float] = deque(maxlen=_MEMORY)

    def is_cut(self, picture: NDArray[np.uint8]) -> bool:
        """Say whether a new take begins with this frame; the first frame is none.

        Args:
            picture: RGB uint8 (H, W, 3).
        """
        layout, colours = _describe(picture)
        before, colours_before = self._layout, self._colours
        self._layout, self._colours = layout, colours
        if before is None or colours_before is None:
            return False
        change = _change(before, layout, colours_before, colours)
        usual = statistics.median(self._usual) if self._usual else 0.0
        cut = change > max(_LEAST, _TIMES_USUAL * usual)
        if cut:
            self._usual.clear()
        else:
            self._usual.append(change)
        return cut

    def reset(self) -> None:
        """Forget the last frame, as after a stream's reconnect."""
        self._layout = self._colours = None
        self._usual.clear()


def _describe(picture: NDArray[np.uint8]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return a small grey picture without its mean, of length 1, and the shares of its colours."""
    import cv2

    # Means of 4 x 4 of its pixels: whole numbers on both sides make this quick.
    few = cv2.resize(picture, (4 * _WIDTH, 4 * _HEIGHT), interpolation=cv2.INTER_NEAREST)
    small = np.asarray(cv2.resize(few, (_WIDTH, _HEIGHT), interpolation=cv2.INTER_AREA)).reshape(-1, 3)
    grey = small.sum(axis=1, dtype=np.float32)
    grey -= grey.mean()
    layout: NDArray[np.float32] = grey / np.float32(max(math.sqrt(float(grey @ grey)), 1e-6))
    bins = small // (256 // _BINS) + np.arange(0, 3 * _BINS, _BINS, dtype=np.uint8)
    colours = np.bincount(bins.ravel(), minlength=3 * _BINS).reshape(3, _BINS)
    return layout, colours.astype(np.float32) / np.float32(len(small))


def _change(
    a: NDArray[np.float32],
    b: NDArray[np.float32],
    colours_a: NDArray[np.float32],
    colours_b: NDArray[np.float32],
) -> float:
    """Return how much has changed, from 0 to about 1: the geometric mean of both measures."""
    layout = min(max(1 - float(a @ b), 0.0), 1.0)
    # Neighbouring shades are alike: what moves by one bin is less of a change than what moves by five.
    colours = float(np.abs(np.cumsum(colours_a - colours_b, axis=1)).sum(axis=1).mean())
    return math.sqrt(layout * min(colours, 1.0))
