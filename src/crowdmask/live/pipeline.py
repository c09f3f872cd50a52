"""The pipeline of one source, from a frame to its result: faces, tracks, states, events, counts."""

from __future__ import annotations

import time
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from crowdmask.detections import Detections
from crowdmask.drawing.blur import BLUR_CONFIDENCE
from crowdmask.inference.detector import Detector
from crowdmask.inference.frames import FrameDetector
from crowdmask.inference.model_file import ModelInfo
from crowdmask.labels import require_mask_labels
from crowdmask.live.attention import Attention
from crowdmask.live.predict import Glance, Look, predict
from crowdmask.live.tracked_frame import TrackedFrame
from crowdmask.media.decoded import Pixels, rgb_of
from crowdmask.tracking.events import GRACE_S, Event, EventFinder
from crowdmask.tracking.ignoring import Ignored, StillFaces
from crowdmask.tracking.mask_state import UNKNOWN, MaskStates
from crowdmask.tracking.surprise import is_surprising
from crowdmask.tracking.tracker import DEFAULT_ALGORITHM, FaceTracker

if TYPE_CHECKING:
    from crowdmask.media.video import Frame
    from crowdmask.tracking.zones import ZoneCounter, ZoneCounts, ZonesFile

LOW_CONFIDENCE = BLUR_CONFIDENCE
"""Minimum confidence at which a possible face keeps its track alive and is blurred."""

VIDEO_INPUT_PX = 512
"""Minimum long side of the network's input for video: fast, and visible faces are seen many times."""

_INPUT_SHARE = 0.4


@dataclass(frozen=True)
class Settings:
    """Tracking options of one source.

    Attributes:
        algorithm: one of `tracking.tracker.ALGORITHMS`.
        grace_s: seconds without a mask that cause the event `no_mask`.
        zones: zones and lines, if any.
        ignored: which faces are left out; None: none.
        still_s: a face that has not moved for this time is reported and no longer counted; None: it is
            counted.
        adaptive: the detector runs on the frames that are worth it, not at an even pace.
    """

    algorithm: str = DEFAULT_ALGORITHM
    grace_s: float = GRACE_S
    zones: ZonesFile | None = None
    ignored: Ignored | None = None
    still_s: float | None = None
    adaptive: bool = False


@dataclass
class Times:
    """Seconds spent on the frames of one source.

    Attributes:
        frames: number of processed frames.
        detect_s, track_s: time that they waited for detection; time for tracks, states, events and counts.
    """

    frames: int = 0
    detect_s: float = 0.0
    track_s: float = 0.0


class Finder(Protocol):
    """Finds the faces of frames; see `FrameFinder`."""

    threshold: tuple[float, ...]

    def find(self, picture: Pixels) -> Detections:
        """Return all possible faces, highest confidence first."""

    def sure(self, detections: Detections) -> NDArray[np.bool_]:
        """Return whether each face reaches its label's threshold, (N,)."""


class FrameFinder:
    """Finds the faces of frames, including those of low confidence; shared by several sources.

    See `FrameDetector`; with an input size that suits each source. Thread-safe.

    Attributes:
        threshold: the minimum confidence of each label.
        at_once: how many calls of `find` may run at the same time; others wait for them.
    """

    def __init__(self, detector: Detector, input_size: int | None = None) -> None:
        """Wrap a detector.

        Args:
            detector: its thresholds decide which faces are shown.
            input_size: for all sources; None: depends on the size of the frames.
        Raises:
            ModelError: the model has other labels than `LABELS`.
        """
        require_mask_labels(detector.labels, detector.model_name, "tracking")
        self.threshold = detector.threshold
        self.at_once = detector.at_once
        self._detector = detector
        self._size = input_size
        self._by_size: dict[int, FrameDetector] = {}

    def find(self, picture: Pixels) -> Detections:
        """Return all possible faces, highest confidence first.

        Args:
            picture: RGB uint8 (H, W, 3), or that of a decoded frame.
        """
        height, width = picture.shape[:2]
        size = self._size or input_size_for(self._detector.info, width, height)
        if size not in self._by_size:
            self._by_size[size] = FrameDetector(self._detector, size, LOW_CONFIDENCE)
        return self._by_size[size].find(rgb_of(picture))

    def sure(self, detections: Detections) -> NDArray[np.bool_]:
        """Return whether each face reaches its label's threshold, (N,)."""
        return detections.reach(self.threshold)


def input_size_for(info: ModelInfo, width: int, height: int) -> int:
    """Return the long side of the network's input for frames of this size, pixels."""
    own = info.input.size
    if info.input.resize == "stretch":
        return own
    wanted = round(_INPUT_SHARE * max(width, height) / info.input.multiple) * info.input.multiple
    return min(own, max(VIDEO_INPUT_PX, wanted))


