"""Watch every frame cheaply: hard cuts, the camera's motion, and where anything moves."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from crowdmask.media.decoded import Pixels, every_nth, rgb_of
from crowdmask.tracking.camera import CameraMotion, shrink, step_of
from crowdmask.tracking.cuts import CutDetector

_NOISE = 6  # grey levels that the same pixel differs by from frame to frame
_CHANGE = 16
_LEAST_SHARE = 0.0015  # of the picture that has changed; less is noise
_STILL_SHARE = 0.0003
_CAMERA_SHARE = 0.01  # of the picture's width: so far a moving camera has gone
# What belongs to a face: hair, shoulders and arms move with it, in widths and heights of its box.
_BESIDE, _ABOVE, _BELOW = 2.0, 1.0, 6.0


class Watch:
    """Compare each frame with the one before and with the one that was looked at last.

    Attributes:
        is_cut: a new take begins with this frame.
        is_resized: the picture has another size than the one before.
        shift: by how many pixels (x, y) the picture's content has moved since the frame before.
    """

    def __init__(self, skips_still: bool = True) -> None:
        """Begin without a frame.

        Args:
            skips_still: do not measure the camera's motion in frames that look like the one before.
        """
        self._skips_still = skips_still
        self.is_cut = self.is_resized = False
        self.shift = (0.0, 0.0)
        self._cuts = CutDetector()
        self._camera = CameraMotion()
        self._size: tuple[int, ...] = ()
        self._now: NDArray[np.uint8] | None = None
        self._base: NDArray[np.uint8] | None = None  # what cuts and camera were last measured on
        self._looked: NDArray[np.uint8] | None = None
        self._scale = 1
        self._gone = np.zeros(2)
        self._changed: NDArray[np.uint8] | None = None

    def update(self, picture: Pixels) -> None:
        """Take the next frame: a decoded one, or RGB uint8 (H, W, 3)."""
        self.is_resized = bool(self._size) and self._size != picture.shape
        self._size = picture.shape
        step = step_of(self._size[1])
        if not self._skips_still:  # the detector runs on every frame, so all of it is converted anyway
            picture = rgb_of(picture)
        points = every_nth(picture, step)
        self._now, self._scale = shrink(points[..., 1], step)
        self._changed = None
        if self.is_resized:
            self._base = self._looked = None
        self.is_cut = self._cuts.is_cut(picture if isinstance(picture, np.ndarray) else points)
        base = None if self.is_cut or not self._skips_still else self._base
        if base is not None and self._is_same(base, self._now):
            self.shift = (0.0, 0.0)
            return
        self._base = self._now
        if self.is_cut:
            self._camera.reset()
        self.shift = self._camera.update_small(self._now, self._scale)
        self._gone += self.shift

    def looked(self) -> None:
        """Take note that the detector has looked at this frame."""
        self._looked, self._gone = self._now, np.zeros(2)
        self._changed = None

    def reset(self) -> None:
        """Forget all frames, as after a stream's reconnect."""
        self._cuts.reset()
        self._camera.reset()
        self._now = self._base = self._looked = self._changed = None
        self._size, self.is_resized = (), False
        self._gone = np.zeros(2)

    @property
    def camera_moves(self) -> bool:
        """Whether the camera has moved on since the last look."""
        width = 1 if self._now is None else self._now.shape[1] * self._scale
        return bool(np.abs(self._gone).max() >= _CAMERA_SHARE * width)

    @property
    def changes(self) -> bool:
        """Whether anything has changed since the last look."""
        changed = self._changes()
        return changed is None or bool(np.count_nonzero(changed) > _STILL_SHARE * changed.size)

    @property
    def is_same(self) -> bool:
        """Whether this frame shows the very picture that was looked at last, but for its noise."""
        now, looked = self._now, self._looked
        return now is not None and looked is not None and np.array_equal(looked, now)

    def moves_beside(self, faces: NDArray[np.float32]) -> bool:
        """Whether something has changed since the last look where none of these faces, (N, 4) pixels, is."""
        changed = self._changes()
        if changed is None:
            return True
        free = changed.copy()
        height, width = free.shape
        for x1, y1, x2, y2 in (faces / self._scale).tolist():
            across, down = _BESIDE * (x2 - x1), y2 - y1
            left, right = max(0, int(x1 - across)), min(width, int(x2 + across) + 1)
            top, bottom = max(0, int(y1 - _ABOVE * down)), min(height, int(y2 + _BELOW * down) + 1)
            if left < right and top < bottom:
                free[top:bottom, left:right] = 0
        return bool(np.count_nonzero(free) > _LEAST_SHARE * free.size)

    def _changes(self) -> NDArray[np.uint8] | None:
        """Return where the small picture differs from the one last looked at; None: it cannot be told."""
        import cv2

        if self._now is None or self._looked is None or self._looked.shape != self._now.shape:
            return None
        if self._changed is None:
            apart = cv2.absdiff(self._now, self._looked)
            self._changed = np.asarray(cv2.threshold(apart, _CHANGE, 1, cv2.THRESH_BINARY)[1], np.uint8)
        return self._changed

    @staticmethod
    def _is_same(before: NDArray[np.uint8], now: NDArray[np.uint8]) -> bool:
        import cv2

        apart = cv2.threshold(cv2.absdiff(before, now), _NOISE, 1, cv2.THRESH_BINARY)[1]
        return bool(np.count_nonzero(apart) <= _STILL_SHARE * apart.size)
