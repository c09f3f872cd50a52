"""MQTT against a real mosquitto."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from crowdmask.alerts.channel_settings import MqttSettings
from crowdmask.alerts.channels.channel import DeliveryError, Sender
from crowdmask.alerts.channels.home_assistant import CameraState
from crowdmask.alerts.channels.mqtt import Mqtt
from crowdmask.alerts.delivery import Deliverer, Retries
from crowdmask.store.alerts import AlertStore

from ..conftest import wait_for
from .broker import PASSWORD, USER, Broker, Subscriber
from .conftest import RAISED, free_port
from .home_assistant_rules import problems

SENDER = Sender("Town hall", ZoneInfo("UTC"))
STATE = CameraState(
    people={"with_mask": 3, "without_mask": 1}, rules={"share": True, "down": False}, shares={"share": 0.6}
)
CONFIG = "homeassistant/device/crowdmask_door/config"
Connect = Callable[..., Mqtt]
Listen = Callable[..., Subscriber]


@pytest.fixture
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    running = Broker(tmp_path_factory.mktemp("mosquitto"), free_port())
    running.start()
    yield running
    running.stop()


@pytest.fixture
def listen(broker: Broker) -> Iterator[Listen]:
    """Return a function that subscribes to topics, to all of them unless said otherwise."""
    opened: list[Subscriber] = []

    def start(*topics: str) -> Subscriber:
        opened.append(Subscriber(broker.port, *(topics or ("#",))))
        return opened[-1]

    yield start
    for subscriber in opened:
        subscriber.close()


@pytest.fixture
def connect(broker: Broker, listen: Listen) -> Iterator[Connect]:
    """Return a function that starts our channel."""
    opened: list[Mqtt] = []
    listen()  # the broker is there now

    def start(on_privacy: Any = None, **settings: Any) -> Mqtt:
        values = {
            "kind": "mqtt", "name": "home", "host": "127.0.0.1", "port": broker.port, "user": USER,
            "password": PASSWORD, "timeout_s": 5,
        }  # fmt: skip
        opened.append(Mqtt(MqttSettings(**(values | settings)), SENDER, on_privacy))
        opened[-1].start()
        return opened[-1]

    yield start
    for channel in opened:
        channel.close()


def test_a_camera_is_described_and_its_state_is_retained(connect: Connect, listen: Listen) -> None:
    channel = connect()
    channel.show({"door": STATE})
    channel.send(RAISED)
    late = listen()  # gets what is retained
    config = late.wait_for(CONFIG, lambda content: content)
    assert problems(CONFIG, config) == []
    state = late.wait_for("crowdmask/door/state", lambda content: content)
    assert state == {
        "online": "ON", "frozen": "OFF", "people": 4, "with_mask": 3, "without_mask": 1,
        "mask_worn_incorrect": 0, "unknown": 0, "rule_share": "ON", "rule_down": "OFF", "share_share": 60.0,
    }  # fmt: skip
    assert late.wait_for("crowdmask/status", bool) == "online"
    assert late.wait_for("crowdmask/door/available", bool) == "online"
    assert all(retained for _, _, retained in late.got)
    assert late.of("crowdmask/door/alert") == []


def test_an_alert_is_an_event_that_arrives_once(connect: Connect, listen: Listen) -> None:
    subscriber, channel = listen(), connect()
    channel.send(RAISED)
    channel.send(replace(RAISED, state="recovered", recovered_utc=RAISED.raised_utc + timedelta(minutes=1)))
    subscriber.wait_for("crowdmask/door/alert", lambda content: content["event_type"] == "recovered")
    messages = subscriber.of("crowdmask/door/alert")
    assert [message["event_type"] for message in messages] == ["raised", "recovered"]
    assert {message["id"] for message in messages} == {RAISED.id}


def test_states_go_out_at_once_but_numbers_in_their_time(connect: Connect, listen: Listen) -> None:
    subscriber, channel = listen(), connect(every_s=3600)
    channel.show({"door": STATE})
    subscriber.wait_for("crowdmask/door/state", bool)
    channel.show({"door": replace(STATE, people={"with_mask": 9})})
    channel.show({"door": replace(STATE, people=None, online=False)})
    subscriber.wait_for("crowdmask/door/available", lambda content: content == "offline")
    last = subscriber.wait_for("crowdmask/door/state", lambda content: content["online"] == "OFF")
    assert last["people"] is None
    assert [state["people"] for state in subscriber.of("crowdmask/door/state")] == [4, None]


def test_what_is_no_more_is_removed(connect: Connect, listen: Listen) -> None:
    first = connect()
    first.show({"door": STATE, "yard": STATE})
    subscriber = listen()
    subscriber.wait_for("homeassistant/device/crowdmask_yard/config", bool)
    first.close()
    connect().show({"door": replace(STATE, rules={"down": False}, shares={})})
    removing = subscriber.wait_for(
        CONFIG, lambda content: content["cmps"].get("rule_share") == {"p": "binary_sensor"}
    )
    assert problems(CONFIG, removing) == []
    assert removing["cmps"]["share_share"] == {"p": "sensor"}
    subscriber.wait_for("homeassistant/device/crowdmask_yard/config", lambda content: content == "")
    wait_for(lambda: "rule_share" not in subscriber.of(CONFIG)[-1]["cmps"])
    other = connect(topic="other")  # leaves alone what is not its own
    other.show({"hall": STATE})
    subscriber.wait_for("homeassistant/device/other_hall/config", bool)
    assert subscriber.of(CONFIG)[-1]


def test_a_camera_that_is_removed_while_it_runs_is_removed_there(connect: Connect, listen: Listen) -> None:
    subscriber, channel = listen(), connect()
    channel.show({"door": STATE})
    subscriber.wait_for(CONFIG, bool)
    channel.show({"yard": STATE})
    for topic in (CONFIG, "crowdmask/door/state", "crowdmask/door/available"):
        subscriber.wait_for(topic, lambda content: content == "")


def test_home_assistant_that_starts_is_told_again(connect: Connect, listen: Listen) -> None:
    subscriber, channel = listen(), connect()
    channel.show({"door": STATE})
    subscriber.wait_for("crowdmask/door/state", bool)
    before = len(subscriber.of(CONFIG))
    subscriber.client.publish("homeassistant/status", "online", qos=1)
    wait_for(lambda: len(subscriber.of(CONFIG)) > before and len(subscriber.of("crowdmask/door/state")) > 1)


def test_the_privacy_switch(connect: Connect, listen: Listen) -> None:
    switched: list[tuple[str, bool]] = []
    channel = connect(lambda camera, on: switched.append((camera, on)))
    channel.show({"door": replace(STATE, private=False)})
    subscriber = listen()
    config = subscriber.wait_for(CONFIG, bool)
    topic = config["cmps"]["privacy"]["command_topic"]
    for payload in ("ON", "nonsense", "OFF"):
        subscriber.client.publish(topic, payload, qos=1)
    subscriber.client.publish(topic.replace("door", "nowhere"), "ON", qos=1)
    wait_for(lambda: len(switched) == 2)
    assert switched == [("door", True), ("door", False)]


def test_a_wrong_password_is_told(connect: Connect, caplog: pytest.LogCaptureFixture) -> None:
    channel = connect(password="wrong", timeout_s=1)
    with pytest.raises(DeliveryError, match="refused: user or password"):
        channel.send(RAISED)
    assert "refused: user or password; tries go on" in caplog.text
    assert "wrong" not in caplog.text


def test_an_alert_waits_for_the_broker_and_comes_once(
    broker: Broker, connect: Connect, listen: Listen, store: AlertStore
) -> None:
    channel = connect(timeout_s=1)
    channel.show({"door": STATE})
    channel.send(replace(RAISED, id="before"))
    broker.stop()
    wait_for(lambda: not channel._connected)
    deliverer = Deliverer(channel, store, Retries(first_s=0.05, most_s=0.1))
    store.record(RAISED, RAISED.raised_utc, {"home": None})
    deliverer._thread.start()
    wait_for(lambda: (store.next_due("home") or RAISED.raised_utc) > RAISED.raised_utc)
    broker.start()
    subscriber = listen()
    subscriber.wait_for("crowdmask/door/alert", bool, 20)
    wait_for(lambda: store.next_due("home") is None)
    deliverer.stop()
    assert [message["id"] for message in subscriber.of("crowdmask/door/alert")] == [RAISED.id]
    # The broker was empty: all is described again.
    subscriber.wait_for(CONFIG, bool)
    subscriber.wait_for("crowdmask/door/state", bool)


KILLED = """
import sys
from threading import Event
from zoneinfo import ZoneInfo
from crowdmask.alerts.channel_settings import MqttSettings
from crowdmask.alerts.channels.channel import Sender
from crowdmask.alerts.channels.mqtt import Mqtt
port, user, password = sys.argv[1:]
settings = MqttSettings(kind="mqtt", name="home", host="127.0.0.1", port=port, user=user, password=password)
Mqtt(settings, Sender("Town hall", ZoneInfo("UTC"))).start()
Event().wait()
"""


def test_the_broker_says_when_we_died(broker: Broker, listen: Listen, unmeasured: None) -> None:
    subscriber = listen("crowdmask/#")
    with subprocess.Popen([sys.executable, "-c", KILLED, str(broker.port), USER, PASSWORD]) as child:
        subscriber.wait_for("crowdmask/status", lambda content: content == "online", 30)
        child.kill()
    subscriber.wait_for("crowdmask/status", lambda content: content == "offline")


def test_we_say_when_we_go(connect: Connect, listen: Listen) -> None:
    subscriber, channel = listen(), connect()
    subscriber.wait_for("crowdmask/status", lambda content: content == "online")
    channel.close()
    subscriber.wait_for("crowdmask/status", lambda content: content == "offline")
