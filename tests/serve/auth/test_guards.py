"""Who is let in, and who is not."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest
from pydantic import ValidationError

from crowdmask.serve.auth.sessions import Sessions, TooManyTriesError, hash_password
from crowdmask.serve.http_settings import HttpSettings, is_loopback

from ..conftest import MakeApp, client

PASSWORD = "correct horse battery"
TOKEN = "t" * 32
USERS = {
    "users": [
        {"name": "anna", "password_hash": hash_password(PASSWORD), "role": "admin"},
        {"name": "bob", "password_hash": hash_password(PASSWORD)},
    ],
    "tokens": [{"name": "program", "token": TOKEN}],
}


async def _steps(app: Any, *steps: tuple[str, str, dict[str, Any]]) -> list[httpx.Response]:
    async with client(app) as caller:
        return [await caller.request(method, path, **options) for method, path, options in steps]


def do(app: Any, *steps: tuple[str, str, dict[str, Any]]) -> list[httpx.Response]:
    """Return the answers to requests of one client, which keeps cookies."""
    return asyncio.run(_steps(app, *steps))


LOGIN = ("POST", "/v1/login", {"json": {"name": "anna", "password": PASSWORD}})


def test_this_machine_alone_needs_no_login(make_app: MakeApp) -> None:
    app = make_app()
    here, elsewhere, page = do(
        app,
        ("GET", "/v1/me", {}),
        ("GET", "/v1/me", {"headers": {"host": "a.example"}}),
        ("GET", "/v1/me", {"headers": {"origin": "http://a.example"}}),
    )
    assert (here.status_code, here.json()["role"], here.json()["open"]) == (200, "admin", True)
    assert (elsewhere.status_code, page.status_code) == (403, 403)


@pytest.mark.parametrize("path", ["/v1/me", "/metrics"])
def test_others_need_one(make_app: MakeApp, path: str) -> None:
    app = make_app(host="0.0.0.0", **USERS)
    none, wrong, right = do(
        app,
        ("GET", path, {}),
        ("GET", path, {"headers": {"authorization": "Bearer wrong"}}),
        ("GET", path, {"headers": {"authorization": f"Bearer {TOKEN}"}}),
    )
    assert [none.status_code, wrong.status_code, right.status_code] == [401, 401, 200]
    assert none.headers["www-authenticate"] == "Bearer"


def test_a_session_and_its_changes(
    make_app: MakeApp, photo: bytes, audit: list[tuple[str, str, str]]
) -> None:
    app = make_app(host="0.0.0.0", **USERS)

    async def go() -> list[int]:
        async with client(app) as caller:
            login = await caller.post("/v1/login", json={"name": "anna", "password": PASSWORD})
            cookie = login.headers["set-cookie"].lower()
            assert "httponly" in cookie
            assert "samesite=strict" in cookie
            csrf = {"x-csrf-token": login.json()["csrf"]}
            codes = [login.status_code]
            codes.append((await caller.post("/v1/detect", content=photo)).status_code)
            codes.append((await caller.post("/v1/detect", content=photo, headers=csrf)).status_code)
            codes.append((await caller.get("/v1/me")).status_code)
            codes.append((await caller.post("/v1/logout", headers=csrf)).status_code)
            codes.append((await caller.get("/v1/me")).status_code)
            return codes

    assert asyncio.run(go()) == [200, 403, 200, 200, 200, 401]
    assert [told[:2] for told in audit] == [("anna", "login"), ("anna", "logout")]
    assert PASSWORD not in repr(audit)


def test_tries_are_limited(make_app: MakeApp, audit: list[tuple[str, str, str]]) -> None:
    app = make_app(host="0.0.0.0", **USERS)
    wrong = ("POST", "/v1/login", {"json": {"name": "anna", "password": "wrong"}})
    answers = do(app, *[wrong] * 6, LOGIN)
    assert [each.status_code for each in answers] == [401] * 5 + [429] * 2
    assert int(answers[-1].headers["retry-after"]) > 100
    assert {answer.json()["error"] for answer in answers[:5]} == {"the name or the password is wrong"}
    assert "login failed" in {what for _, what, _ in audit}


def test_a_session_ends_with_its_time_and_with_its_user() -> None:
    settings = [HttpSettings.model_validate({**USERS, "session_h": 1})]
    now = [0.0]
    sessions = Sessions(lambda: settings[0], lambda: now[0])
    first, second = (sessions.log_in("anna", PASSWORD, "a"), sessions.log_in("bob", PASSWORD, "a"))
    assert first is not None
    assert second is not None
    assert (sessions.of(first[0]), second[1].role) == (first[1], "viewer")
    settings[0] = HttpSettings.model_validate({**USERS, "users": USERS["users"][1:]})
    assert (sessions.of(first[0]), sessions.of(second[0])) == (None, second[1])
    now[0] = 3601.0
    assert sessions.of(second[0]) is None
    assert sessions.log_in("nobody", PASSWORD, "b") is None
    for _ in range(4):
        sessions.log_in("nobody", PASSWORD, "b")
    with pytest.raises(TooManyTriesError, match="try again in 5 minutes"):
        sessions.log_in("nobody", PASSWORD, "c")


@pytest.mark.parametrize(
    ("settings", "why"),
    [
        ({"host": "0.0.0.0"}, "give users or tokens"),
        ({"tokens": [{"name": "a", "token": "short"}]}, "16 characters"),
        ({**USERS, "tokens": USERS["tokens"] * 2}, "two tokens have the same name"),
        ({"users": [{"name": "a b", "password_hash": "x"}]}, "pattern"),
    ],
)
def test_settings_that_are_refused(settings: dict[str, Any], why: str) -> None:
    with pytest.raises(ValidationError, match=why):
        HttpSettings.model_validate(settings)


@pytest.mark.parametrize(
    ("host", "here"),
    [("127.0.0.1", True), ("::1", True), ("[::1]", True), ("localhost", True), ("127.9.9.9", True),
     ("0.0.0.0", False), ("10.0.0.1", False), ("localhost.example", False), ("", False)],
)  # fmt: skip
def test_loopback(host: str, here: bool) -> None:
    assert is_loopback(host) == here
