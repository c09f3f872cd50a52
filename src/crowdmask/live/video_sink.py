"""Draw frames and encode them, each in a thread parallel to the detector."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from queue import Empty, Full, Queue
from threading import Event, Thread
from typing import TypeAlias

import numpy as np

from crowdmask.live.readers.prefetch import Prefetch
from crowdmask.live.tracked_frame import Rgb, View
from crowdmask.media.planes import Colours, Planes, RgbPlanes
from crowdmask.media.video_writer import VideoWriter

_QUEUE_BYTES = 48_000_000
_WAIT_S = 0.2
_DRAWN_AHEAD = 2

OpenWriter: TypeAlias = Callable[[tuple[int, int], Colours], VideoWriter]
"""Opens a video of a width and height in pixels."""


@dataclass
class SinkTimes:
    """Seconds spent on `frames` frames: for blurring, drawing and showing, and for encoding and writing."""

    frames: int = 0
    draw_s: float = 0.0
    write_s: float = 0.0


@dataclass(eq=False)
class VideoSink:
    """Receives frames and their results, and passes on annotated frames; the writer opens with the first one.

    Attributes:
        open_writer: makes a writer for a size and its colours; None: no video is written.
        show: receives each frame, in the drawing thread; None: frames are not shown.
        times: time spent so far.
        sound_problem: why the sound is missing or ends early, if it does; set when closed.
    """

    open_writer: OpenWriter | None
    show: Callable[[View], None] | None = None
    times: SinkTimes = field(default_factory=SinkTimes)
    sound_problem: str | None = None
    _converter: RgbPlanes = field(default_factory=RgbPlanes)
    _ended: Event = field(default_factory=Event)
    _queue: Queue[View | None] | None = None
    _source: str = ""
    _thread: Thread | None = None
    _failed: BaseException | None = None

    def put(self, view: View) -> None:
        """Pass on the next frame; waits while the queue is full.

        Raises:
            OutputError: an earlier frame could not be written.
        """
        if self._queue is None:
            self._queue = Queue(max(2, min(8, _QUEUE_BYTES // max(view.pixels.nbytes, 1))))
            self._source = view.result.source
            self._thread = Thread(target=self._work, name=f"write {self._source}", daemon=True)
            self._thread.start()
        while True:
            if self._failed is not None:
                raise self._failed
            try:
                self._queue.put(view, timeout=_WAIT_S)
            except Full:
                continue
            return

    def close(self) -> None:
        """Write what is queued and finish the video.

        Raises:
            OutputError: it cannot be written.
        """
        if self._queue is not None and self._thread is not None:
            while self._thread.is_alive():
                try:
                    self._queue.put(None, timeout=_WAIT_S)
                except Full:
                    continue
                break
            self._thread.join()
        if self._failed is not None:
            raise self._failed

    def _work(self) -> None:
        try:
            if self.open_writer is None:
                for _ in self._drawn():
                    pass
            else:
                self._write_all(self.open_writer)
        except BaseException as error:  # passed to the calling thread
            self._failed = error

    def _write_all(self, open_writer: OpenWriter) -> None:
        """Encode in this thread what another one draws."""
        drawn = Prefetch(self._drawn(), _DRAWN_AHEAD, f"draw {self._source}")
        writer: VideoWriter | None = None
        try:
            for planes, time_s in drawn:
                started = time.perf_counter()
                writer = writer or open_writer(planes.size, planes.colours)
                writer.write_planes(planes, time_s)
                self.times.write_s += time.perf_counter() - started
        finally:
            self._ended.set()
            drawn.close()
            if writer is not None:
                started = time.perf_counter()
                writer.close()
                self.sound_problem = writer.sound_problem
                self.times.write_s += time.perf_counter() - started

    def _drawn(self) -> Iterator[tuple[Planes, float]]:
        """Yield drawn frames and their times, all like the first one, if a video is written."""
        first: Planes | None = None
        for view in self._views():
            started = time.perf_counter()
            planes = None
            if self.open_writer is not None:
                planes = self._planes(view, first)
                first = first or planes
            if self.show is not None:
                self.show(view)
            self.times.frames += 1
            self.times.draw_s += time.perf_counter() - started
            if planes is not None:
                yield planes, view.time_s

    def _views(self) -> Iterator[View]:
        assert self._queue is not None
        while not self._ended.is_set():
            try:
                view = self._queue.get(timeout=_WAIT_S)
            except Empty:
                continue
            if view is None:
                return
            yield view

    def _planes(self, view: View, like: Planes | None) -> Planes:
        """Draw a frame, in the size and with the colours of the first one: a stream may change."""
        planes = view.in_planes()
        if like is None:
            return planes or self._converter.of(view.drawn)
        if planes is not None and planes.size == like.size and planes.colours == like.colours:
            return planes
        return self._converter.of(_fit(view.drawn, like.size), like.colours)


def _fit(picture: Rgb, size: tuple[int, int]) -> Rgb:
    """Return the picture in the video's size, of which an odd one is padded later."""
    height, width = picture.shape[:2]
    if (width + width % 2, height + height % 2) == size:
        return picture
    from PIL import Image

    return np.asarray(Image.fromarray(picture).resize(size, Image.Resampling.BILINEAR))
