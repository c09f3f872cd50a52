from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from threading import Event, Thread
from typing import Any

import pytest

from crowdmask.store.audit import AuditEntry
from crowdmask.store.records import Counts, Gap, StoredEvent
from crowdmask.store.store import Store, open_store

from .test_store import EVENT, TRACK

NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)


@pytest.fixture
def store(address: str) -> Iterator[Store]:
    with open_store(address) as opened:
        yield opened


def all_counts(store: Store, per: Any = "minute") -> list[Counts]:
    return store.counts(start=NOW - timedelta(days=900), end=NOW + timedelta(days=1), per=per)


def test_each_kind_has_its_time(store: Store) -> None:
    ages = (1, 8, 40, 800)
    for days in ages:
        then = NOW - timedelta(days=days)
        store.add(
            [
                Counts(start_utc=then, camera="door", observed_s=60.0, people=days),
                replace(EVENT, time_utc=then, frame=days),
                replace(TRACK, start_utc=then),
                Gap(camera="door", why="down", began_utc=then, last_utc=then),
            ]
        )
        store.audit.add(AuditEntry(time_utc=then, who="ada", what="login"))
    before: Any = {
        name: NOW - timedelta(days=days)
        for name, days in (
            ("counts_before", 730), ("events_before", 30), ("tracks_before", 7), ("audit_before", 365),
        )
    }  # fmt: skip
    assert store.prune(**before) == 2 + 2 + 3 + 1
    assert [each.people for each in all_counts(store)] == [40, 8, 1]
    assert [each.people for each in all_counts(store, "day")] == [40, 8, 1]
    assert [each.frame for each in store.events()] == [1, 8]
    span: Any = {"start": NOW - timedelta(days=900), "end": NOW}
    assert len(store.tracks(**span)) == 1
    assert len(store.gaps(**span)) == 3
    assert len(store.audit.entries()) == 3
    assert store.prune(**before) == 0
    assert store.prune() == 0


def test_sums_and_minutes_go_together(store: Store) -> None:
    first = NOW.replace(minute=20)
    store.add(
        [
            Counts(start_utc=first + timedelta(minutes=each), camera="door", observed_s=60.0, people=1)
            for each in range(40)
        ]
    )
    store.prune(counts_before=NOW.replace(minute=37))  # its quarter began at 30
    assert [sum(each.people for each in all_counts(store, per)) for per in ("minute", "hour")] == [30, 30]


def test_who_writes_does_not_wait(store: Store) -> None:
    old = NOW - timedelta(days=100)
    store.add([replace(EVENT, time_utc=old + timedelta(seconds=each), frame=each) for each in range(9000)])
    done = Event()

    def prune() -> None:
        assert store.prune(events_before=NOW - timedelta(days=30)) == 9000
        done.set()

    worker = Thread(target=prune)
    worker.start()
    written = []
    while not done.is_set() and len(written) < 1000:
        begun = time.monotonic()
        event: StoredEvent = replace(EVENT, frame=len(written), run="new")
        store.add([event])
        written.append(time.monotonic() - begun)
    worker.join(60)
    assert done.is_set()
    assert len(store.events(limit=5000)) == len(written)
    assert max(written) < 5.0  # the database gives up after 10


def test_it_ends_when_asked(store: Store) -> None:
    store.add([replace(EVENT, time_utc=NOW - timedelta(days=99))])
    stop = Event()
    stop.set()
    assert store.prune(events_before=NOW, stop=stop) == 0 + len(store.events()) - 1
