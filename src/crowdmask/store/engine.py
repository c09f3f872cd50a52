"""Open a database: a file of SQLite, or PostgreSQL by its URL."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, SQLAlchemyError

from crowdmask.errors import StoreError
from crowdmask.store.migrations.run import upgrade
from crowdmask.store.silence import Silence, pool_with

_BUSY_MS = 10_000
_ANSWER_S = 30.0


def open_engine(address: str | os.PathLike[str]) -> Engine:
    """Open a database and bring its tables up to date.

    Args:
        address: ``postgresql://user:password@host/name``, ``sqlite:///PATH``, or the path of a file, which is
            made where it is not there.
    Raises:
        StoreError: it cannot be opened, or was written by a newer version.
    """
    url = to_url(os.fspath(address))
    engine = _make(url, None)  # a step of a large store takes its time
    try:
        with engine.begin() as connection:
            upgrade(connection)
    except SQLAlchemyError as error:
        raise StoreError(f"cannot open the store {shown(url)}: {reason(error)}") from error
    finally:
        engine.dispose()
    return _make(url, _ANSWER_S)


def spool_of(address: str | os.PathLike[str]) -> Path:
    """Return the path of the spool: beside an SQLite file, otherwise in the current folder.

    Raises:
        StoreError: the address cannot be read.
    """
    url = to_url(os.fspath(address))
    if url.drivername == "sqlite":
        return Path(f"{url.database}.spool")
    name = re.sub(r"[^\w.-]", "_", f"{url.host or 'localhost'}-{url.port or 5432}-{url.database or ''}")
    return Path(f"crowdmask-{name}.spool").absolute()


def shown_address(address: str | os.PathLike[str]) -> str:
    """Return the address of a store without its password, for messages.

    Raises:
        StoreError: it cannot be read.
    """
    url = to_url(os.fspath(address))
    return f"the file {url.database}" if url.drivername == "sqlite" else f"the database {shown(url)}"


def shown(url: URL) -> str:
    """Return an address without its password."""
    return url.render_as_string(hide_password=True)


def reason(error: SQLAlchemyError) -> str:
    """Return the database's error message in one line, without the SQL statement."""
    inner = getattr(error, "orig", None) or error
    detail: Any = inner.args[0] if inner.args else type(inner).__name__
    # pg8000 gives a dictionary of fields; M is the message.
    text = str(detail.get("M", detail)) if isinstance(detail, dict) else str(detail)
    return " ".join(text.split())


def to_url(address: str) -> URL:
    """Return the URL of an address.

    Raises:
        StoreError: it is neither a path nor the URL of a database that we know.
    """
    if "://" not in address:
        return URL.create("sqlite", database=str(Path(address).absolute()))
    try:
        url = make_url(address)
    except ArgumentError as error:
        raise StoreError("the address of the store cannot be read: use postgresql://… or a path") from error
    if url.drivername in ("postgresql", "postgres", "postgresql+pg8000"):
        return url.set(drivername="postgresql+pg8000")
    if url.drivername == "sqlite" and url.database not in (None, "", ":memory:"):
        return url
    raise StoreError(f"the store {shown(url)} must be postgresql://… or the path of a file of SQLite")


def _make(url: URL, answer_s: float | None) -> Engine:
    if url.drivername != "sqlite":
        # A server that has gone without a word would be waited for for hours.
        return create_engine(
            url,
            poolclass=pool_with(Silence()),
            pool_pre_ping=True,
            pool_recycle=1800,
            connect_args={"timeout": answer_s},
        )
    if not Path(url.database or "").absolute().parent.is_dir():
        raise StoreError(f"cannot open the store {url.database}: there is no such folder")
    engine = create_engine(url, connect_args={"timeout": _BUSY_MS / 1000})

    @event.listens_for(engine, "connect")
    def _prepare(connection: Any, record: Any) -> None:
        cursor = connection.cursor()
        # Readers do not wait for the writer; what was committed survives a killed program.
        cursor.execute("PRAGMA journal_mode=WAL")
        cursor.execute("PRAGMA synchronous=NORMAL")
        cursor.execute("PRAGMA foreign_keys=ON")
        cursor.execute(f"PRAGMA busy_timeout={_BUSY_MS}")
        cursor.close()

    return engine
