"""One connection to a live source, read in its own thread until it ends or is abandoned."""

from __future__ import annotations

import atexit
import time
from collections.abc import Callable
from fractions import Fraction
from threading import Event, Lock, Thread

from crowdmask.errors import VideoError
from crowdmask.live.readers.capture import AnyFrame, Capture, UselessError, interrupt_reads, open_capture
from crowdmask.live.readers.patience import Patience
from crowdmask.live.readers.troubles import Trouble, describe, silent
from crowdmask.live.sources import VideoSource
from crowdmask.media.clock import SteadyClock

# A source with a known length that ends this close to its end is complete.
_NEAR_END_S = 2.0
_LONGEST_WAIT_S = 2.0
_USUAL_STEP_S = 0.04
# FFmpeg gets this much longer to notice by itself, which frees all its memory.
_GRACE_S = 0.5
# At the end of the program: for reads that are about to return, and for those that were interrupted.
_RETURN_S, _INTERRUPTED_S = 0.2, 3.0


class Connection:
    """A thread that opens a source and passes on each frame.

    A read can hang in spite of its time-out, so nobody waits for this thread: it is abandoned, and
    frees its memory if it ever continues.

    Attributes:
        trouble: why it ended, once `ended` is set; None: the source was complete.
        ended: set at the end of the thread.
        pixel_aspect: of the newest frame, as it is stored; None: not said.
    """

    def __init__(
        self,
        source: VideoSource,
        patience: Patience,
        timeout_s: float | None,
        deliver: Callable[[Connection, AnyFrame], None],
        rtsp_transport: str = "auto",
    ) -> None:
        """Begin to connect.

        Args:
            patience: says how soon after the one before a frame has to come.
            timeout_s: time-out for FFmpeg; None: the same.
            deliver: receives this connection and each frame, in the thread.
            rtsp_transport: one of `capture.RTSP_TRANSPORTS`.
        """
        self.trouble: Trouble | None = None
        self.pixel_aspect: Fraction | None = None
        self.ended = Event()
        self._source = source
        self._patience, self._rtsp_transport = patience, rtsp_transport
        waits_s = patience.connect()
        self._timeout_s = timeout_s or waits_s
        self._deliver = deliver
        self._abandoned = Event()
        self._opened = False
        self._any_frame = False
        self._progress = time.monotonic()
        self._thread = Thread(target=self._run, name=f"read {source.name}", daemon=True)
        with _lock:
            _running.add(self)
        self._thread.start()

    @property
    def alive(self) -> bool:
        """Whether the thread runs, or hangs."""
        return self._thread.is_alive()

    def overdue(self, now: float) -> Trouble | None:
        """Return the error of a source that has been silent for too long."""
        # Connecting has two steps, and the first key frame may come long after the stream begins.
        deadline_s = self._patience.allowed_s
        if now - self._progress <= deadline_s * (1 if self._any_frame else 2) + _GRACE_S:
            return None
        return Trouble(f"{self._source.name}: {silent(deadline_s, self._opened)}", "silent")

    def abandon(self) -> None:
        """Ignore further frames, and let the thread end when it can."""
        self._abandoned.set()

    def join(self, timeout_s: float) -> None:
        """Wait a short time for the end of the thread."""
        self._thread.join(timeout_s)

    def _run(self) -> None:
        try:
            capture = open_capture(self._source, self._timeout_s, self._rtsp_transport)
            try:
                self._opened, self._progress = True, time.monotonic()
                if not self._abandoned.is_set():
                    self.trouble = self._read(capture)
            finally:
                capture.close()
        except UselessError as error:
            self.trouble = Trouble(f"{self._source.name}: {error}", "useless")
        except VideoError as error:
            self.trouble = Trouble(f"{self._source.name}: {error}")
        except Exception as error:  # any error affects only this source; the others continue
            waited_s = time.monotonic() - self._progress
            self.trouble = describe(self._source, error, self._timeout_s, waited_s, self._opened)
        finally:
            self.ended.set()
            with _lock:
                _running.discard(self)

    def _read(self, capture: Capture) -> Trouble | None:
        pace = _Pace()
        for frame, time_s in capture.frames():
            if frame is not None:
                if capture.paced and time_s is not None:
                    self._abandoned.wait(pace.wait_s(time_s, time.monotonic()))
                self._any_frame, self._progress = True, time.monotonic()
                if not self._abandoned.is_set():
                    self._patience.add()
                    self.pixel_aspect = capture.pixel_aspect
                    self._deliver(self, frame)
            if self._abandoned.is_set():
                return None
        if capture.length_s is not None and pace.read_s > capture.length_s - _NEAR_END_S:
            return None
        return Trouble(f"{self._source.name}: the stream ended")


_lock = Lock()
_running: set[Connection] = set()


def _end_all() -> None:
    """Wait until no thread is inside FFmpeg: one that hangs there while Python ends crashes the program."""
    with _lock:
        hanging = list(_running)
    for each in hanging:
        each.abandon()
    end = time.monotonic() + _RETURN_S
    for each in hanging:
        each.join(max(0.0, end - time.monotonic()))
    if any(each.alive for each in hanging):
        interrupt_reads()
    end = time.monotonic() + _INTERRUPTED_S
    for each in hanging:
        each.join(max(0.0, end - time.monotonic()))


# Also for connections that a closed reader left behind; runs after the readers' own handlers.
atexit.register(_end_all)


class _Pace:
    """Delay frames that come faster than they should be shown."""

    def __init__(self) -> None:
        self.read_s = 0.0
        self._offset: float | None = None
        self._clock: SteadyClock | None = None

    def wait_s(self, time_s: float, now: float) -> float:
        """Return how long to delay a frame with the time `time_s`."""
        # Joined parts jump back: only without the jumps is it known how much was read.
        self._clock = self._clock or SteadyClock(time_s, _USUAL_STEP_S)
        time_s = self.read_s = self._clock.at(time_s)
        early = 0.0 if self._offset is None else time_s + self._offset - now
        # Late, or after a long pause: restart from here.
        if self._offset is None or early < -_LONGEST_WAIT_S or early > _LONGEST_WAIT_S:
            self._offset = now - time_s
            return 0.0
        return max(0.0, early)
