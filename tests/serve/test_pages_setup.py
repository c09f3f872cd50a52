"""Cameras and rules made in the page by an admin: they count, outlive a restart, and can be taken back."""

from __future__ import annotations

import io
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from PIL import Image

from crowdmask.serve.detecting import Workers
from crowdmask.store.audit import AuditEntry

from ..alerts.channels.conftest import Receiver, receiver  # noqa: F401 - a fixture
from ..alerts.conftest import wait_for
from ..live import conftest as cameras
from ..live.conftest import camera  # noqa: F401 - a fixture
from ..web.browser import Page, browsing, find_browser
from .conftest import Running, run_site
from .setup_page import button, click, fill, open_part, write_site
from .test_pages_access import axe, faults, look  # noqa: F401 - a fixture
from .test_pages_login import PASSWORD, serving
from .test_pages_wall import USERS, log_in

CARDS = "[...document.querySelectorAll('.things h3')].map((each) => each.textContent).join()"
PICTURES = "[...document.querySelectorAll('#cameras img')].filter((each) => each.naturalWidth)"
FORM = "!!document.querySelector('form.form')"
SELECTED = "document.querySelectorAll('.handle').length === 4"
PARTS = {
    "cameras": f"!!{CARDS}",
    "add": FORM,
    "cameras/door": FORM,
    "cameras/door/zones": f"document.querySelector('.shapes button').click() || {SELECTED}",
    "rules": f"!!{CARDS}",
    "rule": FORM,
    "changes": f"{CARDS} === 'Changed: camera door'",
    "log": "document.querySelectorAll('#view tbody tr').length > 0",
}
BOTH = ("cameras", "cameras/door/zones", "rule")
FOR_ADMINS = [
    ("PUT", "zones/door"), ("POST", "cameras"), ("POST", "cameras/test"), ("DELETE", "cameras/door"),
    ("POST", "rules"), ("DELETE", "rules/few"), ("POST", "test-alert"), ("GET", "changes"),
    ("DELETE", "changes/rule/few"), ("GET", "audit"), ("GET", "cameras/door/settings"),
]  # fmt: skip
IN_DIALOG = "[...document.querySelectorAll('dialog button')]"
TEXT = "document.getElementById('view').textContent"


def get(site: Running, path: str) -> Any:
    return httpx.get(f"{site.address}/v1/{path}", trust_env=False, timeout=20).json()


def add_camera(page: Page, site: Running, place: str) -> None:
    """Add a camera after a look at its picture; a source that fails says why."""
    open_part(page, site, "add")
    fill(page, "Name", "hall")
    fill(page, "Source", "http://127.0.0.1:9/nothing")
    assert page.run(f"{button('Add the camera')}.disabled")
    click(page, "Get a test picture")
    page.wait("document.querySelector('.form .problem').textContent.includes('connection refused')")
    assert page.run(f"!!{button('Take it all the same')}")
    fill(page, "Source", f"http://joe:s3cret@{place}/camera")
    click(page, "Get a test picture")
    page.wait("document.querySelector('.test-picture img').naturalWidth > 0")
    click(page, "Add the camera")
    page.wait(f"{CARDS} === 'door,hall'")
    assert "s3cret" not in page.run("document.documentElement.innerHTML")


def add_rule(page: Page, site: Running) -> None:
    """Add a rule of somebody who puts a mask on, look at what it would have told, and send a test."""
    open_part(page, site, "rule")
    fill(page, "Name", "masks")
    fill(page, "Tells when", "event")
    fill(page, "What happens", "mask_put_on")
    page.run("document.querySelector('input[value=door]').click()")
    wait_for(lambda: [each for each in get(site, "events") if each["event"] == "mask_put_on"], 20)
    click(page, "In the last day")
    page.wait("/^[0-9]+ alerts? in/.test(document.getElementById('preview').textContent)")
    click(page, "Add the rule")
    page.wait(f"{CARDS} === 'masks' && {TEXT}.includes('mask put on')")
    click(page, "Send a test alert")
    page.wait(f"{TEXT}.includes('hook: it arrived.')")


