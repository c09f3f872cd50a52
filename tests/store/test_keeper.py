from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from sqlalchemy.exc import OperationalError

from crowdmask.store.keeper import Keeper
from crowdmask.store.records import Counts, Gap, Record
from crowdmask.store.spool import Spool, SpoolFullError
from crowdmask.store.store import Store, open_store

from ..alerts.conftest import wait_for
from .test_store import EVENT, NOW, TRACK, minute

GAP = Gap(camera="door", why="down", began_utc=NOW, last_utc=NOW + timedelta(seconds=9), error="no route")


class Away(Store):
    """A store that can be away: `trouble` is called before each write."""

    trouble: Callable[[], None] = staticmethod(lambda: None)

    def add(self, records: Sequence[Record]) -> None:
        self.trouble()
        super().add(records)

    def ping(self) -> None:
        self.trouble()


def wait_at(gate: Event) -> None:
    gate.wait(30)


def refuse() -> None:
    raise OperationalError("INSERT", {}, Exception("the server is gone"))


@pytest.fixture
def store(address: str) -> Iterator[Away]:
    with open_store(address) as opened:
        yield Away(opened._engine)


def kept(store: Store) -> list[int]:
    found = store.counts(start=NOW - timedelta(days=1), end=NOW + timedelta(days=1))
    return [each.people for each in found]


def keeper_of(store: Store, spool: Path, **options: Any) -> Keeper:
    return Keeper(store, spool, **({"retry_s": 0.05, "patience_s": 5.0} | options))


def test_what_is_seen_while_the_store_is_away_is_kept_once(store: Away, tmp_path: Path) -> None:
    spool = tmp_path / "spool"
    keeper = keeper_of(store, spool)
    keeper.start()
    keeper.put([minute(NOW, people=1), EVENT])
    wait_for(lambda: kept(store) == [1], 20)
    assert not spool.exists()
    store.trouble = refuse
    for people in (2, 3):  # of a minute the last word counts
        keeper.put([minute(NOW, people=people), replace(EVENT, frame=people), TRACK, GAP])
        wait_for(lambda: keeper.state().spooled >= 4, 20)
    assert (keeper.state().error, keeper.state().away_since is not None) == ("the server is gone", True)
    assert kept(store) == [1]
    del store.trouble
    wait_for(lambda: keeper.state().away_since is None, 20)
    assert (kept(store), [each.frame for each in store.events(oldest_first=True)]) == ([3], [100, 2, 3])
    span: Any = {"start": NOW, "end": NOW + timedelta(minutes=1)}
    assert (store.tracks(**span), store.gaps(**span)) == ([TRACK], [GAP])
    keeper.put([minute(NOW, people=4)])
    keeper.stop()
    assert (kept(store), spool.exists()) == ([4], False)


def test_a_store_that_does_not_answer_keeps_nobody_waiting(store: Away, tmp_path: Path) -> None:
    gate = Event()
    store.trouble = lambda: wait_at(gate)
    keeper = keeper_of(store, tmp_path / "spool", patience_s=0.1)
    keeper.start()
    keeper.put([minute(NOW, people=1)])
    wait_for(lambda: keeper.state().spooled == 1, 20)
    assert keeper.state().error == "no answer"
    keeper.put([minute(NOW, people=2)])
    gate.set()
    wait_for(lambda: keeper.state().away_since is None, 20)
    keeper.stop()
    assert kept(store) == [2]


def test_the_next_run_brings_in_what_a_killed_one_left(store: Away, tmp_path: Path) -> None:
    program = f"""
import os, signal
from datetime import datetime, UTC
from pathlib import Path
from crowdmask.store.records import Counts
from crowdmask.store.spool import Spool
spool = Spool(Path({str(tmp_path / "spool")!r}), 1)
for people in range(1, 4):
    spool.add([Counts(start_utc=datetime.fromisoformat({NOW.isoformat()!r}), camera="door", people=people)])
os.kill(os.getpid(), signal.SIGKILL)
"""
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == -9
    keeper = keeper_of(store, tmp_path / "spool")
    keeper.start()
    assert kept(store) == [3]
    keeper.stop()
    assert not (tmp_path / "spool").exists()


