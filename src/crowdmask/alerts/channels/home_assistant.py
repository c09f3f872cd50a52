"""What Home Assistant is told about each camera by MQTT discovery: one device a camera, with its sensors.

One wrong key makes it drop the whole device with a line in its log only, so tests hold every message against
its rules.

Source: home-assistant.io/integrations/mqtt, "Device discovery payload".
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from crowdmask import __version__

ONLINE, OFFLINE = "online", "offline"
EVENT_TYPES = ("raised", "recovered", "test")
_COUNTS = {
    "people": ("People", "mdi:account-group"),
    "with_mask": ("With mask", "mdi:face-mask"),
    "without_mask": ("Without mask", "mdi:face-mask-outline"),
    "mask_worn_incorrect": ("Mask worn incorrectly", "mdi:alert-outline"),
    "unknown": ("Not judged", "mdi:account-question"),
}


@dataclass(frozen=True, kw_only=True)
class CameraState:
    """The state of a camera, for displays.

    Attributes:
        online: whether frames come.
        frozen: whether the picture stands still.
        people: how many are in view, by state; None: it is not looked at now.
        rules: whether each rule has an open alert.
        shares: of each rule on a share; None: too few people.
        private: whether the privacy switch is on; None: there is none.
    """

    online: bool = True
    frozen: bool = False
    people: Mapping[str, int] | None = None
    rules: Mapping[str, bool] = field(default_factory=dict)
    shares: Mapping[str, float | None] = field(default_factory=dict)
    private: bool | None = None

    def to_record(self) -> dict[str, Any]:
        """Return plain values for JSON; every key is always there, null is what is not known.

        Home Assistant takes a missing key for an empty state, and null for an unknown one.
        """
        people = self.people
        counts = {
            key: None if people is None else sum(people.values()) if key == "people" else people.get(key, 0)
            for key in _COUNTS
        }
        return {
            "online": on_off(self.online),
            "frozen": on_off(self.frozen),
            **counts,
            **{f"rule_{name}": on_off(is_open) for name, is_open in self.rules.items()},
            **{
                f"share_{name}": None if share is None else round(100 * share, 1)
                for name, share in self.shares.items()
            },
            **({} if self.private is None else {"privacy": on_off(self.private)}),
        }


def on_off(value: bool) -> str:
    """Return the word of a binary sensor or switch."""
    return "ON" if value else "OFF"


@dataclass(frozen=True)
class Topics:
    """Where messages go.

    Attributes:
        base: begins all of ours.
        discovery: Home Assistant's prefix.
    """

    base: str
    discovery: str

    @property
    def status(self) -> str:
        """Whether the service runs; the broker says "offline" when it dies."""
        return f"{self.base}/status"

    def camera(self, camera: str, what: str) -> str:
        """Return the topic of something of a camera."""
        return f"{self.base}/{slug(camera)}/{what}"

    def device(self, camera: str) -> str:
        """Return the identifier of a camera's device."""
        return f"{self.base.replace('/', '_')}_{slug(camera)}"

    def config(self, camera: str) -> str:
        """Return the topic where a camera's device is described."""
        return f"{self.discovery}/device/{self.device(camera)}/config"


def slug(name: str) -> str:
    """Return a name as part of a topic, unique for each name."""
    plain = re.sub(r"[^A-Za-z0-9_-]+", "_", name).strip("_")[:48]
    if plain == name:
        return name
    digest = hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:8]
    return f"{plain}_{digest}" if plain else digest


def device_message(
    topics: Topics, camera: str, rules: Sequence[str], shares: Sequence[str], has_privacy: bool
) -> dict[str, Any]:
    """Return the description of a camera's device.

    Args:
        topics: where messages go.
        camera: its name.
        rules: the names of the rules that watch it.
        shares: those of them that are on a share.
        has_privacy: whether it has a privacy switch.
    """
    components = _sensors(topics, camera) | _rule_sensors(topics, camera, rules, shares)
    if has_privacy:
        components["privacy"] = {
            "p": "switch",
            "name": "Privacy",
            "icon": "mdi:eye-off",
            "command_topic": topics.camera(camera, "privacy/set"),
            "value_template": "{{ value_json['privacy'] }}",
        }
    state = topics.camera(camera, "state")
    for key, component in components.items():
        component["unique_id"] = f"{topics.device(camera)}_{key}"
        component.setdefault("state_topic", state)
    return {
        "dev": {
            "ids": [topics.device(camera)],
            "name": camera,
            "mf": "crowdmask",
            "mdl": "Camera",
            "sw": __version__,
        },
        "o": {"name": "crowdmask", "sw": __version__},
        "cmps": components,
        "availability": [{"topic": topics.status}],
        "qos": 1,
    }


def without(message: Mapping[str, Any], old: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the message that removes components missing in a new one; None: there are none.

    A component is removed by its platform alone.
    """
    gone = {
        key: {"p": component["p"]}
        for key, component in old.items()
        if key not in message["cmps"] and isinstance(component, dict) and "p" in component
    }
    return {**message, "cmps": {**message["cmps"], **gone}} if gone else None


def _sensors(topics: Topics, camera: str) -> dict[str, dict[str, Any]]:
    # What people do is not known while the camera is down; whether it is down, always.
    looked_at = {
        "availability": [{"topic": topics.status}, {"topic": topics.camera(camera, "available")}],
        "availability_mode": "all",
    }
    counts = {
        key: {
            "p": "sensor",
            "name": name,
            "icon": icon,
            "state_class": "measurement",
            "value_template": f"{{{{ value_json['{key}'] }}}}",
            **looked_at,
        }
        for key, (name, icon) in _COUNTS.items()
    }
    return {
        **counts,
        "online": {
            "p": "binary_sensor",
            "name": "Connection",
            "device_class": "connectivity",
            "entity_category": "diagnostic",
            "value_template": "{{ value_json['online'] }}",
        },
        "frozen": {
            "p": "binary_sensor",
            "name": "Picture stands still",
            "device_class": "problem",
            "entity_category": "diagnostic",
            "value_template": "{{ value_json['frozen'] }}",
        },
        "alert": {
            "p": "event",
            "name": "Alert",
            "icon": "mdi:bell",
            "event_types": list(EVENT_TYPES),
            "state_topic": topics.camera(camera, "alert"),
        },
    }


def _rule_sensors(
    topics: Topics, camera: str, rules: Sequence[str], shares: Sequence[str]
) -> dict[str, dict[str, Any]]:
    sensors: dict[str, dict[str, Any]] = {
        f"rule_{name}": {
            "p": "binary_sensor",
            "name": f"Rule {name}",
            "device_class": "problem",
            "value_template": f"{{{{ value_json['rule_{name}'] }}}}",
        }
        for name in rules
    }
    for name in shares:
        sensors[f"share_{name}"] = {
            "p": "sensor",
            "name": f"Share {name}",
            "icon": "mdi:percent",
            "unit_of_measurement": "%",
            "state_class": "measurement",
            "value_template": f"{{{{ value_json['share_{name}'] }}}}",
            "availability": [{"topic": topics.status}, {"topic": topics.camera(camera, "available")}],
            "availability_mode": "all",
        }
    return sensors
