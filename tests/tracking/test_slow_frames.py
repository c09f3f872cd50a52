"""Cameras of less than one frame a second: people are numbered, judged and told of as elsewhere."""

from __future__ import annotations

import numpy as np
import pytest

from crowdmask.detections import Detections
from crowdmask.tracking.events import EventFinder
from crowdmask.tracking.mask_state import MaskStates
from crowdmask.tracking.pace import Pace
from crowdmask.tracking.tracker import ALGORITHMS, FaceTracker
from crowdmask.tracking.zones import ZoneCounter, ZonesFile

STEPS_S = [0.9, 1.001, 1.25, 2.0, 5.0, 10.0, 30.0]
BARE = 1


def face(x: float = 100.0, label: int = BARE) -> Detections:
    return Detections(
        np.array([[x, 100, x + 40, 140]], np.float32), np.array([0.9], np.float32), np.array([label])
    )


@pytest.mark.parametrize("algorithm", ALGORITHMS)
@pytest.mark.parametrize("step_s", STEPS_S)
@pytest.mark.parametrize("told_fps", [None, 25.0])
def test_a_face_that_stays_has_one_number(algorithm: str, step_s: float, told_fps: float | None) -> None:
    tracker = FaceTracker(algorithm, told_fps or 1 / step_s)
    numbers = [int(tracker.update(face(), None, i * step_s)[0]) for i in range(8)]
    assert numbers == [-1] + 7 * [1]


@pytest.mark.parametrize("algorithm", ALGORITHMS)
@pytest.mark.parametrize("step_s", [1.25, 5.0])
def test_a_face_that_moves_a_little_and_is_missed_once_keeps_its_number(
    algorithm: str, step_s: float
) -> None:
    tracker = FaceTracker(algorithm, 1 / step_s)
    for i in range(10):
        seen = Detections.empty() if i == 6 else face(100 + 4 * i)
        numbers = tracker.update(seen, None, i * step_s).tolist()
    assert numbers == [1]


def test_two_people_far_apart_are_two() -> None:
    tracker = FaceTracker(fps=0.5)
    for i in range(5):
        boxes = np.concatenate([face().xyxy, face(300).xyxy])
        both = Detections(boxes, np.array([0.9, 0.9], np.float32), np.array([BARE, BARE]))
        numbers = tracker.update(both, None, 2.0 * i).tolist()
    assert sorted(numbers) == [1, 2]


@pytest.mark.parametrize("step_s", [0.9, 2.0, 5.0, 10.0])
def test_states_events_and_zones_come_as_at_any_pace(step_s: float) -> None:
    tracker, states = FaceTracker(fps=1 / step_s), MaskStates()
    finder = EventFinder("slow", 5.0)
    zones = ZoneCounter(
        ZonesFile.model_validate({"zones": [{"name": "all", "polygon": [(0, 0), (1, 0), (1, 1), (0, 1)]}]}),
        640,
        360,
    )
    told: list[tuple[str, float]] = []
    for i in range(14):
        now = i * step_s
        there = face() if i < 8 else Detections.empty()
        numbers = tracker.update(there, None, now)
        known = states.update(now, numbers, there)
        told += [(each.event, each.time_s) for each in finder.update(i, now, numbers, known)]
        counts = zones.update(now, numbers, there.xyxy, known.label)[0]
        if i == 7:
            assert known.label == ["without_mask"]
            assert sum(counts.present.values()) == 1
    told += [(each.event, each.time_s) for each in finder.finish()]
    events = [event for event, _ in told]
    assert events == ["person_appeared", "no_mask", "person_left"]
    assert told[0][1] <= step_s
    assert told[2][1] == 7 * step_s
    assert sum(counts.entered.values()) == sum(counts.left.values()) == 1


def test_one_pause_does_not_change_the_pace() -> None:
    pace = Pace()
    for time_s in (0.0, 0.04, 0.08, 4.0, 4.04):
        pace.add(time_s)
    assert pace.step_s == pytest.approx(0.04)
    assert pace.patience(5.0) == 5.0


def test_patience_ends_before_a_track_is_written_down() -> None:
    pace = Pace()
    for time_s in (0.0, 3600.0, 7200.0):
        pace.add(time_s)
    assert pace.patience(5.0) == 55.0
