"""The page that detects in the browser, as the service sends it."""

from __future__ import annotations

import asyncio
import re

import httpx
import pytest

from crowdmask.web.site import page_files

from ..conftest import MakeApp, client


def fetch(app: object, *paths: str) -> list[httpx.Response]:
    async def go() -> list[httpx.Response]:
        async with client(app) as caller:  # type: ignore[arg-type]
            return [await caller.get(path) for path in paths]

    return asyncio.run(go())


def test_it_is_sent_whole_with_its_own_headers(make_app: MakeApp) -> None:
    app = make_app()
    names = sorted(page_files())
    answers = dict(zip(names, fetch(app, *(f"/photos/{name}" for name in names)), strict=True))
    assert {answer.status_code for answer in answers.values()} == {200}
    for name, file in page_files().items():
        assert answers[name].content == file.read(), name
    policy = answers["index.html"].headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert not re.search(r"https?:", policy)
    assert answers["ort-wasm-simd-threaded.wasm"].headers["content-type"] == "application/wasm"
    assert answers["page.js"].headers["content-type"].startswith("text/javascript")
    assert answers["index.html"].headers["cross-origin-embedder-policy"] == "require-corp"


@pytest.mark.parametrize("path", ["/", "/photos"])
def test_without_cameras_it_is_the_first_page(make_app: MakeApp, path: str) -> None:
    first, page = fetch(make_app(), path, "/photos/")
    assert (first.status_code, first.headers["location"]) == (307, "/photos/")
    assert page.text.startswith("<!doctype html>")


@pytest.mark.parametrize("path", ["/photos/none.js", "/photos/../site.py", "/photos/%2e%2e/site.py"])
def test_nothing_else_is_sent(make_app: MakeApp, path: str) -> None:
    (answer,) = fetch(make_app(), path)
    assert answer.status_code == 404


def test_it_is_sent_to_who_is_not_logged_in(make_app: MakeApp) -> None:
    app = make_app(host="0.0.0.0", tokens=[{"name": "a", "token": "t" * 32}])
    page, me = fetch(app, "/photos/", "/v1/me")
    assert (page.status_code, me.status_code) == (200, 401)