def test_a_camera_and_a_rule_from_the_page(
    tmp_path: Path,
    colour_model: Path,
    receiver: Receiver,  # noqa: F811
    camera: Any,  # noqa: F811
    blocks: Image.Image,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if find_browser() is None:
        pytest.skip("no Chromium is installed")
    written = io.BytesIO()
    blocks.save(written, "JPEG")
    monkeypatch.setattr(cameras, "jpeg", lambda index: written.getvalue())
    file = write_site(tmp_path, receiver.url)
    before = file.read_bytes()
    with browsing(tmp_path / "browser") as page:
        with run_site(tmp_path, colour_model, file=file) as site:
            add_camera(page, site, camera.place)
            add_rule(page, site)
            page.open(site.address)
            page.wait(f"{PICTURES}.length === 2")
            wait_for(lambda: [each["camera"] for each in get(site, "alerts?rule=masks")] == ["door"], 20)
            wait_for(lambda: any(json.loads(body)["type"] == "alert.raised" for _, body in receiver.got))
        with run_site(tmp_path, colour_model, file=file) as site:
            assert [each["name"] for each in get(site, "cameras")] == ["door", "hall"]
            assert [each["name"] for each in get(site, "rules")] == ["masks"]
            open_part(page, site, "changes")
            page.wait(f"{CARDS} === 'Added: camera hall,Added: rule masks'")
            assert "s3cret" not in page.run("document.documentElement.innerHTML")
            for left in ("Added: rule masks", ""):
                click(page, "Take back")
                page.wait("document.querySelector('dialog .danger').click() || true")
                page.wait(f"{CARDS} === '{left}' && document.activeElement.matches('#view h2')")
            wait_for(lambda: [each["name"] for each in get(site, "cameras")] == ["door"])
            assert get(site, "rules") == []
    assert file.read_bytes() == before


def test_a_rule_of_the_file_is_changed_and_removed(
    tmp_path: Path,
    colour_model: Path,
    receiver: Receiver,  # noqa: F811
) -> None:
    if find_browser() is None:
        pytest.skip("no Chromium is installed")
    file = write_site(tmp_path, receiver.url)
    text = file.read_text(encoding="utf-8") + "  rules:\n    - {name: masks, when: event, event: no_mask}\n"
    file.write_text(text, encoding="utf-8")
    with run_site(tmp_path, colour_model, file=file) as site, browsing(tmp_path / "browser") as page:
        open_part(page, site, "rules")
        click(page, "Change")
        page.wait(f"location.hash === '#/rule/masks' && {FORM}")
        assert page.run("document.querySelector('form.form input').readOnly")
        # A value out of bounds stays in the form, and leaving it asks first.
        fill(page, "Within seconds", "0")
        click(page, "Save")
        page.wait("!!document.querySelector('form.form input:invalid')")
        page.run("window.confirm = (text) => (window.asked = text, false); 0")
        click(page, "Cancel")
        page.wait("asked.includes('not saved') && location.hash === '#/rule/masks'")
        fill(page, "Within seconds", "30")
        fill(page, "What happens", "mask_put_on")
        # What another admin did meanwhile is not lost without a word.
        other = {**get(site, "rules")[0]["settings"], "cooldown_s": 17}
        put = httpx.put(f"{site.address}/v1/rules/masks", json={"rule": other}, trust_env=False, timeout=20)
        assert put.status_code == 200
        click(page, "Save")
        page.wait("document.querySelector('.form > .problem').textContent.includes('Somebody else')")
        click(page, "Save")
        page.wait(f"{CARDS} === 'masks' && {TEXT}.includes('1 × mask put on within 30 s')")
        assert [(each["settings"]["event"], each["settings"]["within_s"]) for each in get(site, "rules")] == [
            ("mask_put_on", 30)
        ]
        # It tells by what it is now.
        wait_for(lambda: [each["camera"] for each in get(site, "alerts?rule=masks")] == ["door"], 20)
        open_part(page, site, "changes")
        page.wait(f"{CARDS} === 'Changed: rule masks' && {TEXT}.includes('mask_put_on')")

        open_part(page, site, "rules")
        for answer, left in (("Cancel", ["masks"]), ("Remove", [])):
            click(page, "Remove")
            page.wait("document.querySelector('dialog').open")
            assert "its alerts of the past stay" in page.text("dialog").lower()
            page.run(f"{IN_DIALOG}.find((each) => each.textContent === '{answer}').click()")
            page.wait(f"!document.querySelector('dialog') && {CARDS} === '{','.join(left)}'")
            assert [each["name"] for each in get(site, "rules")] == left
        page.wait(f"{TEXT}.includes('There are no rules')")
        # Who has no mouse goes on from the title: the card took the focus away.
        page.wait("document.activeElement === document.querySelector('#view h2')")
        open_part(page, site, "changes")
        page.wait(f"{CARDS} === 'Removed: rule masks'")
        assert get(site, "alerts?rule=masks") != []


def test_a_viewer_sees_no_settings_and_may_change_none(
    running: Running, workers: Workers, tmp_path: Path
) -> None:
    if find_browser() is None:
        pytest.skip("no Chromium is installed")
    with serving(running, workers, 0, users=USERS) as port, browsing(tmp_path / "browser") as page:
        page.open(f"http://127.0.0.1:{port}/setup#/rules")
        log_in(page, "ben")
        page.wait("document.getElementById('title').textContent === 'There is no such page'")
        assert "Set-up" not in page.text("#navigation")
        with httpx.Client(base_url=f"http://127.0.0.1:{port}/v1/", trust_env=False) as client:
            me = client.post("login", json={"name": "ben", "password": PASSWORD}).json()
            headers = {"X-CSRF-Token": me["csrf"]}
            codes = {client.request(*each, json={}, headers=headers).status_code for each in FOR_ADMINS}
        assert codes == {403}
        page.run("document.getElementById('logout').click()")
        log_in(page, "anna")
        page.wait(f"{CARDS} === 'few,away'")


def test_axe_finds_no_fault(running: Running, axe: str, tmp_path: Path) -> None:  # noqa: F811
    body = {"min_face_px": 12, "active": [{"start": "00:00", "end": "23:59"}]}
    httpx.patch(f"{running.address}/v1/cameras/door", json=body, trust_env=False, timeout=20)
    told = AuditEntry(time_utc=datetime.now(UTC), who="anna", what="login", thing="10.0.0.5")
    running.service.store.audit.add(told)
    with browsing(tmp_path / "browser") as page:
        for part, is_there in PARTS.items():
            open_part(page, running, part)
            page.wait(is_there)
            page.run("for (const each of document.querySelectorAll('details')) each.open = true")
            for width, scheme in ((390, "dark"), (1920, "light"))[: 2 if part in BOTH else 1]:
                look(page, width, scheme)
                assert faults(page, axe) == [], (part, width, scheme)
                assert page.run("document.documentElement.scrollWidth") <= width, (part, width)
        open_part(page, running, "cameras")
        click(page, "Remove")
        page.wait("document.querySelector('dialog').open")
        assert faults(page, axe) == []
        page.press("Escape", 27)
        page.wait(f"!document.querySelector('dialog') && {CARDS} === 'door'")
