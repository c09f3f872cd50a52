"""A real mosquitto with users, and a subscriber."""

from __future__ import annotations

import json
import shutil
import subprocess
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion

USER, PASSWORD = "crowdmask", "hunter2"
_PATH = "/usr/local/sbin:/usr/sbin:/sbin:/usr/local/bin:/usr/bin:/bin"


class Broker:
    """Starts and stops on the same port, and keeps nothing over that unless told to."""

    def __init__(self, folder: Path, port: int) -> None:
        program = shutil.which("mosquitto", path=_PATH)
        if program is None:
            pytest.skip("mosquitto is not installed (scripts/install_test_parts.sh)")
        self.program, self.port, self.folder = program, port, folder
        self.process: subprocess.Popen[bytes] | None = None
        passwords = folder / "passwords"
        subprocess.run(["mosquitto_passwd", "-b", "-c", passwords, USER, PASSWORD], check=True)
        passwords.chmod(0o644)
        # Where root runs the tests, mosquitto would become a user who cannot read the folder.
        (folder / "mosquitto.conf").write_text(
            f"user root\nlistener {port} 127.0.0.1\nallow_anonymous false\npassword_file {passwords}\n",
            encoding="utf-8",
        )

    def start(self) -> None:
        self.process = subprocess.Popen(
            [self.program, "-c", self.folder / "mosquitto.conf"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def stop(self) -> None:
        if self.process is not None:
            self.process.terminate()
            self.process.wait(10)
            self.process = None


class Subscriber:
    """Keeps all that is published, in order."""

    def __init__(self, port: int, *topics: str) -> None:
        self.got: list[tuple[str, Any, bool]] = []
        self._news = threading.Condition()
        self.client = Client(CallbackAPIVersion.VERSION2)
        self.client.username_pw_set(USER, PASSWORD)
        self.client.on_message = self._keep
        subscribed = threading.Event()
        self.client.on_connect = lambda *_: self.client.subscribe([(topic, 1) for topic in topics]) and None
        self.client.on_subscribe = lambda *_: subscribed.set()
        end = time.monotonic() + 10
        while True:
            try:
                self.client.connect("127.0.0.1", port)
                break
            except OSError:
                assert time.monotonic() < end, "mosquitto did not start"
                time.sleep(0.02)
        self.client.loop_start()
        assert subscribed.wait(10)

    def _keep(self, client: Client, data: Any, message: MQTTMessage) -> None:
        text = message.payload.decode()
        try:
            content = json.loads(text)
        except ValueError:
            content = text
        with self._news:
            self.got.append((message.topic, content, message.retain))
            self._news.notify_all()

    def of(self, topic: str) -> list[Any]:
        with self._news:
            return [content for where, content, _ in self.got if where == topic]

    def wait_for(self, topic: str, condition: Any, seconds: float = 10.0) -> Any:
        """Return the first message of a topic that is as wanted."""
        end = time.monotonic() + seconds
        with self._news:
            while True:
                for where, content, _ in self.got:
                    if where == topic and condition(content):
                        return content
                assert self._news.wait(end - time.monotonic()), f"{topic}: only {self.got}"

    def close(self) -> None:
        self.client.disconnect()
        self.client.loop_stop()
