"""A viewer looks, only an admin changes cameras, zones and privacy; nobody else comes in."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from crowdmask.serve.app import Parts, create_app
from crowdmask.serve.http_settings import HttpSettings

from ..conftest import Running, Workers, client

TOKENS = {"viewer": "v" * 32, "admin": "a" * 32}
HTTP = HttpSettings.model_validate(
    {"tokens": [{"name": role, "token": token, "role": role} for role, token in TOKENS.items()]}
)
OPEN = {"/v1/health", "/v1/ready", "/v1/login"}
ADMIN = {
    ("POST", "/v1/cameras"), ("PATCH", "/v1/cameras/{name}"), ("DELETE", "/v1/cameras/{name}"),
    ("PUT", "/v1/cameras/{name}/privacy"), ("PUT", "/v1/zones/{name}"), ("GET", "/v1/audit"),
    ("GET", "/v1/cameras/{name}/settings"),
    ("POST", "/v1/rules"), ("PUT", "/v1/rules/{name}"), ("DELETE", "/v1/rules/{name}"),
    ("POST", "/v1/cameras/test"), ("POST", "/v1/test-alert"), ("GET", "/v1/changes"),
    ("DELETE", "/v1/changes/{kind}/{name}"),
    ("POST", "/v1/alerts/{alert_id}/acknowledge"), ("POST", "/v1/alerts/{alert_id}/snooze"),
    ("POST", "/v1/alerts/{alert_id}/mark"),
    ("POST", "/v1/links"), ("GET", "/v1/links"), ("DELETE", "/v1/links/{link_id}"),
}  # fmt: skip


@pytest.fixture
def app(running: Running, workers: Workers) -> FastAPI:
    return create_app(Parts(lambda: HTTP, workers, running.service))


def ask(app: FastAPI, method: str, path: str, role: str | None) -> httpx.Response:
    async def go() -> httpx.Response:
        headers = {} if role is None else {"authorization": f"Bearer {TOKENS[role]}"}
        async with client(app) as caller:
            return await caller.request(method, path.replace("{name}", "none"), headers=headers)

    return asyncio.run(go())


def operations(app: FastAPI) -> list[tuple[str, str]]:
    paths: dict[str, Any] = app.openapi()["paths"]
    return [(method.upper(), path) for path, methods in paths.items() for method in methods]


def test_nobody_comes_in_without_a_token(app: FastAPI) -> None:
    found = {path for method, path in operations(app) if ask(app, method, path, None).status_code != 401}
    assert found == OPEN
    for path in ("/v1/stream", "/v1/openapi.json"):
        assert ask(app, "GET", path, None).status_code == (401 if path == "/v1/stream" else 200)


def test_only_an_admin_changes_things(app: FastAPI) -> None:
    refused = {each for each in operations(app) if ask(app, *each, "viewer").status_code == 403}
    assert refused == ADMIN
    changes = {each for each in ADMIN if each[0] != "GET"}
    assert all(ask(app, *each, "admin").status_code in (404, 409, 422) for each in changes)


def test_the_description_says_so(app: FastAPI, running: Running) -> None:
    described = app.openapi()
    assert set(described["components"]["securitySchemes"]) == {"token", "session"}
    paths = described["paths"]
    assert {path for path, each in paths.items() if not all(op["security"] for op in each.values())} == OPEN
    assert "securitySchemes" not in running.app.openapi()["components"]
