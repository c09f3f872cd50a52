"""A running site's alerts, with a real store and channels that keep what they get."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from crowdmask.alerts import manager as manager_module
from crowdmask.alerts.channels.channel import Channel, Sender
from crowdmask.alerts.displays import camera_states
from crowdmask.alerts.judging import Judge
from crowdmask.alerts.manager import Alerts
from crowdmask.alerts.rules import RuleState
from crowdmask.alerts.settings import AlertSettings
from crowdmask.alerts.snapshot import Snapshot
from crowdmask.store.alert_records import Alert, Snooze
from crowdmask.store.alerts import AlertStore
from crowdmask.store.engine import open_engine

from .conftest import START, MakeStep, wait_for

HOOK = {"kind": "webhook", "name": "hook", "url": "http://127.0.0.1:9/"}
DOWN = {"name": "down", "when": "camera_down", "for_s": 5, "recover_after_s": 2, "cooldown_s": 10}


class Clock:
    """The time of the newest step."""

    now = START

    def __call__(self) -> datetime:
        return self.now


class Kept(Channel):
    """Keeps what it gets."""

    sent: list[Alert]

    def send(self, alert: Alert) -> None:
        self.sent.append(alert)


class KeptStates(Kept):
    keeps_states = True


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> dict[str, list[Alert]]:
    """Return what each channel was sent; channels called states show states."""
    kept: dict[str, list[Alert]] = {}

    def make(settings: Any, sender: Sender, on_privacy: Any = None) -> Channel:
        kind = KeptStates if settings.name == "states" else Kept
        channel = kind(settings.name, sender)
        channel.sent = kept.setdefault(settings.name, [])
        return channel

    monkeypatch.setattr(manager_module, "make_channel", make)
    return kept


@pytest.fixture
def store(tmp_path: Path) -> Iterator[AlertStore]:
    engine = open_engine(tmp_path / "alerts.db")
    yield AlertStore(engine)
    engine.dispose()


Make = Callable[..., Alerts]


@pytest.fixture
def make(store: AlertStore, clock: Clock, sent: dict[str, list[Alert]]) -> Iterator[Make]:
    """Return a function that starts a site's alerts, the last one stopped."""
    running: list[Alerts] = []

    def start(*rules: dict[str, Any], channels: tuple[str, ...] = ("hook",)) -> Alerts:
        for each in running:
            each.stop()
        sender = Sender("Town hall", ZoneInfo("UTC"))
        running[:] = [Alerts(settings(*rules, channels=channels), store, sender, Judge(None), now=clock)]
        running[0].start()
        return running[0]

    yield start
    for each in running:
        each.stop()


def settings(*rules: dict[str, Any], channels: tuple[str, ...] = ("hook",)) -> AlertSettings:
    return AlertSettings(rules=rules, channels=[HOOK | {"name": name} for name in channels])


def play(alerts: Alerts, clock: Clock, steps: list[Snapshot]) -> list[str]:
    told: list[str] = []
    for each in steps:
        clock.now = each.time_utc
        told += [alert.state for alert in alerts.observe([each])]
    return told


def down(step: MakeStep, first: int, last: int) -> list[Snapshot]:
    return [step(second, down_s=float(second + 1 - first)) for second in range(first, last)]


def up(step: MakeStep, first: int, last: int) -> list[Snapshot]:
    return [step(second) for second in range(first, last)]


def test_an_alert_is_kept_told_and_ends(
    make: Make, clock: Clock, step: MakeStep, sent: dict[str, list[Alert]]
) -> None:
    alerts = make(DOWN)
    assert play(alerts, clock, down(step, 0, 20) + up(step, 20, 30)) == ["raised", "recovered"]
    wait_for(lambda: len(sent["hook"]) == 2)
    (stored,) = alerts.store.alerts()
    assert [alert.id for alert in sent["hook"]] == [stored.alert.id] * 2
    assert stored.recovery == "the camera sends again"


def test_a_restart_shows_one_alert(
    make: Make, clock: Clock, step: MakeStep, sent: dict[str, list[Alert]]
) -> None:
    rule = DOWN | {"cooldown_s": 20}
    assert play(make(rule), clock, down(step, 0, 10)) == ["raised"]
    alerts = make(rule)
    assert len(alerts.open) == 1
    assert play(alerts, clock, down(step, 10, 30) + up(step, 30, 40)) == ["recovered"]
    alerts = make(rule)
    assert play(alerts, clock, down(step, 40, 52)) == []  # in the cool-down, which a restart does not end
    assert play(alerts, clock, down(step, 46, 60)) == ["raised"]
    wait_for(lambda: len(sent["hook"]) == 3)
    assert len(alerts.store.alerts()) == 2