def test_an_end_while_the_store_is_away_leaves_the_spool(store: Away, tmp_path: Path) -> None:
    store.trouble = refuse
    keeper = keeper_of(store, tmp_path / "spool")
    keeper.start()
    keeper.put([minute(NOW, people=5)])
    keeper.stop()
    del store.trouble
    later = keeper_of(store, tmp_path / "spool")
    later.start()
    later.stop()
    assert kept(store) == [5]


def test_a_full_spool_is_said_survived_and_counted(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with open_store(tmp_path / "store.db") as opened:
        store = Away(opened._engine)
        store.trouble = refuse
        keeper = keeper_of(store, tmp_path / "spool", most_mb=1, most_waiting=100)
        keeper.start()
        long = replace(EVENT, source="x" * 10_000)
        for frame in range(400):
            keeper.put([replace(long, frame=frame)])
            wait_for(lambda: not keeper.state().waiting or "is full" in caplog.text, 20)
        wait_for(lambda: keeper.state().refused > 0, 20)
        assert "database or disk is full; what is seen waits in memory" in caplog.text
        assert caplog.text.count("is full") < 10
        state = keeper.state()
        assert state.spooled > 50
        del store.trouble
        wait_for(lambda: keeper.state().away_since is None and keeper.state().waiting == 0, 40)
        keeper.stop()
        assert len(store.events(limit=9999)) == 400 - state.refused


def test_a_full_disk_is_survived(tmp_path: Path) -> None:
    """Every file of the process is bounded, as a full disk would: the store and its spool both fail."""
    program = f"""
import resource, signal, sys, time
from dataclasses import replace
from pathlib import Path
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
from crowdmask.store.keeper import Keeper
from crowdmask.store.records import Counts
from crowdmask.store.store import open_store
from datetime import datetime, timedelta
now = datetime.fromisoformat({NOW.isoformat()!r})
store = open_store({str(tmp_path / "store.db")!r})
keeper = Keeper(store, Path({str(tmp_path / "spool")!r}), retry_s=0.05, patience_s=5.0)
keeper.start()
def row(number): return Counts(start_utc=now + timedelta(minutes=number), camera="door", people=1)
keeper.put([row(0)])
while keeper.state().waiting: time.sleep(0.01)
resource.setrlimit(resource.RLIMIT_FSIZE, (1, resource.RLIM_INFINITY))
for number in range(1, 50): keeper.put([row(number)])
while keeper.state().away_since is None: time.sleep(0.01)
print(keeper.state().error, keeper.state().waiting, flush=True)
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
while keeper.state().away_since is not None or keeper.state().waiting: time.sleep(0.01)
keeper.stop()
print(len(store.counts(start=now, end=now + timedelta(days=1))))
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    said, number = done.stdout.splitlines()
    assert said.endswith(" 49"), done.stdout
    assert number == "50"


def test_what_is_added_meanwhile_is_not_removed(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "spool", 1)
    spool.add([minute(NOW, people=1), TRACK, GAP, EVENT])
    rows = spool.first(10)
    assert [record for _, record in rows] == [minute(NOW, people=1), TRACK, GAP, EVENT]
    spool.add([minute(NOW, people=2)])
    spool.remove([each for each, _ in rows])
    assert [record.people for _, record in spool.first(10) if isinstance(record, Counts)] == [2]
    with pytest.raises(SpoolFullError, match="full"):
        spool.add([replace(EVENT, frame=each, source="x" * 1000) for each in range(3000)])
    assert len(spool) == 1
    spool.close()
    assert (tmp_path / "spool").exists()


def test_the_store_comes_back_though_something_new_is_seen_all_the_time(store: Away, tmp_path: Path) -> None:
    keeper = keeper_of(store, tmp_path / "spool")
    keeper.start()
    store.trouble = refuse
    number = 0

    def put() -> Any:
        nonlocal number
        number += 1
        keeper.put([minute(NOW + timedelta(minutes=number), people=number)])
        return keeper.state()

    wait_for(lambda: put().away_since is not None, 20)
    store.trouble = lambda: None
    wait_for(lambda: put().away_since is None, 20)
    keeper.stop()
    assert kept(store) == list(range(1, number + 1))
    assert not (tmp_path / "spool").exists()
