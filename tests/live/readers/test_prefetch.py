from __future__ import annotations

import threading
from collections.abc import Callable, Iterator

import pytest

from crowdmask.live.readers.prefetch import Prefetch


def test_values_come_in_order_and_then_the_error() -> None:
    def values() -> Iterator[int]:
        yield from range(5)
        raise ValueError("the end")

    got: list[int] = []
    with pytest.raises(ValueError, match="the end"):
        for value in Prefetch(values(), 2):
            got.append(value)
    assert got == [0, 1, 2, 3, 4]


def test_no_more_than_asked_for_is_read_ahead_and_closing_ends_the_thread(
    wait_until: Callable[[Callable[[], bool], float], float],
) -> None:
    read: list[int] = []
    closed = threading.Event()

    def values() -> Iterator[int]:
        try:
            for value in range(1000):
                read.append(value)
                yield value
        finally:
            closed.set()

    ahead = Prefetch(values(), 3, "reads ahead")
    assert next(iter(ahead)) == 0
    wait_until(lambda: len(read) >= 4, 10)
    with pytest.raises(AssertionError, match="in time"):  # one taken, three waiting, one in hand
        wait_until(lambda: len(read) > 5, 0.3)
    ahead.close()
    assert closed.is_set()
    assert "reads ahead" not in {thread.name for thread in threading.enumerate()}


def test_values_can_be_seen_before_their_turn(
    wait_until: Callable[[Callable[[], bool], float], float],
) -> None:
    ahead = Prefetch(iter("abcde"), 3)
    values = iter(ahead)
    assert next(values) == "a"
    wait_until(lambda: ahead.upcoming(3) is not None, 10)
    assert [ahead.upcoming(number) for number in range(5)] == [None, "b", "c", "d", None]
    assert list(values) == ["b", "c", "d", "e"]
    assert ahead.upcoming(1) is None
    ahead.close()
