"""The health of a camera, for monitoring."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal, TypeAlias

from crowdmask.live.readers.stats import State

News: TypeAlias = Literal["started", "receiving", "connection", "notice", "ended"]


@dataclass(frozen=True, kw_only=True)
class Health:
    """The health of one camera, stream or video of a session.

    Attributes:
        camera: its name in the session.
        source: displayed address, without credentials.
        run: UUID of the run; it changes with each restart.
        state: "queued": a file that waits for its turn; "waiting": between two attempts to connect;
            "failed": an output that could not be written, or an internal error.
        frames: number received and decoded so far; for a file, including those without detection.
        fps: frames received per second during the last seconds; for a file, the average.
        dropped: frames replaced by a newer one before detection.
        reconnects: how often the connection was restored.
        frozen: whether it sends the same picture all the time.
        latency_ms: median time from decoding a frame to its result, for the last frames; None: no result yet.
        down_since: UTC time since when no frames come; None: frames come, or it ended normally.
        restarts: how often the session restarted it after it failed or hung.
        result_age_s: seconds since the last result; None: no result yet. If it is high although frames come,
            the camera's run hangs.
        last_error: the last problem, in one line.
        news: the reason for a report to listeners: "connection": it was lost, restored or froze; "notice":
            information about the source; otherwise None.
        message: the same in one line with the source's name, if something went wrong or was restored.
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
        """Whether no more frames will come without a restart."""
        return self.state in ("gave up", "ended", "closed", "failed")
