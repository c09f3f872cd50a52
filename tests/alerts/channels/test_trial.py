from __future__ import annotations

from typing import Any
from zoneinfo import ZoneInfo

import pytest

from crowdmask.alerts.channels.channel import Sender
from crowdmask.alerts.settings import AlertSettings
from crowdmask.alerts.trial import send_test
from crowdmask.errors import UsageError

from .conftest import Receiver, free_port

SENDER = Sender("Town hall", ZoneInfo("UTC"))


def settings(receiver: Receiver) -> AlertSettings:
    away = f"http://127.0.0.1:{free_port()}/"
    return AlertSettings(
        channels=[
            {"kind": "webhook", "name": "hook", "url": receiver.url},
            {"kind": "webhook", "name": "away", "url": away},
            {"kind": "mqtt", "name": "home", "host": "127.0.0.1", "port": free_port(), "timeout_s": 1},
        ],
        rules=[
            {"name": "down", "when": "camera_down", "cameras": ["door"]},
            {"name": "empty", "when": "nobody", "to": ["hook"]},
        ],
    )


def test_a_rule_is_told_to_all_its_channels(receiver: Receiver) -> None:
    trials = send_test(settings(receiver), "down", SENDER)
    assert [trial.channel for trial in trials] == ["hook", "away", "home"]
    assert trials[0].error is None
    assert trials[1].error == "no answer (ConnectError)"
    assert trials[2].error.startswith("the MQTT broker is away: ")
    ((_, body),) = receiver.got
    assert b'"camera": "door"' in body
    assert b"this is a test message: nothing is wrong" in body


@pytest.mark.parametrize("name", ["empty", "hook"])
def test_a_rule_or_a_channel_can_be_named(receiver: Receiver, name: str) -> None:
    (trial,) = send_test(settings(receiver), name, SENDER)
    assert (trial.channel, trial.error, len(receiver.got)) == ("hook", None, 1)


@pytest.mark.parametrize(
    ("given", "name", "why"),
    [
        ({}, "x", "there is no rule or channel 'x'; choose from: there are none"),
        ({"rules": [{"name": "a", "when": "nobody"}]}, "x", "choose from: a"),
        ({"rules": [{"name": "a", "when": "nobody"}]}, "a", "the rule a has no channel"),
    ],
)
def test_what_cannot_be_tried_is_said(given: dict[str, Any], name: str, why: str) -> None:
    with pytest.raises(UsageError) as caught:
        send_test(AlertSettings(**given), name, SENDER)
    assert why in str(caught.value)
