"""Links for wall screens show figures only, expire and can be revoked; the audit log says who did what."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import select

from crowdmask.serve.app import Parts, create_app
from crowdmask.serve.auth.audited import Audited
from crowdmask.serve.auth.links import Links
from crowdmask.serve.http_settings import HttpSettings
from crowdmask.store import tables

from ...alerts.conftest import wait_for
from ..conftest import Running, Workers, client

ADMIN = "a" * 32
HTTP = HttpSettings.model_validate({"tokens": [{"name": "boss", "token": ADMIN, "role": "admin"}]})
Ask = Callable[..., httpx.Response]


@pytest.fixture
def app(running: Running, workers: Workers) -> FastAPI:
    audit = Audited(running.service.store.audit)
    return create_app(Parts(lambda: HTTP, workers, running.service, audit=audit))


@pytest.fixture
def ask(app: FastAPI) -> Ask:
    def send(method: str, path: str, token: str = ADMIN, **options: Any) -> httpx.Response:
        async def go() -> httpx.Response:
            async with client(app) as caller:
                headers = {"authorization": f"Bearer {token}"}
                return await caller.request(method, path, headers=headers, **options)

        return asyncio.run(go())

    return send


def test_a_link_shows_figures_only_until_it_is_revoked(ask: Ask, running: Running) -> None:
    made = ask("POST", "/v1/links", json={"name": "hall", "days": 2})
    assert made.status_code == 201
    link, token = made.json(), made.json().pop("token")
    lasts = datetime.fromisoformat(link["expires_utc"]) - datetime.fromisoformat(link["created_utc"])
    assert (lasts, link["created_by"], link["revoked_utc"]) == (timedelta(days=2), "boss", None)
    wall = ask("GET", "/v1/wall", token).json()
    assert (wall["site"], [each["camera"] for each in wall["cameras"]]) == ("Town hall", ["door"])
    assert wall["timezone"] == "UTC"
    assert [each["zone"] for each in wall["cameras"][0]["zones"]] == [None, "A"]
    assert ask("GET", "/v1/counts?per=minute", token).status_code == 200
    assert ask("GET", "/v1/me", token).json()["role"] == "wall"
    listed = ask("GET", "/v1/links")
    assert link["id"] in [each["id"] for each in listed.json()]
    assert token not in listed.text
    assert ask("DELETE", f"/v1/links/{link['id']}").status_code == 204
    assert ask("GET", "/v1/wall", token).status_code == 401
    assert ask("DELETE", "/v1/links/none").status_code == 404
    (kept,) = [each for each in ask("GET", "/v1/links").json() if each["id"] == link["id"]]
    assert (kept["revoked_by"], kept["revoked_utc"] is not None) == ("boss", True)


def test_a_link_may_ask_for_nothing_else(ask: Ask, app: FastAPI) -> None:
    token = ask("POST", "/v1/links", json={"name": "yard"}).json()["token"]
    free = {"/v1/health", "/v1/ready", "/v1/login"}
    allowed = set()
    for path, methods in app.openapi()["paths"].items():
        for method in methods:
            answer = ask(method.upper(), path.replace("{name}", "door").replace("{link_id}", "a"), token)
            if path not in free and answer.status_code not in (401, 403):
                allowed.add((method, path))
    assert allowed == {("get", "/v1/wall"), ("get", "/v1/counts"), ("get", "/v1/me")}
    for path in ("/v1/stream", "/v1/cameras/door/picture.jpg"):
        assert ask("GET", path, token).status_code == 403


def test_a_link_expires_and_only_a_hash_is_stored(running: Running) -> None:
    now = [datetime(2026, 11, 1, tzinfo=UTC)]
    links = Links(running.service.store.links, now=lambda: now[0])
    link, token = links.create("old", 1, "boss")
    assert links.identify(token) is not None
    now[0] += timedelta(days=1)
    assert links.identify(token) is None
    with running.service.store._engine.connect() as connection:
        rows = connection.execute(select(tables.wall_links)).all()
    assert link.id in str(rows)
    assert token not in str(rows)


@pytest.mark.parametrize("token", ["", "wall_", "wall_" + "x" * 43, "x" * 43])
def test_an_unknown_token(running: Running, token: str) -> None:
    assert Links(running.service.store.links).identify(token) is None


@pytest.mark.parametrize("body", [{}, {"name": ""}, {"name": "a", "days": 0}, {"name": "a", "days": "3"}])
def test_what_makes_no_link(ask: Ask, body: Any) -> None:
    assert ask("POST", "/v1/links", json=body).status_code == 422


def test_the_audit_log_is_read_by_admins(ask: Ask) -> None:
    name = ask("POST", "/v1/links", json={"name": "audited"}).json()["id"]

    def lines() -> list[dict[str, Any]]:
        found = ask("GET", "/v1/audit", params={"who": "boss", "limit": 50}).json()
        return [each for each in found if name in each["thing"]]

    wait_for(lines)
    assert [(each["who"], each["what"]) for each in lines()] == [("boss", "made")]
    assert ask("GET", "/v1/audit?who=nobody").json() == []
    assert ask("GET", "/v1/audit?start=2999-01-01T00:00:00Z").json() == []
    assert ask("GET", "/v1/audit?limit=0").status_code == 422
