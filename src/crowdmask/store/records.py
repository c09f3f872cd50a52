"""What cameras saw, as it is kept."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeAlias

from crowdmask.store.alert_records import to_text
from crowdmask.tracking.mask_state import STATES


@dataclass(frozen=True, kw_only=True)
class Counts:
    """What a camera or zone saw in a minute, hour, day or week.

    Attributes:
        start_utc: when it begins.
        camera: the configured name.
        zone: None: the whole picture.
        observed_s: seconds of it that were looked at; what was not is a gap, neither zero nor full.
        down_s, frozen_s: seconds in which no frame came, or the same one all the time.
        person_s: seconds that people were in view, by state.
        people: different people in view; over more than a minute, their sum by minutes.
    """

    start_utc: datetime
    camera: str
    zone: str | None = None
    observed_s: float = 0.0
    down_s: float = 0.0
    frozen_s: float = 0.0
    person_s: Mapping[str, float] = field(default_factory=lambda: dict.fromkeys(STATES, 0.0))
    people: int = 0

    @property
    def share(self) -> float | None:
        """The raw share of the time with a correctly worn mask; None: nobody with a label was in view."""
        seconds = {state: self.person_s.get(state, 0.0) for state in STATES[:-1]}
        total = sum(seconds.values())
        return seconds[STATES[0]] / total if total > 0 else None

    def to_record(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {
            "start_utc": to_text(self.start_utc),
            "camera": self.camera,
            "zone": self.zone,
            "observed_s": round(self.observed_s, 3),
            "down_s": round(self.down_s, 3),
            "frozen_s": round(self.frozen_s, 3),
            "person_s": {state: round(self.person_s.get(state, 0.0), 3) for state in STATES},
            "people": self.people,
            "share_with_mask": None if self.share is None else round(self.share, 5),
        }


@dataclass(frozen=True, kw_only=True)
class StoredEvent:
    """One event of one camera; (camera, run, track) is who.

    Attributes:
        time_utc: when it began.
        camera: the configured name.
        source: the shown address, without credentials.
        run: UUID of the run.
        track: number within the run.
        event: one of `crowdmask.tracking.events.EVENTS`.
        frame: number of the frame in which it began.
        label, confidence: the state of the track then.
        zone: where, if in one.
    """

    time_utc: datetime
    camera: str
    source: str
    run: str
    track: int
    event: str
    frame: int
    label: str
    confidence: float
    zone: str | None

    def to_record(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {**vars(self), "time_utc": to_text(self.time_utc), "confidence": round(self.confidence, 4)}


Record: TypeAlias = Counts | StoredEvent
