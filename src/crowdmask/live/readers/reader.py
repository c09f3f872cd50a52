"""Read live sources without hanging or falling behind: only the newest frame is kept."""

from __future__ import annotations

import atexit
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from fractions import Fraction
from threading import Condition, Event, Thread
from typing import Self

from av.video.frame import VideoFrame

from crowdmask.live.readers.capture import AnyFrame
from crowdmask.live.readers.connection import Connection
from crowdmask.live.readers.frozen import FrozenCheck
from crowdmask.live.readers.patience import USUAL_S, Patience
from crowdmask.live.readers.stats import LatencyMeter, RateMeter, SourceStats, State
from crowdmask.live.readers.troubles import Trouble
from crowdmask.live.sources import VideoSource
from crowdmask.media.decoded import DecodedPicture, Pixels
from crowdmask.media.frame_converter import FrameConverter, pixel_aspect
from crowdmask.media.video import Frame

Report = Callable[[str], None]

_LOOK_S = 0.1
# After a connection that lasted this long, the next pause is short again.
_STEADY_S = 5.0
_MOST_HANGING = 3
_AT_EXIT_S = 0.3


@dataclass(frozen=True, eq=False)
class _Newest:
    """A decoded frame that has not been taken yet."""

    raw: AnyFrame
    index: int
    time_s: float
    captured: float
    generation: int
    pixel_aspect: Fraction | None


@dataclass(frozen=True)
class LiveSettings:
    """Time-outs and retries of a reader.

    Attributes:
        deadline_s: a source that sends no frame for this time is reconnected; None: after
            `usual_s`, or later if its frame rate is low.
        usual_s: see there.
        timeout_s: time-out for FFmpeg; None: the deadline.
        retry_s, most_retry_s: pause before the first retry; it doubles up to the maximum.
        password_tries: number of attempts with a password that is refused.
        frozen_s: the same picture for this long is reported as frozen.
        rtsp_transport: one of `capture.RTSP_TRANSPORTS`.
    """

    deadline_s: float | None = None
    usual_s: float = USUAL_S
    timeout_s: float | None = None
    retry_s: float = 0.5
    most_retry_s: float = 4.0
    password_tries: int = 3
    frozen_s: float = 10.0
    rtsp_transport: str = "auto"


