"""An alert, from the moment that something is wrong until it is right again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, TypeAlias

AlertState: TypeAlias = Literal["raised", "recovered", "test"]
Value: TypeAlias = str | float | int | None


@dataclass(frozen=True, kw_only=True)
class Alert:
    """What is wrong, where and since when; the same `id` from its beginning to its end.

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
        """Names one message: however often it is sent, it is the same."""
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


def to_text(moment: datetime) -> str:
    """Return a moment in UTC as RFC 3339 writes it, to the second."""
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
