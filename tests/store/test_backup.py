from __future__ import annotations

import sqlite3
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from crowdmask.errors import OutputError, StoreError
from crowdmask.store.backup import back_up
from crowdmask.store.records import Counts
from crowdmask.store.store import Store, open_store

NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)


def counted(store: Store) -> int:
    return len(store.counts(start=NOW - timedelta(days=1), end=NOW + timedelta(days=1)))


def add(store: Store, number: int) -> None:
    store.add([Counts(start_utc=NOW + timedelta(minutes=number), camera="door", observed_s=60.0)])


def test_a_copy_holds_what_is_not_yet_in_the_file_itself(tmp_path: Path) -> None:
    copy = tmp_path / "copy.db"
    with open_store(tmp_path / "50% ü.db") as store:
        for number in range(3):
            add(store, number)
        assert store.backup(copy) == copy.stat().st_size
        add(store, 3)  # who writes goes on
        assert [path.name for path in tmp_path.glob("*copy*")] == ["copy.db"]
        with open_store(copy) as other:
            assert counted(other) == 3
        store.backup(copy)  # a database may be replaced
        with open_store(copy) as other:
            assert counted(other) == 4


@pytest.mark.parametrize(
    ("address", "target", "error", "why"),
    [
        ("none.db", "copy.db", StoreError, "there is no store .*none.db to back up"),
        ("postgresql://ada:hunter2@h/x", "copy.db", StoreError, "its own pg_dump"),
        ("store.db", "store.db", StoreError, "needs another name"),
        ("store.db", "letter", OutputError, "is there and no database"),
        ("store.db", "none/copy.db", OutputError, "no such file or directory"),
        ("letter", "copy.db", StoreError, "cannot back up the store .*not a database"),
    ],
)
def test_what_cannot_be_copied(
    address: str, target: str, error: type[Exception], why: str, tmp_path: Path
) -> None:
    open_store(tmp_path / "store.db").close()
    (tmp_path / "letter").write_bytes(b"dear Ada, " * 1000)
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    with pytest.raises(error, match=why):
        back_up(address if "://" in address else tmp_path / address, tmp_path / target)
    left = {
        path: path.read_bytes() for path in tmp_path.iterdir() if path.suffix not in (".db-shm", ".db-wal")
    }
    assert left == before


def test_a_full_disk_leaves_the_old_copy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    copy = tmp_path / "copy.db"
    with open_store(tmp_path / "store.db") as store:
        store.backup(copy)
        before = copy.read_bytes()

        connect = sqlite3.connect

        def small(*words: Any, **options: Any) -> sqlite3.Connection:
            opened = connect(*words, **options)
            if not options:  # of the copy
                opened.execute("PRAGMA max_page_count = 2")
            return opened

        monkeypatch.setattr("crowdmask.store.backup.sqlite3.connect", small)
        with pytest.raises(OutputError, match=r"cannot write the copy of the store .*full"):
            store.backup(copy)
    assert copy.read_bytes() == before
    assert sorted(path.name for path in tmp_path.glob("*copy*")) == ["copy.db"]
