"""Events are told once, rather late than false, and dated to when they began."""

from __future__ import annotations

from collections import Counter, defaultdict

import numpy as np
import pytest

from crowdmask.labels import LABELS, WITH_MASK
from crowdmask.tracking.events import EVENTS, Event, EventFinder
from crowdmask.tracking.mask_state import UNKNOWN, MaskStates, States
from crowdmask.tracking.tracker import FaceTracker

from .conftest import Actor, MakeScene, Scene

FPS = 30
ON, OFF, WRONG = "with_mask", "without_mask", "mask_worn_incorrect"
MASK_EVENTS = ("mask_put_on", "mask_taken_off", "mask_incorrect", "no_mask")


def run(scene: Scene, grace_s: float = 1000) -> list[tuple[int, Event]]:
    """Return all events of a scene, each with the actor that its track mostly was."""
    tracker, states, finder = FaceTracker(fps=scene.fps), MaskStates(), EventFinder("clip", grace_s)
    events: list[Event] = []
    actors: dict[int, Counter[int]] = defaultdict(Counter)
    for frame, time_s, detections, who in scene.frames():
        tracks = tracker.update(detections, None, time_s)
        for track, actor in zip(tracks.tolist(), who, strict=True):
            actors[track][actor] += 1
        events += finder.update(frame, time_s, tracks, states.update(time_s, tracks, detections))
    events += finder.finish()
    return [(actors[event.track].most_common(1)[0][0], event) for event in events]


def show(
    finder: EventFinder, story: list[tuple[str | None, float]], track: int = 1, start: int = 0
) -> list[Event]:
    """Show one track whose states are given as (state, seconds); None: not in view."""
    events, frame = [], start
    for label, seconds in story:
        began = frame / FPS
        for _ in range(round(seconds * FPS)):
            known = label is not None and label != UNKNOWN
            n = 0 if label is None else 1
            states = States(
                [label] * n if label else [],
                np.full(n, 0.95 if known else 0, np.float32),
                np.full(n, began if known else np.nan),
            )
            events += finder.update(frame, frame / FPS, np.full(n, track), states, [None] * n)
            frame += 1
    return events


def told(events: list[Event], kinds: tuple[str, ...] = MASK_EVENTS) -> list[tuple[str, float]]:
    return [(event.event, round(event.time_s, 2)) for event in events if event.event in kinds]


@pytest.mark.parametrize(
    ("gesture_s", "lost_s"), [(0.8, 0.3), (1.5, 0.8), (2.5, 0.0), (2.5, 1.5)], ids=lambda v: f"{v:g}s"
)
@pytest.mark.parametrize("seed", range(3))
def test_four_people_put_masks_on_and_one_takes_his_off(
    four_people: MakeScene, seed: int, gesture_s: float, lost_s: float
) -> None:
    scene = four_people(seed, gesture_s=gesture_s, lost_s=lost_s)
    truth = [
        (who, at, "mask_put_on" if label == WITH_MASK else "mask_taken_off")
        for who, actor in enumerate(scene.actors)
        for at, label in actor.changes
    ]
    found = [(who, event.time_s, event.event) for who, event in run(scene) if event.event.startswith("mask")]
    assert len(found) == len(truth)
    for who, at, kind in truth:
        assert [
            1 for other, time_s, event in found if (other, event) == (who, kind) and abs(time_s - at) <= 1.5
        ]


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("seconds", [0.5, 1.0, 1.5])
def test_hand_before_the_mouth_is_no_event(seconds: float, seed: int) -> None:
    hands = ((4.0, 4.0 + seconds),)
    scene = Scene(
        (Actor((100, 100), hands=hands), Actor((300, 100), label=WITH_MASK, hands=hands)), 9, seed=seed
    )
    assert [event.event for _, event in run(scene) if event.event in MASK_EVENTS] == []


@pytest.mark.parametrize(
    ("story", "expected"),
    [
        pytest.param([(OFF, 3), (ON, 3)], [("mask_put_on", 3)], id="put on"),
        pytest.param([(ON, 3), (OFF, 3)], [("mask_taken_off", 3)], id="taken off"),
        pytest.param([(OFF, 3), (ON, 1), (OFF, 3)], [], id="too short"),
        pytest.param(
            [(OFF, 3), (ON, 3), (OFF, 3)], [("mask_put_on", 3), ("mask_taken_off", 6)], id="on and off"
        ),
        pytest.param([(OFF, 3), (WRONG, 2), (ON, 3)], [("mask_put_on", 5)], id="incorrect on its way"),
        pytest.param([(ON, 3), (WRONG, 2), (OFF, 3)], [("mask_taken_off", 5)], id="incorrect on its way off"),
        pytest.param([(ON, 3), (WRONG, 4)], [("mask_incorrect", 3)], id="incorrect"),
        pytest.param([(WRONG, 4)], [("mask_incorrect", 0)], id="incorrect from the start"),
        pytest.param([(ON, 3), (WRONG, 4), (ON, 3)], [("mask_incorrect", 3)], id="put right"),
        pytest.param(
            [(OFF, 3), (WRONG, 4), (ON, 3)], [("mask_incorrect", 3), ("mask_put_on", 7)], id="put on slowly"
        ),
        pytest.param(
            [(ON, 2), (WRONG, 4), (ON, 2), (WRONG, 4)], [("mask_incorrect", 2)], id="told once for a while"
        ),
        pytest.param([(UNKNOWN, 3), (ON, 4)], [], id="known late"),
        pytest.param([(OFF, 3), (UNKNOWN, 2), (ON, 3)], [("mask_put_on", 5)], id="unknown between"),
        pytest.param([(OFF, 3), (None, 2), (ON, 3)], [("mask_put_on", 5)], id="lost between"),
        pytest.param([(ON, 6)], [], id="nothing"),
    ],
)
def test_stories(story: list[tuple[str | None, float]], expected: list[tuple[str, float]]) -> None:
    finder = EventFinder("clip", grace_s=1000)
    assert told(show(finder, story)) == expected
    assert told(finder.finish()) == []


