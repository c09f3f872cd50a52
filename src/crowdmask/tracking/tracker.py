"""Give each face a number that it keeps while it is in view.

A maintained library follows the boxes from frame to frame. On top of it is a thin layer: a track gets a
number once the detector has been fairly confident, and a face that was lost (behind a hand or a passer-by)
and returns at the same place with the same size gets its old number back. Nothing about its appearance is
stored or compared.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from crowdmask.detections import Detections
from crowdmask.errors import UsageError
from crowdmask.labels import LABELS
from crowdmask.tracking.camera import CameraMotion
from crowdmask.tracking.library import HIGH_SCORE, make_library
from crowdmask.tracking.pace import Pace

if TYPE_CHECKING:
    import supervision

ALGORITHMS: tuple[str, ...] = ("bytetrack", "botsort", "ocsort", "cbiou", "sort")
DEFAULT_ALGORITHM = "cbiou"
"""The default, chosen by the figures in docs/tracking.md."""

LOST_S = 5.0
"""A face not seen for this long has left for good, and its number is not reused."""
PREDICT_S = 0.5
"""How long the position of a missed face is predicted after it was last seen."""

# The library drops a face that it misses for a second, even if that is a single frame of a slow camera: a
# longer step is passed to it as this maximum step, so that a face may be missed once or twice.
_LIBRARY_STEP_S = 0.45
_MATURE_S = 0.1
_LEAST_SCORE = 0.11  # BoT-SORT and C-BIoU drop boxes of 0.1 and less
_SMOOTHING_S = 0.15  # time constant of a face's speed
_SURENESS = 0.35  # minimum mean confidence for a track to get a number
_SURENESS_S = 1.0  # averaged over about this time
_UNNUMBERED_GAP_S = 0.2
_UNSURE_RELINK_S = 0.5  # an uncertain track may only continue a face that was lost just now
_RELINK_DISTANCE = 1.0  # in face sizes, immediately after it was lost
_RELINK_DISTANCE_LATE = 0.4  # shortly before it is dropped: it may be somebody else
_RELINK_GROWTH = 1.6  # relative to the side of the box
# If nobody else is near, a large face that returns is the same even after a longer distance and time.
_PLAIN_SIDE_PX = 64.0
_PLAIN_DISTANCE = 2.0
_PLAIN_S = 12.0
_ALONE_DISTANCE = 4.0


@dataclass(eq=False)
class _Track:
    """A track of the library; its number is None until the detector has been confident enough."""

    born_s: float
    box: NDArray[np.float64]
    seen_s: float
    sureness: float
    number: int | None = None
    sightings: int = 1
    speed: NDArray[np.float64] = field(default_factory=lambda: np.zeros(4))

    def move(self, box: NDArray[np.float64], confidence: float, now: float, gap_s: float) -> None:
        step = now - self.seen_s
        if self.number is None and (step > gap_s or not self.sightings):
            # It was never confirmed, or its number was passed on; now it may be somebody else, so it
            # restarts.
            self.born_s, self.sightings, self.speed = now, 0, np.zeros(4)
            self.box = box
        share = 1 - math.exp(-step / _SMOOTHING_S)
        self.speed += share * ((box - self.box) / step - self.speed)
        self.sightings += 1
        share = max(1 / self.sightings, 1 - math.exp(-step / _SURENESS_S))
        self.sureness += share * (confidence - self.sureness)
        self.box, self.seen_s = box, now

    def guess(self, now: float) -> NDArray[np.float64]:
        """Return the predicted box with constant speed, for at most half a second."""
        moved = self.box + self.speed * min(now - self.seen_s, PREDICT_S)
        # The size of a face that quickly moved closer must not become negative when it stops.
        return moved if moved[2] > moved[0] and moved[3] > moved[1] else self.box


class FaceTracker:
    """Numbers the faces of one source, frame by frame.

    Attributes:
        algorithm: one of `ALGORITHMS`.
        predicted: tracks missing in this frame, seen at most `PREDICT_S` ago, as (number, xyxy).
    """

    def __init__(
        self,
        algorithm: str = DEFAULT_ALGORITHM,
        fps: float = 30.0,
        threshold: float | Sequence[float] = 0.5,
    ) -> None:
        """Prepare for a source.

        Args:
            algorithm: one of `ALGORITHMS`.
            fps: frames per second that `update` will see.
            threshold: the detector's minimum confidence of a face, one for all labels or one for each
                (a model's `info.threshold`). Boxes below it start no track but keep one alive.
        Raises:
            UsageError: no such algorithm, or a frame rate that is not positive.
        """
        if algorithm not in ALGORITHMS:
            raise UsageError(f"no tracking algorithm {algorithm!r}: choose from {', '.join(ALGORITHMS)}")
        if not fps > 0:
            raise UsageError(f"the frame rate must be positive, not {fps}")
        self.algorithm = algorithm
        self.predicted: list[tuple[int, NDArray[np.float32]]] = []
        self._fps = float(fps)
        limits = np.clip(np.asarray(threshold, np.float64), 1e-6, 1 - 1e-6)
        self._threshold = np.broadcast_to(limits, (len(LABELS),))
        self._mature = max(2, round(_MATURE_S * fps))
        self._camera = CameraMotion()
        # Position of the first frame's corner: boxes are stored as if the camera had not moved since.
        self._corner = np.zeros(2)
        self._numbers = 0
        self._now: float | None = None
        self._library_s = 0.0
        self._pace = Pace()
        self._tracks: dict[int, _Track] = {}
        self._times: deque[float] = deque(maxlen=self._mature)

    def update(
        self,
        detections: Detections,
        picture: NDArray[np.uint8] | None = None,
        time_s: float | None = None,
    ) -> NDArray[np.int64]:
        """Take the next frame.

        Args:
            detections: its faces, including those of low confidence.
            picture: the frame, RGB uint8 (H, W, 3), for the camera's motion; None: it has not moved.
            time_s: its time; None: one frame after the last one.
        Returns:
            (N,) int64, the number of each face; -1: none yet.
        """
        now = self._tick(time_s)
        if picture is not None:
            self.move_camera(*self._camera.update(picture))
        corner = np.concatenate([self._corner, self._corner])
        boxes, confidence = detections.xyxy - corner, detections.confidence.tolist()
        ids = self._library_ids(detections, boxes)
        gap_s, lost_s = self._pace.patience(_UNNUMBERED_GAP_S), self._pace.patience(LOST_S)
        seen: list[tuple[int, _Track]] = []
        for row in np.flatnonzero(ids >= 0).tolist():
            key = int(ids[row])
            if key in self._tracks:
                self._tracks[key].move(boxes[row], confidence[row], now, gap_s)
            else:
                self._tracks[key] = _Track(self._times[0], boxes[row], now, confidence[row])
            seen.append((row, self._tracks[key]))
        fresh = [track for _, track in seen if track.number is None]
        if fresh:
            self._number(fresh, now)
        self._tracks = {
            key: track
            for key, track in self._tracks.items()
            if now - track.seen_s <= (lost_s if _side(track) < _PLAIN_SIDE_PX else max(lost_s, _PLAIN_S))
        }
        self.predicted = [
            (track.number, (track.guess(now) + corner).astype(np.float32))
            for track in self._tracks.values()
            if track.number is not None and 0 < now - track.seen_s <= PREDICT_S
        ]
        numbers = np.full(len(detections), -1, np.int64)
        for row, track in seen:
            if track.number is not None:
                numbers[row] = track.number
        return numbers

    def move_camera(self, right: float, down: float) -> None:
        """Take note that the picture's content has moved by so many pixels."""
        self._corner += (right, down)

    @contextmanager
    def at(self, corner: NDArray[np.float64]) -> Iterator[None]:
        """Follow a frame from which the camera has moved on since: its corner was here."""
        now, self._corner = self._corner, corner
        try:
            yield
        finally:
            self._corner = now

    @property
    def corner(self) -> NDArray[np.float64]:
        """Where the first frame's corner is now, (x, y) pixels."""
        return self._corner.copy()

    @property
    def is_settling(self) -> bool:
        """Whether the last frame saw somebody likely who has no number yet."""
        return any(
            track.number is None and track.seen_s == self._now and track.sureness >= _SURENESS
            for track in self._tracks.values()
        )

    def guesses(self, time_s: float) -> dict[int, NDArray[np.float32]]:
        """Return where the people with a number would be at a time after the last frame, by number."""
        corner = np.concatenate([self._corner, self._corner])
        return {
            track.number: (track.guess(time_s) + corner).astype(np.float32)
            for track in self._tracks.values()
            if track.number is not None and time_s - track.seen_s <= PREDICT_S
        }

    def reset(self) -> None:
        """Forget all faces, as at a hard cut. Numbers are not reused; time may restart."""
        if "_library" in self.__dict__:
            self._library.reset()
        self._camera.reset()
        self._corner = np.zeros(2)
        self._tracks.clear()
        self._times.clear()
        self._now = None
        self._library_s, self._pace = 0.0, Pace()
        self.predicted = []

    @cached_property
    def _library(self) -> Any:
        """What follows the boxes; made when it is needed, since importing it takes long."""
        return make_library(self.algorithm, max(self._fps, 1 / _LIBRARY_STEP_S), self._mature)

    def _tick(self, time_s: float | None) -> float:
        step, before = 1 / self._fps, self._now
        if before is None:
            now = time_s or 0.0
        elif time_s is None:
            now = before + step
        else:
            # The library refuses a frame that is not later than the last one.
            now = max(time_s, before + 1e-3 * step)
        self._pace.add(now)
        if before is not None:
            self._library_s += (now - before) * min(1.0, _LIBRARY_STEP_S / max(self._pace.step_s, 1e-9))
        self._now = now
        self._times.append(now)
        return now

    def _library_ids(self, detections: Detections, boxes: NDArray[np.float64]) -> NDArray[np.int64]:
        library = self._library
        import supervision  # after the library, which makes it quick

        given = supervision.Detections(
            xyxy=boxes, confidence=self._scores(detections), class_id=np.arange(len(detections))
        )
        found: supervision.Detections = library.update(given, timestamp=self._library_s)
        ids = np.full(len(detections), -1, np.int64)
        # The library changes the order; the row number is passed through as the class.
        if found.class_id is not None and len(found):
            ids[found.class_id] = np.asarray(found.tracker_id, np.int64)
        return ids

    def _scores(self, detections: Detections) -> NDArray[np.float32]:
        """Rescale the confidences so that each label's threshold becomes the library's threshold."""
        confidence = detections.confidence.astype(np.float64)
        threshold = self._threshold[detections.class_id]
        below = HIGH_SCORE * confidence / threshold
        above = HIGH_SCORE + (1 - HIGH_SCORE) * (confidence - threshold) / (1 - threshold)
        scores = np.where(confidence < threshold, np.minimum(below, HIGH_SCORE - 1e-3), above)
        return np.maximum(scores, _LEAST_SCORE).astype(np.float32)

    def _number(self, fresh: list[_Track], now: float) -> None:
        """Give tracks the numbers of lost faces that they continue, or new numbers if they are confirmed."""
        lost = {key: track for key, track in self._tracks.items() if track.number is not None}
        pairs = sorted(
            (distance, index, key)
            for index, track in enumerate(fresh)
            for key, old in lost.items()
            if now - old.seen_s <= self._pace.patience(LOST_S)
            # A face seen while the new track already existed is somebody else.
            if old.seen_s < track.born_s
            and (track.sureness >= _SURENESS or track.born_s - old.seen_s <= _UNSURE_RELINK_S)
            and (distance := _distance(old, track, now)) <= _reach(track.born_s - old.seen_s)
        )
        for _, index, key in pairs:
            old = lost[key]
            if fresh[index].number is None and old.number is not None:
                _hand_over(old, fresh[index])
        self._join_plain(fresh, now)
        for track in fresh:
            if track.number is None and track.sureness >= _SURENESS:
                self._numbers += 1
                track.number = self._numbers

    def _join_plain(self, fresh: list[_Track], now: float) -> None:
        """Give a large face the number of the only possible one: no other face, lost or visible, is near."""
        for track in fresh:
            if track.number is not None or track.sureness < _SURENESS or _side(track) < _PLAIN_SIDE_PX:
                continue
            near = [
                old
                for old in self._tracks.values()
                if old is not track
                and (old.number is not None or old.seen_s == now)
                and _distance(old, track, now) <= _ALONE_DISTANCE
            ]
            if len(near) != 1 or near[0].number is None or near[0].seen_s >= track.born_s:
                continue
            if _distance(near[0], track, now) <= _PLAIN_DISTANCE:
                _hand_over(near[0], track)


def _hand_over(old: _Track, track: _Track) -> None:
    track.number, old.number, old.sightings = old.number, None, 0


def _reach(gap_s: float) -> float:
    """Return the maximum distance of a face that returns after this time, in face sizes."""
    share = min(gap_s / LOST_S, 1.0)
    return _RELINK_DISTANCE + share * (_RELINK_DISTANCE_LATE - _RELINK_DISTANCE)


def _side(track: _Track) -> float:
    return float(np.sqrt((track.box[2:] - track.box[:2]).prod()))


def _distance(lost: _Track, found: _Track, now: float) -> float:
    """Return the distance of a face from the last or predicted position of a lost one, in face sizes.

    Infinite if the sizes differ too much.
    """
    box = found.box
    old, new = lost.box[2:] - lost.box[:2], box[2:] - box[:2]
    side, old_side = float(np.sqrt(new.prod())), float(np.sqrt(old.prod()))
    if max(side, old_side) > _RELINK_GROWTH * min(side, old_side):
        return float("inf")
    centre = (box[:2] + box[2:]) / 2
    places = (lost.box, lost.guess(now))
    nearest = min(float(np.hypot(*(centre - (place[:2] + place[2:]) / 2))) for place in places)
    return nearest / max(min(side, old_side), 1e-6)
