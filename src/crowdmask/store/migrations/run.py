"""Bring a database up to date."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from alembic.util.exc import CommandError
from sqlalchemy import Connection

from crowdmask.errors import StoreError


def upgrade(connection: Connection, revision: str = "head") -> None:
    """Run all migrations that the database has not had yet.

    Args:
        connection: in whose transaction they happen, so that they are all taken or none.
        revision: up to this one.
    Raises:
        StoreError: a newer version has been here.
    """
    config = _config()
    config.attributes["connection"] = connection
    try:
        command.upgrade(config, revision)
    except CommandError as error:
        raise StoreError(
            "the store was written by a newer version of crowdmask: update crowdmask, or use another store"
        ) from error


def head() -> str:
    """Return the newest revision."""
    return ScriptDirectory.from_config(_config()).get_current_head() or ""


def _config() -> Config:
    config = Config()
    # alembic's own syntax would take a % in the path for a name to replace.
    config.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config
