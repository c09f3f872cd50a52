from __future__ import annotations

import copy
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crowdmask.alerts.channels.home_assistant import CameraState, Topics, device_message, slug, without

from .home_assistant_rules import problems

TOPICS = Topics("crowdmask/town", "homeassistant")
RULES = ("entrance", "no-mask", "down")


def message(camera: str = "door", has_privacy: bool = True) -> dict[str, Any]:
    return device_message(TOPICS, camera, RULES, RULES[:1], has_privacy)


@pytest.mark.parametrize("camera", ["door", "Eingang Süd", "a.b", "北门", "x" * 300, "a/+/#", "."])
@pytest.mark.parametrize("has_privacy", [True, False])
def test_our_messages_keep_every_rule(camera: str, has_privacy: bool) -> None:
    found = message(camera, has_privacy)
    assert problems(TOPICS.config(camera), found) == []
    assert ("privacy" in found["cmps"]) == has_privacy
    assert {key for key in found["cmps"] if key.startswith(("rule_", "share_"))} == {
        "rule_entrance", "rule_no-mask", "rule_down", "share_entrance",
    }  # fmt: skip


def broken(change: str) -> tuple[str, dict[str, Any]]:
    """Return a message with one thing wrong that Home Assistant was seen to drop."""
    topic, found = TOPICS.config("door"), copy.deepcopy(message())
    component = found["cmps"]["people"]
    match change:
        case "unique_id is missing":
            del component["unique_id"]
        case "p is None":
            del component["p"]
        case "p is 'sensors'":
            component["p"] = "sensors"
        case "unknown key via":
            found["via"] = 1
        case "unknown key dev.address":
            found["dev"]["address"] = 1
        case "unknown key o.version":
            found["o"]["version"] = 1
        case "o.url is no URL":
            found["o"]["url"] = "crowdmask"
        case "device_class speed":
            component["device_class"] = "speed"
        case "state_topic is missing":
            del component["state_topic"]
        case "the topic":
            topic = "homeassistant/device/front.door/config"
    return topic, found


@pytest.mark.parametrize(
    "change",
    [
        "unique_id is missing", "p is None", "p is 'sensors'", "unknown key via", "unknown key dev.address",
        "unknown key o.version", "o.url is no URL", "device_class speed", "state_topic is missing",
        "the topic",
    ],
)  # fmt: skip
def test_the_rules_find_what_home_assistant_drops(change: str) -> None:
    (problem,) = problems(*broken(change))
    assert change in problem


def test_every_template_finds_its_key_in_every_state() -> None:
    templates = [component.get("value_template", "") for component in message()["cmps"].values()]
    keys = {key for each in templates for key in re.findall(r"value_json\['(.+?)'\]", each)}
    for people in (None, {"with_mask": 3}):
        state = CameraState(
            people=people, rules=dict.fromkeys(RULES, False), shares={"entrance": None}, private=False
        )
        record = state.to_record()
        assert set(record) == keys
        assert record["share_entrance"] is None
    assert (record["people"], record["with_mask"], record["unknown"]) == (3, 3, 0)
    assert CameraState().to_record()["people"] is None


def test_a_component_is_removed_by_its_platform_alone() -> None:
    old = message()["cmps"]
    new = device_message(TOPICS, "door", RULES[1:], (), False)
    removing = without(new, old)
    assert removing["cmps"]["rule_entrance"] == {"p": "binary_sensor"}
    assert removing["cmps"]["privacy"] == {"p": "switch"}
    assert problems(TOPICS.config("door"), removing) == []
    assert without(message(), old) is None


@given(st.text(min_size=1), st.text(min_size=1))
def test_names_become_different_parts_of_topics(one: str, other: str) -> None:
    assert re.fullmatch(r"[A-Za-z0-9_-]{1,64}", slug(one))
    assert (slug(one) == slug(other)) == (one == other)
