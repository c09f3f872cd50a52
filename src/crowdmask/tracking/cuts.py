"""Notice hard cuts, so that no track goes on across one."""

from __future__ import annotations

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
        usual = float(np.median(self._usual)) if self._usual else 0.0
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

    step = max(1, min(picture.shape[0] // (4 * _HEIGHT), picture.shape[1] // (4 * _WIDTH)))
    few = np.ascontiguousarray(picture[::step, ::step])
    small = cv2.resize(few, (_WIDTH, _HEIGHT), interpolation=cv2.INTER_AREA)
    grey = small.astype(np.float32).mean(axis=2).ravel()
    grey -= grey.mean()
    length = float(np.linalg.norm(grey))
    bins = small.reshape(-1, 3) // (256 // _BINS)
    colours = np.stack([np.bincount(bins[:, channel], minlength=_BINS) for channel in range(3)])
    layout: NDArray[np.float32] = grey / np.float32(max(length, 1e-6))
    return layout, colours.astype(np.float32) / np.float32(len(bins))


def _change(
    a: NDArray[np.float32],
    b: NDArray[np.float32],
    colours_a: NDArray[np.float32],
    colours_b: NDArray[np.float32],
) -> float:
    """Return how much has changed, from 0 to about 1: the geometric mean of both measures."""
    layout = float(np.clip(1 - a @ b, 0, 1))
    # Neighbouring shades are alike: what moves by one bin is less of a change than what moves by five.
    colours = float(np.abs(np.cumsum(colours_a - colours_b, axis=1)).sum(axis=1).mean())
    return float(np.sqrt(layout * min(colours, 1.0)))
