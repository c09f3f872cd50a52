"""Numbers stay with their faces: through misses, gestures, sweeps of the camera and at any frame rate."""

from __future__ import annotations

from collections import Counter, defaultdict

import numpy as np
import pytest

from crowdmask.detections import Detections
from crowdmask.errors import UsageError
from crowdmask.tracking.tracker import ALGORITHMS, LOST_S, PREDICT_S, FaceTracker

from .conftest import Actor, MakeScene, Scene

STEP = 1 / 30


def faces(*boxes: tuple[float, float, float, float], confidence: float = 0.9) -> Detections:
    n = len(boxes)
    xyxy = np.array(boxes, np.float32).reshape(-1, 4)
    return Detections(xyxy, np.full(n, confidence, np.float32), np.zeros(n, np.int64))


def numbers_by_actor(scene: Scene, tracker: FaceTracker) -> dict[int, Counter[int]]:
    """Return how often each actor had which number."""
    given: dict[int, Counter[int]] = defaultdict(Counter)
    for _, time_s, detections, who in scene.frames():
        for actor, number in zip(who, tracker.update(detections, None, time_s).tolist(), strict=True):
            given[actor][number] += 1
    return given


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_each_person_keeps_one_number_through_gestures(algorithm: str, four_people: MakeScene) -> None:
    given = numbers_by_actor(four_people(1), FaceTracker(algorithm, 30))
    assert sorted(given) == [0, 1, 2, 3, 4]
    main = {actor: counts.most_common(1)[0] for actor, counts in given.items()}
    assert len({number for number, _ in main.values()} - {-1}) == 5
    for actor, (_, times) in main.items():
        assert times >= 0.8 * given[actor].total(), (actor, given[actor])


@pytest.mark.parametrize("fps", [5.0, 12.5, 30.0, 60.0])
def test_frame_rate_does_not_matter(fps: float) -> None:
    walkers = (Actor((50, 100), 50, speed=(60, 0)), Actor((600, 220), 50, speed=(-60, 0)))
    given = numbers_by_actor(Scene(walkers, 6.0, fps), FaceTracker(fps=fps))
    for counts in given.values():
        number, times = counts.most_common(1)[0]
        assert number > 0
        assert times >= 0.8 * counts.total()


def test_order_of_answers_is_that_of_detections() -> None:
    tracker = FaceTracker()
    left, right = (10, 10, 60, 60), (200, 10, 250, 60)
    for _ in range(5):
        before = tracker.update(faces(left, right))
    after = tracker.update(faces(right, left))
    assert before.tolist() == after.tolist()[::-1]
    assert min(before) > 0


def test_new_face_has_no_number_yet() -> None:
    tracker = FaceTracker(fps=30)
    given = [tracker.update(faces((10, 10, 60, 60))).tolist() for _ in range(4)]
    assert given == [[-1], [-1], [1], [1]]


@pytest.mark.parametrize(("confidence", "numbered"), [(0.9, True), (0.55, True), (0.45, False), (0.2, False)])
def test_threshold_starts_tracks(confidence: float, numbered: bool) -> None:
    tracker = FaceTracker(threshold=(0.5, 0.9, 0.9))
    for _ in range(30):
        number = tracker.update(faces((10, 10, 60, 60), confidence=confidence))[0]
    assert (number > 0) == numbered


def test_unsure_boxes_above_a_low_threshold_make_nobody() -> None:
    tracker = FaceTracker(threshold=0.18)
    given = [tracker.update(faces((10, 10, 60, 60), confidence=0.25))[0] for _ in range(60)]
    assert set(given) == {-1}
    given = [tracker.update(faces((10, 10, 60, 60), confidence=0.9))[0] for _ in range(30)]
    assert given[-1] == 1


def test_low_confidence_keeps_a_track_alive() -> None:
    tracker = FaceTracker(threshold=0.5)
    for _ in range(5):
        tracker.update(faces((10, 10, 60, 60)))
    kept = [tracker.update(faces((10, 10, 60, 60), confidence=0.12)).tolist() for _ in range(40)]
    assert kept == [[1]] * 40


