from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from fastapi import FastAPI, HTTPException
from fastapi.testclient import TestClient

from crowdmask.alerts.judging import Judge
from crowdmask.alerts.settings import AlertSettings
from crowdmask.alerts.snapshot import Snapshot
from crowdmask.serve.api.alerts import AlertParts, alerts_router
from crowdmask.store.alert_records import Alert
from crowdmask.store.alerts import AlertStore
from crowdmask.store.engine import open_engine
from crowdmask.survey.rates import shipped_rates

NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)
ALERT = Alert(
    id="6f1c1b1e-0000-4000-8000-000000000001", rule="entrance", kind="share_below", camera="door", zone="A",
    state="raised", raised_utc=NOW, recovered_utc=None, message="60% wear a mask", values={"share": 0.6},
)  # fmt: skip
PATH = f"/v1/alerts/{ALERT.id}"
SETTINGS = AlertSettings(
    rules=[
        {"name": "entrance", "when": "share_below", "zone": "A", "limit": 0.8},
        {"name": "down", "when": "camera_down"},
    ],
    channels=[{"kind": "webhook", "name": "hook", "url": "http://localhost/"}],
)


def seen(start: datetime, end: datetime) -> Iterator[Snapshot]:
    """Two days of minutes, with one minute of few masks."""
    for minute in range(2 * 1440):
        bare = 10 if minute == 1000 else 0
        yield Snapshot(
            time_utc=NOW - timedelta(minutes=2 * 1440 - minute), camera="door", zone="A", step_s=60,
            observed_s=60, person_s={"with_mask": 120.0, "without_mask": 60.0 * bare},
            people={"with_mask": 2, "without_mask": bare},
        )  # fmt: skip


@pytest.fixture(scope="session")
def judge() -> Judge:
    rates = shipped_rates(None, "crowd")
    assert rates is not None
    return Judge(rates)


@pytest.fixture
def audit() -> list[tuple[str, str, str]]:
    return []


def viewer() -> str:
    return "bob"


def operator(as_viewer: bool = False) -> str:
    if as_viewer:
        raise HTTPException(403)
    return "ada"


@pytest.fixture
def client(tmp_path: Path, judge: Judge, audit: list[tuple[str, str, str]]) -> Iterator[TestClient]:
    engine = open_engine(tmp_path / "store.db")
    store = AlertStore(engine)
    store.record(ALERT, NOW, {})
    store.record(
        replace(ALERT, id="older", rule="down", zone=None, raised_utc=NOW - timedelta(hours=1)), NOW, {}
    )
    parts = AlertParts(
        store=store,
        settings=lambda: SETTINGS,
        judge=judge,
        history=seen,
        now=lambda: NOW,
        changed=lambda *what: audit.append(what),
    )
    app = FastAPI()

    app.include_router(alerts_router(parts, viewer, operator))
    with TestClient(app) as running:
        yield running
    engine.dispose()


def test_alerts_are_listed(client: TestClient) -> None:
    first, second = client.get("/v1/alerts").json()
    assert (first["id"], second["id"]) == (ALERT.id, "older")
    assert first == client.get(PATH).json()
    assert (first["state"], first["raised_utc"], first["values"]) == (
        "raised", "2026-11-27T12:00:00Z", {"share": 0.6},
    )  # fmt: skip
    before = ("camera=door&limit=1&end=2026-11-27T11:30:00Z", "end=2026-11-27T12:30:00%2B01:00")
    for query in ("rule=down", *before):
        assert [each["id"] for each in client.get(f"/v1/alerts?{query}").json()] == ["older"]
    assert len(client.get("/v1/alerts?open=true&start=2026-11-27T00:00:00Z").json()) == 2


def test_people_say_what_they_think(client: TestClient, audit: list[tuple[str, str, str]]) -> None:
    assert client.post(f"{PATH}/acknowledge").json()["acknowledged_by"] == "ada"
    assert client.post(f"{PATH}/mark", json={"wrong": True}).json()["wrong"] is True
    snoozed = client.post(f"{PATH}/snooze", json={"minutes": 90}).json()
    assert snoozed == {"camera": "door", "zone": "A", "until_utc": "2026-11-27T13:30:00Z", "by": "ada"}
    entrance, down = client.get("/v1/rules").json()
    assert (entrance["alerts"], entrance["wrong_share"], entrance["snoozed"]) == (1, 1.0, [snoozed])
    assert (down["alerts"], down["wrong_share"], down["channels"]) == (1, None, ["hook"])
    assert client.post(f"{PATH}/mark", json={"wrong": None}).json()["wrong"] is None
    assert audit == [("ada", what, ALERT.id) for what in ("acknowledged", "marked", "snoozed", "marked")]


def test_a_viewer_changes_nothing(client: TestClient, audit: list[tuple[str, str, str]]) -> None:
    for what, body in (("acknowledge", None), ("mark", {"wrong": True}), ("snooze", {"minutes": 1})):
        assert client.post(f"{PATH}/{what}?as_viewer=true", json=body).status_code == 403
    assert audit == []


@pytest.mark.parametrize(
    ("what", "body", "status"),
    [
        ("acknowledge", None, 404),
        ("mark", {"wrong": True}, 404),
        ("snooze", {"minutes": 5}, 404),
        ("mark", {"wrong": 1}, 422),
        ("mark", {}, 422),
        ("mark", {"wrong": True, "more": 1}, 422),
        ("snooze", {"minutes": True}, 422),
        ("snooze", {"minutes": 0}, 422),
        ("snooze", {"minutes": 100_000}, 422),
    ],
)
def test_what_does_not_fit_is_refused(client: TestClient, what: str, body: object, status: int) -> None:
    path = "/v1/alerts/none" if status == 404 else PATH
    assert client.post(f"{path}/{what}", json=body).status_code == status


@pytest.mark.parametrize("query", ["limit=0", "limit=2000", "start=2026-11-27T12:00:00", "open=perhaps"])
def test_queries_that_do_not_fit_are_refused(client: TestClient, query: str) -> None:
    assert client.get(f"/v1/alerts?{query}").status_code == 422


def test_a_rule_is_previewed_before_it_is_saved(client: TestClient) -> None:
    rule = {"name": "new", "when": "share_below", "zone": "A", "limit": 0.8}
    found = client.post("/v1/rules/preview", json={"rule": rule, "days": 2}).json()
    assert (found["alerts"], found["alerts_a_day"], found["days"]) == (1, 0.5, 2.0)
    assert found["expected_false"] < 0.01
    assert found["raised"][0]["time_utc"] == "2026-11-26T04:40:00Z"
    assert (
        client.post("/v1/rules/preview", json={"rule": rule | {"zone": "B"}}).json()["alerts_a_day"] is None
    )


@pytest.mark.parametrize(
    "change",
    [{"limit": 2}, {"limit": "0.5"}, {"limit": True}, {"min_people": 2.5}, {"more": 1}, {"when": "x"}],
)
def test_a_rule_that_does_not_fit_is_refused(client: TestClient, change: dict[str, object]) -> None:
    rule = {"name": "new", "when": "share_below", "limit": 0.8} | change
    assert client.post("/v1/rules/preview", json={"rule": rule}).status_code == 422
