"""Track the people in front of a camera, always with the newest frame."""

from __future__ import annotations

import time
from fractions import Fraction
from threading import Lock

from crowdmask.errors import VideoError
from crowdmask.live.options import CameraOptions
from crowdmask.live.pipeline import FrameFinder
from crowdmask.live.readers.reader import LiveReader
from crowdmask.live.readers.stats import SourceStats
from crowdmask.live.run import Run, Setting
from crowdmask.live.sources import VideoSource
from crowdmask.live.video_sink import OpenWriter
from crowdmask.media.decoded import Pixels
from crowdmask.media.video import Frame
from crowdmask.media.video_writer import VideoWriter

_WAIT_S = 0.25
_USUAL_FPS = 25.0
_LEAST_FPS = 0.01
SHORT_GAP_S = 8.0
"""Maximum duration of an interruption after which tracks continue; a changed view is detected as a cut."""
_OVER = ("gave up", "ended", "closed")


class LiveRun(Run):
    """One camera or stream."""

    def __init__(self, source: VideoSource, options: CameraOptions, setting: Setting) -> None:
        """See `Run`."""
        super().__init__(source, options, setting)
        self._source = source
        self._reader: LiveReader | None = None
        self._opening = Lock()

    def stats(self) -> SourceStats:
        """Return the state of the source."""
        return self._reader.stats if self._reader is not None else SourceStats(self.source)

    def _work(self) -> None:
        with self._opening:  # it may give up and report before its constructor returns
            self._reader = LiveReader(self._source, self.options.live, self._report)
        try:
            self._follow(self._reader)
        finally:
            self._reader.close()
            self._finish()

    def _follow(self, reader: LiveReader) -> None:
        generation, began_s, last_s = None, time.monotonic(), 0.0
        while not self._is_over(began_s):
            frame = reader.take(_WAIT_S)
            if frame is None:
                if reader.finished:
                    break
                continue
            started = time.monotonic()
            self.frames += 1
            if (self.frames - 1) % self.options.every:
                continue
            if self.pipeline is None:
                self._begin_with(frame)
                self.tell_health("receiving")
            elif frame.generation != generation and frame.time_s - last_s > SHORT_GAP_S:
                self.pipeline.restart()
            generation, last_s = frame.generation, frame.time_s
            pipeline = self.pipeline
            if pipeline is None or not self.options.is_adaptive or self._pays(frame):
                result = self._look(frame)
            else:
                result = pipeline.predict(frame)
            self._note(result)
            reader.done(frame)
            self._put(frame, result)
            self._pause(started)
        self._judge(reader.stats)

    def _is_over(self, began_s: float) -> bool:
        for_s = self.options.for_s
        return self.stop.is_set() or (for_s is not None and time.monotonic() >= began_s + for_s)

    def _begin_with(self, frame: Frame) -> None:
        """Choose the frame rate of detection: the stream's, or as fast as possible."""
        rate = live_rate(
            self._setting.finder,
            frame.pixels,
            self.options.every,
            self.options.max_fps,
            self._setting.rivals(),
        )
        self._begin(rate, self._writer_opener(rate, frame.pixel_aspect))

    def _writer_opener(self, rate: float, aspect: Fraction) -> OpenWriter | None:
        out = self.options.out
        return (
            None
            if out is None
            else lambda size, colours: VideoWriter(out, *size, rate, pixel_aspect=aspect, colours=colours)
        )

    def _report(self, line: str) -> None:
        """Pass on the reader's messages; the reason for giving up is reported at the end of this run."""
        with self._opening:
            reader = self._reader
        if reader is None or reader.stats.state not in _OVER:
            self.tell_health("connection", line)

    def _pause(self, started: float) -> None:
        """Wait until the next frame is wanted."""
        max_fps = self.options.max_fps
        if max_fps is not None:
            self.stop.wait(max(0.0, started + 1 / max_fps - time.monotonic()))

    def _judge(self, stats: SourceStats) -> None:
        """Raise the error of a source that sent nothing or was given up.

        Raises:
            VideoError: contains the reason.
        """
        if stats.state == "gave up":
            raise VideoError(f"{stats.last_error or self.source}; given up")
        if not self.frames and not self.stop.is_set():
            raise VideoError(stats.last_error or f"{self.source}: no frame came")


def live_rate(
    finder: FrameFinder,
    picture: Pixels,
    every: int,
    max_fps: float | None = None,
    rivals: int = 0,
) -> float:
    """Measure about how many frames per second of a live source can be processed.

    Args:
        picture: one of its frames, RGB uint8 (H, W, 3) or decoded.
        every: every n-th frame is used.
        max_fps: upper limit.
        rivals: number of other live sources that share the model.
    """
    finder.find(picture)  # the first run takes longer
    started = time.perf_counter()
    finder.find(picture)
    fastest = 1 / (max(time.perf_counter() - started, 1e-3) * (1 + rivals))
    wanted = min(_USUAL_FPS / every, max_fps or _USUAL_FPS)
    return max(_LEAST_FPS, min(wanted, fastest))
