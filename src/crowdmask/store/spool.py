"""Keep records in a file of their own while a store is away."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from threading import Lock
from typing import Any

from crowdmask.errors import StoreError
from crowdmask.store.records import Counts, Gap, Record, StoredEvent, TrackMinute

_KINDS: dict[str, type[Record]] = {each.__name__: each for each in (Counts, Gap, StoredEvent, TrackMinute)}
_TABLE = (
    "CREATE TABLE IF NOT EXISTS records (id INTEGER PRIMARY KEY AUTOINCREMENT, key TEXT UNIQUE, record TEXT)"
)
_BUSY_S = 2.0
_FULL = sqlite3.SQLITE_FULL


class SpoolFullError(StoreError):
    """The spool has reached its maximum size, or the disk is full."""


class Spool:
    """A bounded file of records; for any thread.

    Of what a record says about the same minute, track or gap only the last word is kept, so a store that is
    away for hours costs a row a minute. The file is there only while something waits in it.
    """

    def __init__(self, path: Path, most_mb: int) -> None:
        """Prepare; an earlier run may have left the file.

        Args:
            path: of the file.
            most_mb: its bound.
        """
        self.path, self._most_mb = path, most_mb
        self._lock = Lock()
        self._opened: sqlite3.Connection | None = None

    def __len__(self) -> int:
        """Return how many records wait."""
        with self._lock:
            if self._opened is None and not self.path.exists():
                return 0
            with _as_store_error(self.path):
                return int(self._connection().execute("SELECT count(*) FROM records").fetchone()[0])

    def add(self, records: Sequence[Record]) -> None:
        """Write records, all or none; they survive a kill from then on.

        Raises:
            SpoolFullError: there is no room.
            StoreError: the file cannot be written.
        """
        rows = [(key_of(each), _to_text(each)) for each in records]
        with self._lock, _as_store_error(self.path):
            connection = self._connection()
            with connection:
                connection.executemany("INSERT OR REPLACE INTO records (key, record) VALUES (?, ?)", rows)

    def first(self, number: int) -> list[tuple[int, Record]]:
        """Return the oldest records, each with the key for `remove`."""
        with self._lock, _as_store_error(self.path):
            rows = self._connection().execute("SELECT id, record FROM records ORDER BY id LIMIT ?", (number,))
            return [(each, _from_text(text)) for each, text in rows.fetchall()]

    def remove(self, ids: Sequence[int]) -> None:
        """Delete records that are stored elsewhere; newer records with the same key stay."""
        with self._lock, _as_store_error(self.path):
            connection = self._connection()
            with connection:
                connection.executemany("DELETE FROM records WHERE id = ?", [(each,) for each in ids])

    def close(self) -> None:
        """Close the file, and delete it if it is empty."""
        waits = True
        with suppress(StoreError):
            waits = len(self) > 0
        with self._lock:
            if self._opened is not None:
                self._opened.close()
            self._opened = None
            if not waits:
                for suffix in ("", "-wal", "-shm"):
                    with suppress(OSError):
                        Path(f"{self.path}{suffix}").unlink(missing_ok=True)

    def _connection(self) -> sqlite3.Connection:
        if self._opened is None:
            opened = sqlite3.connect(self.path, timeout=_BUSY_S, check_same_thread=False)
            try:
                opened.execute("PRAGMA journal_mode=WAL")
                opened.execute("PRAGMA synchronous=FULL")  # it is written when something is wrong already
                page = opened.execute("PRAGMA page_size").fetchone()[0]
                opened.execute(f"PRAGMA max_page_count={self._most_mb * 2**20 // page}")
                opened.execute(_TABLE)
            except sqlite3.Error:
                opened.close()
                raise
            self._opened = opened
        return self._opened


class _as_store_error:
    def __init__(self, path: Path) -> None:
        self._path = path

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: Any, error: BaseException | None, trace: Any) -> None:
        if isinstance(error, sqlite3.Error):
            is_full = getattr(error, "sqlite_errorcode", None) == _FULL
            raise (SpoolFullError if is_full else StoreError)(f"the spool {self._path}: {error}") from error


def key_of(record: Record) -> str:
    """Return the key of a record; a newer record with the same key replaces it."""
    if isinstance(record, Counts):
        about: list[Any] = [record.camera, record.zone, record.start_utc.isoformat()]
    elif isinstance(record, TrackMinute):
        about = [record.camera, record.run, record.track, record.start_utc.isoformat()]
    elif isinstance(record, Gap):
        about = [record.camera, record.why, record.began_utc.isoformat()]
    else:
        about = [record.camera, record.run, record.track, record.event, record.frame]
    return json.dumps([type(record).__name__, *about])


def _to_text(record: Record) -> str:
    plain = {
        name: value.isoformat() if isinstance(value, datetime) else value
        for name, value in vars(record).items()
    }
    return json.dumps({"kind": type(record).__name__, **plain})


def _from_text(text: str) -> Record:
    plain = json.loads(text)
    kind = _KINDS[plain.pop("kind")]
    for name, value in plain.items():
        if name.endswith("_utc"):
            plain[name] = datetime.fromisoformat(value)
    return kind(**plain)
