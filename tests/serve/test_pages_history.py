"""The page of the past, in a browser without a screen: what it shows and saves is what the store holds."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from crowdmask.serve.api.counts import to_csv
from crowdmask.serve.api.events import events_to_csv
from crowdmask.store.records import Counts, Gap, Record, StoredEvent

from ..web.browser import Page, browsing, find_browser
from .conftest import Running

BEGIN = datetime(2024, 5, 6, 6, tzinfo=UTC)
END = BEGIN + timedelta(hours=8)
LINK = f"history?from={BEGIN:%Y-%m-%dT%H:%M}Z&until={END:%Y-%m-%dT%H:%M}Z"
EVENTS = ("no_mask", "mask_put_on", "person_left")
LOADED = "document.getElementById('view').dataset.loaded"
# What a link saves is read instead of saved.
READ_SAVED = """window.saved = null; HTMLAnchorElement.prototype.click = () => 0;
URL.createObjectURL = (blob) => { blob.text().then((text) => { saved = text; }); return 'blob:none'; }; 0"""


def past() -> list[Record]:
    """Return eight hours at two cameras, without the fourth one; the door has a zone."""
    records: list[Record] = []
    for hour in (0, 1, 2, 4, 5, 6, 7):
        for minute in range(0, 60, 15):
            at = BEGIN + timedelta(hours=hour, minutes=minute)
            for camera, zone in (("door", None), ("door", "A"), ("yard", None)):
                seconds = {"with_mask": 10.0 + hour, "without_mask": 5.0, "unknown": 1.0}
                records.append(
                    Counts(start_utc=at, camera=camera, zone=zone, observed_s=60, person_s=seconds, people=2)
                )
    for number in range(120):
        records.append(
            StoredEvent(
                time_utc=BEGIN + timedelta(minutes=4 * number), camera=("door", "yard")[number % 2],
                source="clip", run="past", track=number, event=EVENTS[number % 3], frame=number,
                label="with_mask", confidence=0.9, zone="A" if number % 4 == 0 else None,
            )
        )  # fmt: skip
    gap = BEGIN + timedelta(hours=3)
    return [*records, Gap(camera="door", why="down", began_utc=gap, last_utc=gap + timedelta(hours=1))]


@pytest.fixture(scope="module")
def page(running: Running, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    if find_browser() is None:
        pytest.skip("no Chromium is installed")
    running.service.store.add(past())
    with browsing(tmp_path_factory.mktemp("browser")) as made:
        yield made


def choose(page: Page, name: str, value: str) -> None:
    """Choose an option, and wait until what is asked for is shown."""
    before = page.run(LOADED)
    page.run(f"(each => {{ each.value = '{value}'; each.dispatchEvent(new Event('change')) }})({name})")
    page.wait(f"{LOADED} !== '{before}'")


def rows(page: Page, table: str) -> list[list[str]]:
    script = f"""JSON.stringify([...document.querySelectorAll('#{table} tbody tr')].map(
        (row) => [...row.cells].map((cell) => cell.textContent)))"""
    return list(json.loads(page.run(script)))


def saved(page: Page, button: str) -> list[dict[str, Any]]:
    page.run(READ_SAVED)
    page.run(f"document.getElementById('{button}').click()")
    return list(csv.DictReader(io.StringIO(page.wait("saved"))))


def test_a_link_shows_what_the_store_holds(page: Page, running: Running) -> None:
    page.open(f"{running.address}/{LINK}&per=hour&camera=door")
    page.wait(LOADED)
    kept = running.service.store.counts(start=BEGIN, end=END, camera="door", per="hour")
    shown = rows(page, "counts-table")
    assert len(shown) == len(kept) == 7
    assert [row[8].split(" %")[0] for row in shown] == [
        f"{100 * (each.share or 0):.0f}" for each in kept[::-1]
    ]
    assert [row[7] for row in shown] == ["8"] * 7
    # The line breaks where nothing was looked at, and that hour is shaded.
    assert page.run("document.querySelectorAll('#share-chart .dot').length") == 7
    assert page.run("document.querySelectorAll('#share-chart polyline').length") == 2
    assert page.run("document.querySelectorAll('#share-chart .unseen-span').length") == 1
    assert page.run("document.querySelectorAll('#people-chart rect.with_mask').length") == 7
    assert [row[:2] for row in rows(page, "gaps-table")] == [["door", "no frames"]]
    assert len(rows(page, "events-table")) == 60


@pytest.mark.parametrize(
    ("query", "camera", "zone", "event"),
    [
        ("", None, None, None),
        ("&camera=yard", "yard", None, None),
        ("&camera=door&zone=A&event=no_mask", "door", "A", "no_mask"),
        ("&zone=none", None, "none", None),
    ],
)
def test_what_is_saved_is_what_is_shown(
    page: Page, running: Running, query: str, camera: str | None, zone: str | None, event: str | None
) -> None:
    page.open(f"{running.address}/{LINK}&per=hour{query}")
    page.wait(LOADED)
    store = running.service.store
    kept = store.counts(start=BEGIN, end=END, camera=camera, zone=zone, per="hour")
    found = saved(page, "counts-csv")
    known = list(csv.DictReader(io.StringIO(to_csv(kept))))
    assert [{key: row[key] for key in known[0]} for row in found] == known if known else not found
    assert len(rows(page, "counts-table")) == len(kept)
    events = store.events(start=BEGIN, end=END, camera=camera, zone=zone, event=event, limit=100)
    found = saved(page, "events-csv")
    assert found == list(csv.DictReader(io.StringIO(events_to_csv(events))))
    assert [row[-1] for row in rows(page, "events-table")] == [row["track"] for row in found]


def test_choices_stand_in_the_address(page: Page, running: Running) -> None:
    page.open(f"{running.address}/{LINK}")
    page.wait(LOADED)
    assert len(rows(page, "events-table")) == 100
    before = page.run(LOADED)
    page.run("document.getElementById('more-events').click()")
    page.wait(f"{LOADED} !== '{before}'")
    assert len(rows(page, "events-table")) == 120
    assert page.run("document.getElementById('more-events')") is None
    for name, value in (("per", "day"), ("camera", "door"), ("zone", "A"), ("event", "mask_put_on")):
        choose(page, f"document.getElementById('filter-{name}')", value)
    shown = rows(page, "counts-table"), rows(page, "events-table")
    assert [row[2] for row in shown[0]] == ["A"]
    assert {row[3] for row in shown[1]} == {"mask put on"}
    for text in ("per=day", "camera=door", "zone=A", "event=mask_put_on"):
        assert text in page.run("location.search")
    page.call("Page.reload")
    page.wait(LOADED)
    assert (rows(page, "counts-table"), rows(page, "events-table")) == shown
    # Another camera may not have the zone.
    choose(page, "document.getElementById('filter-camera')", "")
    page.run("history.length")
    choose(page, "document.getElementById('filter-span')", "366d")
    assert "span=366d" in page.run("location.search")
    assert "per=week" in page.run("location.search")
    assert page.run("document.querySelector('#filter-per [value=hour]').disabled") is True


def test_a_wrong_span_is_said_and_not_asked_for(page: Page, running: Running) -> None:
    page.open(f"{running.address}/{LINK}")
    page.wait(LOADED)
    before = page.run("location.search + document.getElementById('view').dataset.loaded")
    page.run("(each => { each.value = '2030-01-01T00:00'; each.dispatchEvent(new Event('change')) })"
             "(document.getElementById('filter-start'))")  # fmt: skip
    assert page.run("document.getElementById('filter-start').validationMessage") != ""
    assert page.run("location.search + document.getElementById('view').dataset.loaded") == before


@pytest.mark.parametrize(
    ("query", "days"),
    [
        ("?span=x&per=y&from=z", 1),
        ("?from=2024-05-06T06:00Z&until=2023-01-01T00:00Z", 1),
        ("?from=2020-01-01", 0),
    ],
)
def test_a_damaged_link_shows_a_day(page: Page, running: Running, query: str, days: int) -> None:
    page.open(f"{running.address}/history{query}")
    page.wait(f"location.search === '{query}' && {LOADED}")
    span = "Date.parse(document.getElementById('filter-end').value) - Date.parse({}.value)"
    found = page.run(span.format("document.getElementById('filter-start')")) / 86_400_000
    assert found == days if days else found > 2000