class LiveReader:
    """A camera or stream that is read in the background; also a context manager.

    It keeps only the newest frame: frames that are not taken in time are dropped and counted. It
    reconnects unless the error is permanent.
    """

    def __init__(
        self,
        source: VideoSource,
        settings: LiveSettings | None = None,
        report: Report | None = None,
    ) -> None:
        """Begin to connect.

        Args:
            source: a camera or stream.
            settings: None: the defaults.
            report: receives one line when something goes wrong or is restored, in another thread.
        """
        self.source = source
        self.name = source.name
        self._settings = settings or LiveSettings()
        self._patience = Patience(self._settings.deadline_s, self._settings.usual_s)
        self._report = report or (lambda line: None)
        self._arrival = Condition()  # notified of every frame and every end of a connection
        self._stop = Event()
        self._converter = FrameConverter()
        self._rate, self._latency = RateMeter(), LatencyMeter()
        # Everything below is shared between threads and protected by `_arrival`.
        self._newest: _Newest | None = None
        self._connection: Connection | None = None
        self._state: State = "connecting"
        self._frames = self._dropped = self._connects = 0
        self._first_captured: float | None = None
        self._live_since = 0.0
        self._check = FrozenCheck()
        self._here = False
        self._frozen = False
        self._down_since: datetime | None = datetime.now(UTC)
        self._last_error: str | None = None
        self._told: str | None = None
        self._hanging: list[Connection] = []
        self._thread = Thread(target=self._supervise, name=f"watch {self.name}", daemon=True)
        self._thread.start()
        # Otherwise it would connect again while the connections are ended.
        atexit.register(self.close, _AT_EXIT_S)

    @property
    def generation(self) -> int:
        """Number of reconnects; tracks restart when it changes between frames."""
        with self._arrival:
            return max(0, self._connects - 1)

    @property
    def finished(self) -> bool:
        """Whether no more frames will come: given up, at the end, or closed."""
        with self._arrival:
            return self._newest is None and self._state in ("gave up", "ended", "closed")

    @property
    def stats(self) -> SourceStats:
        """Its current state."""
        with self._arrival:
            return SourceStats(
                self.name,
                self._frames,
                round(self._rate.fps(time.monotonic()), 2),
                self._dropped,
                max(0, self._connects - 1),
                self._frozen,
                self._latency.median_ms(),
                self._state,
                self._last_error,
                self._down_since,
            )

    def take(self, timeout_s: float) -> Frame | None:
        """Return the newest frame, once; None if none came in time."""
        with self._arrival:
            self._arrival.wait_for(lambda: self._newest is not None or self.finished, timeout_s)
            taken, self._newest = self._newest, None
        if taken is None:
            return None
        raw = taken.raw
        pixels: Pixels
        if isinstance(raw, VideoFrame):
            pixels, shape = DecodedPicture(raw, self._converter), pixel_aspect(raw, taken.pixel_aspect)
        else:
            pixels, shape = raw, Fraction(1)
        return Frame(self.name, taken.index, taken.time_s, pixels, taken.captured, taken.generation, shape)

    def done(self, frame: Frame) -> None:
        """Record that the work on a frame is done, for the latency."""
        with self._arrival:
            self._latency.add(time.monotonic() - frame.captured)

    def stop(self) -> None:
        """Request the end without waiting for it."""
        self._stop.set()
        with self._arrival:
            self._state, self._newest, self._down_since = "closed", None, None
            if self._connection is not None:
                self._connection.abandon()
            self._arrival.notify_all()

    def close(self, timeout_s: float = 1.0) -> None:
        """End reading; a hanging thread is abandoned and does not keep the program from ending."""
        atexit.unregister(self.close)
        self.stop()
        end = time.monotonic() + timeout_s
        self._thread.join(timeout_s)
        connection = self._connection
        if connection is not None:
            connection.join(max(0.0, end - time.monotonic()))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _supervise(self) -> None:
        """Connect, watch, and reconnect, until the error is permanent or the reader is closed."""
        failures, refused = 0, 0
        while not self._stop.is_set():
            self._wait_for_hanging()
            connection = self._connect()
            trouble = self._watch(connection)
            if self._stop.is_set():
                connection.abandon()
                return
            if trouble is None:
                self._end("ended")
                return
            self._patience.end(silent=trouble.sort == "silent")
            steady = self._disconnect(trouble)
            failures = 1 if steady else failures + 1
            refused = refused + 1 if trouble.sort == "password" else 0
            if self._is_hopeless(trouble, refused):
                tries = f" after {refused} tries" if refused > 1 else ""
                self._end("gave up", f"{trouble.text}; given up{tries}")
                return
            self._tell(f"{trouble.text}; trying again")
            pause_s = self._settings.retry_s * 2 ** min(failures - 1, 10)
            self._stop.wait(min(pause_s, self._settings.most_retry_s))

    def _connect(self) -> Connection:
        settings = self._settings
        with self._arrival:  # held until the reader has stored the new connection
            self._state = "closed" if self._stop.is_set() else "connecting"
            self._connection = Connection(
                self.source, self._patience, settings.timeout_s, self._take_in, settings.rtsp_transport
            )
            self._here = False
            return self._connection

    def _watch(self, connection: Connection) -> Trouble | None:
        """Return why the connection ended; None if the source was complete or the reader is closed."""
        told_frozen = False
        while not connection.ended.wait(_LOOK_S):
            if self._stop.is_set():
                return None
            trouble = connection.overdue(time.monotonic())
            if trouble is not None:
                connection.abandon()
                self._hanging.append(connection)
                return trouble
            with self._arrival:
                here, frozen = self._here, self._frozen
            if here and self._told is not None and not frozen:
                self._told = None
                self._report(f"{self.name}: receiving again")
            if frozen and not told_frozen:
                self._tell(f"{self.name}: frozen: the same picture for {self._settings.frozen_s:g} seconds")
            told_frozen = frozen
        return connection.trouble

    def _take_in(self, connection: Connection, raw: AnyFrame) -> None:
        """Store a frame as the newest; runs in the connection's thread."""
        now = time.monotonic()
        with self._arrival:
            if connection is not self._connection or self._stop.is_set():
                return
            if not self._here:
                self._here, self._state, self._live_since = True, "live", now
                self._connects, self._down_since = self._connects + 1, None
                self._check = FrozenCheck()
            if self._first_captured is None:
                self._first_captured = now
            if self._newest is not None:
                self._dropped += 1
            time_s = round(now - self._first_captured, 6)
            shape = connection.pixel_aspect
            self._newest = _Newest(raw, self._frames, time_s, now, self._connects - 1, shape)
            self._frames += 1
            self._rate.add(now)
            self._frozen = self._check.still_s(raw, now) >= self._settings.frozen_s
            self._arrival.notify_all()

    def _disconnect(self, trouble: Trouble) -> bool:
        """Record the end of a connection; return whether it had lasted long enough."""
        with self._arrival:
            steady = self._here and time.monotonic() - self._live_since > _STEADY_S
            self._connection, self._here, self._frozen = None, False, False
            self._last_error = trouble.text
            self._down_since = self._down_since or datetime.now(UTC)
            if not self._stop.is_set():
                self._state = "waiting"
        return steady

    def _is_hopeless(self, trouble: Trouble, refused: int) -> bool:
        if trouble.sort == "camera":  # a device that existed before may be plugged in again
            return self._connects == 0
        return trouble.sort == "useless" or refused >= self._settings.password_tries

    def _end(self, state: State, line: str | None = None) -> None:
        with self._arrival:
            if self._state != "closed":
                self._state = state
            if state == "ended":
                self._down_since = None
            self._arrival.notify_all()
        if line is not None:
            self._tell(line)

    def _tell(self, line: str) -> None:
        """Report a line only once, until something else happens."""
        if line != self._told and not self._stop.is_set():
            self._told = line
            self._report(line)

    def _wait_for_hanging(self) -> None:
        """Wait while earlier reads of the source hang, since each one keeps its memory."""
        while not self._stop.is_set():
            self._hanging = [each for each in self._hanging if each.alive]
            if len(self._hanging) < _MOST_HANGING:
                return
            self._stop.wait(_LOOK_S)
