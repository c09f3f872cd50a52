"""Sessions of users who logged in, so that a restart of the service logs nobody out."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Engine, delete, insert, select

from crowdmask.store.tables import sessions


@dataclass(frozen=True, kw_only=True)
class StoredSession:
    """One session, without its key.

    Attributes:
        name, role: of the user.
        csrf: must come with each change that a browser asks for.
        password_mark: tells whether the password is still the one that was given.
        ends_utc: it is valid before.
    """

    name: str
    role: str
    csrf: str
    password_mark: str
    ends_utc: datetime


_COLUMNS = [sessions.c[name] for name in StoredSession.__dataclass_fields__]


class SessionStore:
    """The sessions of a site in its database; for any thread."""

    def __init__(self, engine: Engine) -> None:
        """Use a database whose tables exist."""
        self._engine = engine

    def add(self, key_hash: str, session: StoredSession, now: datetime) -> None:
        """Store a new session, and delete those that have expired.

        Args:
            key_hash: SHA-256 of the key, hexadecimal; the key itself is in the browser only.
            session: without its key.
            now: UTC.
        """
        with self._engine.begin() as connection:
            connection.execute(delete(sessions).where(sessions.c.ends_utc <= now))
            connection.execute(insert(sessions).values(**vars(session), key_hash=key_hash))

    def find(self, key_hash: str) -> StoredSession | None:
        """Return the session whose key has this hash; None: there is none."""
        query = select(*_COLUMNS).where(sessions.c.key_hash == key_hash)
        with self._engine.connect() as connection:
            row = connection.execute(query).mappings().first()
        return None if row is None else StoredSession(**row)

    def remove(self, key_hash: str) -> None:
        """Delete a session, if it exists."""
        with self._engine.begin() as connection:
            connection.execute(delete(sessions).where(sessions.c.key_hash == key_hash))
