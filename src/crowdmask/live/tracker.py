"""The public Python interface for tracking: frames or a source in, one value per frame out."""

from __future__ import annotations

import math
import time
from collections.abc import Generator, Iterable, Iterator
from dataclasses import replace
from os import PathLike, fspath
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from numpy.typing import NDArray

from crowdmask.errors import SourceError, UsageError, VideoError
from crowdmask.inference.detector import Detector
from crowdmask.live.adaptive import AdaptiveFrames
from crowdmask.live.live_run import SHORT_GAP_S, live_rate
from crowdmask.live.options import CameraOptions
from crowdmask.live.pipeline import FrameFinder, Pipeline
from crowdmask.live.readers.prefetch import Prefetch
from crowdmask.live.readers.reader import LiveReader
from crowdmask.live.sources import VideoSource, find_videos
from crowdmask.live.tracked_frame import TrackedFrame
from crowdmask.media.pictures import as_picture
from crowdmask.media.video import Frame, probe, read_frames
from crowdmask.tracking.events import GRACE_S, Event
from crowdmask.tracking.tracker import DEFAULT_ALGORITHM

if TYPE_CHECKING:
    from crowdmask.tracking.zones import ZonesFile

Source: TypeAlias = (
    "str | PathLike[str] | int | Iterable[NDArray[np.uint8] | tuple[float, NDArray[np.uint8]]]"
)

USUAL_FPS = 25.0
_AHEAD = 4
_WAIT_S = 0.25


