"""The live page, in a browser without a screen, over a running site."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from ..alerts.conftest import wait_for
from ..web.browser import Page, browsing, find_browser
from .conftest import Running

STATUS = "document.getElementById('status').textContent"
NUMBERS = "[...document.querySelectorAll('#cameras td')].map((cell) => cell.textContent).join()"
UNNAMED = (
    "[...document.querySelectorAll('img, input, button, [role=region], table')].filter((each) => "
    "!(each.alt || each.labels?.length || each.ariaLabel || each.getAttribute('aria-labelledby') "
    "|| each.textContent.trim())).length"
)


@pytest.fixture(scope="module")
def page(running: Running, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    if find_browser() is None:
        pytest.skip("no Chromium is installed")
    with browsing(tmp_path_factory.mktemp("browser")) as made:
        made.open(running.address)
        made.wait(f"{STATUS} === 'Live' && document.querySelector('#cameras img').naturalWidth > 0")
        yield made


def test_it_moves_without_a_reload(page: Page, running: Running) -> None:
    picture = page.run("document.querySelector('#cameras img').src")
    page.wait(f"document.querySelector('#cameras img').src !== '{picture}'")
    # The clip begins anew every half minute, and its people appear then.
    page.wait("document.querySelectorAll('#events li').length > 0", 60)
    page.wait(f"/[0-9]/.test({NUMBERS})")
    # The next figures of the running clip replace these within a second.
    page.run(
        f"window.seen = []; new MutationObserver(() => seen.push({NUMBERS})).observe("
        "document.getElementById('cameras'), {childList: true, subtree: true})"
    )
    people = {"with_mask": 31, "without_mask": 8, "mask_worn_incorrect": 1, "unknown": 2}
    running.service.hub.publish("now", {"camera": "door", "zone": "A", "people": people}, keep=False)
    page.wait("seen.some((numbers) => numbers.includes('31,8,1,2,78 %'))")
    alert = {"raised_utc": "2026-05-04T08:00:00Z", "recovered_utc": None, "message": "<b>few masks</b>"}
    running.service.hub.publish("alert", alert)
    page.wait("document.getElementById('events').textContent.includes('alert: <b>few masks</b>')")
    assert "frames a second" in page.text(".state")
    assert not [event for event in page.events if event["method"] == "Log.entryAdded"]


@pytest.mark.parametrize("width", [390, 1920])
def test_it_fits_and_everything_has_a_name(page: Page, width: int) -> None:
    page.call(
        "Emulation.setDeviceMetricsOverride", width=width, height=800, deviceScaleFactor=1, mobile=False
    )
    page.wait(f"innerWidth === {width}")
    assert page.run("document.documentElement.scrollWidth") <= width
    assert page.run(UNNAMED) == 0


def test_a_broken_connection_comes_back(page: Page, running: Running) -> None:
    # It may be back before anybody looks.
    page.run(
        f"window.left = false; new MutationObserver(() => window.left ||= {STATUS} !== 'Live').observe("
        "document.getElementById('status'), {childList: true, characterData: true, subtree: true})"
    )
    page.call(
        "Network.emulateNetworkConditions",
        offline=True,
        latency=0,
        downloadThroughput=-1,
        uploadThroughput=-1,
    )
    for each in list(running.service.hub._all):
        each.end()
    page.wait("window.left")
    page.call(
        "Network.emulateNetworkConditions",
        offline=False, latency=0, downloadThroughput=-1, uploadThroughput=-1,
    )  # fmt: skip
    page.wait(f"{STATUS} === 'Live'")
    wait_for(lambda: running.service.hub.followers == 1)


def test_a_hidden_tab_follows_nothing(page: Page, running: Running) -> None:
    hide = "Object.defineProperty(document, 'hidden', {value: %s, configurable: true});"
    tell = "document.dispatchEvent(new Event('visibilitychange'))"
    page.run(hide % "true" + tell)
    wait_for(lambda: running.service.hub.followers == 0)
    page.run(hide % "false" + tell)
    wait_for(lambda: running.service.hub.followers == 1)


def test_files_only_of_the_page(running: Running, project_root: Path) -> None:
    folder = project_root / "src" / "crowdmask" / "serve" / "pages"
    with httpx.Client(base_url=running.address, trust_env=False) as client:
        for name in ("shell/main.js", "base.css", "live/live.css", "index.html"):
            answer = client.get(f"/pages/{name}")
            assert answer.content == (folder / name).read_bytes()
            assert "script-src 'self'" in answer.headers["content-security-policy"]
        for name in ("none.js", "..%2fapp.py", "%2e%2e", "live", "live/../../app.py"):
            assert client.get(f"/pages/{name}").status_code == 404
    assert sum(file.stat().st_size for file in folder.rglob("*.js")) < 150_000