def _still_faces(settings: Settings, before: StillFaces | None) -> StillFaces | None:
    """Return what finds still faces; what was found before stays found."""
    if settings.still_s is None or (before is not None and before.after_s == settings.still_s):
        return None if settings.still_s is None else before
    return StillFaces(settings.still_s)


class Pipeline:
    """Tracks the people of one source.

    Attributes:
        times: time spent so far.
        tracks: number of people who were in view long enough to be reported.
        notes: lines for the user; the code that reports them removes them.
        run: UUID in every record: track numbers are unique within it.
    """

    def __init__(
        self, source: str, fps: float, finder: Finder, settings: Settings, run: str | None = None
    ) -> None:
        """Prepare for a source.

        Args:
            source: displayed name.
            fps: frames per second that `process` will see.
            finder: can be shared with other sources.
            run: UUID of this run; None: a new one.
        Raises:
            UsageError: no such algorithm.
        """
        self.source = source
        self.run = run or str(uuid.uuid4())
        self.times = Times()
        self.tracks = 0
        self.notes: list[str] = []
        self._finder = finder
        self._tracker = FaceTracker(settings.algorithm, fps, finder.threshold)
        self._attention = Attention(settings.adaptive, finder.threshold)
        self._last: Look | None = None
        self._cut_ahead = False
        self._order = self._followed = 0
        self._states = MaskStates()
        self._events = EventFinder(source, settings.grace_s, run=self.run)
        self._zones_file = settings.zones
        self._zones: ZoneCounter | None = None
        self._replace_zones = False
        self._numbered = 0
        self._ignored, self._still = settings.ignored, _still_faces(settings, None)

    @property
    def brief(self) -> int:
        """Number of further tracks that were too short to be reported."""
        return max(0, self._numbered - self.tracks)

    @property
    def zones(self) -> ZoneCounter | None:
        """The zones in pixels of the picture, available after the first frame."""
        return self._zones

    def is_due(self, frame: Frame) -> bool:
        """Return whether the next frame is worth a detection; `process` or `predict` it then."""
        self._see(frame)
        return self._last is None or self._attention.is_due(frame, self._last.result, self._tracker)

    def find(self, frame: Frame) -> Detections:
        """Run the detector on a frame, without following anybody: `process` takes what it found."""
        started = time.perf_counter()
        found = self._finder.find(frame.pixels)
        self.times.detect_s += time.perf_counter() - started
        return found

    def process(
        self,
        frame: Frame,
        late: bool = False,
        *,
        found: Detections | None = None,
        glance: Glance | None = None,
    ) -> TrackedFrame:
        """Follow the people to the next frame.

        Args:
            frame: it comes after all before, or is the one that `is_due` was asked about last.
            late: or `is_due` was asked about it before that, and another frame has been seen since.
            found: what the detector found in it; None: the detector runs now.
            glance: of a late frame, as `glance` told it after `is_due`; None: the camera has not moved since.
        """
        if found is None:
            found = self.find(frame)
        started = time.perf_counter()
        if not late:
            self._see(frame)
            if self._cut_ahead:
                self._tracker.reset()
                self._cut_ahead = False
        now = self.glance if glance is None else glance
        with self._tracker.at(now.corner):
            result = self._follow(frame, found, now.order)
        self._last = Look(result, now.corner)
        self.times.frames += 1
        self.times.track_s += time.perf_counter() - started
        return result

    def is_surprising(self, frame: Frame, found: Detections, glance: Glance | None = None) -> bool:
        """Return whether a frame shows others than the people of the last detection.

        Args:
            frame: it comes after that one.
            found: what the detector found in it.
            glance: as for `process`.
        """
        assert self._last is not None
        corner = self._tracker.corner if glance is None else glance.corner
        seen, moved = self._last.result, np.tile(corner - self._last.corner, 2)
        rows = np.flatnonzero(seen.tracks >= 0)
        before = (seen.detections.xyxy[rows] + moved).astype(np.float32)
        with self._tracker.at(corner):
            guesses = self._tracker.guesses(frame.time_s)
        numbers = seen.tracks[rows].tolist()
        now = [guesses.get(number, box) for number, box in zip(numbers, before, strict=True)]
        places = np.stack([before, np.array(now, np.float32).reshape(-1, 4)])
        lost = [box for number, box in guesses.items() if number not in numbers]
        return is_surprising(
            found,
            self._finder.sure(found),
            places,
            np.array(lost, np.float32).reshape(-1, 4),
        )

    def predict(self, frame: Frame) -> TrackedFrame:
        """Return what the last look lets expect of a frame that came after it, and was not looked at."""
        assert self._last is not None
        return predict(frame, self._tracker.corner, self._last, guesses=self._tracker.guesses(frame.time_s))

    @property
    def last(self) -> Look | None:
        """The last look."""
        return self._last

    @property
    def glance(self) -> Glance:
        """What is known of the frame that was seen last, without a detection."""
        return Glance(self._tracker.corner, self._order, self._attention.changes)

    @property
    def is_cut(self) -> bool:
        """Whether with the last frame a new take began, or pictures of another size."""
        return self._attention.is_cut

    def change(self, settings: Settings) -> None:
        """Change zones and grace from the next frame on; tracks and states stay.

        An unchanged zone or line keeps its counts, the others begin at 0.
        """
        self._events.grace_s = settings.grace_s
        self._ignored, self._still = settings.ignored, _still_faces(settings, self._still)
        if settings.zones != self._zones_file:
            self._zones_file, self._replace_zones = settings.zones, True

    def restart(self) -> None:
        """Begin new tracks, for example after a stream's reconnect."""
        self._tracker.reset()
        self._attention.reset()
        self._last = None

    def finish(self) -> list[Event]:
        """Return the events that become certain because the source has ended."""
        return self._events.finish()

    def _see(self, frame: Frame) -> None:
        """Follow the camera to a frame, and let no track go on across a cut; once a frame."""
        started = time.perf_counter()
        if self._attention.see(frame):
            # Frames of before a cut may still be looked at, so the tracker is reset by the first of after it.
            self._order += 1
            self._cut_ahead = self._cut_ahead or self._attention.begins_take
            self._tracker.move_camera(*self._attention.shift)
            self.times.track_s += time.perf_counter() - started

    def _follow(self, frame: Frame, found: Detections, order: int) -> TrackedFrame:
        everything = found.xyxy
        if self._ignored is not None:
            width, height = frame.size
            found = found[self._ignored.keeps(everything, width, height)]
        tracks = self._tracker.update(found, None, frame.time_s)
        shown = self._finder.sure(found) | (tracks >= 0)
        self._attention.looked(found, tracks, shown)
        if self._still is not None:
            tracks = np.where(self._still.update(frame.time_s, tracks, found.xyxy), -1, tracks)
            self.notes += [self._about(place) for place in self._still.take_found()]
        states = self._states.update(frame.time_s, tracks, found, order - self._followed)
        self._followed = order
        zones, places = self._count(frame, found, tracks, states.label)
        events = self._events.update(frame.index, frame.time_s, tracks, states, places)
        self._numbered = max(self._numbered, int(tracks.max(initial=0)))
        self.tracks = self._events.people
        predicted = [box for _, box in self._tracker.predicted]
        shown = self._finder.sure(found) | (tracks >= 0)
        labels = [label for label, here in zip(states.label, shown, strict=True) if here]
        unknown = np.array([label == UNKNOWN for label in labels], bool)
        return TrackedFrame(
            source=self.source,
            frame=frame.index,
            time_s=frame.time_s,
            detections=found[shown],
            tracks=tracks[shown],
            states=labels,
            confidence=np.where(unknown, found.confidence[shown], states.confidence[shown]),
            # What is ignored may be somebody all the same, and stays blurred.
            hidden=np.concatenate([everything, np.array(predicted, np.float32).reshape(-1, 4)]),
            events=events,
            zones=zones,
            run=self.run,
            picture=frame.pixels,
            placed=self._zones,
        )

    def _about(self, place: tuple[int, int]) -> str:
        minutes = (self._still.after_s if self._still is not None else 0.0) / 60
        return (
            f"{self.source}: the face at {place[0]}, {place[1]} px has not moved for {minutes:.0f} minutes "
            "and is not counted any more; if it is a poster or screen, leave that out by `ignore`"
        )

    def _count(
        self, frame: Frame, found: Detections, tracks: NDArray[np.int64], labels: list[str]
    ) -> tuple[list[ZoneCounts], list[str | None] | None]:
        if self._zones_file is None:
            self._zones = None
            return [], None
        from crowdmask.tracking.zones import ZoneCounter  # brings YAML and its settings: not for runs without

        width, height = frame.size
        # A stream may change its size.
        if self._zones is None or self._replace_zones or self._zones.size != (width, height):
            self._zones = ZoneCounter(self._zones_file, width, height, before=self._zones)
            self._replace_zones = False
            self.notes += [f"{self.source}: {each}" for each in self._zones.problems]
        places = self._zones.zone_of(found.xyxy)
        return self._zones.update(frame.time_s, tracks, found.xyxy, labels), places
