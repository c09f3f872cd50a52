from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from crowdmask.tracking.ignoring import Ignored, StillFaces
from crowdmask.tracking.zones import Zone, ZonesFile

POSTER = ZonesFile(zones=(Zone(name="poster", polygon=((0, 0), (0.5, 0), (0.5, 1), (0, 1))),))


def boxes(*given: tuple[float, float, float]) -> NDArray[np.float32]:
    """Return square boxes from their left, top and width."""
    return np.array([(x, y, x + size, y + size) for x, y, size in given], np.float32).reshape(-1, 4)


@pytest.mark.parametrize(
    ("ignored", "expected"),
    [
        (Ignored(), [True, True, True]),
        (Ignored(min_face_px=12), [True, False, True]),
        (Ignored(POSTER), [False, True, True]),
        (Ignored(POSTER, min_face_px=12), [False, False, True]),
    ],
)
def test_small_faces_and_those_in_a_region_are_left_out(ignored: Ignored, expected: list[bool]) -> None:
    faces = boxes((10, 10, 20), (60, 10, 10), (70, 20, 20))
    assert ignored.keeps(faces, 100, 100).tolist() == expected
    assert ignored.keeps(boxes(), 100, 100).tolist() == []


def test_a_face_that_never_moves_is_found_once() -> None:
    still = StillFaces(1800)
    for second in range(0, 1800, 10):
        jitter = second % 3
        assert not still.update(second, np.array([1, 2]), boxes((50 + jitter, 50, 40), (second, 9, 40))).any()
    assert still.take_found() == []
    found = still.update(1800, np.array([1, 2]), boxes((50, 50, 40), (1800, 9, 40)))
    assert (found.tolist(), still.take_found()) == ([True, False], [(70, 70)])
    # It was hidden, and has another number now.
    assert still.update(1900, np.array([7]), boxes((51, 50, 40))).tolist() == [True]
    assert still.take_found() == []
    assert still.update(1901, np.array([-1]), boxes((51, 50, 40))).tolist() == [False]


def test_who_passes_before_a_poster_counts() -> None:
    still = StillFaces(60)
    for second in range(70):
        still.update(second, np.array([1]), boxes((50, 50, 40)))
    for step in range(10):
        x = 5.0 + 15 * step
        found = still.update(70 + step, np.array([1, 2]), boxes((50, 50, 40), (x, 50, 40)))
        assert found.tolist() == [True, False]


def test_a_poster_that_was_taken_away_is_forgotten() -> None:
    still = StillFaces(60)
    for second in (0, 60):
        still.update(second, np.array([1]), boxes((50, 50, 40)))
    assert still.update(3599, np.array([2]), boxes((50, 50, 40))).tolist() == [True]
    assert still.update(8000, np.array([3]), boxes((50, 50, 40))).tolist() == [False]


@pytest.mark.parametrize("moved", [(62.0, 50.0, 40.0), (50.0, 62.0, 40.0), (50.0, 50.0, 52.0)])
def test_moving_or_coming_nearer_begins_anew(moved: tuple[float, float, float]) -> None:
    still = StillFaces(60)
    still.update(0, np.array([1]), boxes((50, 50, 40)))
    still.update(50, np.array([1]), boxes(moved))
    assert not still.update(100, np.array([1]), boxes(moved)).any()
    assert still.update(110, np.array([1]), boxes(moved)).all()
