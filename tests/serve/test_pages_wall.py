"""Links for wall screens, made in the page and opened by somebody without a login."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from argon2 import PasswordHasher

from crowdmask.serve.detecting import Workers

from ..web.browser import Page, browsing, find_browser
from .conftest import Running
from .test_pages_login import PASSWORD, serving

SHARE = "document.querySelector('#figures .share dd').textContent"
USERS = [
    {"name": name, "role": role, "password_hash": PasswordHasher(1, 8, 1).hash(PASSWORD)}
    for name, role in (("anna", "admin"), ("ben", "viewer"))
]


def log_in(page: Page, name: str) -> None:
    page.wait("!document.getElementById('login').hidden")
    page.run(f"document.getElementById('name').value = '{name}'")
    page.run(f"document.getElementById('password').value = '{PASSWORD}'")
    page.run("document.getElementById('login').requestSubmit()")
    page.wait("!document.getElementById('navigation').hidden && document.getElementById('login').hidden")


def test_a_link_from_its_making_to_its_end(running: Running, workers: Workers, tmp_path: Path) -> None:
    if find_browser() is None:
        pytest.skip("no Chromium is installed")
    with serving(running, workers, 0, users=USERS) as port, browsing(tmp_path / "browser") as page:
        home = f"http://127.0.0.1:{port}"
        # A viewer sees no link to the page, and by its address not the page either.
        page.open(f"{home}/screens")
        log_in(page, "ben")
        page.wait("document.getElementById('title').textContent === 'There is no such page'")
        assert "Wall screens" not in page.text("#navigation")
        page.run("document.getElementById('logout').click()")
        log_in(page, "anna")
        page.wait("document.getElementById('link-name') !== null")
        page.run("document.getElementById('link-name').value = 'hall <b>'")
        page.run("document.getElementById('make-link').click()")
        address = page.wait("document.getElementById('link-address').value")
        assert address.startswith(f"{home}/wall#wall_")
        page.wait("document.querySelector('#links-table tbody').textContent.includes('hall <b>')")
        with browsing(tmp_path / "screen") as screen:
            screen.open(address)
            screen.wait(f"/^[0-9]+ %$/.test({SHARE})")
            assert screen.text("h1") == "Town hall"
            assert screen.run("document.querySelectorAll('img, a, button, input').length") == 0
            people = {"with_mask": 31, "without_mask": 8, "mask_worn_incorrect": 1, "unknown": 2}
            camera: dict[str, Any] = {"camera": "a", "online": True, "frozen": False, "private": False}
            camera["zones"] = [{"zone": None, "people": people, "share_with_mask": 0.775}]
            site = {"site": "X", "timezone": "Asia/Tokyo", "time_utc": "2026-01-01T00:00:00Z"}
            record = json.dumps({**site, "cameras": [camera]})
            screen.run(f"window.real = fetch; fetch = async () => new Response({json.dumps(record)}); 0")
            screen.wait(f"{SHARE} === '78 %'")
            assert screen.text("#time") == "09:00:00"
            screen.run("fetch = () => Promise.reject(new TypeError('away')); 0")
            screen.wait("document.body.classList.contains('stale')")
            screen.run("fetch = real; 0")
            screen.wait("!document.body.classList.contains('stale')")
            page.run("window.confirm = () => true; document.querySelector('#links-table button').click()")
            page.wait("document.querySelector('#links-table').textContent.includes('revoked by anna')")
            screen.wait("document.getElementById('status').textContent.includes('revoked')")
            assert screen.run(SHARE) == "–"
            assert screen.run("document.getElementById('cameras').textContent") == ""