class Tracker:
    """Track the people in a video, a camera, a stream, or your own frames.

    Nobody is identified: a track is a number that exists while a person is in view. A tracker handles one
    source at a time and is not thread-safe; several trackers may share one detector. For cameras that are
    added and removed, see `crowdmask.live.session.Session`.

        tracker = Tracker()
        for seen in tracker.track("street.mp4"):
            for box, state, track in zip(seen.detections.xyxy, seen.states, seen.tracks):
                ...
            for event in seen.events:
                print(event.time_s, event.event, event.track)

    Attributes:
        detector: finds the faces.
        fps: frames per second for `update` and for frames without times.
        run: UUID of the run: track numbers are unique within it; None: no frame yet.
    """

    def __init__(
        self,
        detector: Detector | None = None,
        *,
        fps: float = USUAL_FPS,
        every: int = 1,
        look: str | None = None,
        algorithm: str = DEFAULT_ALGORITHM,
        grace_s: float = GRACE_S,
        zones: ZonesFile | str | PathLike[str] | None = None,
        input_size: int | None = None,
        rtsp_transport: str = "auto",
        timeout_s: float | None = None,
    ) -> None:
        """Prepare for tracking.

        Args:
            detector: finds the faces; None: the default one is loaded.
            fps: approximate frames per second of `update`, or of frames without times; video files and
                cameras have their own rate.
            every: process every n-th frame of a source only; `update` processes every frame.
            look: "adaptive": run the detector on a frame if that is worth it and predict the others
                (`TrackedFrame.predicted`); "every": run it on every frame; None: adaptive for video files,
                every for all else. With `every` above 1 nothing is predicted. A predicted frame of a file
                comes after the next detection; of a camera, and from `update`, at once.
            algorithm: tracking algorithm, one of `crowdmask.tracking.tracker.ALGORITHMS`.
            grace_s: seconds without a mask that cause the event `no_mask`.
            zones: zones and lines for counting, or a YAML file with them.
            input_size: long side of the network's input, pixels; None: depends on the size of the frames.
            rtsp_transport: transport of RTSP cameras: "auto", "tcp" or "udp".
            timeout_s: a camera that sends no frame for this time is reconnected; None: after 5 seconds, or
                later if its frame rate is low.
        Raises:
            UsageError: an option out of range.
            SourceError: the zones file cannot be read.
            ModelError: the default model cannot be used.
        """
        if not (fps > 0 and math.isfinite(fps)):
            raise UsageError(f"`fps` must be above 0, not {fps:g}")
        if isinstance(zones, (str, PathLike)):
            from crowdmask.tracking.zones import read_zones

            zones = read_zones(fspath(zones))
        self._options = CameraOptions(
            every=every, look=look, algorithm=algorithm, grace_s=grace_s, zones=zones,
            rtsp_transport=rtsp_transport, timeout_s=timeout_s,
        )  # fmt: skip
        self._now = self._options
        self.fps = float(fps)
        self.detector = Detector(shares_cores=True) if detector is None else detector
        self._finder = FrameFinder(self.detector, input_size)
        self._pipeline: Pipeline | None = None
        self._index, self._time_s = 0, 0.0

    @property
    def run(self) -> str | None:
        """UUID of the current or last run."""
        return None if self._pipeline is None else self._pipeline.run

    def update(self, picture: NDArray[np.uint8], time_s: float | None = None) -> TrackedFrame:
        """Process the next frame of a source that you read yourself.

        Args:
            picture: RGB uint8 (H, W, 3); do not modify it afterwards.
            time_s: its time, seconds, later than the previous one; None: one frame of `fps` later.
        Returns:
            What is known of it.
        Raises:
            TypeError, ValueError: it is not an RGB uint8 array, or not later than the previous one.
        """
        if self._pipeline is None or not self._index:
            self._begin("frames", self.fps)
        now = (self._time_s + 1 / self.fps if self._index else 0.0) if time_s is None else time_s
        frame = self._frame(picture, now, self._index)
        pipeline = self._pipeline
        assert pipeline is not None
        return pipeline.process(frame) if self._is_due(pipeline, frame) else pipeline.predict(frame)

    def finish(self) -> list[Event]:
        """Return the events that the source's end makes certain; `update` then begins a new run."""
        self._index = 0
        return [] if self._pipeline is None else self._pipeline.finish()

    def track(self, source: Source) -> Iterator[TrackedFrame]:
        """Track a source to its end, or as long as you iterate.

        Args:
            source: a video file, the number of a camera, an address (rtsp://, http://), or an iterable of
                frames: RGB uint8 arrays (H, W, 3), or pairs of a time in seconds and such an array.
        Yields:
            One value for each processed frame. Each contains its picture: to keep the values of a long
            video, remove it with `dataclasses.replace(seen, picture=None)`. If the source has an end, the
            last value also has the events that become certain then. For a live source you always get the
            newest frame: frames that arrive while you work are dropped.
        Raises:
            SourceError: it is not a source, or it is several.
            VideoError: it cannot be read, or cannot be read to its end; what could be read has been yielded.
            TypeError, ValueError: a frame is not an RGB uint8 array, or not later than the previous one.
        """
        if not isinstance(source, (str, PathLike, int)):
            return self._to_the_end(self._look_at_each(source))
        found = find_videos([str(source) if isinstance(source, int) else source])
        if found.problems:
            raise found.problems[0]
        if len(found.sources) != 1:
            raise SourceError(f"{source}: {len(found.sources)} sources: track each by itself")
        one = found.sources[0]
        return self._look_live(one) if one.is_live else self._to_the_end(self._look_at_file(one))

    def _begin(self, source: str, fps: float, is_live: bool = True) -> Pipeline:
        self._index, self._time_s = 0, 0.0
        self._now = self._options.for_source(is_live)
        self._pipeline = Pipeline(source, fps, self._finder, self._now.settings)
        return self._pipeline

    def _look_at_file(self, source: VideoSource) -> Generator[TrackedFrame, None, None]:
        every = self._options.every
        pipeline = self._begin(source.name, probe(source.address).fps / every, is_live=False)
        ahead = Prefetch(
            read_frames(source.address, every, lazily=self._now.is_adaptive),
            _AHEAD,
            f"read {source.name}",
        )
        try:
            yield from self._results(pipeline, ahead)
        finally:
            ahead.close()

    def _look_at_each(
        self, frames: Iterable[NDArray[np.uint8] | tuple[float, NDArray[np.uint8]]]
    ) -> Generator[TrackedFrame, None, None]:
        every = self._options.every
        pipeline = self._begin("frames", self.fps / every)
        taken = (
            self._frame(picture, time_s, index)
            for index, (time_s, picture) in enumerate(self._with_times(frames))
            if index % every == 0
        )
        yield from self._results(pipeline, taken)

    def _with_times(
        self, frames: Iterable[NDArray[np.uint8] | tuple[float, NDArray[np.uint8]]]
    ) -> Iterator[tuple[float, NDArray[np.uint8]]]:
        for index, item in enumerate(frames):
            yield item if isinstance(item, tuple) else (index / self.fps, item)

    def _results(self, pipeline: Pipeline, frames: Iterable[Frame]) -> Iterator[TrackedFrame]:
        """Yield one value a frame of a source that may be told late."""
        if not self._now.is_adaptive:
            yield from map(pipeline.process, frames)
            return
        adaptive = AdaptiveFrames(pipeline)
        try:
            for frame in frames:
                for _, result in adaptive.take(frame):
                    yield result
        except VideoError:
            yield from (result for _, result in adaptive.finish())
            raise
        yield from (result for _, result in adaptive.finish())

    def _is_due(self, pipeline: Pipeline, frame: Frame) -> bool:
        return not self._now.is_adaptive or pipeline.is_due(frame)

    def _frame(self, picture: NDArray[np.uint8], time_s: float, index: int) -> Frame:
        """Check the next frame of a source that is read by the caller."""
        if not isinstance(picture, np.ndarray):
            raise TypeError(f"picture: an RGB uint8 array (H, W, 3), not {type(picture).__name__}")
        as_picture(picture)
        if picture.ndim != 3 or picture.shape[2] != 3:
            raise ValueError(f"picture: an RGB uint8 array (H, W, 3), not of shape {picture.shape}")
        now = float(time_s)
        if not math.isfinite(now) or (self._index and now <= self._time_s):
            raise ValueError(f"time_s: {now:g} is not later than the frame before, at {self._time_s:g}")
        self._index, self._time_s = self._index + 1, now
        return Frame("frames", index, now, picture, time.monotonic())

    def _look_live(self, source: VideoSource) -> Iterator[TrackedFrame]:
        every, generation, count, last_s = self._options.every, 0, 0, 0.0
        pipeline: Pipeline | None = None
        with LiveReader(source, self._options.live) as reader:
            while (frame := reader.take(_WAIT_S)) is not None or not reader.finished:
                if frame is None:
                    continue
                count += 1
                if (count - 1) % every:
                    continue
                if pipeline is None:
                    pipeline = self._begin(source.name, live_rate(self._finder, frame.pixels, every))
                elif frame.generation != generation and frame.time_s - last_s > SHORT_GAP_S:
                    pipeline.restart()
                generation, last_s = frame.generation, frame.time_s
                yield pipeline.process(frame) if self._is_due(pipeline, frame) else pipeline.predict(frame)
                reader.done(frame)
            if reader.stats.state == "gave up" or not count:
                raise VideoError(reader.stats.last_error or f"{source.name}: no frame came")

    def _to_the_end(self, values: Generator[TrackedFrame, None, None]) -> Iterator[TrackedFrame]:
        """Delay each value by one, so that the final events can be added to the last one."""
        held: TrackedFrame | None = None
        error: VideoError | None = None
        try:
            for value in values:
                if held is not None:
                    yield held
                held = value
        except VideoError as broken:
            error = broken
        finally:
            values.close()
        events = self.finish()
        if held is not None:
            yield replace(held, events=[*held.events, *events])
        if error is not None:
            raise error
