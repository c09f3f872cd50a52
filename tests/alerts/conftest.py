"""Steps of cameras, and rates of the shipped model."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from crowdmask.alerts.judging import Judge
from crowdmask.alerts.snapshot import Snapshot
from crowdmask.survey.rates import shipped_rates

START = datetime(2026, 11, 27, 12, tzinfo=UTC)

MakeStep = Callable[..., Snapshot]


def wait_for(condition: Callable[[], object], seconds: float = 10.0) -> None:
    """Wait until something is so."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.01)


@pytest.fixture(scope="session")
def judge() -> Judge:
    rates = shipped_rates(None, "crowd")
    assert rates is not None
    return Judge(rates)


@pytest.fixture(scope="session")
def step() -> MakeStep:
    """Return a function that makes the snapshot of a second with so many people by state."""

    def make(second: float, masked: int = 0, bare: int = 0, **changes: Any) -> Snapshot:
        people = {"with_mask": masked, "without_mask": bare}
        values: dict[str, Any] = {
            "time_utc": START + timedelta(seconds=second),
            "camera": "door",
            "person_s": {label: float(number) for label, number in people.items()},
            "people": people,
        }
        return Snapshot(**(values | changes))

    return make
