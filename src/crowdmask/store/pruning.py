"""Remove what is older than it may be kept, a little at a time, so that nobody waits."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from threading import Event

from sqlalchemy import Engine, Table, delete, func, select

from crowdmask.store import tables
from crowdmask.store.charts import QUARTER, minute_of

_PAUSE_S = 0.01
_MOST_ROWS = 2000


@dataclass(frozen=True, kw_only=True)
class Limits:
    """The oldest time to keep, by kind; None: keep everything.

    Attributes:
        counts, events, tracks, audit: UTC. Gaps go with counts, alerts with events.
    """

    counts: datetime | None = None
    events: datetime | None = None
    tracks: datetime | None = None
    audit: datetime | None = None


def prune_rows(engine: Engine, limits: Limits, stop: Event) -> int:
    """Delete rows older than the limits, except alerts.

    Each step is a transaction of its own that touches few rows, and others write between two of them.

    Args:
        engine: of the store.
        limits: what stays.
        stop: ends it early; the rest goes the next time.
    Returns:
        How many rows went; sums of others do not count.
    """
    gone = 0
    if limits.counts is not None:
        before = minute_of(limits.counts) // QUARTER * QUARTER  # whole quarters, as they are summed up
        _slices(engine, tables.quarters, before, 24 * 60, stop)
        gone += _slices(engine, tables.counts, before, 60, stop)
        gone += _rows(engine, tables.gaps, "last_utc", limits.counts, stop)
    if limits.tracks is not None:
        gone += _slices(engine, tables.tracks, minute_of(limits.tracks), 10, stop)
    for table, before_utc in ((tables.events, limits.events), (tables.audit, limits.audit)):
        if before_utc is not None:
            gone += _rows(engine, table, "time_utc", before_utc, stop)
    return gone


def _slices(engine: Engine, table: Table, before: int, minutes: int, stop: Event) -> int:
    """Remove what is before a minute, a slice of time after the other."""
    minute = table.c.minute

    def step() -> int | None:
        with engine.begin() as connection:
            first = connection.execute(select(func.min(minute)).where(minute < before)).scalar()
            if first is None:
                return None
            slice_ = delete(table).where(minute >= first, minute < min(first + minutes, before))
            return connection.execute(slice_).rowcount

    return _repeat(step, stop)


def _rows(engine: Engine, table: Table, column: str, before: datetime, stop: Event) -> int:
    """Remove what is before a moment, some rows after the others."""
    moment = table.c[column]

    def step() -> int | None:
        # Rows of the same moment go together, so that the end of a step is always further than its beginning.
        oldest = select(moment).where(moment < before).order_by(moment).limit(_MOST_ROWS).subquery()
        with engine.begin() as connection:
            last = connection.execute(select(func.max(oldest.c[0]))).scalar()
            if last is None:
                return None
            return connection.execute(delete(table).where(moment <= last)).rowcount

    return _repeat(step, stop)


def _repeat(step: Callable[[], int | None], stop: Event) -> int:
    gone = 0
    while not stop.is_set():
        removed = step()
        if removed is None:
            break
        gone += removed
        stop.wait(_PAUSE_S)
    return gone
