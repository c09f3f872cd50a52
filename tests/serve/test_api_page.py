"""docs/api.md names all resources, and none that are not there."""

from __future__ import annotations

import re
from pathlib import Path

import crowdmask

from .conftest import Running

NOT_DESCRIBED = {"/v1/openapi.json", "/v1/stream", "/v1/live"}


def test_the_page_names_all_resources(running: Running, project_root: Path) -> None:
    page = (project_root / "docs" / "api.md").read_text(encoding="utf-8").partition("## All resources")[2]
    last, named = "", set[str]()
    for start, word in re.findall(r"`(?:[A-Z]+ )?((?:/v1|/metrics|/)([\w./-]*))", page):
        # `/snooze` beside `/v1/alerts/ID/acknowledge` stands for the same path with another end.
        short = not start.startswith(("/v1", "/metrics")) and last.startswith("/v1/alerts/") and bool(word)
        last = f"{last.rpartition('/')[0]}{start}" if short else start
        named.add(last)
    described = {
        re.sub(r"{(?:\w+_)?(\w+)}", lambda found: found[1].upper(), path)
        for path in running.app.openapi()["paths"]
    }
    assert described - named == set()
    assert {path for path in named if path.startswith("/v1")} - described == NOT_DESCRIBED


def test_the_page_shows_each_method_of_the_client(project_root: Path) -> None:
    page = (project_root / "docs" / "api.md").read_text(encoding="utf-8")
    shown = set(re.findall(r"client\.(\w+)\(", page))
    methods = {name for name in dir(crowdmask.Client) if not name.startswith("_")}
    assert methods - shown == {"close"}  # the `with` does it
    assert shown - methods == set()
