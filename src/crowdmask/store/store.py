"""The store of a site: what its cameras saw, and its alerts."""

from __future__ import annotations

import os
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any, Literal, Self, TypeAlias

from sqlalchemy import Engine, Integer, Select, delete, func, literal_column, select
from sqlalchemy.dialects import postgresql, sqlite

from crowdmask.store import tables
from crowdmask.store.alerts import AlertStore
from crowdmask.store.engine import open_engine
from crowdmask.store.records import Counts, Record, StoredEvent
from crowdmask.store.switches import Switches
from crowdmask.tracking.mask_state import STATES

Per: TypeAlias = Literal["minute", "hour", "day", "week"]

_SUMS = ("observed_s", "down_s", "frozen_s", *STATES, "people")
_KEY = ("camera", "zone", "minute")


class Store:
    """Reads and writes one database; for any thread. Also a context manager, which closes it.

    Attributes:
        alerts: alerts and their messages.
        switches: privacy switches of cameras.
    """

    def __init__(self, engine: Engine) -> None:
        """Use a database whose tables exist; `open_store` opens one."""
        self._engine = engine
        self.alerts = AlertStore(engine)
        self.switches = Switches(engine)

    def add(self, records: Sequence[Record]) -> None:
        """Keep records, all of them or none.

        What was kept already is not kept twice: of a minute's counts the last ones count, of an event the
        first one.
        """
        minutes = [_row(each) for each in records if isinstance(each, Counts)]
        events = [vars(each) for each in records if isinstance(each, StoredEvent)]
        if not minutes and not events:
            return
        # Both databases write it alike, each by a function of its own.
        insert: Any = postgresql.insert if self._engine.dialect.name == "postgresql" else sqlite.insert
        with self._engine.begin() as connection:
            if minutes:
                write = insert(tables.counts)
                values = {name: write.excluded[name] for name in _SUMS}
                newest = {tuple(row[name] for name in _KEY): row for row in minutes}
                connection.execute(
                    write.on_conflict_do_update(index_elements=_KEY, set_=values), [*newest.values()]
                )
            if events:
                connection.execute(insert(tables.events).on_conflict_do_nothing(), events)

    def counts(
        self,
        *,
        start: datetime,
        end: datetime,
        camera: str | None = None,
        zone: str | None = None,
        all_zones: bool = False,
        per: Per = "minute",
        timezone: tzinfo = UTC,
    ) -> list[Counts]:
        """Return counts in the order of time, without those of which nothing is kept.

        Args:
            start, end: minutes from, and before.
            camera: only of this one; None: of all, each by itself.
            zone: of the cameras; None: the whole picture.
            all_zones: of the whole picture and of all zones; `zone` is not looked at.
            per: how long each is.
            timezone: in which days and weeks begin.
        """
        columns = tables.counts.c
        # Days begin at hours of the clock on the wall, which in some places is a quarter of an hour apart.
        # A parameter would be another expression to PostgreSQL each time it is written.
        part: Any = columns.minute
        if per != "minute":
            part = columns.minute - columns.minute % literal_column("15", Integer)
        query = select(
            part.label("minute"),
            columns.camera,
            columns.zone,
            *(func.sum(columns[name]).label(name) for name in _SUMS),
        ).where(columns.minute >= _minute(start), columns.minute < _minute(end + timedelta(seconds=59)))
        if camera is not None:
            query = query.where(columns.camera == camera)
        if not all_zones:
            query = query.where(columns.zone == (zone or ""))
        return self._joined(query.group_by(part, columns.camera, columns.zone), per, timezone)

    def events(
        self,
        *,
        start: datetime | None = None,
        end: datetime | None = None,
        camera: str | None = None,
        event: str | None = None,
        limit: int = 1000,
        oldest_first: bool = False,
    ) -> list[StoredEvent]:
        """Return events, the newest first unless asked otherwise.

        Args:
            start, end: from, and before; None: at any time.
            camera, event: only of these; None: all.
            limit: at most so many.
            oldest_first: the oldest first.
        """
        columns = tables.events.c
        query: Select[Any] = select(*(column for column in columns if column.name != "id"))
        if start is not None:
            query = query.where(columns.time_utc >= start)
        if end is not None:
            query = query.where(columns.time_utc < end)
        if camera is not None:
            query = query.where(columns.camera == camera)
        if event is not None:
            query = query.where(columns.event == event)
        order = (columns.time_utc, columns.id)
        query = query.order_by(*order if oldest_first else (each.desc() for each in order)).limit(limit)
        with self._engine.connect() as connection:
            return [StoredEvent(**row) for row in connection.execute(query).mappings()]

    def prune(self, *, counts_before: datetime, events_before: datetime) -> int:
        """Remove what is older; returns how many rows."""
        with self._engine.begin() as connection:
            old = delete(tables.counts).where(tables.counts.c.minute < _minute(counts_before))
            gone = connection.execute(old).rowcount
            gone += connection.execute(
                delete(tables.events).where(tables.events.c.time_utc < events_before)
            ).rowcount
        return gone + self.alerts.prune(events_before)

    def close(self) -> None:
        """Close all connections."""
        self._engine.dispose()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _joined(self, query: Select[Any], per: Per, timezone: tzinfo) -> list[Counts]:
        sums: dict[tuple[datetime, str, str], list[float]] = {}
        with self._engine.connect() as connection:
            for minute, camera, zone, *values in connection.execute(query):
                begun = _begin(datetime.fromtimestamp(minute * 60, UTC), per, timezone)
                known = sums.setdefault((begun, camera, zone), [0.0] * len(_SUMS))
                for number, value in enumerate(values):
                    known[number] += value
        return [_counts(*key, sums[key]) for key in sorted(sums)]


def open_store(address: str | os.PathLike[str]) -> Store:
    """Open the store of a site, made where it is not there.

    Args:
        address: the path of a file of SQLite, or ``postgresql://user:password@host/name``.
    Raises:
        StoreError: it cannot be opened, or was written by a newer version.
    """
    return Store(open_engine(address))


def _row(counts: Counts) -> dict[str, Any]:
    return {
        "camera": counts.camera,
        "zone": counts.zone or "",
        "minute": _minute(counts.start_utc),
        "observed_s": counts.observed_s,
        "down_s": counts.down_s,
        "frozen_s": counts.frozen_s,
        **{state: counts.person_s.get(state, 0.0) for state in STATES},
        "people": counts.people,
    }


def _minute(moment: datetime) -> int:
    return int(moment.timestamp() // 60)


def _begin(moment: datetime, per: Per, timezone: tzinfo) -> datetime:
    """Return when the minute, hour, day or week of a moment began, UTC."""
    if per == "minute":
        return moment
    local = moment.astimezone(timezone)
    if per == "hour":
        return moment - timedelta(minutes=local.minute)
    local = local.replace(hour=0, minute=0)
    if per == "week":
        local -= timedelta(days=local.weekday())
    # Midnight by the clock of that day, which may be an hour off from now's.
    return local.replace(tzinfo=timezone, fold=0).astimezone(UTC)


def _counts(begun: datetime, camera: str, zone: str, values: list[float]) -> Counts:
    named = dict(zip(_SUMS, values, strict=True))
    return Counts(
        start_utc=begun,
        camera=camera,
        zone=zone or None,
        observed_s=named["observed_s"],
        down_s=named["down_s"],
        frozen_s=named["frozen_s"],
        person_s={state: named[state] for state in STATES},
        people=int(named["people"]),
    )
