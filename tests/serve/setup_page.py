"""A site with a file of its operator, and hands for its page of settings."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import httpx

from ..live.clips import write_clip
from ..web.browser import Page
from .conftest import Running

SITE = """
# The caretaker has the key to the cabinet.
name: Town hall
store: {folder}/site.db
cameras:
  - {{name: door, source: "{clip}", still_s: null}}   # the front one
alerts:
  channels:
    - {{kind: webhook, name: hook, url: "{url}"}}
"""
KEYS = {
    "Enter": 13, "Tab": 9, "Escape": 27, "Delete": 46, "ArrowLeft": 37, "ArrowUp": 38, "ArrowRight": 39,
    "ArrowDown": 40, "z": 90,
}  # fmt: skip
SHIFT, CTRL = 8, 2


def write_site(folder: Path, url: str = "http://127.0.0.1:9/") -> Path:
    """Write a site file and its clip of six seconds."""
    path = folder / "site.yaml"
    clip = write_clip(folder / "clip.mp4", 60)
    path.write_text(SITE.format(folder=folder, clip=clip, url=url), encoding="utf-8")
    return path


def open_part(page: Page, site: Running, part: str) -> None:
    """Open a part of the page of settings anew."""
    page.open("about:blank")
    page.open(f"{site.address}/setup#/{part}")
    page.wait("document.querySelector('#view h2') !== null")


def button(text: str) -> str:
    """Return an expression for a button or link by its text."""
    all_of_them = "[...document.querySelectorAll('#view :is(button, a), dialog button')]"
    return f"{all_of_them}.find((each) => each.textContent === {json.dumps(text)})"


def click(page: Page, text: str) -> None:
    """Click a button or link by its text, once it can be."""
    page.wait(f"{button(text)}.disabled !== true && ({button(text)}.click(), true)")


def fill(page: Page, label: str, value: str) -> None:
    """Fill in a field by its label."""
    labels = "[...document.querySelectorAll('#view label')]"
    found = f"{labels}.find((each) => each.textContent === {json.dumps(label)}).control"
    tell = "for (const name of ['input', 'change']) input.dispatchEvent(new Event(name, {bubbles: true}));"
    page.wait(f"((input) => {{ input.value = {json.dumps(value)}; {tell} return true }})({found})")


def press(page: Page, key: str, modifiers: int = 0, times: int = 1) -> None:
    """Press a key, as a hand does."""
    for _ in range(times):
        for kind in ("keyDown", "keyUp"):
            text = "\r" if key == "Enter" and kind == "keyDown" else ""
            page.call(
                "Input.dispatchKeyEvent", type=kind, key=key, code=key, windowsVirtualKeyCode=KEYS[key],
                modifiers=modifiers, text=text,
            )  # fmt: skip


def tab_to(page: Page, text: str) -> None:
    """Go by the Tab key to the element with a text or label."""
    for _ in range(60):
        press(page, "Tab")
        if text in page.run("document.activeElement.ariaLabel || document.activeElement.textContent"):
            return
    raise AssertionError(f"the Tab key does not come to {text!r}")


def on_stage(page: Page, x: float, y: float) -> dict[str, float]:
    """Return where a part of the picture is on the screen."""
    box: dict[str, float] = page.run(
        "(({left, top, width, height}) => ({left, top, width, height}))"
        "(document.querySelector('.stage').getBoundingClientRect())"
    )
    return {"x": box["left"] + x * box["width"], "y": box["top"] + y * box["height"]}


def mouse(page: Page, what: str, x: float, y: float) -> None:
    """Press, move or release the mouse over a part of the picture."""
    held = 0 if what == "mouseReleased" else 1
    page.call(
        "Input.dispatchMouseEvent",
        type=what,
        **on_stage(page, x, y),
        button="left",
        buttons=held,
        clickCount=1,
    )


def mouse_click(page: Page, x: float, y: float) -> None:
    """Click into the picture."""
    mouse(page, "mousePressed", x, y)
    mouse(page, "mouseReleased", x, y)


def be_a_phone(page: Page) -> None:
    """Let the page be on a phone: 390 px wide, with fingers instead of a mouse."""
    page.call("Emulation.setDeviceMetricsOverride", width=390, height=600, deviceScaleFactor=2, mobile=True)
    page.call("Emulation.setTouchEmulationEnabled", enabled=True, maxTouchPoints=5)


def touch(page: Page, *steps: tuple[str, *tuple[tuple[float, float], ...]]) -> None:
    """Put fingers on places of the screen (`Start`), move them (`Move`), or take them away (`End`)."""
    page.call_all(
        [
            (
                "Input.dispatchTouchEvent",
                {"type": f"touch{what}", "touchPoints": [{"x": x, "y": y} for x, y in at]},
            )
            for what, *at in steps
        ]
    )


def swipe(page: Page, *places: tuple[float, float], off: float = 0.0) -> None:
    """Put a finger on a part of the picture and slide it over others, in small steps.

    Args:
        off: pixels by which the finger is too far to the right and too low: fingers are not exact.
    """
    points = [(at["x"] + off, at["y"] + off) for at in (on_stage(page, *place) for place in places)]
    between = [
        (x + part * (to_x - x), y + part * (to_y - y))
        for (x, y), (to_x, to_y) in pairwise(points)
        for part in (0.25, 0.5, 0.75, 1)
    ]
    touch(page, ("Start", points[0]), *(("Move", at) for at in between))
    # A finger that is still fast when it goes would fling the page, and the next tap would only stop that.
    page.run("new Promise((done) => setTimeout(done, 100))")
    touch(page, ("End",))


def tap_stage(page: Page, x: float, y: float, off: float = 0.0) -> None:
    """Tap a part of the picture."""
    at = on_stage(page, x, y)
    touch(page, ("Start", (at["x"] + off, at["y"] + off)), ("End",))


def tap(page: Page, what: str) -> None:
    """Tap the middle of an element, given as an expression, once it is at rest in view."""
    rest = (
        "const {left, top, width, height} = found.getBoundingClientRect();"
        "return !found.disabled && width > 0 && [left + width / 2, top + height / 2]"
    )
    page.wait(f"((found) => {{ found.scrollIntoView({{block: 'nearest'}}); return true }})({what})")
    x, y = page.wait(f"((found) => {{ {rest} }})({what})")
    touch(page, ("Start", (x, y)), ("End",))


def people_in(site: Running, zone: str) -> dict[str, Any] | None:
    """Return who is in a zone of the door now; None: it is not known."""
    found = httpx.get(f"{site.address}/v1/wall", trust_env=False, timeout=20).json()
    zones = {each["zone"]: each["people"] for camera in found["cameras"] for each in camera["zones"]}
    people: dict[str, Any] | None = zones.get(zone)
    return people
