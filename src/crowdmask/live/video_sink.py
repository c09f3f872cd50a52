"""Blur, draw and encode frames in a thread beside the detector."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from queue import Full, Queue
from threading import Thread

import numpy as np
from numpy.typing import NDArray

from crowdmask.drawing.blur import blur_array
from crowdmask.drawing.draw_video import Outline, draw_frame
from crowdmask.live.pipeline import Result
from crowdmask.media.video import Frame
from crowdmask.media.video_writer import VideoWriter
from crowdmask.tracking.zones import ZoneCounter, ZoneCounts

Rgb = NDArray[np.uint8]

_QUEUE_BYTES = 48_000_000
_WAIT_S = 0.2


@dataclass
class SinkTimes:
    """Seconds spent on `frames` frames: on blurring and drawing, and on encoding and writing."""

    frames: int = 0
    draw_s: float = 0.0
    write_s: float = 0.0


@dataclass(frozen=True, eq=False)
class _Item:
    frame: Frame
    result: Result
    hidden: NDArray[np.float32]


@dataclass(eq=False)
class VideoSink:
    """Take frames and their results, and hand the annotated ones on; the writer opens with the first.

    Attributes:
        open_writer: makes a writer of width and height; None: no video is written.
        show: gets each annotated frame; None: nobody looks.
        blur: make faces unreadable.
        zones: gives the zones to draw, once they are placed.
        times: what it has cost so far.
        sound_problem: why the sound is missing or ends early, if it does, once closed.
    """

    open_writer: Callable[[int, int], VideoWriter] | None
    show: Callable[[Rgb], None] | None = None
    blur: bool = False
    zones: Callable[[], ZoneCounter | None] = lambda: None
    times: SinkTimes = field(default_factory=SinkTimes)
    sound_problem: str | None = None
    _queue: Queue[_Item | None] | None = None
    _thread: Thread | None = None
    _failed: BaseException | None = None

    def put(self, frame: Frame, result: Result, hidden: NDArray[np.float32] | None = None) -> None:
        """Hand over the next frame; waits while the queue is full.

        Args:
            result: of this frame, or of the one before that was looked at.
            hidden: (M, 4) what to blur; None: as the result says.
        Raises:
            OutputError: an earlier frame could not be written.
        """
        if self._queue is None:
            self._queue = Queue(max(2, min(8, _QUEUE_BYTES // max(frame.picture.nbytes, 1))))
            self._thread = Thread(target=self._work, name=f"draw {frame.source}", daemon=True)
            self._thread.start()
        item = _Item(frame, result, result.hidden if hidden is None else hidden)
        while True:
            if self._failed is not None:
                raise self._failed
            try:
                self._queue.put(item, timeout=_WAIT_S)
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
        except BaseException as error:  # handed over to the thread that puts
            self._failed = error

    def _write_all(self) -> None:
        assert self._queue is not None
        writer: VideoWriter | None = None
        size = (0, 0)
        try:
            while (item := self._queue.get()) is not None:
                started = time.perf_counter()
                picture = self._render(item)
                drawn = time.perf_counter()
                self.times.draw_s += drawn - started
                if self.open_writer is not None:
                    if writer is None:
                        size = (picture.shape[1], picture.shape[0])
                        writer = self.open_writer(*size)
                    writer.write(_fit(picture, size), item.frame.time_s)
                if self.show is not None:
                    self.show(picture)
                self.times.write_s += time.perf_counter() - drawn
                self.times.frames += 1
        finally:
            if writer is not None:
                started = time.perf_counter()
                writer.close()
                self.sound_problem = writer.sound_problem
                self.times.write_s += time.perf_counter() - started

    def _render(self, item: _Item) -> Rgb:
        picture, result = item.frame.picture, item.result
        if self.blur and len(item.hidden):
            picture = picture.copy()
            blur_array(picture, item.hidden)
        placed = self.zones()
        outlines = outlines_of(placed, result.zones) if placed is not None else ()
        return draw_frame(
            picture, result.detections.xyxy, result.states, result.confidence, result.tracks, outlines
        )


def outlines_of(placed: ZoneCounter, counts: list[ZoneCounts]) -> list[Outline]:
    """Return the zones and lines to draw, each with its counts."""
    by_name = {each.name: each for each in counts}
    areas = [
        Outline(np.asarray(corners, np.float32), _count_text(by_name[name]), True)
        for name, corners in placed.polygons
    ]
    lines = [
        Outline(np.array([start, end], np.float32), _count_text(by_name[name]), False)
        for name, start, end in placed.lines
    ]
    return areas + lines


def _count_text(counts: ZoneCounts) -> str:
    entered, left, present = (sum(each.values()) for each in (counts.entered, counts.left, counts.present))
    moved = f"{counts.name}: in {entered}, out {left}"
    if counts.kind == "line":
        return moved
    share = "" if counts.masked_share is None else f", {counts.masked_share * 100:.0f} % masked"
    return f"{moved}, here {present}{share}"


def _fit(picture: Rgb, size: tuple[int, int]) -> Rgb:
    """Return the picture in the video's size: a stream may change its own."""
    if (picture.shape[1], picture.shape[0]) == size:
        return picture
    from PIL import Image

    return np.asarray(Image.fromarray(picture).resize(size, Image.Resampling.BILINEAR))
