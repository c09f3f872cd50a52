"""Zones drawn with a finger on a phone count people, and a finger that scrolls changes nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from ..alerts.conftest import wait_for
from ..web.browser import browsing, find_browser
from .conftest import run_site
from .setup_page import (
    be_a_phone,
    button,
    on_stage,
    open_part,
    people_in,
    swipe,
    tap,
    tap_stage,
    touch,
    write_site,
)  # fmt: skip
from .test_pages_zones import CORNERS, SAVED, polygons, wait_for_corner

STAGE = "document.querySelector('.stage')"
ROWS = "[...document.querySelectorAll('.shapes li')]"
SHOWN = "scrollBy(0, document.querySelector('.stage').getBoundingClientRect().top - 150); 0"


def test_a_zone_drawn_with_a_finger_counts(tmp_path: Path, colour_model: Path) -> None:
    if find_browser() is None:
        pytest.skip("no Chromium is installed")
    file = write_site(tmp_path)
    with run_site(tmp_path, colour_model, file=file) as site, browsing(tmp_path / "browser") as page:
        be_a_phone(page)
        open_part(page, site, "cameras/door/zones")
        page.wait("matchMedia('(pointer: coarse)').matches")
        tap(page, button("New zone"))
        page.wait(f"{STAGE}.classList.contains('drawing')")
        page.run(SHOWN)
        # A finger that scrolls while somebody draws sets no corner.
        top = page.run("scrollY")
        swipe(page, (0.7, 0.9), (0.7, 0.1))
        page.wait(f"scrollY > {top}")
        page.run(SHOWN)
        # Around the left one of the two people, whose centre is at 25 % and 25 %; the last one is not exact.
        for number, (x, y) in enumerate(((0.1, 0.1), (0.4, 0.1), (0.4, 0.4), (0.1, 0.4)), 1):
            tap_stage(page, x, y)
            page.wait(f"document.querySelectorAll('circle.draft').length === {number}")
        tap_stage(page, 0.1, 0.1, off=15)
        page.wait(f"{CORNERS}.length === 4")
        # The keyboard of the phone would cover the picture.
        page.wait("document.activeElement.matches('.shapes button')")

        # A corner is moved by a finger that holds it at its rim.
        page.run(SHOWN)
        top = page.run("scrollY")
        swipe(page, (0.4, 0.4), (0.5, 0.6), (0.6, 0.7), off=15)
        wait_for_corner(page, 2, 60, 70)
        tap(page, button("Undo"))
        wait_for_corner(page, 2, 40, 40)
        page.run(SHOWN)
        # Another one is dragged out of a side, and removed.
        swipe(page, (0.4, 0.25), (0.5, 0.25), off=8)
        wait_for_corner(page, 2, 50, 25)
        assert page.run("scrollY") == top
        tap(page, button("Remove corner"))
        page.wait(f"{CORNERS}.length === 4")
        tap(page, button("Save"))
        page.wait(SAVED)
        wait_for(lambda: sum((people_in(site, "zone 1") or {}).values()) == 1, 20)
        drawn = polygons(site)["zone 1"]
        for found, wanted in zip(drawn, ((0.1, 0.1), (0.4, 0.1), (0.4, 0.4), (0.1, 0.4)), strict=True):
            assert found == pytest.approx(wanted, abs=0.01)

        # The whole shape follows a finger, and a second finger disturbs neither that nor the corners.
        page.run(SHOWN)
        places = [on_stage(page, *at) for at in ((0.25, 0.2), (0.8, 0.8), (0.45, 0.4))]
        held, second, to = [(at["x"], at["y"]) for at in places]
        touch(page, ("Start", held), ("Start", held, second), ("Move", to, second), ("End",))
        wait_for_corner(page, 0, 30, 30)
        page.wait(f"{CORNERS}.length === 4")
        tap(page, f"{ROWS}[0].querySelector('.danger')")
        page.wait(f"{ROWS}.length === 0 && document.querySelector('.zones .card p').checkVisibility()")
        tap(page, button("Save"))
        page.wait(SAVED)
        assert polygons(site) == {}
        assert page.run("document.documentElement.scrollWidth") <= 390
