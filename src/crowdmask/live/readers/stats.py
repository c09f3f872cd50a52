"""Count what comes from a live source, and how long it takes to be worked on."""

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
    """How a live source fares.

    Attributes:
        name: as shown, without credentials.
        frames: received and decoded so far.
        fps: received a second, of the last seconds.
        dropped: received, and replaced by a newer one before anybody took them.
        reconnects: how often it came back.
        frozen: whether it sends the same picture all the time.
        latency_ms: from a frame's decoding to its result, the median of the last; None: no result yet.
        state: "waiting" is the time between two tries.
        last_error: what went wrong last, in one line.
        down_since: UTC time since which no frame comes; None: frames come, or it ended as it should.
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
    """Frames a second, of the last seconds."""

    def __init__(self) -> None:
        """Begin with none."""
        self._times: deque[float] = deque(maxlen=1200)

    def add(self, now: float) -> None:
        """Note one frame at `now`, seconds."""
        self._times.append(now)

    def fps(self, now: float) -> float:
        """Return the rate, 0 where nothing came of late."""
        while self._times and now - self._times[0] > _SPAN_S:
            self._times.popleft()
        if len(self._times) < 2:
            return 0.0
        # The wait for a frame that is overdue counts too, so that a stream that stops fades out.
        gap = (self._times[-1] - self._times[0]) / (len(self._times) - 1)
        overdue = now - self._times[-1]
        span = self._times[-1] - self._times[0] + (overdue if overdue > 2 * gap else 0.0)
        # What a server had in store for the first moment is no rate.
        return (len(self._times) - 1) / max(span, 1.0)


class LatencyMeter:
    """Milliseconds from decoding to result."""

    def __init__(self) -> None:
        """Begin with none."""
        self._samples: deque[float] = deque(maxlen=_SAMPLES)

    def add(self, seconds: float) -> None:
        """Note one frame."""
        self._samples.append(seconds * 1000)

    def median_ms(self) -> float | None:
        """Return the median of the last frames, None where there is none."""
        return statistics.median(self._samples) if self._samples else None
