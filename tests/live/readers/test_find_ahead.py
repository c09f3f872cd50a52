"""Frames that will probably be needed are looked at beside the one that is needed now."""

from __future__ import annotations

from collections.abc import Iterator
from threading import Event, Lock, current_thread, main_thread
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from crowdmask.detections import Detections
from crowdmask.labels import LABELS
from crowdmask.live.readers.find_ahead import FindAhead
from crowdmask.media.video import Frame

WAIT_S = 20.0


class Finder:
    """Gives each frame a face of its number; notes which it found beside the caller's thread."""

    threshold = (0.5, 0.5, 0.5)

    def __init__(self, at_once: int = 2) -> None:
        self.at_once = at_once
        self.found: list[int] = []
        self.beside: set[int] = set()
        self.broken: set[int] = set()
        self._lock = Lock()

    def find(self, picture: NDArray[np.uint8]) -> Detections:
        number = int(picture[0, 0, 0])
        with self._lock:
            self.found.append(number)
            if current_thread() is not main_thread():
                self.beside.add(number)
        if number in self.broken:
            raise RuntimeError(f"frame {number}")
        box = np.array([[0, 0, number + 1, 1]], np.float32)
        return Detections(box, np.ones(1, np.float32), np.zeros(1, np.int64), LABELS)

    def sure(self, detections: Detections) -> NDArray[np.bool_]:
        return np.ones(len(detections), bool)


FRAMES = [
    Frame("clip", number, number / 30, np.full((2, 2, 3), number, np.uint8), 0.0) for number in range(40)
]


@pytest.fixture
def finder() -> Finder:
    return Finder()


@pytest.fixture
def ahead(finder: Finder) -> Iterator[FindAhead]:
    made = FindAhead(finder)  # type: ignore[arg-type]
    yield made
    made.close()


def look(ahead: FindAhead, numbers: list[int], read: int = 8) -> list[float]:
    """Go through all frames, of which so many are read ahead; return the faces of some."""
    told = []
    for frame in FRAMES:
        coming = FRAMES[frame.index + 1 : frame.index + 1 + read]
        ahead.follow(frame, lambda n, coming=coming: coming[n - 1] if n <= len(coming) else None)  # type: ignore[misc]
        if frame.index in numbers:
            told.append(float(ahead.find(frame.pixels).xyxy[0, 2]) - 1)
    return told


@pytest.mark.parametrize("read", [0, 1, 3, 8])
@pytest.mark.parametrize("at_once", [1, 2, 3])
@pytest.mark.parametrize(
    "numbers",
    [
        list(range(40)),
        list(range(0, 40, 5)),
        [0, 1, 2, 3, 8, 13, 18, 19, 20, 21, 25, 29, 33, 34, 39],
        [0, 2, 3, 5, 6, 8, 9, 11, 12, 14],
    ],
)
def test_every_frame_gets_its_own_faces(numbers: list[int], at_once: int, read: int) -> None:
    finder = Finder(at_once)
    ahead = FindAhead(finder)  # type: ignore[arg-type]
    assert look(ahead, numbers, read) == numbers
    ahead.close()
    if at_once == 1 or not read:
        assert finder.found == numbers  # nothing is guessed


@pytest.mark.parametrize(
    ("numbers", "beside"),
    [
        (list(range(6)), set(range(2, 7))),
        ([0, 5, 10, 15], {15, 20}),  # the step from before the first frame is another
        ([0, 1, 2, 7, 12, 17], {2, 3, 17, 22}),
        ([0, 3, 7, 9, 20], set()),
        ([0, 9, 18, 27], set()),  # not read so far ahead
    ],
)
def test_the_step_that_came_twice_is_guessed(
    numbers: list[int], beside: set[int], ahead: FindAhead, finder: Finder
) -> None:
    look(ahead, numbers)
    ahead.close()
    assert finder.beside <= beside  # a guess that nobody waits for may be dropped
    assert beside & set(numbers) <= finder.beside
    assert sorted(set(numbers) - finder.beside) == sorted(set(finder.found) - finder.beside)


def test_two_are_looked_at_at_the_same_time(ahead: FindAhead, finder: Finder) -> None:
    begun = {number: Event() for number in range(40)}
    usual = finder.find

    def find(picture: NDArray[np.uint8]) -> Detections:
        number = int(picture[0, 0, 0])
        begun[number].set()
        if number == 3:  # ends only once the next one has begun
            assert begun[4].wait(WAIT_S)
        return usual(picture)

    finder.find = find  # type: ignore[method-assign]
    assert look(ahead, [0, 1, 2, 3, 4, 5]) == [0, 1, 2, 3, 4, 5]


def test_an_error_comes_with_the_frame_that_has_it(ahead: FindAhead, finder: Finder) -> None:
    finder.broken = {4}
    with pytest.raises(RuntimeError, match="frame 4"):
        look(ahead, [0, 1, 2, 3, 4, 5])


def test_the_error_of_a_wrong_guess_is_nobodys(ahead: FindAhead, finder: Finder) -> None:
    finder.broken = {4}
    assert look(ahead, [0, 1, 2, 3, 9]) == [0, 1, 2, 3, 9]


def test_a_frame_before_the_present_one_is_looked_at_late(ahead: FindAhead) -> None:
    told: list[Any] = []
    for index, frame in enumerate(FRAMES[:12]):
        coming = FRAMES[index + 1 : index + 9]
        ahead.follow(frame, lambda n, coming=coming: coming[n - 1] if n <= len(coming) else None)  # type: ignore[misc]
        if index in (0, 1, 2, 3, 9):
            if index == 9:
                told.append(ahead.find(FRAMES[8].pixels).xyxy[0, 2] - 1)
            told.append(ahead.find(frame.pixels).xyxy[0, 2] - 1)
    assert told == [0, 1, 2, 3, 8, 9]
