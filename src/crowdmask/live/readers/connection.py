"""One connection to a live source, read in a thread of its own until it ends or is abandoned."""

from __future__ import annotations

import time
from collections.abc import Callable
from threading import Event, Thread

from crowdmask.errors import VideoError
from crowdmask.live.readers.capture import AnyFrame, Capture, open_capture
from crowdmask.live.readers.patience import Patience
from crowdmask.live.readers.troubles import Trouble, describe, silent
from crowdmask.live.sources import VideoSource

# What has a length and ends so shortly before its end is complete.
_NEAR_END_S = 2.0
_LONGEST_WAIT_S = 2.0
# FFmpeg gets so much longer to notice by itself, which frees all that it holds.
_GRACE_S = 0.5


class Connection:
    """A thread that opens a source and hands over each frame.

    A read can hang whatever time-out it was given, so nobody ever waits for this thread: it is left
    alone, and frees what it holds should it ever wake up.

    Attributes:
        trouble: why it ended, once `ended` is set; None where the source was complete.
        ended: set at the end of the thread.
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
            timeout_s: what FFmpeg is told; None: the same.
            deliver: gets this connection and each frame, in the thread.
            rtsp_transport: one of `capture.RTSP_TRANSPORTS`.
        """
        self.trouble: Trouble | None = None
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
        self._thread.start()

    @property
    def alive(self) -> bool:
        """Whether the thread runs, or hangs."""
        return self._thread.is_alive()

    def overdue(self, now: float) -> Trouble | None:
        """Return the trouble of a source that is silent for longer than it may be."""
        # Connecting has two steps, and a stream may begin long before its first key frame.
        deadline_s = self._patience.allowed_s
        if now - self._progress <= deadline_s * (1 if self._any_frame else 2) + _GRACE_S:
            return None
        return Trouble(f"{self._source.name}: {silent(deadline_s, self._opened)}", "silent")

    def abandon(self) -> None:
        """Take no more frames, and let the thread end when it can."""
        self._abandoned.set()

    def join(self, timeout_s: float) -> None:
        """Wait for the end of the thread, but not for long."""
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
        except VideoError as error:
            self.trouble = Trouble(f"{self._source.name}: {error}")
        except Exception as error:  # whatever it is, this source has it, and the others go on
            waited_s = time.monotonic() - self._progress
            self.trouble = describe(self._source, error, self._timeout_s, waited_s, self._opened)
        finally:
            self.ended.set()

    def _read(self, capture: Capture) -> Trouble | None:
        pace = _Pace()
        for frame, time_s in capture.frames():
            if frame is not None:
                if capture.paced and time_s is not None:
                    self._abandoned.wait(pace.wait_s(time_s, time.monotonic()))
                self._any_frame, self._progress = True, time.monotonic()
                if not self._abandoned.is_set():
                    self._patience.add()
                    self._deliver(self, frame)
            if self._abandoned.is_set():
                return None
        if capture.length_s is not None and pace.read_s > capture.length_s - _NEAR_END_S:
            return None
        return Trouble(f"{self._source.name}: the stream ended")


class _Pace:
    """Hold frames back that come faster than they are to be shown."""

    def __init__(self) -> None:
        self.read_s = 0.0
        self._offset: float | None = None

    def wait_s(self, time_s: float, now: float) -> float:
        """Return for how long to wait with a frame of `time_s`."""
        self.read_s = max(self.read_s, time_s)
        early = 0.0 if self._offset is None else time_s + self._offset - now
        # Late, or with a clock that was set anew: count from here.
        if self._offset is None or early < -_LONGEST_WAIT_S or early > _LONGEST_WAIT_S:
            self._offset = now - time_s
            return 0.0
        return max(0.0, early)
