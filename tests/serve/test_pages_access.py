"""The pages for everybody: axe-core finds no fault, on a phone, on a wide screen, and by keyboard alone."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from argon2 import PasswordHasher

from crowdmask.serve.detecting import Workers

from ..web.browser import Page, browsing, find_browser
from .conftest import Running
from .test_pages_login import PASSWORD, serving

# What says that a page shows all it has.
PAGES = {
    "": "document.querySelector('#cameras img').naturalWidth > 0",
    "history": "document.getElementById('view').dataset.loaded",
    "screens": "!!document.querySelector('#links-table button')",
    "setup": "document.getElementById('view').textContent.includes('door')",
    "wall": "!!document.querySelector('#cameras section')",
    "nothing-of-it": "document.getElementById('title').textContent.includes('no such page')",
}
FAULTS = (
    "axe.run().then((found) => JSON.stringify(found.violations.map(({id, nodes}) => [id, nodes[0].html])))"
)


@pytest.fixture(scope="module")
def page(running: Running, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    if find_browser() is None:
        pytest.skip("no Chromium is installed")
    with browsing(tmp_path_factory.mktemp("browser")) as made:
        made.address = running.address
        made.open(running.address)
        made.wait("document.getElementById('status').textContent === 'Live'")
        post = "fetch('v1/links', {method: 'POST', headers: {'Content-Type': 'application/json'}, body: %s})"
        made.run(post % "JSON.stringify({name: 'hall'})" + ".then((answer) => answer.status)")
        yield made


@pytest.fixture(scope="module")
def axe(project_root: Path) -> str:
    file = project_root / "web" / "node_modules" / "axe-core" / "axe.min.js"
    if not file.is_file():
        pytest.skip("the parts of web/ are not installed: make web")
    return file.read_text(encoding="utf-8")


def look(page: Page, width: int, scheme: str) -> None:
    """Let the page be of a width, light or dark."""
    page.call(
        "Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1, mobile=False
    )
    page.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])


def faults(page: Page, axe: str) -> Any:
    page.run(f"{axe}; 0")
    return json.loads(page.run(FAULTS))


@pytest.mark.parametrize("path", [path for path in PAGES if path != "nothing-of-it"])
@pytest.mark.parametrize(("width", "scheme"), [(390, "dark"), (1920, "light")])
def test_axe_finds_no_fault(page: Page, axe: str, path: str, width: int, scheme: str) -> None:
    look(page, width, scheme)
    page.open(f"{page.address}/{path}")
    page.wait(f"location.pathname === '/{path}' && ({PAGES[path]})")
    assert faults(page, axe) == []
    assert page.run("document.documentElement.scrollWidth") <= width


def test_an_hour_that_the_clock_shows_twice_is_told_apart(page: Page) -> None:
    page.open(f"{page.address}/screens")
    page.wait(PAGES["screens"])
    told = page.run(
        "import('/pages/common/format.js').then(({useZone, dayAndClock}) => { useZone('Europe/Berlin');"
        "return ['2026-10-25T00:30Z', '2026-10-25T01:30Z', '2026-10-25T02:30Z'].map(dayAndClock) })"
    )
    assert told == ["25 Oct 2026, 02:30 GMT+2", "25 Oct 2026, 02:30 GMT+1", "25 Oct 2026, 03:30"]


def test_long_names_and_a_camera_without_a_picture_fit(page: Page) -> None:
    look(page, 390, "light")
    page.open(f"{page.address}/")
    page.wait(PAGES[""])
    record = {
        "name": "x", "state": "waiting", "private": False, "frozen": False,
        "down_since": "2026-05-04T10:00:00Z", "last_error": "connection refused",
        "fps": 0, "latency_ms": None, "reconnects": 0, "restarts": 0,
        "zones": ["Queue before the registration desk of the north wing"],
    }  # fmt: skip
    page.run(
        "import('/pages/live/cameras.js').then(({Camera}) => {"
        "window.away = new Camera('Entrance hall of the north wing, above the revolving door and stairs');"
        f"away.health({json.dumps(record)}); document.getElementById('cameras').prepend(away.root) }})"
    )
    assert page.run("away.badge.textContent") == "no frames"
    # Its description would stand there beside a sign for a broken picture.
    assert page.run("getComputedStyle(away.image).visibility") == "hidden"
    assert page.run("away.image.offsetHeight") > 100
    assert page.run("away.body.closest('.table').scrollWidth <= away.body.closest('.table').clientWidth")
    assert page.run("document.documentElement.scrollWidth") <= 390


def test_axe_finds_no_fault_in_the_photo_page(page: Page, axe: str) -> None:
    if page.run("fetch('/photos/').then((answer) => answer.status)") == 404:
        pytest.skip("the photo page is not built: make web")
    look(page, 390, "light")
    page.open(f"{page.address}/photos/")
    page.wait("location.pathname === '/photos/' && document.getElementById('status').textContent")
    for scheme in ("light", "dark"):
        look(page, 390, scheme)
        assert faults(page, axe) == []


def test_axe_finds_what_is_wrong(page: Page, axe: str) -> None:
    page.open(f"{page.address}/screens")
    page.wait(PAGES["screens"])
    page.run("document.getElementById('view').append(document.createElement('img'))")
    assert [fault[0] for fault in faults(page, axe)] == ["image-alt"]


def test_axe_finds_no_fault_in_the_login(running: Running, workers: Workers, page: Page, axe: str) -> None:
    user = {"name": "anna", "role": "admin", "password_hash": PasswordHasher(1, 8, 1).hash(PASSWORD)}
    with serving(running, workers, 0, users=[user]) as port:
        for scheme in ("light", "dark"):
            look(page, 390, scheme)
            page.open(f"http://127.0.0.1:{port}/history")
            page.wait("document.activeElement.id === 'name'")
            assert faults(page, axe) == []
        by_keyboard_alone(page)


def press(page: Page, key: str, code: int, wanted: str) -> None:
    """Press a key until an expression is true."""
    for _ in range(40):
        if page.run(wanted):
            return
        page.press(key, code)
    raise AssertionError(f"{key} does not lead to {wanted}: {page.run('document.activeElement.outerHTML')}")


def by_keyboard_alone(page: Page) -> None:
    """Log in, choose in the history, save a file, and go to another page; each focus can be seen."""
    page.call("Input.insertText", text="anna")
    press(page, "Tab", 9, "document.activeElement.id === 'password'")
    page.call("Input.insertText", text=PASSWORD)
    page.press("Enter", 13)
    loaded = "document.getElementById('view').dataset.loaded"
    page.wait(loaded)
    press(page, "Tab", 9, "document.activeElement.id === 'filter-per'")
    assert page.run("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    before = page.run(loaded)
    press(page, "ArrowDown", 40, "document.activeElement.value === 'day'")
    page.wait(f"{loaded} !== '{before}'")
    assert "per=day" in page.run("location.search")
    page.run(
        "window.saved = []; HTMLAnchorElement.prototype.click = function () { saved.push(this.download) }; 0"
    )
    press(page, "Tab", 9, "document.activeElement.id === 'counts-csv'")
    page.press("Enter", 13)
    page.wait("saved.length === 1 && saved[0].endsWith('.csv')")
    # From the top: the first stop leads past the navigation.
    page.call("Page.reload")
    page.wait(loaded)
    press(page, "Tab", 9, "document.activeElement.id === 'skip'")
    press(page, "Tab", 9, "document.activeElement.textContent === 'Wall screens'")
    page.press("Enter", 13)
    page.wait("location.pathname === '/screens' && document.activeElement.id === 'title'")
    page.run("history.back()")
    page.wait(f"location.pathname === '/history' && {loaded}")


def test_an_unknown_address_says_so(page: Page) -> None:
    page.open(f"{page.address}/screens")
    page.wait(PAGES["screens"])
    page.run("history.pushState(null, '', '/nothing-of-it'); dispatchEvent(new PopStateEvent('popstate'))")
    page.wait(PAGES["nothing-of-it"])
