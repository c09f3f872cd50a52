"""How a camera fares, for whoever looks after it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal, TypeAlias

from crowdmask.live.readers.stats import State

News: TypeAlias = Literal["started", "receiving", "connection", "notice", "ended"]


@dataclass(frozen=True, kw_only=True)
class Health:
    """How one camera, stream or video of a session fares.

    Attributes:
        camera: its name in the session.
        source: shown address, without credentials.
        run: UUID of the run; another one after each restart.
        state: "queued" is a file that waits for its turn, "waiting" the time between two tries to connect,
            "failed" an output that could not be written or an internal error.
        frames: received and decoded so far; of a file, also those that were not looked at.
        fps: received a second, of the last seconds; of a file, on average.
        dropped: received, and replaced by a newer frame before they were looked at.
        reconnects: how often the connection came back.
        frozen: whether it sends the same picture all the time.
        latency_ms: from a frame's decoding to its result, the median of the last; None: no result yet.
        down_since: UTC time since which no frame comes; None: frames come, or it has ended as it should.
        restarts: how often the session began it anew after it failed or hung.
        result_age_s: seconds since the last result; None: none yet. A live camera with frames and a high age
            hangs.
        last_error: what went wrong last, in one line.
        news: what has just happened, where a listener is told of it: "connection" is one that was lost, came
            back or froze, "notice" something about the source that somebody should know; else None.
        message: the same in one line that names the source, where something went wrong or right again.
    """

    camera: str
    source: str
    run: str
    state: State
    frames: int = 0
    fps: float = 0.0
    dropped: int = 0
    reconnects: int = 0
    frozen: bool = False
    latency_ms: float | None = None
    down_since: datetime | None = None
    restarts: int = 0
    result_age_s: float | None = None
    last_error: str | None = None
    news: News | None = None
    message: str | None = None

    @property
    def is_over(self) -> bool:
        """Whether no frame will come any more unless it is restarted."""
        return self.state in ("gave up", "ended", "closed", "failed")
