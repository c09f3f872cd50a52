"""Read counts by the minute, hour, day or week, as the clock on the wall of a site says."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any, Literal, TypeAlias

from sqlalchemy import Connection, Integer, Select, Table, func, literal_column, select

from crowdmask.store import tables
from crowdmask.store.records import Counts
from crowdmask.tracking.mask_state import STATES

Per: TypeAlias = Literal["minute", "hour", "day", "week"]

SUMS = ("observed_s", "down_s", "frozen_s", *STATES, "people")
"""The columns that are added up."""
QUARTER = 15

_LENGTHS = {"hour": 60, "day": 24 * 60, "week": 7 * 24 * 60}
# 1970 began on a Thursday, and weeks begin on Monday.
_SHIFTS = {"hour": 0, "day": 0, "week": 3 * 24 * 60}
_LOOK_MINUTES = 7 * 24 * 60
_LAST_MINUTE = 4_000_000_000


@dataclass(frozen=True, kw_only=True)
class Chart:
    """The parameters of a chart.

    Attributes:
        start, end: minutes since 1970, from and before.
        camera: only of this one; None: of all, each by itself.
        zone: of the cameras; None: the whole picture.
        all_zones: of the whole picture and of all zones; `zone` is not looked at.
        per: how long each is.
        timezone: in which hours, days and weeks begin.
    """

    start: int
    end: int
    camera: str | None = None
    zone: str | None = None
    all_zones: bool = False
    per: Per = "minute"
    timezone: tzinfo = UTC


def minute_of(moment: datetime) -> int:
    """Return the number of the minute, since 1970, that contains a time."""
    return int(moment.timestamp() // 60)


def read_chart(connection: Connection, chart: Chart) -> list[Counts]:
    """Return counts in order of time; periods without any data are left out."""
    if chart.per == "minute":
        columns = tables.counts.c
        query = select(columns.minute, columns.camera, columns.zone, *(columns[name] for name in SUMS))
        query = _where(query, tables.counts, chart, chart.start, chart.end)
        rows = connection.execute(query.order_by(columns.minute, columns.camera, columns.zone))
        return [
            _counts(datetime.fromtimestamp(minute * 60, UTC), camera, zone, values)
            for minute, camera, zone, *values in rows
        ]
    sums: dict[tuple[datetime, str, str], list[float]] = {}
    for start, end, offset in _offsets(chart):
        for table, begin, until in _parts(start, end, offset):
            for local, camera, zone, *values in connection.execute(_sums(chart, table, begin, until, offset)):
                begun = _begin(local, offset, chart)
                known = sums.setdefault((begun, camera, zone), [0.0] * len(SUMS))
                for number, value in enumerate(values):
                    known[number] += value
    return [_counts(*key, sums[key]) for key in sorted(sums)]


def _sums(chart: Chart, table: Table, start: int, end: int, offset: int) -> Select[Any]:
    """Return the sums of a span within which clocks were not changed, by local minutes since 1970."""
    # A parameter would be another expression to PostgreSQL each time it is written.
    shift = offset + _SHIFTS[chart.per]
    local: Any = table.c.minute + literal_column(str(shift), Integer)
    begun = local - local % literal_column(str(_LENGTHS[chart.per]), Integer)
    columns = table.c
    query = select(
        begun.label("local"), columns.camera, columns.zone, *(func.sum(columns[name]) for name in SUMS)
    )
    return _where(query, table, chart, start, end).group_by(begun, columns.camera, columns.zone)


def _where(query: Select[Any], table: Table, chart: Chart, start: int, end: int) -> Select[Any]:
    query = query.where(table.c.minute >= start, table.c.minute < end)
    if chart.camera is not None:
        query = query.where(table.c.camera == chart.camera)
    if not chart.all_zones:
        query = query.where(table.c.zone == (chart.zone or ""))
    return query


def _parts(start: int, end: int, offset: int) -> Iterator[tuple[Table, int, int]]:
    """Yield from where to read: whole quarters from their sums, and what is left from the minutes."""
    first, last = -(-start // QUARTER) * QUARTER, end // QUARTER * QUARTER
    if offset % QUARTER or first >= last:
        yield tables.counts, start, end
        return
    if start < first:
        yield tables.counts, start, first
    yield tables.quarters, first, last
    if last < end:
        yield tables.counts, last, end


def _offsets(chart: Chart) -> Iterator[tuple[int, int, int]]:
    """Yield the spans of a chart within which clocks were not changed, each with its minutes ahead of UTC."""
    start, end = max(chart.start, 0), min(chart.end, _LAST_MINUTE)
    while start < end:
        offset, at = _offset(start, chart.timezone), start
        while at < end and _offset(at, chart.timezone) == offset:
            at += _LOOK_MINUTES
        until = end
        if at < end or _offset(end, chart.timezone) != offset:
            low, until = at - _LOOK_MINUTES, min(at, end)  # the clocks are changed after `low`
            while until - low > 1:
                middle = (low + until) // 2
                if _offset(middle, chart.timezone) == offset:
                    low = middle
                else:
                    until = middle
        yield start, until, offset
        start = until


def _offset(minute: int, timezone: tzinfo) -> int:
    offset = datetime.fromtimestamp(minute * 60, UTC).astimezone(timezone).utcoffset() or timedelta(0)
    return int(offset.total_seconds() // 60)


def _begin(local: int, offset: int, chart: Chart) -> datetime:
    """Return when an hour, day or week began, UTC."""
    minute = local - _SHIFTS[chart.per]
    if chart.per == "hour":
        return datetime.fromtimestamp((minute - offset) * 60, UTC)
    # Midnight by the clock of that day, which may be an hour off from now's.
    wall = datetime(1970, 1, 1) + timedelta(minutes=minute)
    return wall.replace(tzinfo=chart.timezone, fold=0).astimezone(UTC)


def _counts(begun: datetime, camera: str, zone: str, values: list[float]) -> Counts:
    observed, down, frozen, *by_state, people = values
    return Counts(
        start_utc=begun,
        camera=camera,
        zone=zone or None,
        observed_s=observed,
        down_s=down,
        frozen_s=frozen,
        person_s=dict(zip(STATES, by_state, strict=True)),
        people=int(people),
    )
