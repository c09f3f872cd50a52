"""A near person whose track breaks keeps the number, and is told of once."""

from __future__ import annotations

import numpy as np
import pytest

from crowdmask.detections import Detections
from crowdmask.tracking.events import EventFinder
from crowdmask.tracking.mask_state import MaskStates
from crowdmask.tracking.tracker import FaceTracker

FPS = 10.0
LARGE = (200.0, 100.0, 290.0, 200.0)


def faces(*boxes: tuple[float, ...]) -> Detections:
    n = len(boxes)
    return Detections(
        np.array(boxes, np.float32).reshape(-1, 4), np.full(n, 0.9, np.float32), np.ones(n, np.int64)
    )


def shifted(by: float, box: tuple[float, ...] = LARGE) -> tuple[float, ...]:
    return (box[0] + by, box[1], box[2] + by, box[3])


def numbers_after(gap_s: float, *there: tuple[float, ...]) -> list[int]:
    tracker = FaceTracker(fps=FPS)
    for _ in range(20):
        tracker.update(faces(LARGE))
    for _ in range(round(gap_s * FPS)):
        tracker.update(faces())
    for _ in range(5):
        numbers = tracker.update(faces(*there)).tolist()
    return numbers


@pytest.mark.parametrize("gap_s", [1.0, 3.0, 6.0, 10.0])
@pytest.mark.parametrize("by", [0.0, 80.0, -140.0])
def test_a_near_face_alone_is_the_same(gap_s: float, by: float) -> None:
    assert numbers_after(gap_s, shifted(by)) == [1]


@pytest.mark.parametrize(("gap_s", "by"), [(3.0, 300.0), (14.0, 0.0)], ids=["another place", "much later"])
def test_what_is_not_plain_is_somebody_new(gap_s: float, by: float) -> None:
    assert numbers_after(gap_s, shifted(by)) == [2]


def test_who_comes_as_one_of_two_is_not_guessed_at() -> None:
    assert sorted(numbers_after(6.0, LARGE, shifted(150))) == [2, 3]


def test_who_goes_out_and_comes_back_is_bare_once() -> None:
    tracker, states, finder = FaceTracker(fps=FPS), MaskStates(), EventFinder("street", 5.0)
    told: list[str] = []
    for i in range(400):
        here = faces(LARGE) if i < 100 or 160 < i < 260 or i > 340 else faces()
        numbers = tracker.update(here, None, i / FPS)
        known = states.update(i / FPS, numbers, here)
        told += [each.event for each in finder.update(i, i / FPS, numbers, known)]
    told += [each.event for each in finder.finish()]
    assert told.count("no_mask") == 1
    assert told.count("person_appeared") - told.count("person_left") == 1
    assert finder.people == 1
