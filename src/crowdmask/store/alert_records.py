"""What the store knows of alerts: the alert itself, what people said of it, and messages on their way."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal, TypeAlias

AlertState: TypeAlias = Literal["raised", "recovered", "test"]
Value: TypeAlias = str | float | int | None


@dataclass(frozen=True, kw_only=True)
class Alert:
    """An alert: what is wrong, where, and since when; its `id` stays the same until it ends.

    Attributes:
        id: a UUID.
        rule: the name of the rule.
        kind: which kind of rule, its `when`.
        camera: the configured name.
        zone: None: the whole picture.
        state: "raised" or "recovered"; "test" is what an operator sends to see whether it arrives.
        raised_utc: since when.
        recovered_utc: until when; None: it goes on.
        message: one line for people, of what the state says.
        values: figures of it, by name.
    """

    id: str
    rule: str
    kind: str
    camera: str
    zone: str | None
    state: AlertState
    raised_utc: datetime
    recovered_utc: datetime | None
    message: str
    values: Mapping[str, Value] = field(default_factory=dict)

    @property
    def key(self) -> str:
        """The key of one message, the same for every attempt to send it."""
        return f"{self.id}:{self.state}"

    @property
    def place(self) -> str:
        """The camera and its zone, for people."""
        return self.camera if self.zone is None else f"{self.camera}, zone {self.zone}"

    def to_record(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {
            "id": self.id,
            "rule": self.rule,
            "kind": self.kind,
            "camera": self.camera,
            "zone": self.zone,
            "state": self.state,
            "raised_utc": to_text(self.raised_utc),
            "recovered_utc": None if self.recovered_utc is None else to_text(self.recovered_utc),
            "message": self.message,
            "values": dict(self.values),
        }

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> Alert:
        """Return the alert of a record made by `to_record`."""
        ended = record["recovered_utc"]
        times = {
            "raised_utc": datetime.fromisoformat(record["raised_utc"]),
            "recovered_utc": None if ended is None else datetime.fromisoformat(ended),
        }
        return cls(**{**record, **times})


def to_text(moment: datetime) -> str:
    """Return a time in UTC as text, as in RFC 3339."""
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


@dataclass(frozen=True, kw_only=True)
class StoredAlert:
    """An alert and what people said of it.

    Attributes:
        alert: as it is now; its message is that of its beginning.
        acknowledged_utc, acknowledged_by: when and by whom it was acknowledged; None: by nobody.
        wrong: whether somebody marked it as wrong; None: nobody said anything.
        marked_utc, marked_by: when and by whom it was marked.
        recovery: the message of its end.
    """

    alert: Alert
    acknowledged_utc: datetime | None = None
    acknowledged_by: str | None = None
    wrong: bool | None = None
    marked_utc: datetime | None = None
    marked_by: str | None = None
    recovery: str | None = None

    def to_record(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {
            **self.alert.to_record(),
            "recovery": self.recovery,
            "acknowledged_utc": None if self.acknowledged_utc is None else to_text(self.acknowledged_utc),
            "acknowledged_by": self.acknowledged_by,
            "wrong": self.wrong,
            "marked_utc": None if self.marked_utc is None else to_text(self.marked_utc),
            "marked_by": self.marked_by,
        }


@dataclass(frozen=True, kw_only=True)
class Delivery:
    """One message that is to be sent to one channel.

    Attributes:
        id: of the row.
        alert: what is told, as it was when it happened.
        channel: its name.
        created_utc: when it happened.
        attempts: how often it was tried.
        due_utc: when it is tried next.
    """

    id: int
    alert: Alert
    channel: str
    created_utc: datetime
    attempts: int
    due_utc: datetime


@dataclass(frozen=True, kw_only=True)
class Snooze:
    """No messages of a rule at a camera and zone until some time."""

    rule: str
    camera: str
    zone: str | None
    until_utc: datetime
    by: str


@dataclass(frozen=True, kw_only=True)
class Judged:
    """The number of alerts of a rule, and how they were marked.

    Attributes:
        rule: its name.
        alerts: all that were raised.
        right, wrong: how many were marked so.
    """

    rule: str
    alerts: int
    right: int
    wrong: int

    @property
    def wrong_share(self) -> float | None:
        """The share of marked alerts that are wrong, 0 to 1; None: none was marked."""
        marked = self.right + self.wrong
        return self.wrong / marked if marked else None
