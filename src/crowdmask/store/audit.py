"""Who logged in, looked at live pictures, exported, or changed something."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Engine, insert, select

from crowdmask.store import tables
from crowdmask.store.alert_records import to_text

_MOST_CHARS = 2000


@dataclass(frozen=True, kw_only=True)
class AuditEntry:
    """One entry of the audit log.

    Attributes:
        time_utc: when.
        who: the user.
        what: was done, like "login".
        thing: to what.
        address: from where.
    """

    time_utc: datetime
    who: str
    what: str
    thing: str = ""
    address: str = ""

    def to_record(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {**vars(self), "time_utc": to_text(self.time_utc)}


class AuditLog:
    """The audit log in the database; entries are added, deleted when too old, and never changed."""

    def __init__(self, engine: Engine) -> None:
        """Use a database whose tables exist.

        Args:
            engine: of SQLite or PostgreSQL.
        """
        self._engine = engine

    def add(self, entry: AuditEntry) -> None:
        """Add an entry; values that are too long are cut."""
        lengths = {"who": 255, "address": 64, "what": 255, "thing": _MOST_CHARS}
        # PostgreSQL keeps no NUL.
        cut = {name: getattr(entry, name).replace("\0", " ")[:most] for name, most in lengths.items()}
        with self._engine.begin() as connection:
            connection.execute(insert(tables.audit).values(time_utc=entry.time_utc, **cut))

    def entries(
        self,
        *,
        start: datetime | None = None,
        end: datetime | None = None,
        who: str | None = None,
        limit: int = 1000,
    ) -> list[AuditEntry]:
        """Return entries, newest first.

        Args:
            start, end: from, and before; None: at any time.
            who: only of this user; None: of all.
            limit: at most so many.
        """
        columns = tables.audit.c
        query = select(*(column for column in columns if column.name != "id"))
        if start is not None:
            query = query.where(columns.time_utc >= start)
        if end is not None:
            query = query.where(columns.time_utc < end)
        if who is not None:
            query = query.where(columns.who == who)
        query = query.order_by(columns.time_utc.desc(), columns.id.desc()).limit(limit)
        with self._engine.connect() as connection:
            return [AuditEntry(**row) for row in connection.execute(query).mappings()]
