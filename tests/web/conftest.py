"""The page, written once, on a server, in a browser."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from crowdmask.web.site import write_page

from .browser import Page, browsing, find_browser, serving

FAKE_CAMERA = ("--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream")
READY = "document.documentElement.dataset.ready === 'true'"


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page's folder."""
    pytest.importorskip("websockets", reason="the extra 'dev' is not installed")
    if find_browser() is None:
        pytest.skip("no Chromium is installed: nothing to open the page in")
    folder = tmp_path_factory.mktemp("site") / "page"
    write_page(folder)
    return folder


@pytest.fixture(scope="module")
def page(site: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    """The page, opened and ready, with a made-up camera."""
    with (
        serving(site) as (address, asked),
        browsing(tmp_path_factory.mktemp("profile"), *FAKE_CAMERA) as tab,
    ):
        tab.address, tab.asked = address, asked
        tab.open(address)
        tab.wait(READY)
        yield tab
