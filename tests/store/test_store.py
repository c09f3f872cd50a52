from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import product
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from crowdmask.store.audit import AuditEntry
from crowdmask.store.records import Counts, Gap, StoredEvent, TrackMinute
from crowdmask.store.store import Store, open_store

NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)
EVENT = StoredEvent(
    time_utc=NOW, camera="door", source="rtsp://10.0.0.5/", run="r", track=7, event="no_mask", frame=100,
    label="without_mask", confidence=0.9, zone="A",
)  # fmt: skip

TRACK = TrackMinute(
    start_utc=NOW, camera="door", source="rtsp://10.0.0.5/", run="r", track=7, zone="A",
    label_s={"with_mask": 20.0, "without_mask": 1.0, "mask_worn_incorrect": 0.0}, unjudged_s=1.0,
    confidence={"with_mask": 0.9, "without_mask": 0.5}, width_px=31.5, lost_s=0.5, frames=100, model_hash="h",
)  # fmt: skip

PERS: tuple[Any, ...] = ("hour", "day", "week")


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


def test_of_tracks_and_gaps_the_last_word_stays(store: Store) -> None:
    more = replace(TRACK, frames=200, label_s={**TRACK.label_s, "with_mask": 40.0}, zone=None)
    other = replace(TRACK, camera="yard", track=-1, confidence={})
    store.add([TRACK, other])
    store.add([more])
    span: Any = {"start": NOW, "end": NOW + timedelta(minutes=1)}
    assert store.tracks(**span) == [more, other]
    assert store.tracks(**span, cameras=["yard"]) == [other]
    assert store.tracks(start=NOW + timedelta(minutes=1), end=NOW + timedelta(hours=1)) == []
    gap = Gap(camera="door", why="down", began_utc=NOW, last_utc=NOW, error="no route to host")
    longer = replace(gap, last_utc=NOW + timedelta(seconds=90))
    store.add([gap])
    store.add([longer, replace(gap, camera="yard", why="frozen")])
    assert store.gaps(start=NOW + timedelta(seconds=60), end=NOW + timedelta(days=1)) == [longer]
    assert len(store.gaps(start=NOW, end=NOW + timedelta(days=1))) == 2
    assert store.gaps(start=NOW, end=NOW + timedelta(days=1), camera="yard")[0].why == "frozen"
    assert store.gaps(start=NOW - timedelta(days=1), end=NOW) == []


def test_the_log_of_who_did_what(store: Store) -> None:
    first = AuditEntry(time_utc=NOW, who="ada", what="login", address="10.0.0.9")
    second = replace(first, time_utc=NOW + timedelta(minutes=1), what="changed", thing="camera door")
    for entry in (first, second, replace(second, who="x" * 999 + "\0", thing="\0")):
        store.audit.add(entry)
    newest, *rest = store.audit.entries()
    assert (len(newest.who), newest.thing, rest) == (255, " ", [second, first])
    assert store.audit.entries(end=NOW + timedelta(seconds=1)) == [first]
    assert len(store.audit.entries(start=NOW + timedelta(seconds=1))) == 2
    assert store.audit.entries(limit=1) == [newest]
    assert first.to_record()["time_utc"] == "2026-11-27T12:00:00Z"


def test_charts_add_up_the_minutes_at_any_edge(store: Store) -> None:
    """Sums by quarters and single minutes at the edges give what adding up the minutes gives."""
    begun = datetime(2026, 10, 24, 9, 7, tzinfo=UTC)  # clocks are changed in this time
    rows = [
        minute(begun + timedelta(minutes=11 * each), float(each % 60), camera=("door", "yard")[each % 2])
        for each in range(300)
    ]
    store.add(rows)
    zones = [ZoneInfo(name) for name in ("Europe/Berlin", "Asia/Kathmandu", "Australia/Lord_Howe", "UTC")]
    for start, end in ((0, 2900), (13, 2711), (30, 45), (31, 44), (600, 601)):
        span: Any = {"start": begun + timedelta(minutes=start), "end": begun + timedelta(minutes=end)}
        for per, timezone in product(PERS, zones):
            expected: dict[tuple[datetime, str], float] = {}
            for each in store.counts(**span):
                key = (start_of(each.start_utc, per, timezone), each.camera)
                expected[key] = expected.get(key, 0.0) + each.person_s["with_mask"]
            found = store.counts(**span, per=per, timezone=timezone)
            assert {(each.start_utc, each.camera): each.person_s["with_mask"] for each in found} == expected


def start_of(moment: datetime, per: str, timezone: ZoneInfo) -> datetime:
    local = moment.astimezone(timezone)
    if per == "hour":
        return moment - timedelta(minutes=local.minute)
    local = local.replace(hour=0, minute=0, fold=0)
    local -= timedelta(days=local.weekday() if per == "week" else 0)
    return local.replace(tzinfo=timezone).astimezone(UTC)
