"""Rules are added, changed and deleted by admins; test messages are sent; differences are shown."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from crowdmask.alerts.settings import AlertSettings

from ....alerts.channels.conftest import Receiver, receiver  # noqa: F401 - a fixture
from ...conftest import Running

RULE = {"name": "empty", "when": "nobody", "for_s": 600}


@pytest.fixture
def site(running: Running) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=running.address, trust_env=False, timeout=20) as client:
        yield client
        for change in client.get("/v1/changes").json()["changes"]:
            client.delete(f"/v1/changes/{change['kind']}/{change['name']}")


def rules(site: httpx.Client) -> dict[str, Any]:
    return {each["name"]: each["settings"] for each in site.get("/v1/rules").json()}


def test_a_rule_comes_is_changed_and_goes(site: httpx.Client, running: Running) -> None:
    answers = [
        site.post("/v1/rules", json={"rule": RULE}),
        site.put(
            "/v1/rules/empty",
            json={"rule": {**RULE, "for_s": 1200, "quiet_hours": [{"start": "22:00", "end": "06:00"}]}},
        ),
        site.put("/v1/rules/few", json={"rule": {**rules(site)["few"], "limit": 0.7}}),
    ]
    assert [each.status_code for each in answers] == [201, 200, 200], [each.text for each in answers]
    assert answers[0].json()["rule"]["recover_after_s"] == 30
    assert rules(site)["empty"]["for_s"] == 1200
    assert {each.name: each for each in running.service.alerts.settings.rules}["few"].limit == 0.7  # type: ignore[union-attr]
    changes = site.get("/v1/changes").json()
    assert changes["file"] is None
    assert [(each["kind"], each["name"], each["action"]) for each in changes["changes"]] == [
        ("rule", "empty", "added"), ("rule", "few", "changed"),
    ]  # fmt: skip
    assert changes["changes"][1]["fields"] == [{"field": "limit", "before": 0.9, "after": 0.7}]
    assert site.delete("/v1/rules/empty").status_code == 204
    assert site.delete("/v1/changes/rule/few").status_code == 204
    assert (set(rules(site)), rules(site)["few"]["limit"]) == ({"few", "away"}, 0.9)
    assert site.get("/v1/changes").json()["changes"] == []
    told = [(what, thing) for _, what, thing in running.audit if thing.startswith("rule ")]
    assert told == [
        ("added", "rule empty"), ("changed", "rule empty"), ("changed", "rule few"),
        ("removed", "rule empty"), ("went back to the site file", "rule few"),
    ]  # fmt: skip


def test_a_test_message_is_sent(site: httpx.Client, running: Running, receiver: Receiver) -> None:  # noqa: F811
    before = running.service.site
    channel = {"kind": "webhook", "name": "hook", "url": receiver.url}
    alerts = AlertSettings.model_validate({**dict(before.alerts), "channels": [channel]})
    running.service.change(before.model_copy(update={"alerts": alerts}))
    try:
        assert site.get("/v1/channels").json() == [{"name": "hook", "kind": "webhook"}]
        arrived = site.post("/v1/test-alert", json={"name": "few"})
        receiver.answers = [(500, {})]
        failed = site.post("/v1/test-alert", json={"name": "hook"})
    finally:
        running.service.change(before)
    assert arrived.json() == [{"channel": "hook", "error": None}]
    assert failed.json() == [{"channel": "hook", "error": "the answer was 500"}]
    assert json.loads(receiver.got[0][1])["state"] == "test"
    assert ("local", "sent a test message", "few") in running.audit


@pytest.mark.parametrize(
    ("method", "path", "body", "code"),
    [
        ("POST", "/v1/rules", {**RULE, "name": "few"}, 409),
        ("POST", "/v1/rules", {**RULE, "zone": "none"}, 409),
        ("POST", "/v1/rules", {**RULE, "cameras": ["none"]}, 409),
        ("POST", "/v1/rules", {**RULE, "to": ["none"]}, 409),
        ("POST", "/v1/rules", {**RULE, "for_s": "600"}, 422),
        ("POST", "/v1/rules", {**RULE, "name": "a b"}, 422),
        ("POST", "/v1/rules", {**RULE, "when": "never"}, 422),
        ("POST", "/v1/rules", {"name": "a"}, 422),
        ("PUT", "/v1/rules/none", {**RULE, "name": "none"}, 404),
        ("PUT", "/v1/rules/few", RULE, 409),
        ("DELETE", "/v1/rules/none", None, 404),
        ("POST", "/v1/test-alert", {"name": "none"}, 404),
        ("POST", "/v1/test-alert", {"name": "few"}, 409),  # it has no channel
        ("DELETE", "/v1/changes/rule/none", None, 404),
        ("DELETE", "/v1/changes/zone/none", None, 422),
    ],
)
def test_what_is_refused(site: httpx.Client, method: str, path: str, body: Any, code: int) -> None:
    answer = site.request(method, path, json={"rule": body} if path.startswith("/v1/rules") else body)
    assert (answer.status_code, list(answer.json())) == (code, ["error"]), answer.text
    assert set(rules(site)) == {"few", "away"}
