from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from crowdmask.alerts.forecast import Forecast, forecast
from crowdmask.alerts.judging import Judge
from crowdmask.alerts.settings import AlertSettings
from crowdmask.alerts.snapshot import Snapshot

from .conftest import START

DAY = 1440


def minute(number: int, masked: int, bare: int, **changes: Any) -> Snapshot:
    """Return what a minute's counts say."""
    return Snapshot(
        time_utc=START + timedelta(minutes=number + 1),
        camera="door",
        step_s=60.0,
        observed_s=changes.pop("observed_s", 60.0),
        person_s={"with_mask": 60.0 * masked, "without_mask": 60.0 * bare},
        people={"with_mask": masked, "without_mask": bare},
        **changes,
    )


def run(judge: Judge, minutes: list[Snapshot], **rule: Any) -> Forecast:
    rules = AlertSettings(rules=[{"name": "r", **rule}]).rules
    (found,) = forecast(rules, minutes, judge)
    return found


def test_a_share_rule_counts_what_it_would_have_told(judge: Judge) -> None:
    bad = {600, 601, 900, 1500}
    minutes = [minute(number, *((2, 10) if number in bad else (12, 0))) for number in range(2 * DAY)]
    found = run(judge, minutes, when="share_below", limit=0.8)
    assert (found.alerts, found.days, found.a_day) == (3, 2.0, 1.5)
    assert found.expected_false < 0.01
    assert [each.raised_utc for each in found.raised] == [
        START + timedelta(minutes=number + 1) for number in (600, 900, 1500)
    ]
    assert found.to_line() == "r: 1.5 alerts a day (3 in 2.0 days), of which 0.0 are expected to be false"


def test_the_nearer_to_the_limit_the_more_are_expected_to_be_false(judge: Judge) -> None:
    near = [minute(number, *((10, 4) if number % 60 == 0 else (30, 0))) for number in range(DAY)]
    found = run(judge, near, when="share_below", limit=0.8)
    assert found.alerts == 24
    assert 0.01 < found.expected_false < 24 * 0.025 + 0.01


@pytest.mark.parametrize(("count", "more"), [(1, 1.0), (2, 1.5)])
def test_events_are_false_as_often_as_the_label_is_where_so_many_wear_masks(
    judge: Judge, count: int, more: float
) -> None:
    expected = []
    for masked in (1, 100):
        minutes = [
            minute(number, masked, 1, events={"no_mask": 2 * (number % 120 == 0)}) for number in range(DAY)
        ]
        found = run(judge, minutes, when="event", event="no_mask", count=count)
        assert found.alerts == 12
        expected.append(found.expected_false)
    assert 0 < expected[0] < expected[1] <= 12
    assert expected[0] < more


@pytest.mark.parametrize(
    ("rule", "expected", "words"),
    [
        ({"when": "camera_down"}, 0.0, "of which 0.0 are expected"),
        ({"when": "nobody", "for_s": 3600}, None, "the error rates do not tell"),
        ({"when": "event", "event": "mask_put_on"}, None, "the error rates do not tell"),
    ],
)
def test_other_rules(judge: Judge, rule: dict[str, Any], expected: float | None, words: str) -> None:
    minutes = [
        minute(number, 0, 0, events={"mask_put_on": int(number == 100)}, down_s=90.0 * (number == 300))
        for number in range(DAY)
    ]
    found = run(judge, minutes, **rule)
    assert (found.alerts, found.expected_false) == (1, expected)
    assert words in found.to_line()
    assert found.to_record()["alerts_a_day"] == 1.0


def test_nothing_kept_is_no_forecast(judge: Judge) -> None:
    found = run(judge, [], when="nobody")
    assert (found.a_day, found.alerts, found.expected_false) == (None, 0, 0.0)
    assert "nothing is kept" in found.to_line()
    assert run(judge, [minute(0, 1, 1)], when="nobody", cameras=["yard"]).a_day is None
    short = run(judge, [minute(number, 0, 20) for number in range(90)], when="share_below", limit=0.5)
    assert (short.alerts, short.a_day) == (1, None)
    assert "only 1.5 hours are kept" in short.to_line()
