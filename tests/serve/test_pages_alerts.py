"""Alerts on the live page: they come by themselves, and an admin says there what is to be said of them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from crowdmask.serve.detecting import Workers
from crowdmask.store.alert_records import Alert

from ..alerts.conftest import wait_for
from ..web.browser import Page, browsing, find_browser
from .conftest import Running
from .test_pages_access import axe, faults, look  # noqa: F401 - a fixture
from .test_pages_login import serving
from .test_pages_wall import USERS, log_in

LIVE = "document.getElementById('status').textContent === 'Live'"
TEXT = "document.getElementById('alerts').innerText"
SHIFTS = (
    "window.shifts = []; new PerformanceObserver((list) => shifts.push(...list.getEntries()))"
    ".observe({type: 'layout-shift'}); 0"
)
BUTTON = "[...document.querySelectorAll('#alerts li.open button')].find((each) => each.textContent === '%s')"


def tell(running: Running, name: str) -> Alert:
    """Keep an alert and publish it, as the service does."""
    now = datetime.now(UTC)
    alert = Alert(
        id=name, rule="few", kind="share_below", camera="door", zone="A", state="raised",
        raised_utc=now, recovered_utc=None, message=f"{name}: <b>few masks</b>",
    )  # fmt: skip
    running.service.store.alerts.record(alert, now, {})
    running.service.hub.publish("alert", alert.to_record())
    return alert


def press(page: Page, button: str) -> None:
    """Press a button of the first alert by keyboard."""
    page.wait(f"!!{BUTTON % button}")
    page.run(f"{BUTTON % button}.focus()")
    page.press("Enter", 13)


def test_an_alert_comes_and_is_judged(running: Running, workers: Workers, tmp_path: Path) -> None:
    if find_browser() is None:
        pytest.skip("no Chromium is installed")
    store = running.service.store.alerts
    with serving(running, workers, 0, users=USERS) as port, browsing(tmp_path / "browser") as page:
        page.open(f"http://127.0.0.1:{port}/")
        log_in(page, "ben")
        page.wait(LIVE)
        tell(running, "a-1")
        page.wait(f"{TEXT}.includes('a-1: <b>few masks</b>') && {TEXT}.includes('few · door, zone A')")
        assert page.run("document.querySelectorAll('#alerts button, #alerts select').length") == 0
        page.run("document.getElementById('logout').click()")
        log_in(page, "anna")
        page.wait(f"{LIVE} && {TEXT}.includes('a-1')")
        look(page, 390, "light")
        page.run("document.getElementById('alerts-frame').scrollIntoView()")
        page.run(SHIFTS)
        tell(running, "a-2")
        page.wait(f"{TEXT}.indexOf('a-2') >= 0 && {TEXT}.indexOf('a-2') < {TEXT}.indexOf('a-1')")
        assert page.run("new Promise((done) => setTimeout(() => done(shifts.length), 100))") == 0

        press(page, "Acknowledge")
        page.wait(f"{TEXT}.includes('acknowledged by anna')")
        press(page, "Wrong alert")
        page.wait(f"{TEXT}.includes('marked wrong')")
        page.wait("document.getElementById('alerts-judged').textContent.includes('1 of 2 alerts (50 %)')")
        # While somebody is at the list, a new alert takes no other's place.
        tell(running, "a-3")
        page.wait("document.getElementById('events').textContent.includes('a-3')")
        page.run("document.querySelector('#alerts li.open select').value = 'tomorrow'")
        press(page, "Snooze")
        page.wait(f"{TEXT}.includes('no messages until')")
        assert "a-3" not in page.run(TEXT)
        assert page.run("document.documentElement.scrollWidth") <= 390

    found = store.get("a-2")
    assert found is not None
    assert (found.acknowledged_by, found.wrong, found.marked_by) == ("anna", True, "anna")
    untouched = store.get("a-1")
    assert untouched is not None
    assert (untouched.acknowledged_utc, untouched.wrong) == (None, None)
    now = datetime.now(UTC)
    (snooze,) = store.snoozes(now)
    assert (snooze.rule, snooze.camera, snooze.zone, snooze.by) == ("few", "door", "A", "anna")
    assert now < snooze.until_utc <= now + timedelta(hours=25)
    wait_for(lambda: running.service.hub.followers == 0)


def test_axe_finds_no_fault_in_alerts(running: Running, axe: str, tmp_path: Path) -> None:  # noqa: F811
    with browsing(tmp_path / "browser") as page:
        look(page, 390, "dark")
        page.open(running.address)
        page.wait(LIVE)
        tell(running, "b-1")
        page.wait(f"{TEXT}.includes('b-1') && document.querySelectorAll('#alerts .open button').length > 0")
        assert faults(page, axe) == []
