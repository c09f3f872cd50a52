"""The rules by which Home Assistant takes or drops a device message, measured against the core 2026.11."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

TOP = {
    "dev", "o", "cmps", "availability", "availability_mode", "availability_topic", "availability_template",
    "payload_available", "payload_not_available", "state_topic", "command_topic", "qos", "encoding",
}  # fmt: skip
DEVICE = {"ids", "cns", "mf", "mdl", "name", "hw", "sn", "sw", "via_device", "sa", "cu"}
ORIGIN = {"name", "sw", "url"}
SHARED = {
    "p", "name", "unique_id", "icon", "state_topic", "value_template", "availability", "availability_mode",
    "entity_category", "device_class",
}  # fmt: skip
PLATFORMS = {
    "sensor": {"unit_of_measurement", "state_class"},
    "binary_sensor": {"payload_on", "payload_off"},
    "event": {"event_types"},
    "switch": {"command_topic", "payload_on", "payload_off"},
}
DEVICE_CLASSES = {
    "binary_sensor": {"connectivity", "problem"},
    "sensor": set(),
    "event": set(),
    "switch": set(),
}
TOPIC = re.compile(r"^[a-z_/-]+/device/[a-zA-Z0-9_-]+/config$")


def problems(topic: str, message: Mapping[str, Any]) -> list[str]:
    """Return each rule that a message breaks; with one of them all or one of its components are lost."""
    found = [] if TOPIC.match(topic) else [f"the topic {topic!r}"]
    found += [f"unknown key {key}" for key in set(message) - TOP]
    found += [f"unknown key dev.{key}" for key in set(message["dev"]) - DEVICE]
    found += [f"unknown key o.{key}" for key in set(message["o"]) - ORIGIN]
    if not message["dev"].get("ids"):
        found.append("dev.ids is missing")
    if not isinstance(message["o"].get("name"), str):
        found.append("o.name is missing")
    if "url" in message["o"] and not urlsplit(message["o"]["url"]).netloc:
        found.append("o.url is no URL")
    found += _availability("", message)
    for key, component in message["cmps"].items():
        found += [f"cmps.{key}: {each}" for each in _component(component, "state_topic" in message)]
    names = [component.get("unique_id") for component in message["cmps"].values() if len(component) > 1]
    return found + [f"unique_id {name} twice" for name in set(names) if names.count(name) > 1]


def _component(component: Mapping[str, Any], has_shared_topic: bool) -> list[str]:
    platform = component.get("p")
    if platform not in PLATFORMS:
        return [f"p is {platform!r}"]
    if len(component) == 1:  # removes it
        return []
    found = [f"unknown key {key}" for key in set(component) - SHARED - PLATFORMS[platform]]
    if not component.get("unique_id"):
        found.append("unique_id is missing")
    if "state_topic" not in component and not has_shared_topic:
        found.append("state_topic is missing")
    if component.get("device_class", None) not in {None, *DEVICE_CLASSES.get(platform, ())}:
        found.append(f"device_class {component['device_class']}")
    if platform == "event" and not component.get("event_types"):
        found.append("event_types is missing")
    if platform == "switch" and "command_topic" not in component:
        found.append("command_topic is missing")
    return found + _availability("", component)


def _availability(where: str, part: Mapping[str, Any]) -> list[str]:
    if "availability" in part and "availability_topic" in part:
        return [f"{where}availability and availability_topic exclude each other"]
    return [
        f"{where}availability: {each}"
        for each in part.get("availability", [])
        if not each.get("topic") or set(each) - {"topic", "payload_available", "payload_not_available"}
    ]
