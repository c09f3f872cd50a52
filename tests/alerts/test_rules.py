from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from crowdmask.alerts.judging import Judge
from crowdmask.alerts.rules import RuleState
from crowdmask.alerts.settings import AlertRule
from crowdmask.alerts.snapshot import Snapshot
from crowdmask.store.alert_records import Alert

from .conftest import START, MakeStep

RULE: TypeAdapter[Any] = TypeAdapter(AlertRule)
SHARE = {"name": "share", "when": "share_below", "limit": 0.8}


def rule_state(judge: Judge, **rule: Any) -> RuleState:
    return RuleState(RULE.validate_python({"name": "r", **rule}), judge)


def run(state: RuleState, steps: Iterable[Snapshot]) -> list[Alert]:
    return [alert for each in steps for alert in state.update(each.time_utc, each)]


def told(alerts: list[Alert]) -> list[tuple[str, float]]:
    """Return what happened and in which second."""
    return [
        (alert.state, ((alert.recovered_utc or alert.raised_utc) - START).total_seconds()) for alert in alerts
    ]


@pytest.mark.parametrize(
    ("masked", "bare", "expected"),
    [
        (3, 9, True),
        (8, 4, True),  # 67 %, and the interval ends under 80 %
        (10, 3, False),  # 77 %, but it may be 80 %
        (12, 0, False),
        (0, 9, False),  # under 10 people
        (0, 10, True),
    ],
)
def test_a_share_is_told_where_its_interval_lies_under_the_limit(
    judge: Judge, step: MakeStep, masked: int, bare: int, expected: bool
) -> None:
    alerts = run(rule_state(judge, **SHARE), (step(second, masked, bare) for second in range(120)))
    assert [alert.state for alert in alerts] == ["raised"] * expected
    for alert in alerts:
        assert alert.values["high"] < 0.8 < 1
        assert alert.values["people"] == masked + bare
        assert alert.message.endswith("limit 80%, in 60 s")
        assert 47 <= told(alerts)[0][1] < 60  # most of the time must have been looked at


