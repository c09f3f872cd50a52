"""Blur, draw and encode frames in a thread parallel to the detector."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from queue import Full, Queue
from threading import Thread

import numpy as np

from crowdmask.live.tracked_frame import Rgb, View
from crowdmask.media.video_writer import VideoWriter

_QUEUE_BYTES = 48_000_000
_WAIT_S = 0.2


@dataclass
class SinkTimes:
    """Seconds spent on `frames` frames: for blurring and drawing, and for encoding and writing."""

    frames: int = 0
    draw_s: float = 0.0
    write_s: float = 0.0


@dataclass(eq=False)
class VideoSink:
    """Receives frames and their results, and passes on annotated frames; the writer opens with the first one.

    Attributes:
        open_writer: makes a writer for a width and height; None: no video is written.
        show: receives each frame, in the drawing thread; None: frames are not shown.
        times: time spent so far; drawing only for `show` counts as writing.
        sound_problem: why the sound is missing or ends early, if it does; set when closed.
    """

    open_writer: Callable[[int, int], VideoWriter] | None
    show: Callable[[View], None] | None = None
    times: SinkTimes = field(default_factory=SinkTimes)
    sound_problem: str | None = None
    _queue: Queue[View | None] | None = None
    _thread: Thread | None = None
    _failed: BaseException | None = None

    def put(self, view: View) -> None:
        """Pass on the next frame; waits while the queue is full.

        Raises:
            OutputError: an earlier frame could not be written.
        """
        if self._queue is None:
            self._queue = Queue(max(2, min(8, _QUEUE_BYTES // max(view.pixels.nbytes, 1))))
            self._thread = Thread(target=self._work, name=f"draw {view.result.source}", daemon=True)
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
            self._write_all()
        except BaseException as error:  # passed to the calling thread
            self._failed = error

    def _write_all(self) -> None:
        assert self._queue is not None
        writer: VideoWriter | None = None
        size = (0, 0)
        try:
            while (view := self._queue.get()) is not None:
                started = time.perf_counter()
                drawn = started
                if self.open_writer is not None:
                    picture = view.drawn
                    drawn = time.perf_counter()
                    self.times.draw_s += drawn - started
                    if writer is None:
                        size = (picture.shape[1], picture.shape[0])
                        writer = self.open_writer(*size)
                    writer.write(_fit(picture, size), view.time_s)
                if self.show is not None:
                    self.show(view)
                self.times.write_s += time.perf_counter() - drawn
                self.times.frames += 1
        finally:
            if writer is not None:
                started = time.perf_counter()
                writer.close()
                self.sound_problem = writer.sound_problem
                self.times.write_s += time.perf_counter() - started


def _fit(picture: Rgb, size: tuple[int, int]) -> Rgb:
    """Return the picture in the video's size: a stream may change its size."""
    if (picture.shape[1], picture.shape[0]) == size:
        return picture
    from PIL import Image

    return np.asarray(Image.fromarray(picture).resize(size, Image.Resampling.BILINEAR))
