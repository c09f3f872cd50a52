from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from crowdmask.store.records import Counts, StoredEvent
from crowdmask.store.store import Store, open_store

NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)
EVENT = StoredEvent(
    time_utc=NOW, camera="door", source="rtsp://10.0.0.5/", run="r", track=7, event="no_mask", frame=100,
    label="without_mask", confidence=0.9, zone="A",
)  # fmt: skip


@pytest.fixture
def store(address: str) -> Iterator[Store]:
    with open_store(address) as opened:
        yield opened


def minute(moment: datetime, masked: float = 60.0, **changes: Any) -> Counts:
    values: dict[str, Any] = {
        "start_utc": moment, "camera": "door", "observed_s": 60.0, "people": 2,
        "person_s": {"with_mask": masked, "without_mask": 20.0},
    }  # fmt: skip
    return Counts(**(values | changes))


def day(store: Store, **wanted: Any) -> list[Counts]:
    return store.counts(**({"start": NOW - timedelta(days=400), "end": NOW + timedelta(days=400)} | wanted))


def test_of_a_minute_the_last_counts_stay(store: Store) -> None:
    store.add([minute(NOW, 10.0), minute(NOW, 20.0)])
    store.add([minute(NOW, 30.0), minute(NOW, zone="A"), minute(NOW, camera="yard")])
    (found,) = day(store, camera="door")
    assert found.person_s == {
        "with_mask": 30.0, "without_mask": 20.0, "mask_worn_incorrect": 0.0, "unknown": 0.0,
    }  # fmt: skip
    assert (found.start_utc, found.people, found.share) == (NOW, 2, 0.6)
    assert [each.camera for each in day(store)] == ["door", "yard"]
    assert [each.zone for each in day(store, camera="door", all_zones=True)] == [None, "A"]
    assert day(store, zone="A")[0].zone == "A"


def test_an_event_is_kept_once(store: Store) -> None:
    later = replace(EVENT, frame=200, time_utc=NOW + timedelta(seconds=4), event="person_left", zone=None)
    for _ in range(2):
        store.add([EVENT, later])
    assert store.events() == [later, EVENT]
    assert store.events(oldest_first=True, limit=1) == store.events(event="no_mask") == [EVENT]
    assert store.events(start=NOW + timedelta(seconds=1)) == [later]
    assert store.events(end=NOW + timedelta(seconds=1), camera="door") == [EVENT]
    assert store.events(camera="yard") == []


def test_what_fails_is_not_kept_in_part(store: Store) -> None:
    with pytest.raises(Exception, match=r"time zone|timezone"):
        store.add([minute(NOW), replace(EVENT, time_utc=NOW.replace(tzinfo=None))])
    assert day(store) == []


def test_gaps_stay_gaps(store: Store) -> None:
    store.add([minute(NOW), minute(NOW + timedelta(minutes=2), observed_s=0.0, person_s={}, down_s=60.0)])
    first, second = day(store)
    assert (first.share, second.share, second.down_s) == (0.75, None, 60.0)
    (hour,) = day(store, per="hour")
    assert (hour.observed_s, hour.down_s, hour.people) == (60.0, 60.0, 4)


@pytest.mark.parametrize(
    ("per", "zone", "expected"),
    [
        ("hour", "Europe/Berlin", ["24T22:00", "25T00:00", "25T01:00", "25T23:00"]),
        ("day", "Europe/Berlin", ["24T22:00", "25T23:00"]),  # 25 hours: summer time ends
        ("week", "Europe/Berlin", ["18T22:00", "25T23:00"]),
        ("day", "UTC", ["24T00:00", "25T00:00"]),
        ("day", "Asia/Kathmandu", ["24T18:15", "25T18:15"]),
        (
            "hour",
            "Asia/Kathmandu",
            ["24T21:15", "24T22:15", "25T00:15", "25T01:15", "25T22:15", "25T23:15"],
        ),
    ],
)
def test_days_begin_as_the_clock_on_the_wall_says(
    store: Store, per: Any, zone: str, expected: list[str]
) -> None:
    moments = ("24T22:00", "24T22:59", "25T00:30", "25T01:30", "25T23:00", "25T23:15")
    store.add([minute(datetime.fromisoformat(f"2026-10-{each}").replace(tzinfo=UTC)) for each in moments])
    found = day(store, per=per, timezone=ZoneInfo(zone))
    assert [each.start_utc.strftime("%dT%H:%M") for each in found] == expected
    assert sum(each.people for each in found) == 12


def test_old_rows_go(store: Store) -> None:
    old = NOW - timedelta(days=40)
    store.add([minute(NOW), minute(old), EVENT, replace(EVENT, time_utc=old, frame=1)])
    assert store.prune(counts_before=NOW - timedelta(days=30), events_before=NOW - timedelta(days=30)) == 2
    assert (len(day(store)), store.events()) == (1, [EVENT])


def test_records_are_plain() -> None:
    assert minute(NOW).to_record()["share_with_mask"] == 0.75
    assert Counts(start_utc=NOW, camera="x").to_record()["share_with_mask"] is None
    assert EVENT.to_record()["time_utc"] == "2026-11-27T12:00:00Z"
