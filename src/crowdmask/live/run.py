"""The common base of runs over files and live sources."""

from __future__ import annotations

import logging
import time
import traceback
import uuid
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from threading import Event as Flag
from threading import Lock, Thread, current_thread
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from crowdmask.errors import OutputError, VideoError
from crowdmask.live.health import Health, News
from crowdmask.live.listeners import LOG, Listeners
from crowdmask.live.options import CameraOptions
from crowdmask.live.pipeline import Finder, FrameFinder, Pipeline
from crowdmask.live.readers.stats import SourceStats
from crowdmask.live.sources import VideoSource
from crowdmask.live.tracked_frame import TrackedFrame, View
from crowdmask.live.video_sink import OpenWriter, VideoSink
from crowdmask.media.video import Frame
from crowdmask.tracking.events import Event


class Output(Protocol):
    """A required output of a run: unlike a listener's errors, its errors end the run."""

    def write(self, result: TrackedFrame) -> None:
        """Write the result of one frame.

        Raises:
            OutputError: it cannot be written.
        """

    def finish(self, source: str, run: str, events: list[Event], last: TrackedFrame | None) -> None:
        """Write the remaining results at the end of a run.

        Raises:
            OutputError: it cannot be written.
        """


@dataclass(frozen=True, eq=False)
class Setting:
    """The environment of a run.

    Attributes:
        camera: its name in the session.
        finder: the shared model.
        listeners: receive results, events and health.
        outputs: the required outputs.
        rivals: returns how many other live sources currently share the model.
        restarts: how often the camera was restarted after a failure.
    """

    camera: str
    finder: FrameFinder
    listeners: Listeners
    outputs: Sequence[Output] = ()
    rivals: Callable[[], int] = lambda: 0
    restarts: int = 0


