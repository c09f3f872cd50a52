"""States and alerts by MQTT, with Home Assistant's discovery."""

from __future__ import annotations

import contextlib
import json
import logging
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from threading import Condition
from typing import Any

from paho.mqtt.client import Client, ConnectFlags, DisconnectFlags, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from crowdmask.alerts.channel_settings import MqttSettings
from crowdmask.alerts.channels.channel import Channel, DeliveryError, Sender
from crowdmask.alerts.channels.home_assistant import (
    OFFLINE,
    ONLINE,
    CameraState,
    Topics,
    device_message,
    without,
)
from crowdmask.store.alert_records import Alert

LOG = logging.getLogger("crowdmask.alerts")

_KEEPALIVE_S = 30
_QOS = 1  # the broker says that it has it
_REFUSED = ("Not authorized", "Bad user name or password")

PrivacySwitch = Callable[[str, bool], None]
"""Called with a camera's name and whether nothing of it may be looked at any more."""


@dataclass
class _Shown:
    state: CameraState
    sent: dict[str, Any] | None = None
    sent_s: float = float("-inf")


class Mqtt(Channel):
    """A connection to one broker, in paho's thread, restored whenever it is lost."""

    keeps_states = True

    def __init__(
        self, settings: MqttSettings, sender: Sender, on_privacy: PrivacySwitch | None = None
    ) -> None:
        """Prepare; `start` connects.

        Args:
            settings: the broker.
            sender: who sends.
            on_privacy: is called when somebody uses the privacy switch; None: there is no such switch.
        """
        super().__init__(settings.name, sender)
        self._settings, self._on_privacy = settings, on_privacy
        self.topics = Topics(settings.topic, settings.discovery or "")
        self._changed = Condition()
        self._connected = False
        self._why_not = "not connected yet"
        self._cameras: dict[str, _Shown] = {}
        self._old: dict[str, dict[str, Any]] = {}
        self._client = self._make_client()

    def start(self) -> None:
        """Connect in the background, and again whenever the connection is lost."""
        self._client.connect_async(self._settings.host, self._settings.port, _KEEPALIVE_S)
        self._client.loop_start()

    def send(self, alert: Alert) -> None:
        """Publish an alert as an event: not retained, since it happened once."""
        if not self._wait_connected():
            raise DeliveryError(f"the MQTT broker is away: {self._why_not}")
        # Home Assistant takes the kind of event from `event_type`.
        message = {"event_type": alert.state, "site": self.sender.site, **alert.to_record()}
        topic = self.topics.camera(alert.camera, "alert")
        sent = self._client.publish(topic, json.dumps(message), qos=_QOS)
        try:
            sent.wait_for_publish(self._settings.timeout_s)
        except (RuntimeError, ValueError) as error:
            raise DeliveryError("the connection to the MQTT broker was lost") from error
        if not sent.is_published():
            raise DeliveryError("the MQTT broker did not confirm it")

    def show(self, states: Mapping[str, CameraState]) -> None:
        """Publish the state of the cameras if it is due; remove cameras that no longer exist.

        Numbers of people go out every `every_s` seconds, everything else at once.
        """
        with self._changed:
            gone = [camera for camera in self._cameras if camera not in states]
            for camera in gone:
                del self._cameras[camera]
            new = [camera for camera in states if self._is_new(camera, states[camera])]
            for camera, state in states.items():
                self._cameras.setdefault(camera, _Shown(state)).state = state
            connected = self._connected
        if not connected:
            return
        for camera in gone:
            self._remove(camera)
        for camera in new:
            self._describe(camera)
        if new:
            self._tidy()
        for camera in states:
            self._show(camera)

    def close(self) -> None:
        """Publish `offline`, and disconnect."""
        if self._connected:
            said = self._client.publish(self.topics.status, OFFLINE, qos=_QOS, retain=True)
            with contextlib.suppress(RuntimeError, ValueError):
                said.wait_for_publish(1.0)
        self._client.disconnect()
        self._client.loop_stop()

    def _make_client(self) -> Client:
        settings = self._settings
        client = Client(CallbackAPIVersion.VERSION2, client_id=f"crowdmask-{uuid.uuid4().hex[:12]}")
        client.will_set(self.topics.status, OFFLINE, qos=_QOS, retain=True)
        client.reconnect_delay_set(1, 60)
        client.connect_timeout = settings.timeout_s
        # What could not be sent is in the outbox or in the states, not in a queue that grows.
        client.max_queued_messages_set(1000)
        if settings.user is not None:
            password = settings.password
            client.username_pw_set(settings.user, None if password is None else password.get_secret_value())
        if settings.tls:
            client.tls_set(ca_certs=None if settings.ca_file is None else str(settings.ca_file))
        client.on_connect, client.on_disconnect = self._on_connect, self._on_disconnect
        client.on_connect_fail, client.on_message = self._on_connect_fail, self._on_message
        return client

    def _on_connect(
        self,
        client: Client,
        data: Any,
        flags: ConnectFlags,
        reason: ReasonCode,
        properties: Properties | None,
    ) -> None:
        if reason.is_failure:
            refused = str(reason) in _REFUSED
            self._lost("refused: user or password" if refused else f"refused: {reason}")
            return
        client.publish(self.topics.status, ONLINE, qos=_QOS, retain=True)
        if self._on_privacy is not None:
            client.subscribe(f"{self.topics.base}/+/privacy/set", qos=_QOS)
        if self._settings.discovery is not None:
            client.subscribe(f"{self._settings.discovery}/status", qos=_QOS)
            client.subscribe(f"{self._settings.discovery}/device/+/config", qos=_QOS)
        with self._changed:
            self._connected, self._why_not = True, ""
            cameras = list(self._cameras)
            self._changed.notify_all()
        LOG.info("%s: connected to the MQTT broker", self.name)
        self._tell_all(cameras)

    def _on_disconnect(
        self,
        client: Client,
        data: Any,
        flags: DisconnectFlags,
        reason: ReasonCode,
        properties: Properties | None,
    ) -> None:
        if self._connected and reason.is_failure:
            self._lost("the connection was lost")
        self._connected = False

    def _on_connect_fail(self, client: Client, data: Any) -> None:
        self._lost("no connection")

    def _lost(self, why: str) -> None:
        with self._changed:
            news = why != self._why_not
            self._connected, self._why_not = False, why
        if news:
            LOG.warning("%s: MQTT broker %s: %s; tries go on", self.name, self._settings.host, why)

    def _wait_connected(self) -> bool:
        with self._changed:
            return self._changed.wait_for(lambda: self._connected, self._settings.timeout_s)

    def _on_message(self, client: Client, data: Any, message: MQTTMessage) -> None:
        topic, payload = message.topic, bytes(message.payload)
        if topic == f"{self._settings.discovery}/status":
            # Home Assistant has started anew, and some brokers keep nothing.
            if payload == ONLINE.encode():
                self._tell_all(list(self._cameras))
        elif topic.endswith("/privacy/set"):
            self._switch_privacy(topic, payload)
        elif message.retain and payload:
            self._note_old(topic, payload)

    def _switch_privacy(self, topic: str, payload: bytes) -> None:
        for camera in list(self._cameras):
            if topic == self.topics.camera(camera, "privacy/set") and payload in (b"ON", b"OFF"):
                try:
                    if self._on_privacy is not None:
                        self._on_privacy(camera, payload == b"ON")
                except Exception:
                    LOG.exception("%s: the privacy switch of %s failed", self.name, camera)

    def _note_old(self, topic: str, payload: bytes) -> None:
        """Take note of a device of ours that an earlier run described."""
        try:
            old = json.loads(payload)
            ours = old["availability"] == [{"topic": self.topics.status}] and old["o"]["name"] == "crowdmask"
            components = dict(old["cmps"])
        except (ValueError, TypeError, KeyError):
            return
        if ours:
            with self._changed:
                self._old[topic] = components
            self._tidy()

    def _tidy(self) -> None:
        """Remove what an earlier run described and this one has no more."""
        with self._changed:
            if not self._cameras:  # nothing is known yet
                return
            cameras = {self.topics.config(camera): camera for camera in self._cameras}
            old, self._old = self._old, {}
        for topic, components in old.items():
            if topic not in cameras:
                self._client.publish(topic, b"", qos=_QOS, retain=True)
                continue
            device = self._device(cameras[topic])
            removing = without(device, components)
            if removing is not None:
                self._publish(topic, removing)
                self._publish(topic, device)

    def _tell_all(self, cameras: list[str]) -> None:
        for camera in cameras:
            self._describe(camera)
            self._show(camera, anew=True)

    def _device(self, camera: str) -> dict[str, Any]:
        state = self._cameras[camera].state
        return device_message(
            self.topics, camera, tuple(state.rules), tuple(state.shares), state.private is not None
        )

    def _describe(self, camera: str) -> None:
        if self._settings.discovery is not None:
            self._publish(self.topics.config(camera), self._device(camera))

    def _remove(self, camera: str) -> None:
        topics = [self.topics.camera(camera, what) for what in ("state", "available")]
        if self._settings.discovery is not None:
            topics.append(self.topics.config(camera))
        for topic in topics:
            self._client.publish(topic, b"", qos=_QOS, retain=True)

    def _is_new(self, camera: str, state: CameraState) -> bool:
        shown = self._cameras.get(camera)
        return shown is None or any(
            set(getattr(state, name)) != set(getattr(shown.state, name)) for name in ("rules", "shares")
        )

    def _show(self, camera: str, anew: bool = False) -> None:
        shown = self._cameras.get(camera)
        if shown is None:
            return
        now, state = time.monotonic(), shown.state
        # All but the numbers, which change all the time.
        calm = replace(state, people=None, shares=dict.fromkeys(state.shares)).to_record()
        calm["looked_at"] = state.people is not None
        if shown.sent is None or anew or calm != shown.sent or now - shown.sent_s >= self._settings.every_s:
            shown.sent, shown.sent_s = calm, now
            available = ONLINE if state.people is not None else OFFLINE
            self._client.publish(self.topics.camera(camera, "available"), available, qos=_QOS, retain=True)
            self._publish(self.topics.camera(camera, "state"), state.to_record())

    def _publish(self, topic: str, content: Mapping[str, Any]) -> None:
        self._client.publish(topic, json.dumps(content), qos=_QOS, retain=True)