@pytest.mark.parametrize(("seconds", "expected"), [(1.2, [("mask_put_on", 3)]), (0.5, [])])
def test_change_just_before_the_end_counts_when_half_of_it_was_seen(
    seconds: float, expected: list[tuple[str, float]]
) -> None:
    finder = EventFinder("clip", grace_s=1000)
    assert told(show(finder, [(OFF, 3), (ON, seconds)])) == []
    assert told(finder.finish()) == expected


def test_torn_evidence_waits_twice_as_long() -> None:
    finder, events = EventFinder("clip", grace_s=1000), []
    for frame in range(8 * FPS):
        label, since, confidence = (OFF, 0.0, 0.9) if frame < 3 * FPS else (ON, 3.0, 0.68)
        states = States([label], np.array([confidence], np.float32), np.array([since]))
        new = finder.update(frame, frame / FPS, np.array([1]), states)
        events += [(event.event, event.time_s, frame / FPS) for event in new if event.event in MASK_EVENTS]
    assert events == [("mask_put_on", 3.0, 6.0)]


@pytest.mark.parametrize(("grace_s", "expected"), [(2.0, [("no_mask", 2.0)]), (5.0, [("no_mask", 5.0)])])
def test_no_mask_after_grace_and_once(grace_s: float, expected: list[tuple[str, float]]) -> None:
    finder = EventFinder("clip", grace_s)
    assert told(show(finder, [(OFF, 10), (ON, 4), (OFF, 10)]), ("no_mask",)) == expected


def test_no_mask_waits_from_when_the_mask_came_off() -> None:
    finder = EventFinder("clip", grace_s=3)
    events = show(finder, [(ON, 4), (OFF, 5)])
    assert told(events) == [("mask_taken_off", 4.0), ("no_mask", 7.0)]


def test_person_appears_and_leaves() -> None:
    finder = EventFinder("clip", lost_s=2)
    events = show(finder, [(None, 1), (ON, 2), (None, 1.5), (ON, 1), (None, 3)])
    kinds = ("person_appeared", "person_left")
    assert told(events, kinds) == [("person_appeared", 1.0), ("person_left", 5.47)]
    assert [event.frame for event in events] == [30, 164]


def test_who_is_in_view_at_the_end_has_not_left() -> None:
    finder = EventFinder("clip")
    assert told(show(finder, [(ON, 3)]), EVENTS) == [("person_appeared", 0.0)]
    assert finder.finish() == []
    finder = EventFinder("clip")
    show(finder, [(ON, 3), (None, 1)])
    assert told(finder.finish(), EVENTS) == [("person_left", 2.97)]


def test_short_tracks_are_nobody() -> None:
    finder = EventFinder("clip", lost_s=1)
    assert show(finder, [(ON, 0.3), (None, 3)]) == []
    assert finder.finish() == []


def test_no_frames_no_events() -> None:
    assert EventFinder("clip").finish() == []


def test_faces_without_a_track_are_nobody() -> None:
    assert show(EventFinder("clip", grace_s=1), [(OFF, 5)], track=-1) == []


def test_record() -> None:
    event = Event("door", 90, 3.00012, "mask_put_on", 4, ON, 0.912345, "entrance", "1b4e28ba")
    assert event.to_record() == {
        "source": "door",
        "frame": 90,
        "time_s": 3.0,
        "event": "mask_put_on",
        "track": 4,
        "label": "with_mask",
        "confidence": 0.9123,
        "zone": "entrance",
        "run": "1b4e28ba",
    }
    assert event.label in LABELS


def test_zone_is_told() -> None:
    finder = EventFinder("clip")
    states = States([ON], np.array([0.9], np.float32), np.array([0.0]))
    events = [e for f in range(30) for e in finder.update(f, f / FPS, np.array([1]), states, ["entrance"])]
    assert [(event.event, event.zone) for event in events] == [("person_appeared", "entrance")]


def test_memory_stays_flat() -> None:
    finder = EventFinder("clip", lost_s=2)
    for visit in range(100):
        show(finder, [(ON, 1)], track=visit, start=visit * FPS)
    assert len(finder._people) <= 5
    assert len(finder._frames) <= 30 * FPS + 1