class Run(ABC):
    """One source from its first frame to its last, processed in its own thread.

    Attributes:
        id: UUID in every record.
        source: displayed name.
        options: its options; `change` replaces them.
        stop: ends this run when set, after the current frame.
        problem: why it could not be read, or could not be read to its end, in one line.
        failed: the error of an output, or the internal error, that ended it.
        frames: number of frames read; total: expected number, if known.
        events: number of events found.
        pipeline, sink: available after the first frame.
        newest: the last shown frame, for snapshots.
    """

    def __init__(self, source: VideoSource, options: CameraOptions, setting: Setting) -> None:
        """Do nothing yet."""
        self.id = str(uuid.uuid4())
        self.source = source.name
        self._is_live = source.is_live
        self.options = options.for_source(source.is_live)
        self.stop = Flag()
        self.problem: str | None = None
        self.failed: BaseException | None = None
        self.frames = 0
        self.total: int | None = None
        self.events = 0
        self.pipeline: Pipeline | None = None
        self.sink: VideoSink | None = None
        self.newest: View | None = None
        self.last: TrackedFrame | None = None
        self.started_s: float | None = None
        self.ended_s: float | None = None
        self.sound_problem: str | None = None
        self._address = source.address
        self._setting = setting
        self._applied = options
        self._result_s: float | None = None
        self._failed_at: datetime | None = None
        self._over = Flag()
        self._gate = Lock()
        self._thread: Thread | None = None

    @property
    def seconds(self) -> float:
        """How long it has been running."""
        if self.started_s is None:
            return 0.0
        return (self.ended_s or time.monotonic()) - self.started_s

    @property
    def is_over(self) -> bool:
        """Whether the run has ended."""
        return self._over.is_set()

    def change(self, options: CameraOptions) -> None:
        """Use other options from the next frame on; only for options that need no restart."""
        self.options = options.for_source(self._is_live)

    def start(self) -> None:
        """Start, in its own thread."""
        self._thread = Thread(target=self.run, name=self._setting.camera, daemon=True)
        self._thread.start()

    def end(self) -> None:
        """Request the end without waiting for it; a run that has not started never starts."""
        self.stop.set()
        with self._gate:
            if self.started_s is None and self.ended_s is None:
                self.ended_s = time.monotonic()
                self._over.set()

    def wait(self, timeout_s: float | None = None) -> bool:
        """Wait for the end; return whether it came in time. The run's own thread does not wait for itself."""
        if current_thread() is self._thread:
            return False
        return self._over.wait(timeout_s)

    def abandon(self) -> None:
        """Stop waiting for a run that hangs."""
        self._over.set()

    def run(self) -> None:
        """Work until the source has ended or `stop` is set; never raises."""
        with self._gate:
            if self.ended_s is not None:
                return
            self.started_s = time.monotonic()
        self.tell_health("started")
        try:
            self._work()
        except VideoError as error:
            self.problem = str(error)
        except BaseException as error:  # the owner decides what it means for the other runs
            self.failed = error
            if not isinstance(error, OutputError):
                details = "".join(traceback.format_exception(error))
                LOG.error("%s: internal error\n%s", self._setting.camera, self._shown(details))
        finally:
            if self.problem is not None or self.failed is not None:
                self._failed_at = datetime.now(UTC)
            self.ended_s = time.monotonic()
            self.tell_health("ended", self.error)
            self._over.set()

    @property
    def error(self) -> str | None:
        """Why it ended early, in one line without credentials."""
        if self.failed is None:
            return self.problem
        if isinstance(self.failed, OutputError):
            return str(self.failed)
        return self._shown(f"{self.source}: internal error: {type(self.failed).__name__}: {self.failed}")

    @abstractmethod
    def stats(self) -> SourceStats:
        """Return the state of the source; thread-safe."""

    def health(self) -> Health:
        """Return the health of the camera; thread-safe."""
        stats, result_s = self.stats(), self._result_s
        return Health(
            camera=self._setting.camera,
            source=self.source,
            run=self.id,
            state="failed" if self.failed is not None else stats.state,
            frames=stats.frames,
            fps=round(stats.fps, 2),
            dropped=stats.dropped,
            reconnects=stats.reconnects,
            frozen=stats.frozen,
            latency_ms=stats.latency_ms,
            down_since=stats.down_since or self._failed_at,
            restarts=self._setting.restarts,
            result_age_s=None if result_s is None else round(time.monotonic() - result_s, 3),
            last_error=self.error or stats.last_error,
        )

    def tell_health(self, news: News, message: str | None = None) -> None:
        """Report to the listeners and the log what has happened.

        Args:
            message: one line that names the source; None: nothing went wrong.
        """
        camera = self._setting.camera
        usual = self.error is None and news not in ("connection", "notice")
        level = logging.INFO if usual else logging.WARNING
        LOG.log(level, "%s: %s", camera, message or news)
        self._setting.listeners.health(camera, replace(self.health(), news=news, message=message))

    @abstractmethod
    def _work(self) -> None:
        """Process the source."""

    def _begin(self, rate: float, open_writer: OpenWriter | None, finder: Finder | None = None) -> None:
        """Prepare for the first frame.

        Args:
            rate: number of frames per second that will be processed.
            open_writer: makes the writer of `out`; None: no video is written.
            finder: finds the faces; None: the shared model.
        """
        self._applied = options = self.options
        self.pipeline = Pipeline(self.source, rate, finder or self._setting.finder, options.settings, self.id)
        if open_writer is not None or self._setting.listeners.want_frames:
            self.sink = VideoSink(open_writer, self._show)

    def _pays(self, frame: Frame) -> bool:
        """Return whether to run the detector on a frame: for what it shows, or because options changed."""
        assert self.pipeline is not None
        return self.pipeline.is_due(frame) or self.options is not self._applied

    def _apply_options(self) -> bool:
        """Hand changed options to the pipeline; return whether there were any."""
        assert self.pipeline is not None
        options = self.options
        if options is self._applied:
            return False
        self.pipeline.change(options.settings)
        self._applied = options
        return True

    def _look(self, frame: Frame) -> TrackedFrame:
        """Run the detector on one frame."""
        assert self.pipeline is not None
        self._apply_options()
        return self.pipeline.process(frame)

    def _note(self, result: TrackedFrame) -> None:
        """Write down and tell what is known of one frame."""
        self.last, self._result_s = result, time.monotonic()
        if self.pipeline is not None:
            self._tell_notes(self.pipeline.notes)
        for output in self._setting.outputs:
            output.write(result)
        self._setting.listeners.result(self._setting.camera, result)
        self._tell(result.events)

    def _put(self, frame: Frame, result: TrackedFrame, hidden: NDArray[np.float32] | None = None) -> None:
        """Pass on a frame to be drawn, written and shown.

        Args:
            result: of this frame, or of the last processed one before it.
            hidden: (M, 4) boxes to blur; None: those of the result.
        """
        places = result.hidden if hidden is None else hidden
        view = View(frame.pixels, frame.time_s, result, places, self.options.blur)
        self.newest = view
        if self.sink is None and self._setting.listeners.want_frames:
            self.sink = VideoSink(None, self._show)  # a viewer has appeared
        if self.sink is not None:
            self.sink.put(view)

    def _show(self, view: View) -> None:
        self._setting.listeners.frame(self._setting.camera, view)

    def _finish(self) -> None:
        """Write the remaining results, and finish the video.

        Raises:
            OutputError: it cannot be written.
        """
        try:
            if self.pipeline is not None:
                events = self.pipeline.finish()
                self._tell(events)
                for output in self._setting.outputs:
                    output.finish(self.source, self.id, events, self.last)
        finally:
            if self.sink is not None:
                self.sink.close()
                self.sound_problem = self.sink.sound_problem

    def _tell_notes(self, notes: list[str]) -> None:
        told, notes[:] = list(notes), []
        for line in told:
            self.tell_health("notice", line)

    def _tell(self, events: list[Event]) -> None:
        self.events += len(events)
        for event in events:
            self._setting.listeners.event(self._setting.camera, event)

    def _shown(self, text: str) -> str:
        return text.replace(self._address, self.source)