@pytest.mark.parametrize(
    ("gap_s", "box", "same"),
    [
        (0.5, (100, 100, 160, 160), True),
        (2.0, (120, 100, 180, 160), True),
        (4.0, (105, 100, 165, 160), True),
        (2.0, (180, 100, 240, 160), False),  # more than its size away
        (2.0, (70, 70, 190, 190), False),  # twice as large
        (4.5, (140, 100, 200, 160), False),  # late, and not the same place
        (LOST_S + 0.5, (100, 100, 160, 160), False),
    ],
)
def test_lost_face_takes_its_number_again(
    gap_s: float, box: tuple[float, float, float, float], same: bool
) -> None:
    tracker = FaceTracker()
    for _ in range(30):
        tracker.update(faces((100, 100, 160, 160)))
    for _ in range(round(gap_s / STEP)):
        tracker.update(Detections.empty())
    for _ in range(5):
        number = tracker.update(faces(box))[0]
    assert number == (1 if same else 2)


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_a_stray_box_does_not_take_a_face_over(algorithm: str) -> None:
    """The library may give a face's boxes to a track that once began with a stray box beside it."""
    tracker = FaceTracker(algorithm, threshold=0.18)
    given = []
    for frame in range(90):
        sure = frame < 25 or frame > 45
        found = [(454.0, 131.0, 477.0, 164.0, 0.9 if sure else 0.25)]
        if frame in (14, 15, 16):
            age = frame - 14
            found.append((434 + 1.5 * age, 144 - 0.6 * age, 466 + 0.5 * age, 182 - 1.5 * age, 0.3))
        if 29 <= frame <= 32:
            found[0] = (456.0, 137.0, 472.0, 161.0, 0.25)
        boxes = np.array(found, np.float32)
        seen = Detections(boxes[:, :4], boxes[:, 4], np.zeros(len(found), np.int64))
        given.append(int(tracker.update(seen)[0]))
    assert set(given[5:]) <= {1, -1}
    assert given.count(1) > 70


def test_somebody_who_was_there_all_along_does_not_inherit() -> None:
    tracker = FaceTracker()
    for _ in range(30):
        tracker.update(faces((100, 100, 160, 160), (150, 100, 210, 160)))
    for _ in range(60):
        left = tracker.update(faces((150, 100, 210, 160)))
    assert left.tolist() == [2]


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_reset_ends_tracks_and_never_gives_a_number_twice(algorithm: str) -> None:
    tracker = FaceTracker(algorithm)
    seen: list[int] = []
    for _ in range(3):
        numbers = {int(tracker.update(faces((10, 10, 60, 60), (200, 10, 250, 60)))[0]) for _ in range(10)}
        seen += numbers - {-1}
        tracker.reset()
    assert len(seen) == 3
    assert len(set(seen)) == 3


def test_missed_face_is_predicted_where_it_was_going() -> None:
    tracker = FaceTracker()
    for step in range(30):
        tracker.update(faces((100 + 3 * step, 100, 160 + 3 * step, 160)))
    assert tracker.predicted == []
    tracker.update(Detections.empty())
    ((number, box),) = tracker.predicted
    assert number == 1
    assert box == pytest.approx([190, 100, 250, 160], abs=3)
    for _ in range(round(PREDICT_S / STEP)):
        tracker.update(Detections.empty())
    assert tracker.predicted == []


def test_sweep_of_the_camera_does_not_break_tracks() -> None:
    """Small faces that jump by more than their size are lost, unless the picture tells how it moved."""
    random = np.random.default_rng(3)
    wall = np.kron(random.integers(0, 255, (45, 200, 1)), np.ones((8, 8, 3))).astype(np.uint8)
    people = np.array([[700 + 60 * i, 100 + 20 * (i % 3)] for i in range(8)], float)

    def numbers(with_pictures: bool) -> set[int]:
        tracker, given, left = FaceTracker(), set(), 500.0
        for step in range(40):
            # It stands, and jerks to the side by 24 pixels now and then: no constant speed to be learned.
            left += 24.0 if step > 10 and step % 5 == 0 else 0.0
            places = people - [left, 0]
            boxes = faces(*[(x - 7, y - 7, x + 7, y + 7) for x, y in places])
            picture = np.ascontiguousarray(wall[:, int(left) : int(left) + 640])
            found = tracker.update(boxes, picture if with_pictures else None)
            given |= set(found.tolist())
        return given - {-1}

    assert len(numbers(with_pictures=True)) == 8
    assert len(numbers(with_pictures=False)) > 8


def test_uneven_times_are_taken_as_they_are() -> None:
    tracker = FaceTracker(fps=30)
    times = [0.0, 0.03, 0.07, 0.1, 0.1, 0.09, 0.6, 0.61, 0.65]
    given = [tracker.update(faces((10, 10, 60, 60)), None, at).tolist() for at in times]
    assert given[2:] == [[1]] * 7


def test_no_faces_at_all() -> None:
    tracker = FaceTracker()
    assert tracker.update(Detections.empty()).shape == (0,)
    assert tracker.update(Detections.empty()).dtype == np.int64


def test_memory_stays_flat_while_people_come_and_go() -> None:
    tracker = FaceTracker(fps=10)
    for visit in range(60):
        x = 40.0 * (visit % 12)
        for _ in range(10):
            tracker.update(faces((x, 10, x + 30, 40)))
    # 60 visits of a second each: only those of the last seconds are remembered.
    assert len(tracker._tracks) <= LOST_S + 2


@pytest.mark.parametrize(
    ("options", "message"), [({"algorithm": "magic"}, "choose from bytetrack"), ({"fps": 0.0}, "positive")]
)
def test_wrong_options(options: dict, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        FaceTracker(**options)
