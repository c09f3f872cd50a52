"""The examples of docs/alerts.md do what they say."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from crowdmask.alerts.channels.webhook import sign
from crowdmask.alerts.settings import AlertSettings
from crowdmask.store.alert_records import Alert


@pytest.fixture
def page(project_root: Path) -> str:
    return (project_root / "docs" / "alerts.md").read_text(encoding="utf-8")


def blocks(page: str, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.+?)```", page, re.DOTALL)


def test_the_settings_fit(page: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("MQTT_PASSWORD", "SMTP_PASSWORD", "NTFY_ADDRESS"):
        monkeypatch.setenv(name, "x")
    (tmp_path / "webhook.key").write_text("s", encoding="utf-8")
    (text,) = blocks(page, "yaml")
    settings = AlertSettings(**yaml.safe_load(text.replace("/etc/crowdmask", str(tmp_path)))["alerts"])
    described = set(re.findall(r"^\| `(\w+)` \| .+ \| .+ \|$", page, re.MULTILINE)) - {"when"}
    assert {rule.when for rule in settings.rules} == described
    assert {channel.kind for channel in settings.channels} == {"mqtt", "webhook", "email", "apprise"}


def test_the_message_is_one_of_ours(page: str) -> None:
    record = yaml.safe_load(blocks(page, "json")[0])
    assert (record.pop("type"), record.pop("site")) == ("alert.raised", "Town hall")
    assert Alert.from_record(record).to_record() == record


def test_the_check_of_signatures_works(page: str) -> None:
    names: dict[str, Any] = {}
    exec(blocks(page, "python")[0], names)
    headers = {"webhook-id": "a", "webhook-timestamp": "1", "webhook-signature": sign("s", "a", "1", "{}")}
    assert names["is_ours"](headers, b"{}", "s")
    assert not names["is_ours"](headers, b"{ }", "s")
    assert not names["is_ours"](headers, b"{}", "other")
