"""Zones drawn in the page with the mouse and with the keyboard alone count people."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from ..alerts.conftest import wait_for
from ..web.browser import Page, browsing, find_browser
from .conftest import Running, run_site
from .setup_page import (
    CTRL,
    SHIFT,
    button,
    click,
    fill,
    mouse,
    mouse_click,
    open_part,
    people_in,
    press,
    tab_to,
    write_site,
)  # fmt: skip

SAVED = "document.getElementById('zones-status').textContent.startsWith('Saved')"
CORNERS = "[...document.querySelectorAll('.handle')].map((each) => each.ariaLabel)"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, colour_model: Path) -> Iterator[Running]:
    if find_browser() is None:
        pytest.skip("no Chromium is installed")
    folder = tmp_path_factory.mktemp("zones")
    with run_site(folder, colour_model, file=write_site(folder)) as made:
        yield made


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory, site: Running) -> Iterator[Page]:
    with browsing(tmp_path_factory.mktemp("browser")) as made:
        made.call(
            "Emulation.setDeviceMetricsOverride", width=390, height=844, deviceScaleFactor=1, mobile=False
        )
        yield made


def in_zone(site: Running, zone: str) -> int:
    people = people_in(site, zone)
    return -1 if people is None else sum(people.values())


def wait_for_corner(page: Page, index: int, x: float, y: float) -> None:
    """Wait until the label of a corner says this place in percent, up to what the mouse rounds."""
    numbers = f"{CORNERS}[{index}].match(/: ([0-9.]+) %.*, ([0-9.]+) %/).slice(1).map(Number)"
    page.wait(f"((found) => Math.abs(found[0] - {x}) < 1 && Math.abs(found[1] - {y}) < 1)({numbers})")


def polygons(site: Running) -> dict[str, tuple[tuple[float, float], ...]]:
    (camera,) = site.service.site.cameras
    return {zone.name: zone.polygon for zone in camera.zones}


def test_a_zone_drawn_with_the_mouse_counts(page: Page, site: Running) -> None:
    open_part(page, site, "cameras/door/zones")
    click(page, "New zone")
    # Around the left one of the two people, whose centre is at 25 % and 25 %.
    for x, y in ((0.1, 0.1), (0.4, 0.1), (0.4, 0.4), (0.1, 0.4), (0.1, 0.1)):
        mouse_click(page, x, y)
    page.wait(f"{CORNERS}.length === 4")
    fill(page, "Name", "left")
    click(page, "Save")
    page.wait(SAVED)
    wait_for(lambda: in_zone(site, "left") == 1, 20)
    drawn = polygons(site)["left"]
    for found, wanted in zip(drawn, ((0.1, 0.1), (0.4, 0.1), (0.4, 0.4), (0.1, 0.4)), strict=True):
        assert found == pytest.approx(wanted, abs=0.01)
    # A corner is dragged, and taken back; another one is dragged out of a side.
    mouse(page, "mousePressed", 0.4, 0.4)
    mouse(page, "mouseMoved", 0.5, 0.6)
    mouse(page, "mouseMoved", 0.6, 0.7)
    mouse(page, "mouseReleased", 0.6, 0.7)
    wait_for_corner(page, 2, 60, 70)
    press(page, "z", CTRL)
    wait_for_corner(page, 2, 40, 40)
    mouse(page, "mousePressed", 0.4, 0.25)
    mouse(page, "mouseMoved", 0.5, 0.25)
    mouse(page, "mouseReleased", 0.5, 0.25)
    wait_for_corner(page, 2, 50, 25)
    assert page.run(CORNERS)[2].startswith("left, corner 3 of 5: ")
    press(page, "Delete")
    # All is as it was saved.
    page.wait(f"{CORNERS}.length === 4 && {button('Save')}.disabled")


def test_a_zone_a_line_and_an_ignored_part_by_keyboard_alone(page: Page, site: Running) -> None:
    open_part(page, site, "cameras/door/zones")
    tab_to(page, "New zone")
    press(page, "Enter")
    page.wait("document.activeElement.classList.contains('cross')")
    # From the middle around the right one, whose centre is at 55 % and 58 %.
    press(page, "ArrowLeft", SHIFT)
    for key, times in (("ArrowRight", 4), ("ArrowDown", 5), ("ArrowLeft", 4)):
        press(page, "Enter")
        press(page, key, SHIFT, times)
    press(page, "Enter", times=2)
    page.wait("document.activeElement.matches('input')")
    page.call("Input.insertText", text="right")
    tab_to(page, "Save")
    press(page, "Enter")
    page.wait(SAVED)
    wait_for(lambda: in_zone(site, "right") == 1, 20)
    # Its first corner goes away by the arrows, and a line with its direction comes.
    open_part(page, site, "cameras/door/zones")
    tab_to(page, "Zone right")
    press(page, "Enter")
    page.wait(f"{CORNERS}.length === 4")
    page.run("document.querySelector('.handle').focus()")
    press(page, "ArrowUp", SHIFT, 2)
    press(page, "ArrowRight")
    page.wait(f"{CORNERS}[0] === 'right, corner 1 of 4: 46 % from the left, 40 % from the top'")
    for kind in ("New line", "New ignored part"):
        click(page, kind)
        press(page, "ArrowDown", SHIFT, 9)
        press(page, "Enter")
        press(page, "ArrowRight", SHIFT, 4)
        press(page, "Enter")
        if kind == "New ignored part":
            press(page, "ArrowUp", SHIFT)
            press(page, "Enter")
            click(page, "Done")
    click(page, "Turn direction")
    click(page, "Save")
    page.wait(SAVED)
    (camera,) = site.service.site.cameras
    assert polygons(site)["right"][0] == (0.46, 0.4)
    (line,) = camera.lines
    assert (line.start, line.end) == ((0.7, 0.95), (0.5, 0.95))
    assert camera.ignore == (((0.5, 0.95), (0.7, 0.95), (0.7, 0.9)),)


def test_what_another_admin_did_is_not_lost_unseen(page: Page, site: Running) -> None:
    open_part(page, site, "cameras/door/zones")
    click(page, "New ignored part")
    for x, y in ((0.85, 0.05), (0.95, 0.05), (0.95, 0.15), (0.85, 0.05)):
        mouse_click(page, x, y)
    body = {"zones": [{"name": "theirs", "polygon": [[0, 0.8], [0.1, 0.8], [0.1, 0.9]]}]}
    answer = httpx.put(f"{site.address}/v1/zones/door", json=body, trust_env=False, timeout=20)
    assert answer.status_code == 200
    click(page, "Save")
    page.wait("document.querySelector('.zones .problem').textContent.includes('Somebody else')")
    assert set(polygons(site)) == {"theirs"}
    click(page, "Save")
    page.wait(SAVED)
    (camera,) = site.service.site.cameras
    assert "theirs" not in polygons(site)
    assert len(camera.ignore[-1]) == 3


def test_what_cannot_be_saved_is_told_in_words(page: Page, site: Running) -> None:
    open_part(page, site, "cameras/door/zones")
    click(page, "New line")
    for x in (0.2, 0.8):
        mouse_click(page, x, 0.9)
    page.run(
        "for (const each of document.querySelectorAll('.shapes input')) {"
        "each.value = 'twice'; each.dispatchEvent(new Event('input')); }"
    )
    click(page, "Save")
    page.wait("document.querySelector('.zones .problem').textContent.includes('twice')")
    # All of a line's row can be seen and pressed.
    end = "each.offsetTop + each.offsetHeight"
    inside = f"({end} <= each.parentNode.offsetTop + each.parentNode.offsetHeight)"
    page.wait(f"[...document.querySelectorAll('.shapes li.line button')].every((each) => {inside})")
    assert page.run("document.querySelector('.shapes li.line .danger').offsetHeight") >= 36
    assert page.run("document.documentElement.scrollWidth") <= 390
