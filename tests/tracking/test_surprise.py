"""Who has come or gone between two detections."""

from __future__ import annotations

import numpy as np
import pytest

from crowdmask.detections import Detections
from crowdmask.tracking.surprise import is_surprising

HERE, MOVED, THERE = [10, 10, 30, 30], [16, 10, 36, 30], [80, 10, 100, 30]


@pytest.mark.parametrize(
    ("expected", "lost", "found", "surprising"),
    [
        pytest.param([], [], [], False, id="nobody"),
        pytest.param([], [], [(HERE, 0.2)], False, id="a faint face"),
        pytest.param([], [], [(HERE, 0.6)], True, id="somebody has come"),
        pytest.param([HERE], [], [(MOVED, 0.6)], False, id="the same has moved"),
        pytest.param([HERE], [], [(MOVED, 0.2)], False, id="the same is faint now"),
        pytest.param([HERE], [], [], True, id="somebody has gone"),
        pytest.param([HERE], [], [(THERE, 0.6)], True, id="one has gone, another has come"),
        pytest.param([HERE], [], [(HERE, 0.6), (THERE, 0.6)], True, id="a second one has come"),
        pytest.param([HERE], [], [(HERE, 0.6), (THERE, 0.2)], False, id="a faint second one"),
        pytest.param([HERE], [THERE], [(HERE, 0.6), (THERE, 0.6)], False, id="who was lost is back"),
        pytest.param([HERE, MOVED], [], [(HERE, 0.6)], True, id="one face for two people"),
        pytest.param([HERE, THERE], [], [(THERE, 0.6), (HERE, 0.6)], False, id="in another order"),
    ],
)
def test_who_comes_or_goes_is_a_surprise(
    expected: list[list[int]],
    lost: list[list[int]],
    found: list[tuple[list[int], float]],
    surprising: bool,
) -> None:
    faces = Detections(
        np.array([box for box, _ in found], np.float32).reshape(-1, 4),
        np.array([confidence for _, confidence in found], np.float32),
        np.zeros(len(found), np.int64),
    )
    places = np.array(expected, np.float32).reshape(1, -1, 4)
    missed = np.array(lost, np.float32).reshape(-1, 4)
    assert is_surprising(faces, faces.confidence >= 0.5, places, missed) is surprising


def test_the_better_of_two_guesses_counts() -> None:
    faces = Detections(np.array([THERE], np.float32), np.array([0.6], np.float32), np.zeros(1, np.int64))
    both = np.array([[HERE], [THERE]], np.float32)
    assert not is_surprising(faces, np.ones(1, bool), both, np.zeros((0, 4), np.float32))
    assert is_surprising(faces, np.ones(1, bool), both[:1], np.zeros((0, 4), np.float32))
