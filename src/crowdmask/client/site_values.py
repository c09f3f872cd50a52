"""Values of what the service answers about its site: alerts, rules, zones, changes, links, the audit log."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from crowdmask.client.values import known
from crowdmask.store.records import Gap


@dataclass(frozen=True)
class SiteInfo:
    """A site.

    Attributes:
        name, timezone: of the site.
        mode: "operation" or "statistics".
        version: of the service.
    """

    name: str
    timezone: str
    mode: str
    version: str


@dataclass(frozen=True)
class Alert:
    """An alert and what people said of it.

    Attributes:
        id: a UUID.
        rule, kind: name and `when` of the rule.
        camera, zone: where; None: the whole picture.
        state: "raised" or "recovered".
        raised_utc, recovered_utc: from when until when; None: it goes on.
        message, recovery: of its beginning and of its end, one line each.
        values: figures of it, by name.
        acknowledged_utc, acknowledged_by: when and by whom; None: by nobody.
        wrong: whether it was marked wrong; None: nobody said anything.
        marked_utc, marked_by: when and by whom it was marked.
    """

    id: str
    rule: str
    kind: str
    camera: str
    zone: str | None
    state: str
    raised_utc: datetime
    recovered_utc: datetime | None
    message: str
    recovery: str | None
    values: Mapping[str, str | float | int | None]
    acknowledged_utc: datetime | None
    acknowledged_by: str | None
    wrong: bool | None
    marked_utc: datetime | None
    marked_by: str | None


@dataclass(frozen=True)
class Snooze:
    """No messages of a rule at a camera and zone until some time."""

    camera: str
    zone: str | None
    until_utc: datetime
    by: str


@dataclass(frozen=True)
class Rule:
    """A rule and how its alerts were judged.

    Attributes:
        name, when: of the rule.
        settings: the whole rule, as in the site file.
        channels: names of those that its messages go to.
        alerts: how many are kept.
        right, wrong: how many of them were marked so.
        wrong_share: of the marked ones, 0 to 1; None: none was marked.
        snoozed: where it sends no messages for now.
    """

    name: str
    when: str
    settings: Mapping[str, Any]
    channels: tuple[str, ...]
    alerts: int
    right: int
    wrong: int
    wrong_share: float | None
    snoozed: tuple[Snooze, ...]


@dataclass(frozen=True)
class Preview:
    """What a rule would have done.

    Attributes:
        rule: its name.
        days: of them so many are kept of its cameras.
        alerts: how many there would have been.
        alerts_a_day: None: too little is kept.
        expected_false: how many of the alerts; None: the error rates do not tell.
        raised: plain values of each: camera, time_utc, message.
    """

    rule: str
    days: float
    alerts: int
    alerts_a_day: float | None
    expected_false: float | None
    raised: tuple[Mapping[str, Any], ...]


@dataclass(frozen=True)
class Zones:
    """Parts of a camera's picture, as in the site file.

    Attributes:
        camera: its name.
        units: of all corners: "fraction" of the picture's width and height, or "pixels".
        zones, lines: plain values of each.
        ignore: polygons in which nobody counts, a sequence of corners (x, y) each.
    """

    camera: str
    units: str
    zones: tuple[Mapping[str, Any], ...]
    lines: tuple[Mapping[str, Any], ...]
    ignore: tuple[Any, ...]


@dataclass(frozen=True)
class Change:
    """How a camera or rule in force differs from the site file.

    Attributes:
        kind: "camera" or "rule".
        name: of it.
        action: "added", "changed" or "removed".
        fields: plain values of each: field, before, after.
    """

    kind: str
    name: str
    action: str
    fields: tuple[Mapping[str, Any], ...]


@dataclass(frozen=True)
class Link:
    """A link for a wall screen.

    Attributes:
        id, name: of the link.
        created_utc, created_by: when and by whom it was made.
        expires_utc: it lets in before.
        revoked_utc, revoked_by: when and by whom it was revoked; None: it was not.
        token: for `/wall#TOKEN`, or as a Bearer token; None: it is shown only when the link is made.
    """

    id: str
    name: str
    created_utc: datetime
    created_by: str
    expires_utc: datetime
    revoked_utc: datetime | None
    revoked_by: str | None
    token: str | None = None


@dataclass(frozen=True)
class AuditEntry:
    """Who did what to what, and from which address."""

    time_utc: datetime
    who: str
    what: str
    thing: str
    address: str


def to_site(record: Mapping[str, Any]) -> SiteInfo:
    """Return a site of its record."""
    return SiteInfo(**known(SiteInfo, record))


def to_alert(record: Mapping[str, Any]) -> Alert:
    """Return an alert of its record."""
    return Alert(**known(Alert, record, "raised_utc", "recovered_utc", "acknowledged_utc", "marked_utc"))


def to_snooze(record: Mapping[str, Any]) -> Snooze:
    """Return where a rule is snoozed of its record."""
    return Snooze(**known(Snooze, record, "until_utc"))


def to_rule(record: Mapping[str, Any]) -> Rule:
    """Return a rule of its record."""
    parts = {
        "channels": tuple(record["channels"]),
        "snoozed": tuple(to_snooze(each) for each in record["snoozed"]),
    }
    return Rule(**{**known(Rule, record), **parts})


def to_preview(record: Mapping[str, Any]) -> Preview:
    """Return a preview of its record."""
    return Preview(**{**known(Preview, record), "raised": tuple(record["raised"])})


def to_zones(record: Mapping[str, Any]) -> Zones:
    """Return a camera's zones of their record."""
    parts = {name: tuple(record[name]) for name in ("zones", "lines", "ignore")}
    return Zones(**{**known(Zones, record), **parts})


def to_change(record: Mapping[str, Any]) -> Change:
    """Return a change of its record."""
    return Change(**{**known(Change, record), "fields": tuple(record["fields"])})


def to_link(record: Mapping[str, Any]) -> Link:
    """Return a link of its record."""
    return Link(**known(Link, record, "created_utc", "expires_utc", "revoked_utc"))


def to_entry(record: Mapping[str, Any]) -> AuditEntry:
    """Return a line of the audit log of its record."""
    return AuditEntry(**known(AuditEntry, record, "time_utc"))


def to_gap(record: Mapping[str, Any]) -> Gap:
    """Return a gap of its record."""
    return Gap(**known(Gap, record, "began_utc", "last_utc"))
