"""Messages arrive at least once, whatever fails meanwhile, and are known as one."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from crowdmask.alerts.channel_settings import WebhookSettings
from crowdmask.alerts.channels.channel import Channel, DeliveryError, Sender
from crowdmask.alerts.channels.webhook import Webhook
from crowdmask.alerts.delivery import Deliverer, Retries
from crowdmask.store.alert_records import Alert
from crowdmask.store.alerts import AlertStore

from ..conftest import wait_for
from .conftest import RAISED, Receiver

SENDER = Sender("Town hall", ZoneInfo("UTC"))
NOW = RAISED.raised_utc
RECOVERED = replace(RAISED, state="recovered", recovered_utc=NOW + timedelta(minutes=5))
QUICK = Retries(first_s=0.02, most_s=0.1)


def webhook(receiver: Receiver) -> Webhook:
    return Webhook(WebhookSettings(kind="webhook", name="hook", url=receiver.url), SENDER)


def states(receiver: Receiver) -> list[str]:
    return [json.loads(body)["state"] for _, body in receiver.got]


def test_a_message_is_tried_until_it_arrives_and_then_no_more(store: AlertStore, receiver: Receiver) -> None:
    receiver.answers = [(500, {}), (503, {}), (204, {})]
    deliverer = Deliverer(webhook(receiver), store, QUICK)
    deliverer.start()
    store.record(RAISED, NOW, {"hook": None})
    store.record(RECOVERED, NOW, {"hook": None})
    deliverer.wake()
    wait_for(lambda: store.next_due("hook") is None)
    deliverer.stop()
    assert states(receiver) == ["raised", "raised", "raised", "recovered"]
    again = Deliverer(webhook(receiver), store, QUICK)  # after a restart
    again.start()
    again.stop()
    assert len(receiver.got) == 4


def test_what_could_not_be_sent_is_sent_after_a_restart(store: AlertStore, receiver: Receiver) -> None:
    receiver.answers = [(503, {})]
    store.record(RAISED, NOW, {"hook": None})
    before = Deliverer(webhook(receiver), store, Retries(first_s=0.3))
    before.start()
    wait_for(lambda: receiver.got)
    before.stop()
    after = Deliverer(webhook(receiver), store, QUICK)
    after.start()
    wait_for(lambda: store.next_due("hook") is None)
    after.stop()
    assert states(receiver) == ["raised", "raised"]  # the first was refused


KILLED = """
import sys
from datetime import UTC, datetime
from threading import Event
from zoneinfo import ZoneInfo
from crowdmask.alerts.channel_settings import WebhookSettings
from crowdmask.alerts.channels.channel import Sender
from crowdmask.alerts.channels.webhook import Webhook
from crowdmask.alerts.delivery import Deliverer
from crowdmask.store.alerts import AlertStore
from crowdmask.store.engine import open_engine
settings = WebhookSettings(kind="webhook", name="hook", url=sys.argv[2])
channel = Webhook(settings, Sender("Town hall", ZoneInfo("UTC")))
Deliverer(channel, AlertStore(open_engine(sys.argv[1]))).start()
Event().wait()
"""


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs a signal of Unix")
def test_killed_between_sending_and_noting_it_sends_again_under_the_same_key(
    store: AlertStore, database: Path, receiver: Receiver, unmeasured: None
) -> None:
    receiver.hangs = threading.Event()
    store.record(RAISED, NOW, {"hook": None})
    with subprocess.Popen([sys.executable, "-c", KILLED, str(database), receiver.url]) as child:
        wait_for(lambda: receiver.got, 30)
        child.kill()
    receiver.hangs.set()
    receiver.hangs = None
    after = Deliverer(webhook(receiver), store, QUICK)
    after.start()
    wait_for(lambda: store.next_due("hook") is None)
    after.stop()
    assert [headers["idempotency-key"] for headers, _ in receiver.got] == [f"{RAISED.id}_raised"] * 2
    assert receiver.got[0][1] == receiver.got[1][1]


class Broken(Channel):
    """Fails in a way that nobody expected, then as told."""

    def __init__(self, *failures: Exception) -> None:
        super().__init__("hook", SENDER)
        self.failures, self.sent = list(failures), list[Alert]()

    def send(self, alert: Alert) -> None:
        if self.failures:
            raise self.failures.pop(0)
        self.sent.append(alert)


def test_an_unexpected_failure_is_tried_again(store: AlertStore, caplog: pytest.LogCaptureFixture) -> None:
    channel = Broken(RuntimeError("?"), DeliveryError("no answer"))
    store.record(RAISED, NOW, {"hook": None})
    deliverer = Deliverer(channel, store, QUICK)
    deliverer.start()
    wait_for(lambda: channel.sent)
    deliverer.stop()
    assert "failed inside (RuntimeError)" in caplog.text
    assert "not sent: no answer; tried again in 0 s" in caplog.text


def test_it_gives_up_after_a_while(store: AlertStore, caplog: pytest.LogCaptureFixture) -> None:
    channel = Broken(*[DeliveryError("no answer")] * 100)
    store.record(RAISED, NOW, {"hook": None})
    clock = iter(range(0, 10_000, 60))
    retries = Retries(first_s=1, give_up_s=600)
    deliverer = Deliverer(channel, store, retries, now=lambda: NOW + timedelta(seconds=next(clock)))
    deliverer.start()
    wait_for(lambda: store.next_due("hook") is None)
    deliverer.stop()
    assert "given up: no answer" in caplog.text
    assert channel.sent == []


def test_a_database_that_is_away_is_waited_for(
    store: AlertStore, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    channel = Broken()
    store.record(RAISED, NOW, {"hook": None})
    due, tries = store.due, iter((OSError("away"), OSError("away")))

    def sometimes(*values: Any) -> Any:
        for error in tries:
            raise error
        return due(*values)

    monkeypatch.setattr(store, "due", sometimes)
    deliverer = Deliverer(channel, store, QUICK)
    deliverer.start()
    wait_for(lambda: channel.sent)
    deliverer.stop()
    assert caplog.text.count("the outbox cannot be read or written") == 1
    assert "Traceback" not in caplog.text


@pytest.mark.parametrize(("attempts", "least"), [(0, 5), (1, 10), (3, 40), (7, 600), (10_000, 600)])
def test_waits_grow_up_to_a_limit(attempts: int, least: float) -> None:
    waits = [Retries().wait_s(attempts) for _ in range(20)]
    assert all(least <= wait <= 1.2 * least for wait in waits)
    assert len(set(waits)) > 1
