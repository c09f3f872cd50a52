"""Statistics of a live source: frames and processing time."""

from __future__ import annotations

import statistics
from collections import deque
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

State = Literal["queued", "connecting", "live", "waiting", "gave up", "ended", "closed", "failed"]

_SPAN_S = 5.0
_SAMPLES = 100


@dataclass(frozen=True)
class SourceStats:
    """The state of a live source.

    Attributes:
        name: displayed name, without credentials.
        frames: number received and decoded so far.
        fps: frames received per second during the last seconds.
        dropped: frames replaced by a newer one before they were taken.
        reconnects: how often the connection was restored.
        frozen: whether it sends the same picture all the time.
        latency_ms: median time from decoding a frame to its result, for the last frames; None: no result yet.
        state: "waiting": between two attempts to connect.
        last_error: the last problem, in one line.
        down_since: UTC time since when no frames come; None: frames come, or it ended normally.
    """

    name: str
    frames: int = 0
    fps: float = 0.0
    dropped: int = 0
    reconnects: int = 0
    frozen: bool = False
    latency_ms: float | None = None
    state: State = "connecting"
    last_error: str | None = None
    down_since: datetime | None = None


class RateMeter:
    """Frames per second during the last seconds."""

    def __init__(self) -> None:
        """Begin empty."""
        self._times: deque[float] = deque(maxlen=1200)

    def add(self, now: float) -> None:
        """Record one frame at `now`, seconds."""
        self._times.append(now)

    def fps(self, now: float) -> float:
        """Return the rate; 0 if nothing came recently."""
        while self._times and now - self._times[0] > _SPAN_S:
            self._times.popleft()
        if len(self._times) < 2:
            return 0.0
        # An overdue frame's waiting time counts, too, so the rate of a stopped stream falls.
        gap = (self._times[-1] - self._times[0]) / (len(self._times) - 1)
        overdue = now - self._times[-1]
        span = self._times[-1] - self._times[0] + (overdue if overdue > 2 * gap else 0.0)
        # The frames that a server had buffered before the start do not count.
        return (len(self._times) - 1) / max(span, 1.0)


class LatencyMeter:
    """Milliseconds from decoding to the result."""

    def __init__(self) -> None:
        """Begin empty."""
        self._samples: deque[float] = deque(maxlen=_SAMPLES)

    def add(self, seconds: float) -> None:
        """Record one frame."""
        self._samples.append(seconds * 1000)

    def median_ms(self) -> float | None:
        """Return the median of the last frames; None if there is none."""
        return statistics.median(self._samples) if self._samples else None
