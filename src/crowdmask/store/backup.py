"""Copy a store of SQLite while it is in use."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path

from sqlalchemy import URL

from crowdmask.errors import OutputError, StoreError
from crowdmask.files import as_output_error, whole_path
from crowdmask.store.engine import to_url

_HEAD = b"SQLite format 3\0"


def back_up(address: str | os.PathLike[str], path: Path) -> int:
    """Write a complete copy of a store into one file with SQLite's backup; writers do not wait.

    A copy of the file alone would lack what stands in the ``-wal`` beside it.

    Args:
        address: of the store, as `open_store` takes it.
        path: of the copy; replaced when the new one is complete.
    Returns:
        Its size in bytes.
    Raises:
        StoreError: there is no such store, it cannot be read, or it is not a file of SQLite.
        OutputError: the copy cannot be written.
    """
    source = _file_of(to_url(os.fspath(address)))
    if path.exists() and path.samefile(source):
        raise StoreError(f"the copy of the store {source} needs another name")
    _check_place(path)
    with whole_path(path, what="the copy of the store", sync=True) as part:
        part.touch()  # where that fails, the place is at fault, not the store
        _copy(source, part, path)
        return part.stat().st_size


def _check_place(path: Path) -> None:
    """Let nothing be replaced that is no database."""
    with as_output_error(path, "the copy of the store"):
        if path.exists() and path.stat().st_size and not _begins(path):
            raise OutputError(f"{path} is there and no database: give the copy of the store another name")


def _begins(path: Path) -> bool:
    with open(path, "rb") as file:
        return file.read(len(_HEAD)) == _HEAD


def _file_of(url: URL) -> Path:
    if url.drivername != "sqlite":
        raise StoreError("the store is PostgreSQL: back it up with its own pg_dump")
    path = Path(url.database or "")
    if not path.is_file():
        raise StoreError(f"there is no store {path} to back up")
    return path


def _copy(source: Path, part: Path, path: Path) -> None:
    try:
        reading = sqlite3.connect(f"{source.absolute().as_uri()}?mode=ro", uri=True, timeout=10)
        with closing(reading):
            # An error of reading is told from one of writing by asking the source first.
            reading.execute("SELECT count(*) FROM alembic_version").fetchone()
            with closing(sqlite3.connect(part)) as writing:
                try:
                    # All pages at once: it would begin anew with each change between two steps.
                    reading.backup(writing)
                    writing.execute("PRAGMA journal_mode=DELETE")  # one file, nothing beside it
                except sqlite3.OperationalError as error:
                    raise OutputError(f"cannot write the copy of the store {path}: {error}") from error
    except sqlite3.Error as error:
        raise StoreError(f"cannot back up the store {source}: {error}") from error
