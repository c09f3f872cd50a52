from __future__ import annotations

from typing import Any

import pytest

from crowdmask.live.readers import patience
from crowdmask.live.readers.patience import Patience


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(patience, "time", made)
    return made


def frames(kept: Patience, clock: Any, *gaps: float) -> None:
    kept.add()
    for gap in gaps:
        clock.now += gap
        kept.add()


@pytest.mark.parametrize(
    ("gaps", "allowed_s"),
    [
        pytest.param((), 5.0, id="no pace yet"),
        pytest.param((0.04, 0.04, 0.04), 5.0, id="a usual camera"),
        pytest.param((5.0, 5.0), 12.5, id="a frame in five seconds"),
        pytest.param((0.1, 10.0, 0.1), 25.0, id="more while something moves"),
        pytest.param((40.0, 40.0), 60.0, id="not for ever"),
        pytest.param((5.0, *[0.04] * 8), 5.0, id="faster now"),
    ],
)
def test_the_deadline_follows_the_pace(gaps: tuple[float, ...], allowed_s: float, clock: Clock) -> None:
    kept = Patience()
    assert kept.connect() == 5.0
    frames(kept, clock, *gaps)
    assert kept.allowed_s == allowed_s


def test_after_each_silence_the_next_connection_waits_longer_until_another_end() -> None:
    kept = Patience()
    waits = []
    for _ in range(4):
        waits.append(kept.connect())
        assert kept.allowed_s == waits[-1]
        kept.end(silent=True)
    assert waits == [5, 15, 45, 60]
    kept.connect()
    kept.end(silent=False)
    assert kept.connect() == 5


def test_a_slow_pace_is_remembered_over_a_reconnect(clock: Clock) -> None:
    kept = Patience()
    kept.connect()
    frames(kept, clock, 6, 6)
    kept.end(silent=False)
    clock.now += 100  # the time without a connection is no pace
    assert kept.connect() == 15
    frames(kept, clock)
    assert kept.allowed_s == 15


def test_a_deadline_that_was_asked_for_is_kept(clock: Clock) -> None:
    kept = Patience(2.0)
    assert kept.connect() == 2
    frames(kept, clock, 9, 9)
    kept.end(silent=True)
    assert (kept.connect(), kept.allowed_s) == (2, 2)