def test_quiet_hours_and_snoozing_are_not_for_states(
    make: Make, clock: Clock, step: MakeStep, sent: dict[str, list[Alert]]
) -> None:
    quiet = DOWN | {"quiet_hours": [{"start": "11:00", "end": "13:00"}]}
    alerts = make(quiet, channels=("hook", "states"))
    play(alerts, clock, down(step, 0, 20))
    wait_for(lambda: sent["states"])
    assert alerts.store.next_due("hook") == START + timedelta(hours=1)
    play(alerts, clock, up(step, 20, 30))
    wait_for(lambda: len(sent["states"]) == 2)
    assert alerts.store.next_due("hook") is None  # it is over: neither is told
    alerts = make(DOWN, channels=("hook", "states"))
    until = START + timedelta(hours=9)
    alerts.store.snooze(Snooze(rule="down", camera="door", zone=None, until_utc=until, by="ada"))
    play(alerts, clock, down(step, 100, 120) + up(step, 120, 130))
    wait_for(lambda: len(sent["states"]) == 4)
    assert alerts.store.next_due("hook") is None
    assert sent["hook"] == []
    assert len(alerts.store.alerts()) == 2  # both are shown


def test_no_message_of_the_end_where_none_is_wanted(
    make: Make, clock: Clock, step: MakeStep, sent: dict[str, list[Alert]]
) -> None:
    alerts = make(DOWN | {"recovery": False}, channels=("hook", "states"))
    play(alerts, clock, down(step, 0, 20) + up(step, 20, 30))
    wait_for(lambda: len(sent["states"]) == 2 and sent["hook"])
    assert [alert.state for alert in sent["hook"]] == ["raised"]


def test_a_store_that_is_away_loses_nothing(
    make: Make, clock: Clock, step: MakeStep, sent: dict[str, list[Alert]], monkeypatch: pytest.MonkeyPatch
) -> None:
    alerts = make(DOWN)
    with monkeypatch.context() as patch:
        patch.setattr(alerts.store, "record", lambda *_: 1 / 0)
        assert play(alerts, clock, down(step, 0, 20)) == ["raised"]
        assert alerts.store.alerts() == []
    play(alerts, clock, up(step, 20, 30))
    wait_for(lambda: len(sent["hook"]) == 2)
    assert [alert.state for alert in sent["hook"]] == ["raised", "recovered"]


def test_changed_settings_are_taken_over(
    make: Make, clock: Clock, step: MakeStep, sent: dict[str, list[Alert]]
) -> None:
    alerts = make(DOWN, {"name": "other", "when": "camera_down", "for_s": 5})
    play(alerts, clock, down(step, 0, 10))
    assert len(alerts.open) == 2
    alerts.change(settings(DOWN | {"cooldown_s": 1}, channels=("hook", "second")))
    assert [alert.rule for alert in alerts.open] == ["down"]
    ended = {each.alert.rule: each.recovery for each in alerts.store.alerts()}
    assert ended == {"down": None, "other": "the rule was changed or removed"}
    assert play(alerts, clock, down(step, 10, 20) + up(step, 20, 30)) == ["recovered"]
    play(alerts, clock, down(step, 40, 50))
    wait_for(lambda: sent["second"])
    assert [alert.state for alert in sent["second"]] == [
        "raised"
    ]  # not told of ends whose beginning it had not


def test_what_was_removed_while_it_was_off_ends_at_the_start(
    make: Make, clock: Clock, step: MakeStep
) -> None:
    play(make(DOWN), clock, down(step, 0, 10))
    alerts = make({"name": "other", "when": "nobody"})
    play(alerts, clock, [step(11)])
    (stored,) = alerts.store.alerts()
    assert stored.alert.recovered_utc is not None


def test_a_removed_camera_ends_its_alerts(make: Make, clock: Clock, step: MakeStep) -> None:
    alerts = make(DOWN)
    play(alerts, clock, down(step, 0, 10))
    assert play(alerts, clock, [step(11, camera="yard")]) == ["recovered"]
    assert alerts.store.alerts()[0].recovery == "the camera was removed"


def test_states_for_displays(judge: Judge, step: MakeStep) -> None:
    rules = AlertSettings(
        rules=[
            {"name": "share", "when": "share_below", "limit": 0.8, "zone": "A"},
            {"name": "down", "when": "camera_down", "cameras": ["yard"]},
        ]
    ).rules
    states = [RuleState(rule, judge) for rule in rules]
    for second in range(60):
        steps = [
            step(second, 2, 10), step(second, 3, 9, zone="A"), step(second, camera="yard", observed_s=0.0),
        ]  # fmt: skip
        for state in states:
            for each in steps:
                state.update(each.time_utc, each)
    shown = camera_states(steps, states, True)
    assert set(shown) == {"door", "yard"}
    assert shown["door"].rules == {"share": True}
    assert 0.15 < shown["door"].shares["share"] < 0.35
    assert shown["door"].people == {"with_mask": 2, "without_mask": 10}
    assert (shown["yard"].rules, shown["yard"].people, shown["yard"].private) == (
        {"down": False},
        None,
        False,
    )
    assert camera_states(steps, states, False)["yard"].private is None
