from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine

from crowdmask.store.alert_records import Alert, Judged, Snooze
from crowdmask.store.alerts import AlertStore

NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)
RAISED = Alert(
    id="6f1c1b1e-0000-4000-8000-000000000001", rule="share", kind="share_below", camera="door", zone="A",
    state="raised", raised_utc=NOW, recovered_utc=None, message="60 % wear a mask", values={"share": 0.6},
)  # fmt: skip
RECOVERED = replace(
    RAISED, state="recovered", recovered_utc=NOW + timedelta(minutes=5), message="90 %", values={"share": 0.9}
)


def minutes(number: float) -> datetime:
    return NOW + timedelta(minutes=number)


@pytest.fixture
def store(engine: Engine) -> AlertStore:
    return AlertStore(engine)


def due(store: AlertStore, now: datetime, channel: str = "office") -> list[str]:
    return [delivery.alert.state for delivery in store.due(channel, now)]


def test_an_alert_and_its_messages_are_kept_once(store: AlertStore) -> None:
    for _ in range(2):
        store.record(RAISED, NOW, {"office": None, "home": None})
    (delivery,) = store.due("office", NOW)
    assert (delivery.alert, delivery.attempts, delivery.created_utc) == (RAISED, 0, NOW)
    (stored,) = store.alerts()
    assert stored.alert == RAISED
    store.delivered(delivery, NOW)
    store.record(RAISED, minutes(1), {"office": None})  # after a restart
    assert due(store, minutes(2)) == []
    assert due(store, minutes(2), "home") == ["raised"]


def test_the_end_is_told_after_the_beginning(store: AlertStore) -> None:
    store.record(RAISED, NOW, {"office": None})
    (first,) = store.due("office", NOW)
    store.failed(first, minutes(10), "no answer")
    store.record(RECOVERED, minutes(5), {"office": None})
    assert due(store, minutes(6)) == []
    assert store.next_due("office") == minutes(10)
    (again,) = store.due("office", minutes(10))
    assert (again.alert, again.attempts) == (RAISED, 1)
    store.delivered(again, minutes(10))
    assert due(store, minutes(10)) == ["recovered"]
    (stored,) = store.alerts()
    assert (stored.alert.state, stored.alert.message, stored.recovery) == (
        "recovered", "60 % wear a mask", "90 %",
    )  # fmt: skip
    assert stored.alert.recovered_utc == minutes(5)


@pytest.mark.parametrize(
    ("sent_before", "expected"), [(True, ["recovered"]), (False, [])], ids=["told before", "held"]
)
def test_what_is_over_before_quiet_hours_end_is_not_told(
    store: AlertStore, sent_before: bool, expected: list[str]
) -> None:
    morning = minutes(600)
    store.record(RAISED, NOW, {"office": None if sent_before else morning})
    for delivery in store.due("office", NOW):
        store.delivered(delivery, NOW)
    store.record(RECOVERED, minutes(5), {"office": morning})
    assert due(store, minutes(599)) == []
    assert due(store, morning) == expected


def test_what_lasts_is_told_when_quiet_hours_end(store: AlertStore) -> None:
    store.record(RAISED, NOW, {"office": minutes(600)})
    assert store.next_due("office") == minutes(600)
    assert due(store, minutes(600)) == ["raised"]
    store.record(RECOVERED, minutes(601), {"office": None})  # the beginning may be on its way just now
    assert due(store, minutes(601)) == ["raised"]


def test_what_is_given_up_lets_the_end_go(store: AlertStore) -> None:
    store.record(RAISED, NOW, {"office": None})
    store.record(RECOVERED, minutes(5), {"office": None})
    store.gave_up(store.due("office", NOW)[0], minutes(6), "no answer")
    assert due(store, minutes(6)) == ["recovered"]


def test_people_say_what_they_think(store: AlertStore) -> None:
    other = replace(RAISED, id="other", rule="down", raised_utc=minutes(1))
    for alert in (RAISED, other):
        store.record(alert, NOW, {})
    assert store.acknowledge(RAISED.id, "ada", minutes(2))
    assert store.acknowledge(RAISED.id, "bob", minutes(3))  # the first one counts
    assert store.mark(RAISED.id, True, "bob", minutes(4))
    assert not store.acknowledge("nothing", "ada", NOW)
    assert not store.mark("nothing", True, "ada", NOW)
    stored = store.get(RAISED.id)
    assert (stored.acknowledged_by, stored.acknowledged_utc, stored.wrong) == ("ada", minutes(2), True)
    assert store.judged() == [
        Judged(rule="down", alerts=1, right=0, wrong=0),
        Judged(rule="share", alerts=1, right=0, wrong=1),
    ]
    assert [each.wrong_share for each in store.judged()] == [None, 1.0]
    store.mark(RAISED.id, None, "bob", minutes(5))
    assert store.get(RAISED.id).wrong is None
    assert store.judged(minutes(1)) == [Judged(rule="down", alerts=1, right=0, wrong=0)]


def test_alerts_are_found(store: AlertStore) -> None:
    other = replace(RAISED, id="other", rule="down", camera="hall", zone=None, raised_utc=minutes(1))
    for alert in (RAISED, other, RECOVERED):
        store.record(alert, NOW, {})

    def found(**wanted: Any) -> list[str]:
        return [each.alert.id for each in store.alerts(**wanted)]

    assert found() == ["other", RAISED.id]
    assert found(only_open=True) == found(rule="down") == found(camera="hall") == ["other"]
    assert found(start=minutes(1)) == found(limit=1) == ["other"]
    assert found(end=minutes(1)) == [RAISED.id]
    assert [each.alert.id for each in store.ended_since(minutes(4))] == [RAISED.id]
    assert store.prune(minutes(4)) == 0
    assert store.prune(minutes(6)) == 1
    assert found() == ["other"]


def test_snoozes(store: AlertStore) -> None:
    snooze = Snooze(rule="down", camera="hall", zone=None, until_utc=minutes(60), by="ada")
    store.snooze(snooze)
    longer = replace(snooze, until_utc=minutes(90), by="bob")
    store.snooze(longer)
    assert store.snoozes(minutes(61)) == [longer]
    assert store.snoozes(minutes(90)) == []


def test_a_moment_without_a_time_zone_is_refused(store: AlertStore) -> None:
    with pytest.raises(Exception, match="without a time zone"):
        store.record(replace(RAISED, raised_utc=NOW.replace(tzinfo=None)), NOW, {})
