from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from crowdmask.alerts.snapshot import Snapshot
from crowdmask.detections import Detections
from crowdmask.live.health import Health
from crowdmask.live.tracked_frame import TrackedFrame
from crowdmask.serve.history import read_history
from crowdmask.serve.minutes import Minutes
from crowdmask.serve.tally import Tally
from crowdmask.store.records import Counts, StoredEvent
from crowdmask.store.store import open_store
from crowdmask.tracking.events import Event
from crowdmask.tracking.zones import Zone, ZoneCounter, ZonesFile

LIVE = Health(camera="door", source="rtsp://10.0.0.5/", run="r", state="live")
LEFT = ZonesFile(zones=(Zone(name="A", polygon=((0, 0), (0.5, 0), (0.5, 1), (0, 1))),))
MINUTE = datetime(2026, 11, 27, 12, tzinfo=UTC)


class Clock:
    now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def clock() -> Clock:
    return Clock()


def frame(tracks: list[int], states: list[str], zones: ZoneCounter | None = None) -> TrackedFrame:
    """Return a frame with faces from left to right, 30 px apart."""
    boxes = np.array([(30 * row, 10, 30 * row + 20, 30) for row in range(len(tracks))], np.float32)
    counts = [] if zones is None else zones.update(0.0, np.array(tracks), boxes.reshape(-1, 4), states)
    return TrackedFrame(
        "rtsp://10.0.0.5/", 0, 0.0, Detections.empty() if not tracks else detections(boxes),
        np.array(tracks, np.int64), states, np.ones(len(tracks), np.float32), boxes, [], counts, placed=zones,
    )  # fmt: skip


def detections(boxes: Any) -> Detections:
    return Detections(boxes, np.ones(len(boxes), np.float32), np.zeros(len(boxes), np.int64))


def test_seconds_go_by_arrival(clock: Clock) -> None:
    tally = Tally(clock)
    tally.result("door", frame([1, 2, -1], ["with_mask", "without_mask", "unknown"]))
    clock.now_s += 0.5
    tally.result("door", frame([1], ["with_mask"]))
    clock.now_s += 0.5
    (step,) = tally.take([LIVE], {})
    assert (step.camera, step.zone, step.step_s, step.observed_s) == ("door", None, 1.0, 1.0)
    assert step.person_s == {"with_mask": 1.0, "without_mask": 0.5}
    assert (step.people, step.tracks, step.online) == ({"with_mask": 1}, {("", 1), ("", 2)}, True)
    clock.now_s += 1.0
    (step,) = tally.take([LIVE], {})  # the last picture still holds
    assert (step.person_s, step.observed_s, step.tracks) == ({"with_mask": 1.0}, 1.0, set())


def test_a_pause_is_a_gap(clock: Clock) -> None:
    tally = Tally(clock)
    tally.result("door", frame([1], ["with_mask"]))
    clock.now_s += 5.0
    (step,) = tally.take([LIVE], {})
    assert (step.observed_s, step.person_s, step.people) == (2.0, {"with_mask": 2.0}, {})
    clock.now_s += 1.0
    (step,) = tally.take([LIVE], {})
    assert (step.observed_s, dict(step.person_s)) == (0.0, {})
    tally.result("door", frame([], []))
    clock.now_s += 1.0
    (step,) = tally.take([LIVE], {})
    assert (step.observed_s, dict(step.person_s)) == (1.0, {})  # an empty place, looked at


def test_zones_are_apart(clock: Clock) -> None:
    tally, zones = Tally(clock), ZoneCounter(LEFT, 100, 40)
    for _ in range(5):
        tally.result("door", frame([1, 2, 3], ["with_mask", "without_mask", "with_mask"], zones))
        zones.update(clock.now_s, np.array([1, 2, 3]), np.zeros((3, 4), np.float32), ["with_mask"] * 3)
        clock.now_s += 0.2
    event = Event("s", 1, 1.0, "no_mask", 2, "without_mask", 0.9, "A", "r")
    tally.event("door", event)
    tally.event("door", replace(event, zone=None))
    whole, part = tally.take([LIVE], {"door": ["A"]})
    assert (whole.zone, whole.events, len(whole.tracks)) == (None, {"no_mask": 2}, 3)
    assert (part.zone, part.events) == ("A", {"no_mask": 1})
    assert part.tracks == {("", 1), ("", 2)}  # the third stands to the right of it
    assert part.observed_s == pytest.approx(1.0)


def test_health_is_told(clock: Clock) -> None:
    tally = Tally(clock)
    since = datetime.now(UTC) - timedelta(seconds=30)
    (step,) = tally.take([replace(LIVE, state="waiting", down_since=since)], {})
    assert (step.online, 29 < step.down_s < 32) == (False, True)
    tally.result("door", frame([1], ["with_mask"]))
    for expected in (0.001, 4.0):
        (step,) = tally.take([replace(LIVE, frozen=True)], {})
        assert (step.frozen_s, step.observed_s, step.people) == (expected, 0.0, {})
        clock.now_s += 4.0
    assert tally.take([LIVE], {})[0].frozen_s == 0.0
    assert tally.take([], {}) == []


def step(second: float, **changes: Any) -> Snapshot:
    values: dict[str, Any] = {
        "time_utc": MINUTE + timedelta(seconds=second + 1), "camera": "door",
        "person_s": {"with_mask": 2.0}, "tracks": frozenset({1, int(second) // 30}),
    }  # fmt: skip
    return Snapshot(**(values | changes))


def test_every_second_gives_the_minute_so_far() -> None:
    minutes = Minutes()
    rows = [minutes.add([step(second)])[0] for second in range(61)]
    assert [row.start_utc for row in rows[58:]] == [MINUTE, MINUTE, MINUTE + timedelta(minutes=1)]
    last = rows[59]
    assert (last.observed_s, last.person_s["with_mask"], last.people) == (60.0, 120.0, 2)
    assert rows[60].observed_s == 1.0


def test_a_restart_goes_on_in_the_minute() -> None:
    first = Minutes()
    for second in range(20):
        (kept,) = first.add([step(second)])
    second_run = Minutes([kept])
    for second in range(25, 40):
        (row,) = second_run.add([step(second, down_s=3.0 if second < 30 else 0.0)])
    assert (row.observed_s, row.person_s["with_mask"], row.down_s) == (35.0, 70.0, 5.0)


def test_history_is_what_rules_look_at(tmp_path: Path) -> None:
    with open_store(tmp_path / "s.db") as store:
        store.add(
            [
                Counts(start_utc=MINUTE, camera="door", observed_s=60, person_s={"with_mask": 90}, people=3),
                Counts(start_utc=MINUTE, camera="door", zone="A", observed_s=60),
                *(
                    Counts(start_utc=MINUTE + timedelta(minutes=minute), camera="door", down_s=60.0)
                    for minute in (1, 2)
                ),
                StoredEvent(
                    time_utc=MINUTE + timedelta(seconds=30), camera="door", source="s", run="r", track=1,
                    event="no_mask", frame=3, label="without_mask", confidence=1.0, zone="A",
                ),
            ]
        )  # fmt: skip
        seen = list(read_history(store, MINUTE - timedelta(days=1), MINUTE + timedelta(days=1)))
    whole, zone, down, still_down = seen
    assert (whole.total_people, whole.events, whole.step_s) == (3, {"no_mask": 1}, 60.0)
    assert (zone.zone, zone.events, zone.total_people) == ("A", {"no_mask": 1}, 0)
    assert (down.down_s, still_down.down_s, still_down.online) == (60.0, 120.0, False)