def test_different_people_count_not_the_most_at_once(judge: Judge, step: MakeStep) -> None:
    passing = [
        step(second, 0, 2, tracks=frozenset({second // 10, 100 + second // 10})) for second in range(90)
    ]
    assert told(run(rule_state(judge, **SHARE), passing)) == [("raised", 47.0)]
    staying = [step(second, 0, 2, tracks=frozenset({1, 2})) for second in range(90)]
    assert run(rule_state(judge, **SHARE), staying) == []


def test_a_share_recovers_and_is_silent_for_a_while(judge: Judge, step: MakeStep) -> None:
    state = rule_state(judge, **SHARE, cooldown_s=200, recover_after_s=20)
    bad, good = ((2, 10), (12, 0))
    plan = [*[bad] * 60, *[good] * 120, *[bad] * 400]
    alerts = run(state, (step(second, *people) for second, people in enumerate(plan)))
    (begin, _), (end, second), (again, third) = told(alerts)
    assert (begin, end, again) == ("raised", "recovered", "raised")
    assert 100 < second < 160
    assert third == second + 200
    assert alerts[0].id == alerts[1].id != alerts[2].id
    assert alerts[1].raised_utc == alerts[0].raised_utc


def test_what_lies_between_goes_on_but_is_not_raised(judge: Judge, step: MakeStep) -> None:
    doubtful = (step(second, 9, 3) for second in range(60, 300))
    state = rule_state(judge, **SHARE)
    assert len(run(state, (step(second, 2, 10) for second in range(60)))) == 1
    assert run(state, doubtful) == []
    assert len(state.open) == 1


def test_too_few_people_end_it(judge: Judge, step: MakeStep) -> None:
    state = rule_state(judge, **SHARE)
    alerts = run(state, (step(second, 2 * (second < 60), 10 * (second < 60)) for second in range(300)))
    assert [alert.state for alert in alerts] == ["raised", "recovered"]
    assert alerts[1].message == "under 10 people, too few for a share"


@pytest.mark.parametrize("lost", [{"observed_s": 0.0}, {"observed_s": 0.3}])
def test_a_camera_that_is_lost_says_nothing_of_people(
    judge: Judge, step: MakeStep, lost: dict[str, Any]
) -> None:
    assert run(rule_state(judge, **SHARE), (step(second, 2, 10, **lost) for second in range(120))) == []
    state = rule_state(judge, **SHARE)
    assert len(run(state, (step(second, 2, 10) for second in range(60)))) == 1
    assert run(state, (step(second, **lost) for second in range(60, 300))) == []
    assert len(state.open) == 1  # neither better nor worse


def test_many_without_a_label_are_no_share(judge: Judge, step: MakeStep) -> None:
    unknown = {"person_s": {"without_mask": 10.0, "unknown": 11.0}, "people": {"without_mask": 21}}
    assert run(rule_state(judge, **SHARE), (step(second, **unknown) for second in range(120))) == []


@pytest.mark.parametrize(
    ("rule", "at", "expected"),
    [
        ({}, {5: 1, 8: 1}, [("raised", 5), ("recovered", 69)]),
        ({"count": 2}, {5: 1, 8: 1}, [("raised", 8), ("recovered", 69)]),
        ({"count": 2}, {5: 2}, [("raised", 5), ("recovered", 66)]),
        ({"count": 2}, {5: 1, 70: 1}, []),
        ({}, {5: 1, 60: 1, 300: 1}, [("raised", 5), ("recovered", 121)]),  # 300: in the cool-down
        ({}, {5: 1, 370: 1}, [("raised", 5), ("recovered", 66), ("raised", 370)]),
        ({"event": "mask_taken_off"}, {5: 1}, []),
    ],
)
def test_events(
    judge: Judge, step: MakeStep, rule: dict[str, Any], at: dict[int, int], expected: list[tuple[str, float]]
) -> None:
    state = rule_state(judge, when="event", **rule)
    steps = (step(second, events={"no_mask": at.get(second, 0)}) for second in range(400))
    assert told(run(state, steps)) == expected


@pytest.mark.parametrize(
    ("rule", "broken"),
    [
        ({"when": "camera_down"}, "down_s"),
        ({"when": "camera_frozen"}, "frozen_s"),
    ],
)
def test_cameras(judge: Judge, step: MakeStep, rule: dict[str, Any], broken: str) -> None:
    state = rule_state(judge, **rule)
    steps = [step(second, **{broken: float(max(0, second - 10) * (second < 100))}) for second in range(200)]
    alerts = run(state, steps)
    assert told(alerts) == [("raised", 70.0), ("recovered", 130.0)]
    assert "for 60 s" in alerts[0].message
    assert alerts[1].message.endswith("again")


def test_nobody_counts_only_what_was_looked_at(judge: Judge, step: MakeStep) -> None:
    state = rule_state(judge, when="nobody", for_s=100, recover_after_s=0)
    steps = [step(second, observed_s=float(second >= 50)) for second in range(200)]
    steps += [step(second, bare=1) for second in range(200, 203)]
    assert told(run(state, steps)) == [("raised", 149.0), ("recovered", 200.0)]


def test_cameras_and_zones_are_apart(judge: Judge, step: MakeStep) -> None:
    state = rule_state(judge, when="event", zone="B", cameras=["door", "hall"])
    hit = {"events": {"no_mask": 1}}
    alerts = run(
        state,
        [
            step(1, **hit), step(1, zone="A", **hit), step(1, zone="B", **hit),
            step(2, zone="B", camera="hall", **hit), step(2, zone="B", camera="yard", **hit),
        ],
    )  # fmt: skip
    assert [(alert.camera, alert.zone) for alert in alerts] == [("door", "B"), ("hall", "B")]
    (ended,) = state.end("hall", START, "the camera was removed")
    assert (ended.id, ended.state, ended.recovered_utc) == (alerts[1].id, "recovered", START)
    assert state.open == (alerts[0],)


def test_after_a_restart_it_is_not_raised_again(judge: Judge, step: MakeStep) -> None:
    before = rule_state(judge, when="camera_down")
    (raised,) = run(before, (step(second, down_s=float(second)) for second in range(90)))
    after = rule_state(judge, when="camera_down")
    after.restore([raised])
    assert run(after, (step(second, down_s=float(second)) for second in range(90, 120))) == []
    (ended,) = run(after, (step(second) for second in range(120, 160)))
    assert (ended.id, ended.state) == (raised.id, "recovered")
    silent = rule_state(judge, when="camera_down", cooldown_s=1000)
    silent.restore([ended])
    assert run(silent, (step(second, down_s=float(second)) for second in range(160, 400))) == []


@given(
    plan=st.lists(st.tuples(st.booleans(), st.integers(1, 200)), max_size=12),
    cooldown_s=st.integers(0, 300),
    recover_after_s=st.integers(0, 60),
)
def test_alerts_begin_and_end_by_turns(
    plan: list[tuple[bool, int]], cooldown_s: int, recover_after_s: int
) -> None:
    state = rule_state(
        Judge(None), when="camera_down", for_s=20, cooldown_s=cooldown_s, recover_after_s=recover_after_s
    )
    now, down_s = START, 0.0
    alerts: list[Alert] = []
    for down, lasts in plan:
        for _ in range(lasts):
            now += timedelta(seconds=1)
            down_s = down_s + 1 if down else 0.0
            alerts += state.update(now, Snapshot(time_utc=now, camera="door", down_s=down_s))
    for begin, end in zip(alerts[::2], alerts[1::2], strict=False):
        assert (begin.state, end.state, begin.id) == ("raised", "recovered", end.id)
        assert end.recovered_utc > begin.raised_utc
    for end, begin in zip(alerts[1::2], alerts[2::2], strict=False):
        assert (begin.raised_utc - end.recovered_utc).total_seconds() >= cooldown_s
