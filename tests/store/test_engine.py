from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Engine, create_engine, inspect, text

from crowdmask.errors import StoreError
from crowdmask.store.engine import open_engine, to_url
from crowdmask.store.migrations.run import head, upgrade
from crowdmask.store.store import open_store
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


@pytest.mark.parametrize("revision", ["0001_alerts", "0002_counts", "0003_switches", "0004_quarters"])
def test_a_store_of_before_is_brought_up_to_date_with_what_it_holds(address: str, revision: str) -> None:
    engine = create_engine(to_url(address))
    with engine.begin() as connection:
        upgrade(connection, revision)
        if revision != "0001_alerts":
            for minute in (29_000_000, 29_000_001, 29_000_015):
                connection.execute(
                    text(f"INSERT INTO counts VALUES ('door', '', {minute}, 60, 0, 0, 30, 10, 0, 5, 2)")
                )
        if revision == "0004_quarters":  # from then on the program itself sums up
            for minute, times in ((28_999_995, 2), (29_000_010, 1)):
                values = ", ".join(str(each * times) for each in (60, 0, 0, 30, 10, 0, 5, 2))
                connection.execute(
                    text(f"INSERT INTO counts_quarters VALUES ({minute}, 'door', '', {values})")
                )
    engine.dispose()
    span: Any = {"start": datetime(2025, 1, 1, tzinfo=UTC), "end": datetime(2026, 1, 1, tzinfo=UTC)}
    with open_store(address) as store:
        minutes, days = store.counts(**span), store.counts(**span, per="day")
    if revision != "0001_alerts":
        assert ([each.people for each in minutes], [each.people for each in days]) == ([2, 2, 2], [6])
        assert days[0].person_s["with_mask"] == 90.0
    else:
        assert (minutes, days) == ([], [])
