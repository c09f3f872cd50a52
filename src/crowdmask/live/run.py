"""What the runs over files and over live sources have in common."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from threading import Event as Flag

from crowdmask.errors import VideoError
from crowdmask.live.pipeline import FrameFinder, Pipeline, Result, Settings
from crowdmask.live.readers.stats import SourceStats
from crowdmask.live.records import Records
from crowdmask.live.video_sink import Rgb, VideoSink
from crowdmask.media.video import Frame
from crowdmask.media.video_writer import VideoWriter
from crowdmask.tracking.events import Event


@dataclass(frozen=True, eq=False)
class Shared:
    """What all sources of one command share.

    Attributes:
        finder: the one model.
        settings: how they are tracked.
        records: where results go.
        stop: set when all work is to end.
        every: look at each so-many-th frame only.
        max_fps: look at no more frames a second; None: at all.
        blur: make faces unreadable in videos and windows.
        for_s: end after so many seconds, of a file by its own clock; None: at its end.
        show: gets each annotated frame with the name of its source; None: no window.
        tell: gets each event; None: nobody listens.
        warn: gets one line when a live source is lost or found again.
    """

    finder: FrameFinder
    settings: Settings
    records: Records
    stop: Flag
    every: int = 1
    max_fps: float | None = None
    blur: bool = False
    for_s: float | None = None
    show: Callable[[str, Rgb], None] | None = None
    tell: Callable[[Event], None] | None = None
    warn: Callable[[str], None] | None = None


class Run(ABC):
    """One source, worked on in a thread of its own while the main thread looks on.

    Attributes:
        source: shown name.
        out: annotated video; None: none is written.
        problem: why it could not be read, or not to its end, in one line.
        failed: an error that must end the whole command.
        frames: so many were read; total: so many there will be, if that is known.
        events: so many were found.
        pipeline, sink: once they are there.
    """

    def __init__(self, source: str, shared: Shared, out: Path | None) -> None:
        """Do nothing yet."""
        self.source = source
        self.shared = shared
        self.out = out
        self.problem: str | None = None
        self.failed: BaseException | None = None
        self.frames = 0
        self.total: int | None = None
        self.events = 0
        self.pipeline: Pipeline | None = None
        self.sink: VideoSink | None = None
        self.last: Result | None = None
        self.started_s: float | None = None
        self.ended_s: float | None = None
        self.sound_problem: str | None = None

    @property
    def seconds(self) -> float:
        """How long it has been worked on."""
        if self.started_s is None:
            return 0.0
        return (self.ended_s or time.monotonic()) - self.started_s

    def run(self) -> None:
        """Work until the source has ended or `stop` is set; never raises."""
        self.started_s = time.monotonic()
        try:
            self._work()
        except VideoError as error:
            self.problem = str(error)
        except BaseException as error:  # the main thread raises it
            self.failed = error
            self.shared.stop.set()
        finally:
            self.ended_s = time.monotonic()

    @abstractmethod
    def stats(self) -> SourceStats:
        """Return how the source fares; for any thread."""

    @abstractmethod
    def _work(self) -> None:
        """Work through the source."""

    def _begin(self, rate: float, open_writer: Callable[[int, int], VideoWriter] | None) -> None:
        """Prepare for the first frame.

        Args:
            rate: so many frames a second will be looked at.
            open_writer: makes the writer of `out` for a width and height; None: no video is written.
        """
        pipeline = Pipeline(self.source, rate, self.shared.finder, self.shared.settings)
        self.pipeline = pipeline
        show = self.shared.show
        if open_writer is None and show is None:
            return
        shown = (lambda picture: show(self.source, picture)) if show is not None else None
        self.sink = VideoSink(open_writer, shown, self.shared.blur, lambda: pipeline.zones)

    def _look(self, frame: Frame) -> Result:
        """Find out about one frame and write it down."""
        assert self.pipeline is not None
        result = self.pipeline.process(frame)
        self.last = result
        self.shared.records.write(result)
        self._tell(result.events)
        return result

    def _finish(self) -> None:
        """Write what is left, and the end of the video.

        Raises:
            OutputError: it cannot be written.
        """
        try:
            if self.pipeline is not None:
                events = self.pipeline.finish()
                self._tell(events)
                self.shared.records.finish(self.source, events, self.last)
        finally:
            if self.sink is not None:
                self.sink.close()
                self.sound_problem = self.sink.sound_problem

    def _tell(self, events: list[Event]) -> None:
        self.events += len(events)
        if self.shared.tell is not None:
            for event in events:
                self.shared.tell(event)
