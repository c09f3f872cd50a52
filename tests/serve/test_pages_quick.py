"""The live page in time: events at once, nothing jumps, nothing while hidden, ten cameras in two tabs."""

from __future__ import annotations

import json
import statistics
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest

from ..alerts.conftest import wait_for
from ..web.browser import Page, browsing, find_browser, tab
from .conftest import Running, run_site

CAMERAS = [f"camera {number}" for number in range(10)]
LIVE = "document.getElementById('status').textContent === 'Live'"
ALL_SHOWN = (
    "document.querySelectorAll('#cameras img').length === 10 && "
    "[...document.querySelectorAll('#cameras img')].every((image) => image.naturalWidth > 0)"
)
SHIFTS = """window.shifts = []; new PerformanceObserver((list) => shifts.push(...list.getEntries().map(
    (entry) => [entry.value, entry.sources.map((source) => source.node?.outerHTML?.slice(0, 80))]))
    ).observe({type: 'layout-shift', buffered: false}); 0"""
NEWS = """window.arrived = []; new MutationObserver(() => {
    const at = document.querySelector('#events time').dateTime;
    if (at && at !== arrived.at(-1)?.[0]) arrived.push([at, Date.now()]);
}).observe(document.querySelector('#events li'), {attributes: true, subtree: true}); 0"""
TWO_FRAMES = "new Promise((go) => requestAnimationFrame(() => requestAnimationFrame(() => go(1))))"


@pytest.fixture(scope="module")
def busy(tmp_path_factory: pytest.TempPathFactory, colour_model: Path) -> Iterator[Running]:
    """Run a site whose ten cameras begin again every four seconds, so that people come and go."""
    if find_browser() is None:
        pytest.skip("no Chromium is installed")
    with run_site(tmp_path_factory.mktemp("busy"), colour_model, frames=40, names=CAMERAS) as made:
        yield made


@pytest.fixture(scope="module")
def page(busy: Running, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    with browsing(tmp_path_factory.mktemp("browser")) as made:
        made.open(busy.address)
        made.wait(f"{LIVE} && {ALL_SHOWN}")
        yield made


def test_an_event_is_there_within_a_second(page: Page, busy: Running) -> None:
    page.run(NEWS)
    page.wait("arrived.length >= 5", 40)
    arrived = json.loads(page.run("JSON.stringify(arrived)"))
    # The page does not wait for the store, so it is measured from when it happened, which is before.
    times = {at: datetime.fromisoformat(at) for at, _ in arrived}
    wait_for(lambda: set(times.values()) <= {each.time_utc for each in busy.service.store.events(limit=500)})
    assert statistics.median(shown_ms / 1000 - times[at].timestamp() for at, shown_ms in arrived) < 1


def test_nothing_jumps_when_events_come(page: Page, busy: Running) -> None:
    page.run(SHIFTS)
    for number in range(30):
        words = {
            "time_utc": "2026-05-04T08:00:00Z",
            "camera": "c" * (number * 8 + 1),
            "event": "no_mask",
            "zone": None,
        }
        busy.service.hub.publish("event", words, keep=False)
        alert = {
            "raised_utc": "2026-05-04T08:00:00Z",
            "recovered_utc": None,
            "message": f"few masks {number}",
        }
        busy.service.hub.publish("alert", alert, keep=False)
    page.wait("document.getElementById('events').textContent.includes('few masks 29')")
    page.run(TWO_FRAMES)
    assert json.loads(page.run("JSON.stringify(shifts)")) == []
    assert page.run("document.querySelectorAll('#events li').length") == 100
    # The browser would have told.
    page.run("(each => { each.style.height = '200px'; document.getElementById('view').prepend(each) })"
             "(document.createElement('div'))")  # fmt: skip
    page.wait("shifts.length > 0")


def test_the_first_paint_is_soon(page: Page, busy: Running) -> None:
    times = []
    for _ in range(3):
        page.open(f"{busy.address}/?{len(times)}")
        page.wait(f"{LIVE} && location.search === '?{len(times)}'")
        times.append(page.wait("performance.getEntriesByName('first-contentful-paint')[0]?.startTime"))
    assert min(times) < 1000
    names = json.loads(
        page.run("JSON.stringify(performance.getEntriesByType('resource').map(({name}) => name))")
    )
    assert [name for name in names if not name.startswith((busy.address, f"blob:{busy.address}"))] == []


def test_two_tabs_with_ten_cameras_each(page: Page, busy: Running) -> None:
    page.wait(f"{LIVE} && {ALL_SHOWN}")
    with tab(page, busy.address) as second, tab(page, f"{busy.address}/history") as third:
        second.wait(f"{LIVE} && {ALL_SHOWN}")
        third.wait("document.getElementById('view').dataset.loaded")
        assert busy.service.hub.followers == 2
        for each in (page, second):
            picture = each.run("document.querySelector('#cameras img').src")
            each.wait(f"document.querySelector('#cameras img').src !== '{picture}'")
            assert (
                each.run("fetch('v1/cameras').then((answer) => answer.json()).then((all) => all.length)")
                == 10
            )
            before = each.run("document.getElementById('events').textContent")
            each.wait(f"document.getElementById('events').textContent !== {json.dumps(before)}")
    wait_for(lambda: busy.service.hub.followers == 1)


def test_a_hidden_tab_costs_nothing(page: Page, busy: Running) -> None:
    hide = "Object.defineProperty(document, 'hidden', {value: %s, configurable: true});"
    tell = "document.dispatchEvent(new Event('visibilitychange'))"
    page.run(hide % "true" + tell)
    wait_for(lambda: busy.service.hub.followers == 0)
    page.run(TWO_FRAMES)
    page.events.clear()
    # Four steps of the service pass: twice the time after which the page would ask how the cameras fare.
    for _ in range(4):
        now = busy.service.now
        wait_for(lambda now=now: busy.service.now is not now)  # type: ignore[misc]
    page.run("0")
    assert [each["method"] for each in page.events if each["method"].startswith("Network.")] == []
    page.run(hide % "false" + tell)
    wait_for(lambda: busy.service.hub.followers == 1)
    page.wait(f"{LIVE} && {ALL_SHOWN}")
