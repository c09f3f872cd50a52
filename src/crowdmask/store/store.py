"""The store of a site: what its cameras saw, its alerts, and who changed what."""

from __future__ import annotations

import os
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta, tzinfo
from pathlib import Path
from threading import Event
from typing import Any, Self

from sqlalchemy import Connection, Engine, Select, Table, bindparam, func, select
from sqlalchemy.dialects import postgresql, sqlite

from crowdmask.store import tables
from crowdmask.store.alerts import AlertStore
from crowdmask.store.audit import AuditLog
from crowdmask.store.backup import back_up
from crowdmask.store.charts import QUARTER, SUMS, Chart, Per, minute_of, read_chart
from crowdmask.store.engine import open_engine
from crowdmask.store.links import LinkStore
from crowdmask.store.pruning import Limits, prune_rows
from crowdmask.store.records import Counts, Gap, Record, StoredEvent, TrackMinute
from crowdmask.store.sessions import SessionStore
from crowdmask.store.silence import silence_of
from crowdmask.store.switches import Switches
from crowdmask.tracking.mask_state import STATES


class Store:
    """Reads and writes one database; for any thread. Also a context manager, which closes it.

    Attributes:
        alerts: alerts and their messages.
        switches: privacy switches of cameras.
        audit: who logged in, looked, exported or changed something.
        links: for wall screens.
        sessions: of users who logged in.
        silence: whether the database is known not to answer; then all of this is refused at once.
    """

    def __init__(self, engine: Engine) -> None:
        """Use a database whose tables exist; `open_store` opens one."""
        self._engine = engine
        self.alerts = AlertStore(engine)
        self.switches = Switches(engine)
        self.audit = AuditLog(engine)
        self.links = LinkStore(engine)
        self.sessions = SessionStore(engine)
        self.silence = silence_of(engine)

    def add(self, records: Sequence[Record]) -> None:
        """Write records, all or none.

        What was kept already is not kept twice: of a minute's counts, of a minute of a track and of a gap the
        last ones count, of an event the first one.
        """
        rows = {
            tables.counts: [_row(each) for each in records if isinstance(each, Counts)],
            tables.tracks: [each.to_row() for each in records if isinstance(each, TrackMinute)],
            tables.gaps: [vars(each) for each in records if isinstance(each, Gap)],
        }
        events = [vars(each) for each in records if isinstance(each, StoredEvent)]
        if not records:
            return
        with self._engine.begin() as connection:
            for table, values in rows.items():
                if values:
                    self._keep_last(connection, table, values)
            if rows[tables.counts]:
                self._sum_up(connection, rows[tables.counts])
            if events:
                connection.execute(self._insert(tables.events).on_conflict_do_nothing(), events)

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
        """Return counts in order of time; periods without any data are left out.

        Args:
            start, end: minutes from, and before.
            camera: only of this one; None: of all, each by itself.
            zone: of the cameras; None: the whole picture.
            all_zones: of the whole picture and of all zones; `zone` is not looked at.
            per: how long each is.
            timezone: in which days and weeks begin.
        """
        chart = Chart(
            start=minute_of(start), end=minute_of(end + timedelta(seconds=59)), camera=camera, zone=zone,
            all_zones=all_zones, per=per, timezone=timezone,
        )  # fmt: skip
        with self._engine.connect() as connection:
            return read_chart(connection, chart)

    def events(
        self,
        *,
        start: datetime | None = None,
        end: datetime | None = None,
        camera: str | None = None,
        zone: str | None = None,
        event: str | None = None,
        limit: int = 1000,
        oldest_first: bool = False,
    ) -> list[StoredEvent]:
        """Return events, newest first by default.

        Args:
            start, end: from, and before; None: at any time.
            camera, zone, event: only of these; None: all.
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
        if zone is not None:
            query = query.where(columns.zone == zone)
        if event is not None:
            query = query.where(columns.event == event)
        order = (columns.time_utc, columns.id)
        query = query.order_by(*order if oldest_first else (each.desc() for each in order)).limit(limit)
        with self._engine.connect() as connection:
            return [StoredEvent(**row) for row in connection.execute(query).mappings()]

    def tracks(self, *, start: datetime, end: datetime, cameras: Sequence[str] = ()) -> list[TrackMinute]:
        """Return the minutes of tracks in order of time.

        Args:
            start, end: minutes from, and before.
            cameras: only of these; none: of all.
        """
        columns = tables.tracks.c
        span = (columns.minute >= minute_of(start), columns.minute < minute_of(end + timedelta(seconds=59)))
        query = select(tables.tracks).where(*span)
        if cameras:
            query = query.where(columns.camera.in_(cameras))
        query = query.order_by(columns.minute, columns.camera, columns.run, columns.track)
        with self._engine.connect() as connection:
            return [TrackMinute.from_row({**row}) for row in connection.execute(query).mappings()]

    def gaps(self, *, start: datetime, end: datetime, camera: str | None = None) -> list[Gap]:
        """Return the gaps that overlap a period, in order of time.

        Args:
            start, end: from, and before.
            camera: only of this one; None: of all.
        """
        columns = tables.gaps.c
        query = select(tables.gaps).where(columns.last_utc >= start, columns.began_utc < end)
        if camera is not None:
            query = query.where(columns.camera == camera)
        with self._engine.connect() as connection:
            return [Gap(**row) for row in connection.execute(query.order_by(columns.began_utc)).mappings()]

    def prune(
        self,
        *,
        counts_before: datetime | None = None,
        events_before: datetime | None = None,
        tracks_before: datetime | None = None,
        audit_before: datetime | None = None,
        stop: Event | None = None,
    ) -> int:
        """Delete older rows in small steps, so that writers do not wait; return their number.

        Args:
            counts_before: of counts, by whole quarters of an hour, and gaps; None: they all stay.
            events_before: of events and alerts.
            tracks_before: of tracks.
            audit_before: of the audit log.
            stop: ends it early; the rest goes the next time.
        """
        limits = Limits(counts=counts_before, events=events_before, tracks=tracks_before, audit=audit_before)
        gone = prune_rows(self._engine, limits, stop or Event())
        return gone + (0 if events_before is None else self.alerts.prune(events_before))

    def backup(self, path: Path) -> int:
        """Write a complete copy of an SQLite store in use into one file; return its size in bytes.

        Raises:
            StoreError: it is not a file of SQLite, or cannot be read.
            OutputError: the copy cannot be written.
        """
        return back_up(self._engine.url.render_as_string(hide_password=False), path)

    def ping(self) -> None:
        """Check that the database answers; raise its error otherwise."""
        with self._engine.connect() as connection:
            connection.execute(select(1))

    def close(self) -> None:
        """Close all connections."""
        self._engine.dispose()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _insert(self, table: Table) -> Any:
        # Both databases write it alike, each by a function of its own.
        insert: Any = postgresql.insert if self._engine.dialect.name == "postgresql" else sqlite.insert
        return insert(table)

    def _keep_last(self, connection: Connection, table: Table, rows: list[dict[str, Any]]) -> None:
        keys = [column.name for column in table.primary_key]
        write = self._insert(table)
        values = {each.name: write.excluded[each.name] for each in table.columns if each.name not in keys}
        newest = {tuple(row[name] for name in keys): row for row in rows}
        connection.execute(write.on_conflict_do_update(index_elements=keys, set_=values), [*newest.values()])

    def _sum_up(self, connection: Connection, rows: list[dict[str, Any]]) -> None:
        """Make the sums of the quarters anew that the minutes belong to."""
        columns = tables.counts.c
        first = bindparam("first", type_=columns.minute.type)
        query = (
            select(first, columns.camera, columns.zone, *(func.sum(columns[name]) for name in SUMS))
            .where(columns.camera == bindparam("of_camera"), columns.zone == bindparam("of_zone"))
            .where(columns.minute >= first, columns.minute < first + QUARTER)
            .group_by(columns.camera, columns.zone)
        )
        write = self._insert(tables.quarters).from_select(["minute", "camera", "zone", *SUMS], query)
        values = {name: write.excluded[name] for name in SUMS}
        write = write.on_conflict_do_update(index_elements=["minute", "camera", "zone"], set_=values)
        quarters = {(row["camera"], row["zone"], row["minute"] // QUARTER * QUARTER) for row in rows}
        for camera, zone, quarter in sorted(quarters):
            connection.execute(write, {"of_camera": camera, "of_zone": zone, "first": quarter})


def open_store(address: str | os.PathLike[str]) -> Store:
    """Open the store of a site; create it if it does not exist.

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
        "minute": minute_of(counts.start_utc),
        "observed_s": counts.observed_s,
        "down_s": counts.down_s,
        "frozen_s": counts.frozen_s,
        **{state: counts.person_s.get(state, 0.0) for state in STATES},
        "people": counts.people,
    }
