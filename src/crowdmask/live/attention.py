"""Choose the frames of a source that are worth a detection."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from crowdmask.detections import Detections
from crowdmask.live.tracked_frame import TrackedFrame
from crowdmask.tracking.far_faces import FAR_FACE_PX
from crowdmask.tracking.mask_state import MIN_FACE_PX
from crowdmask.tracking.schedule import Situation, reason_to_look
from crowdmask.tracking.tracker import FaceTracker
from crowdmask.tracking.watch import Watch

if TYPE_CHECKING:
    from crowdmask.media.video import Frame

_MANY_FAINT = 3
"""So many faint faces without a track are a crowd, whose faces are found in one frame and not in the next."""
_CROWD = 6
"""Among at least so many people somebody always comes or goes."""
_CLEAR_SHARE = 0.8
"""With less of the votes for it, a state may change with any of them."""
_NEAR_SIZE = (0.85, 1.3)
"""A face of so many times a size at which rules change is now on one side of it, now on the other."""
_YOUNG_S = 0.5
"""For so long after a cut the people in view are still being told apart."""
_FRESH_S = 0.7
"""For so long somebody new is worth detections even if the picture stands still."""
_LOST_S = 0.1
"""Who was missed is hidden, and not found sooner by more detections, unless the camera moves on."""
_UNSURE_S = 1.5
"""For so long more detections help to settle what somebody wears; after that they would not."""


class Attention:
    """Compares each frame with those before and says whether the detector should run on it."""

    def __init__(self, skips_still: bool, threshold: Sequence[float]) -> None:
        """Begin without frames.

        Args:
            skips_still: see `Watch`.
            threshold: the detector's minimum confidence of each label.
        """
        self._watch = Watch(skips_still)
        self._threshold = threshold
        self._seen: Frame | None = None
        self._take_s: float | None = None
        self._faint = 0
        self._has_untracked = False
        self._open_since: float | None = None
        self._unsure_since: float | None = None

    def see(self, frame: Frame) -> bool:
        """Take the next frame; returns whether it is another than the one before."""
        if frame is self._seen:
            return False
        self._seen = frame
        self._watch.update(frame.pixels)
        if self._watch.is_cut or self._take_s is None:
            self._take_s = frame.time_s
            self._open_since = self._unsure_since = None
        return True

    def looked(self, found: Detections, tracks: NDArray[np.int64], shown: NDArray[np.bool_]) -> None:
        """Take what the detector found in this frame.

        Args:
            found: all possible faces.
            tracks: (N,) their numbers; -1: none.
            shown: (N,) those that are reported.
        """
        self._watch.looked()
        self._faint = int((tracks < 0).sum())
        self._has_untracked = bool((shown & (tracks < 0)).any())

    def reset(self) -> None:
        """Forget all frames, for example after a stream's reconnect."""
        self._watch.reset()
        self._seen = self._take_s = self._open_since = self._unsure_since = None

    @property
    def begins_take(self) -> bool:
        """Whether there is a hard cut before this frame."""
        return self._watch.is_cut

    @property
    def is_cut(self) -> bool:
        """Whether this frame has nothing in common with the one before: a hard cut, or another size."""
        return self._watch.is_cut or self._watch.is_resized

    @property
    def shift(self) -> tuple[float, float]:
        """By how many pixels (x, y) the camera's motion has moved the picture since the frame before."""
        return self._watch.shift

    @property
    def changes(self) -> bool:
        """Whether this frame differs from the last one with detection."""
        return self._watch.changes or self._watch.camera_moves

    def is_due(self, frame: Frame, last: TrackedFrame, tracker: FaceTracker) -> bool:
        """Return whether this frame is worth a detection.

        Args:
            frame: the one that `see` took last.
            last: result of the last frame with detection.
            tracker: as it was left then.
        """
        watch, since_s = self._watch, frame.time_s - last.time_s
        people = int((last.tracks >= 0).sum())
        is_new = tracker.is_settling or self._has_untracked
        is_unsure = self._is_unsure(last)
        if not (is_new or is_unsure):
            self._open_since = None
        elif self._open_since is None:
            self._open_since = last.time_s
        now = Situation(
            since_s=since_s,
            is_cut=self.is_cut,
            is_new=is_new,
            is_fresh=self._open_since is not None and frame.time_s - self._open_since <= _FRESH_S,
            is_young=self._take_s is not None and frame.time_s - self._take_s <= _YOUNG_S,
            is_crowd=self._faint >= _MANY_FAINT or people >= _CROWD,
            is_close=self._is_close(last),
            is_unsure=is_unsure,
            is_lost=bool(tracker.predicted) and (since_s >= _LOST_S or watch.shift != (0.0, 0.0)),
            camera_moves=watch.camera_moves,
            moves=watch.moves_beside(np.concatenate([last.hidden, last.detections.xyxy])),
            changes=self.changes,
            is_same=watch.is_same,
            people=people,
        )
        return reason_to_look(now) is not None

    def _is_close(self, last: TrackedFrame) -> bool:
        """Return whether each frame may count for what is told of somebody in view."""
        found = last.detections
        sides = (found.xyxy[:, 2:] - found.xyxy[:, :2]).min(axis=1, initial=np.inf).tolist()
        clear = found.reach(self._threshold).tolist()
        rows = zip(
            last.tracks.tolist(),
            sides,
            clear,
            last.states,
            last.confidence.tolist(),
            found.labels,
            strict=True,
        )
        for track, side, is_clear, state, share, label in rows:
            if track < 0 or side < _NEAR_SIZE[0] * MIN_FACE_PX:
                continue
            if not is_clear or state != label or share < _CLEAR_SHARE or side < _NEAR_SIZE[1] * MIN_FACE_PX:
                return True
            if label != "with_mask" and _NEAR_SIZE[0] * FAR_FACE_PX <= side < _NEAR_SIZE[1] * FAR_FACE_PX:
                return True
        return False

    def _is_unsure(self, last: TrackedFrame) -> bool:
        """Return whether it is not settled what somebody in view wears, and has not been for long."""
        found = last.detections
        sides = (found.xyxy[:, 2:] - found.xyxy[:, :2]).min(axis=1, initial=np.inf)
        rows = zip(last.tracks.tolist(), sides.tolist(), last.states, found.labels, strict=True)
        unsure = any(
            track >= 0 and side >= MIN_FACE_PX and state != label for track, side, state, label in rows
        )
        if not unsure:
            self._unsure_since = None
            return False
        if self._unsure_since is None:
            self._unsure_since = last.time_s
        return last.time_s - self._unsure_since <= _UNSURE_S
