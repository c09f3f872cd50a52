"""What cameras saw, as it is kept."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, TypeAlias

from crowdmask.labels import LABELS
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
        """The uncorrected share of time with a correctly worn mask, 0 to 1; None: no known state."""
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
    """One event of one camera; (camera, run, track) identifies the track.

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


@dataclass(frozen=True, kw_only=True)
class TrackMinute:
    """One minute of one track, without a picture; (camera, run, track) identifies the track.

    Attributes:
        start_utc: when the minute begins.
        camera: the configured name.
        source: the shown address, without credentials.
        run: UUID of the run.
        track: number within the run; -1: faces that no track held, together.
        zone: where it was for most of that time; None: in none.
        label_s: seconds in view by label: as the track was judged, or while it was not judged yet, as the
            detector said.
        unjudged_s: how many of them the track was not judged.
        confidence: mean of the detector's, by label; a label that was not seen is not there.
        width_px: mean width of the face.
        lost_s: seconds between two sightings in which it was not seen, though the picture was looked at.
        frames: in which it was seen.
        model_hash: of the detector.
    """

    start_utc: datetime
    camera: str
    source: str
    run: str
    track: int
    zone: str | None
    label_s: Mapping[str, float]
    unjudged_s: float
    confidence: Mapping[str, float]
    width_px: float
    lost_s: float
    frames: int
    model_hash: str

    def to_row(self) -> dict[str, Any]:
        """Return the columns of the table."""
        plain = ("camera", "source", "run", "track", "zone", "unjudged_s", "width_px", "lost_s", "frames")
        return {
            "minute": int(self.start_utc.timestamp() // 60),
            **{name: getattr(self, name) for name in (*plain, "model_hash")},
            **{label: self.label_s.get(label, 0.0) for label in LABELS},
            **{f"{label}_confidence": self.confidence.get(label) for label in LABELS},
        }

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> TrackMinute:
        """Return the value of a row made by `to_row`."""
        plain = {name: value for name, value in row.items() if name in cls.__dataclass_fields__}
        sure = {label: row[f"{label}_confidence"] for label in LABELS}
        return cls(
            **plain,
            start_utc=datetime.fromtimestamp(row["minute"] * 60, UTC),
            label_s={label: row[label] for label in LABELS},
            confidence={label: value for label, value in sure.items() if value is not None},
        )


@dataclass(frozen=True, kw_only=True)
class Gap:
    """A period in which a camera was not observed.

    Attributes:
        camera: the configured name.
        why: "down" or "frozen".
        began_utc, last_utc: when it began, and when it was last seen to go on: its end once it is over.
        error: what went wrong, in one line and without secrets.
    """

    camera: str
    why: str
    began_utc: datetime
    last_utc: datetime
    error: str | None = None

    def to_record(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {**vars(self), "began_utc": to_text(self.began_utc), "last_utc": to_text(self.last_utc)}


Record: TypeAlias = Counts | StoredEvent | TrackMinute | Gap
