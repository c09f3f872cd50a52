"""Options of one camera, stream or video."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from crowdmask.errors import UsageError
from crowdmask.live.pipeline import Settings
from crowdmask.live.readers.capture import RTSP_TRANSPORTS
from crowdmask.live.readers.reader import LiveSettings
from crowdmask.tracking.events import GRACE_S
from crowdmask.tracking.ignoring import Ignored
from crowdmask.tracking.schedule import ADAPTIVE, EVERY, LOOKS
from crowdmask.tracking.tracker import ALGORITHMS, DEFAULT_ALGORITHM

if TYPE_CHECKING:
    from crowdmask.tracking.zones import ZonesFile

MOST_FPS = 1_000
"""Faster than any camera."""
MOST_TIMEOUT_S = 3_600
MOST_S = 1_000_000_000
"""Thirty years, practically unlimited."""


@dataclass(frozen=True, kw_only=True)
class CameraOptions:
    """Options of one camera, stream or video; validated on creation.

    Attributes:
        every: process every n-th frame only.
        look: "adaptive": run the detector on a frame if that is worth it and predict the others; "every": run
            it on every frame; None: adaptive for files, whose frames can be told late, and every for live
            sources and paced files. With `every` above 1 or `max_fps` nothing is predicted.
        max_fps: maximum number of frames per second to process; None: no limit.
        for_s: end after this many seconds, for a file by its timestamps; None: at the end of the source.
        out: annotated video to write; None: no video.
        blur: make faces unreadable in the video and, by default, in views and snapshots.
        paced: play a file in real time, for viewers.
        algorithm: tracking algorithm, one of `tracking.tracker.ALGORITHMS`.
        grace_s: seconds without a mask that cause the event `no_mask`.
        zones: zones and lines for counting; None: none.
        ignored: faces that are left out: in parts of the picture, or too small; None: none.
        still_s: a face that has not moved for this time is reported and no longer counted; None: it is
            counted.
        rtsp_transport: transport of RTSP cameras, one of `readers.capture.RTSP_TRANSPORTS`.
        timeout_s: a camera that sends no frame for this time is reconnected; None: after 5 seconds, or
            later if its frame rate is low.
    """

    every: int = 1
    look: str | None = None
    max_fps: float | None = None
    for_s: float | None = None
    out: Path | None = None
    blur: bool = False
    paced: bool = False
    algorithm: str = DEFAULT_ALGORITHM
    grace_s: float = GRACE_S
    zones: ZonesFile | None = None
    ignored: Ignored | None = None
    still_s: float | None = None
    rtsp_transport: str = "auto"
    timeout_s: float | None = None

    def __post_init__(self) -> None:
        """Check the values.

        Raises:
            UsageError: one is out of range.
        """
        if self.every < 1:
            raise UsageError(f"`every` must be at least 1, not {self.every}")
        bounded = (
            ("max_fps", self.max_fps, MOST_FPS),
            ("for", self.for_s, MOST_S),
            ("timeout", self.timeout_s, MOST_TIMEOUT_S),
        )
        for name, value, most in bounded:
            if value is not None and not 0 < value <= most:  # also refuses NaN
                raise UsageError(f"`{name}` must be above 0 and at most {most:,}, not {value:g}")
        if not (0 <= self.grace_s <= MOST_S):
            raise UsageError(f"`grace` must be 0 to {MOST_S:,} seconds, not {self.grace_s:g}")
        if self.look is not None and self.look not in LOOKS:
            raise UsageError(f"`look` is {' or '.join(LOOKS)}, not {self.look!r}")
        if self.algorithm not in ALGORITHMS:
            choices = ", ".join(ALGORITHMS)
            raise UsageError(f"no tracking algorithm {self.algorithm!r}: choose from {choices}")
        if self.rtsp_transport not in RTSP_TRANSPORTS:
            choices = ", ".join(RTSP_TRANSPORTS)
            raise UsageError(f"no RTSP transport {self.rtsp_transport!r}: choose from {choices}")

    def for_source(self, is_live: bool) -> CameraOptions:
        """Return the options with what `look` means for such a source."""
        if self.look is not None:
            return self
        return replace(self, look=EVERY if is_live or self.paced else ADAPTIVE)

    @property
    def is_adaptive(self) -> bool:
        """Whether the detector runs only on frames that are worth it."""
        return self.look == ADAPTIVE and self.every == 1 and self.max_fps is None

    @property
    def settings(self) -> Settings:
        """The options that the pipeline needs."""
        return Settings(
            self.algorithm, self.grace_s, self.zones, self.ignored, self.still_s, self.is_adaptive
        )

    @property
    def live(self) -> LiveSettings:
        """What the reader of a camera or stream needs of it."""
        return LiveSettings(deadline_s=self.timeout_s, rtsp_transport=self.rtsp_transport)

    def needs_new_run(self, before: CameraOptions, is_file: bool) -> bool:
        """Return whether a change from `before` to these options needs a restart.

        Zones, grace, blur, limits and pace are taken over while it runs; an output, another algorithm, when
        frames are looked at, how a camera is connected to and, of a file, which frames are read, are not.
        """
        if (self.algorithm, self.out, self.look) != (before.algorithm, before.out, before.look):
            return True
        if not is_file:
            return self.live != before.live
        return (self.every, self.paced) != (before.every, before.paced)
