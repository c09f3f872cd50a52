from __future__ import annotations

from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Engine, inspect, text

from crowdmask.errors import StoreError
from crowdmask.store.engine import open_engine
from crowdmask.store.migrations.run import head
from crowdmask.store.tables import metadata


def test_the_migrations_make_the_tables_that_the_code_knows(engine: Engine) -> None:
    with engine.connect() as connection:
        context = MigrationContext.configure(connection)
        assert context.get_current_revision() == head()
        assert compare_metadata(context, metadata) == []


def test_opening_again_changes_nothing(address: str) -> None:
    for _ in range(2):
        engine = open_engine(address)
        assert set(metadata.tables) < set(inspect(engine).get_table_names())
        engine.dispose()


def test_sqlite_writes_beside_readers(tmp_path: Path) -> None:
    engine = open_engine(tmp_path / "50% full.db")
    with engine.connect() as connection:
        answers = [
            connection.execute(text(f"PRAGMA {name}")).scalar() for name in ("journal_mode", "foreign_keys")
        ]
    engine.dispose()
    assert answers == ["wal", 1]


def test_a_newer_schema_is_refused(address: str) -> None:
    engine = open_engine(address)
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999_future'"))
    engine.dispose()
    with pytest.raises(StoreError, match="written by a newer version of crowdmask: update"):
        open_engine(address)


@pytest.mark.parametrize(
    ("address", "why"),
    [
        ("/not/there/store.db", "cannot open the store /not/there/store.db: there is no such folder"),
        ("mysql://ada:hunter2@h/x", r"the store mysql://ada:\*\*\*@h/x must be postgresql"),
        ("sqlite://", "must be postgresql"),
        ("://", "cannot be read"),
        ("postgresql://ada:hunter2@127.0.0.1:1/x", r"cannot open the store postgresql\+pg8000://ada:\*\*\*@"),
    ],
)
def test_what_cannot_be_opened_is_said_without_its_password(address: str, why: str) -> None:
    with pytest.raises(StoreError, match=why) as caught:
        open_engine(address)
    assert "hunter2" not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    path.write_bytes(b"not a database, and long enough to be looked at" * 100)
    with pytest.raises(StoreError, match="file is not a database"):
        open_engine(path)
