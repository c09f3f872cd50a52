from __future__ import annotations

from pathlib import Path

import pytest

from crowdmask.alerts.settings import AlertSettings, ShareRule
from crowdmask.errors import DataError
from crowdmask.settings import read_yaml

WHOLE = """
rules:
  - name: entrance
    when: share_below
    zone: A
    limit: 0.8
    to: [office]
    quiet_hours: [{start: 22:00, end: "06:00"}]
  - {name: no-mask, when: event, event: no_mask, zone: B}
  - {name: down, when: camera_down}
  - {name: frozen, when: camera_frozen, for_s: 30}
  - {name: empty, when: nobody}
channels:
  - {kind: mqtt, name: home, host: localhost, user: crowdmask, password: {env: ALERTS_PASSWORD}}
  - {kind: webhook, name: program, url: "http://localhost/x", secret: s}
  - {kind: email, name: office, host: mail.example, sender: a@example, recipients: [b@example]}
  - {kind: apprise, name: phone, urls: ["ntfy://topic"]}
"""


def read(tmp_path: Path, text: str) -> AlertSettings:
    path = tmp_path / "alerts.yaml"
    path.write_text(text, encoding="utf-8")
    return read_yaml(path, AlertSettings)


def test_all_kinds_of_rules_and_channels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALERTS_PASSWORD", "hunter2")
    settings = read(tmp_path, WHOLE)
    share = settings.rules[0]
    assert isinstance(share, ShareRule)
    assert (share.min_people, share.for_s, settings.channels_of(share)) == (10, 60.0, ("office",))
    assert settings.channels_of(settings.rules[1]) == ("home", "program", "office", "phone")
    assert "hunter2" not in repr(settings) + settings.model_dump_json()


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("rules: [{name: a, when: share_below, limit: 80}]", "limit: must be below 1, not 80"),
        ("rules: [{name: a, when: share}]", "its 'when' must be one of"),
        ("rules: [{name: a, when: nobody, limit: 0.5}]", "limit: there is no such key"),
        ("rules: [{name: a b, when: nobody}]", "name: must match the pattern"),
        ("rules: [{name: a, when: nobody}, {name: a, when: nobody}]", "two of the rules have the name a"),
        ("rules: [{name: a, when: nobody, to: [b]}]", "rules.a.to: there is no channel b"),
        ("channels: [{kind: webhook, name: a, url: 'ftp://x'}]", "url: must be an address that begins with"),
        (
            "channels: [{kind: email, name: a, host: ma.il, security: none, sender: a@b, recipients: [a@b]}]",
            "security none would send over the network in the clear",
        ),
        (
            "channels: [{kind: email, name: a, host: mail.example, user: u, sender: a@b, recipients: [a@b]}]",
            "user and password go together",
        ),
        ("channels: [{kind: mqtt, name: a, host: h, password: p}]", "a password needs a user"),
        ("channels: [{kind: mqtt, name: a, host: h, topic: 'a b'}]", "topic: must match the pattern"),
        ("channels: [{kind: mqtt, name: a, host: h, ca_file: x}]", "ca_file needs an encrypted connection"),
        ("channels: [{kind: mqtt, name: a, host: h, tls: true, ca_file: x}]", "ca_file: x is not a file"),
        ("keep_trying_h: 0", "keep_trying_h: must be above 0"),
    ],
)  # fmt: skip
def test_wrong_settings_are_refused(tmp_path: Path, text: str, why: str) -> None:
    with pytest.raises(DataError) as caught:
        read(tmp_path, text)
    assert why in str(caught.value)
    assert "\n" not in str(caught.value)
