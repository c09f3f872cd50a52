"""The client against a real server: robots, waits, retries, sizes, redirections."""

from __future__ import annotations

import io
import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest

from crowdmask.data.crawl.client import Client, FetchError, Manners, user_agent

from .conftest import Served, Site, jpeg

QUICK = Manners(delay_s=0.0, retries=2, backoff_s=0.01, timeout_s=5)


def fetch(
    site: Site, path: str, manners: Manners = QUICK, max_bytes: int = 1_000_000, **options: Any
) -> bytes:
    file = io.BytesIO()
    with Client(manners, private_hosts=options.pop("private_hosts", True), **options) as client:
        client.download(site.address + path, max_bytes, file)
    return file.getvalue()


def test_download_is_the_photo(site: Site) -> None:
    site.paths["/photo/1.jpg"] = Served(jpeg(1), "image/jpeg; charset=binary")

    assert fetch(site, "/photo/1.jpg", contact="me@example.org") == jpeg(1)
    assert site.asked == ["/robots.txt", "/photo/1.jpg"]
    assert site.agents == {user_agent("me@example.org")}
    assert "crowdmask/" in user_agent("me@example.org")
    assert "me@example.org" in user_agent("me@example.org")


@pytest.mark.parametrize(
    ("served", "why", "lasting", "asked"),
    [
        (Served(jpeg(1), "text/html"), "its type is 'text/html'", True, 1),
        (Served(jpeg(1), "image/gif"), "its type is 'image/gif'", True, 1),
        (Served(b"x" * 2000), "more than 0.001 MB", True, 1),
        (Served(b"gone", status=410), "answers 410", True, 1),
        (Served(b"oops", status=500), "answers 500; given up after 3 attempts", False, 3),
        (Served(b"x" * 500, cut=200), "given up after 3 attempts", False, 3),
        (Served(b"", status=302, headers={"Location": "/photo/1.jpg"}), "too many redirections", True, 6),
        (Served(b"", status=302, headers={"Location": "file:///etc/passwd"}), "not an address", True, 1),
        (Served(b"", status=429, headers={"Retry-After": "9999"}), "asks to wait 9999 s", False, 1),
    ],
)
def test_download_fails(site: Site, served: Served, why: str, lasting: bool, asked: int) -> None:
    site.paths["/photo/1.jpg"] = served

    with pytest.raises(FetchError, match=why) as caught:
        fetch(site, "/photo/1.jpg", max_bytes=1000)

    assert caught.value.lasting is lasting
    assert len(site.photos_asked()) == asked


def test_retry_after_is_waited_for(site: Site) -> None:
    site.paths["/photo/1.jpg"] = Served(jpeg(1), first=[(429, {"Retry-After": "1"}), (503, {})])
    start = time.monotonic()

    assert fetch(site, "/photo/1.jpg") == jpeg(1)
    assert time.monotonic() - start >= 1.0
    assert len(site.photos_asked()) == 3


def test_retry_after_as_a_date(site: Site) -> None:
    until = format_datetime(datetime.now(UTC) + timedelta(seconds=900), usegmt=True)
    site.paths["/photo/1.jpg"] = Served(status=503, headers={"Retry-After": until})

    with pytest.raises(FetchError, match=r"asks to wait (89\d|900) s"):
        fetch(site, "/photo/1.jpg")


def test_delay_between_requests(site: Site) -> None:
    site.paths["/photo/1.jpg"] = Served(jpeg(1))
    start = time.monotonic()

    fetch(site, "/photo/1.jpg", Manners(delay_s=0.3))

    # One gap: between the robots.txt and the photo.
    assert time.monotonic() - start >= 0.3


@pytest.mark.parametrize(
    ("robots", "allowed"),
    [
        (b"User-agent: *\nDisallow: /photo/", False),
        (b"User-agent: *\nDisallow: /photo/\nAllow: /photo/1", True),
        (b"User-agent: *\nDisallow: /*.jpg$", False),
        (b"User-agent: crowdmask\nDisallow: /\n\nUser-agent: *\nAllow: /", False),
        (b"User-agent: other\nDisallow: /", True),
        (b"\xff\xfe not robots at all", True),
        (b"", True),
    ],
)
def test_robots(site: Site, robots: bytes, allowed: bool) -> None:
    site.paths["/photo/1.jpg"] = Served(jpeg(1))
    site.paths["/robots.txt"] = Served(robots, "text/plain")

    if allowed:
        assert fetch(site, "/photo/1.jpg") == jpeg(1)
    else:
        with pytest.raises(FetchError, match=r"robots\.txt forbids it") as caught:
            fetch(site, "/photo/1.jpg")
        assert caught.value.lasting
        assert site.photos_asked() == []


def test_robots_that_fail_forbid_for_now(site: Site) -> None:
    site.paths["/photo/1.jpg"] = Served(jpeg(1))
    site.paths["/robots.txt"] = Served(status=500)

    with pytest.raises(FetchError, match="nothing is fetched there now") as caught:
        fetch(site, "/photo/1.jpg")

    assert not caught.value.lasting
    assert site.photos_asked() == []


def test_robots_of_where_a_redirection_leads(site: Site) -> None:
    site.paths["/moved.jpg"] = Served(status=301, headers={"Location": "/photo/1.jpg"})
    site.paths["/photo/1.jpg"] = Served(jpeg(1))
    assert fetch(site, "/moved.jpg") == jpeg(1)

    site.paths["/robots.txt"] = Served(b"User-agent: *\nDisallow: /photo/", "text/plain")
    with pytest.raises(FetchError, match="forbids it"):
        fetch(site, "/moved.jpg")


def test_crawl_delay(site: Site) -> None:
    site.paths["/photo/1.jpg"] = Served(jpeg(1))
    site.paths["/robots.txt"] = Served(b"User-agent: *\nCrawl-delay: 0.4", "text/plain")
    file = io.BytesIO()
    with Client(QUICK, private_hosts=True) as client:
        client.download(site.address + "/photo/1.jpg", 1_000_000, file)
        start = time.monotonic()
        client.download(site.address + "/photo/1.jpg", 1_000_000, file)

    assert time.monotonic() - start >= 0.3
    assert file.getvalue() == jpeg(1)


def test_private_hosts_are_not_asked(site: Site) -> None:
    with pytest.raises(FetchError, match="private network"):
        fetch(site, "/photo/1.jpg", private_hosts=False)

    assert site.asked == []


def test_get_json_waits_while_busy(site: Site) -> None:
    site.paths["/api"] = Served(b'{"error": {"code": "maxlag"}}', "application/json")
    with Client(QUICK) as client, pytest.raises(FetchError, match="busy; given up after 3"):
        client.get_json(site.address + "/api", {"q": "a b"}, busy=lambda answer: "error" in answer)

    assert site.asked == ["/api?q=a+b"] * 3


def test_get_json_refuses_other_answers(site: Site) -> None:
    site.paths["/api"] = Served(b"<html>", "text/html")
    with Client(QUICK) as client, pytest.raises(FetchError, match="not JSON"):
        client.get_json(site.address + "/api", {})


def test_no_server() -> None:
    with Client(QUICK) as client, pytest.raises(FetchError, match="given up"):
        client.get_json("http://127.0.0.1:9/", {})
