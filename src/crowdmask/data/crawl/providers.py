"""The public search APIs: requests, and what the answers say about each photo."""

from __future__ import annotations

import html
import ipaddress
import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any, Protocol
from urllib.parse import urlsplit

from crowdmask.data.crawl.client import Client, FetchError
from crowdmask.data.crawl.licences import Licence, UnclearLicence, find_licence
from crowdmask.errors import UsageError

WIDTH_PX = 1920
"""Width of photos fetched from Wikimedia, which its servers cache; originals are many times as large."""


@dataclass(frozen=True)
class Candidate:
    """A photo in an API's answer.

    Attributes:
        key: provider and the provider's id of the photo.
        licence, licence_name: code and name; None if it is unclear, and `problem` says why.
        width, height: pixels of the original; 0: unknown.
    """

    key: str
    photo_url: str
    page_url: str
    title: str
    author: str
    licence: str | None
    licence_name: str
    width: int
    height: int
    problem: str = ""

    def to_record(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return asdict(self)


@dataclass(frozen=True)
class Page:
    """Some photos, and how to request the next ones; None after the last."""

    candidates: list[Candidate]
    next: dict[str, str] | None


class Provider(Protocol):
    """A search API."""

    name: str

    def search(self, client: Client, query: str, licences: tuple[str, ...], at: dict[str, str]) -> Page:
        """Request one page; `at` is the previous page's `next`, empty for the first.

        Raises:
            FetchError: no answer, or not an answer of this API.
        """


class Openverse:
    """Openverse, by `GET /v1/images/`.

    Without a key it gives 20 photos a page, and 240 a query.
    Source: https://api.openverse.org/v1/
    """

    name = "openverse"

    def __init__(self, address: str | None = None) -> None:
        """Use another server instead of the public one, given by its root or its full address."""
        base = (address or "https://api.openverse.org").rstrip("/")
        if not base.endswith("/images"):
            base += "/images" if base.endswith("/v1") else "/v1/images"
        self.url = base + "/"

    def search(self, client: Client, query: str, licences: tuple[str, ...], at: dict[str, str]) -> Page:
        """Request one page."""
        number = int(at.get("page", "1"))
        params = {"q": query, "license": ",".join(licences), "page": str(number), "page_size": "20"}
        answer = client.get_json(self.url, params)
        if not isinstance(answer, dict) or not isinstance(answer.get("results"), list):
            raise FetchError(f"{self.url}: not an answer of Openverse's: it has no 'results'")
        rows = [row for row in answer["results"] if isinstance(row, dict)]
        pages = answer.get("page_count")
        last = not rows or (isinstance(pages, int) and number >= pages)
        return Page(list(self._candidates(rows)), None if last else {"page": str(number + 1)})

    def _candidates(self, rows: list[dict[str, Any]]) -> Iterator[Candidate]:
        for row in rows:
            found = _licence(_text(row, "license"), _text(row, "license_url"), _text(row, "license_version"))
            number, address = _text(row, "id"), _text(row, "url")
            if number and address:
                yield Candidate(
                    key=f"{self.name}:{number}",
                    photo_url=address,
                    page_url=_text(row, "foreign_landing_url") or address,
                    title=_text(row, "title"),
                    author=_text(row, "creator"),
                    width=_count(row, "width"),
                    height=_count(row, "height"),
                    **found,
                )


class Wikimedia:
    """Wikimedia Commons, by `api.php` with `generator=search` and `prop=imageinfo`.

    Source: https://www.mediawiki.org/wiki/API:Imageinfo
    """

    name = "wikimedia"

    def __init__(self, address: str | None = None) -> None:
        """Use another server instead of the public one, given by its root or its full address."""
        base = (address or "https://commons.wikimedia.org").rstrip("/")
        self.url = base if base.endswith("api.php") else base + "/w/api.php"

    def search(self, client: Client, query: str, licences: tuple[str, ...], at: dict[str, str]) -> Page:
        """Request one page; the API cannot filter by licence, so that is done here."""
        params = {
            "action": "query",
            "format": "json",
            "formatversion": "2",
            "maxlag": "5",
            "generator": "search",
            "gsrsearch": f"{query} filetype:bitmap",
            "gsrnamespace": "6",
            "gsrlimit": "50",
            "prop": "imageinfo",
            "iiprop": "url|size|mime|extmetadata",
            "iiurlwidth": str(WIDTH_PX),
            "iiextmetadatalanguage": "en",
            "iiextmetadatafilter": "License|LicenseShortName|LicenseUrl|Artist|NonFree",
            **at,
        }
        answer = client.get_json(self.url, params, busy=lambda a: _error_code(a) in ("maxlag", "ratelimited"))
        if not isinstance(answer, dict) or not {"query", "batchcomplete", "continue"} & set(answer):
            code = _error_code(answer)
            why = f"it reports the error '{code}'" if code else "it has no 'query'"
            raise FetchError(f"{self.url}: no photos in its answer: {why}")
        found = answer.get("query")
        pages = found.get("pages", []) if isinstance(found, dict) else []
        # In the older form of the answer they are keyed by number.
        rows = [p for p in (pages.values() if isinstance(pages, dict) else pages) if isinstance(p, dict)]
        rows.sort(key=lambda row: _count(row, "index"))
        more = answer.get("continue")
        following = {str(k): str(v) for k, v in more.items()} if isinstance(more, dict) else None
        return Page([c for row in rows for c in self._candidates(row)], following)

    def _candidates(self, row: dict[str, Any]) -> Iterator[Candidate]:
        infos = row.get("imageinfo")
        if not isinstance(infos, list) or not infos or not isinstance(infos[0], dict):
            return  # follows in a later part of the same page
        info = infos[0]
        address = _text(info, "thumburl") or _text(info, "url")
        number = _count(row, "pageid") or _text(row, "title")
        if not address or not number:
            return
        facts = {
            key: _plain(str(value.get("value", "")))
            for key, value in _mapping(info.get("extmetadata")).items()
            if isinstance(value, dict)
        }
        code = facts.get("License") or facts.get("LicenseShortName")
        if facts.get("NonFree", "").lower() in ("true", "1"):
            code = "non-free"
        title = _text(row, "title").removeprefix("File:")
        yield Candidate(
            key=f"{self.name}:{number}",
            photo_url=address,
            page_url=_text(info, "descriptionurl") or address,
            title=title,
            author=facts.get("Artist", ""),
            width=_count(info, "width"),
            height=_count(info, "height"),
            **_licence(code, facts.get("LicenseUrl")),
        )


PROVIDERS: dict[str, type[Openverse] | type[Wikimedia]] = {"openverse": Openverse, "wikimedia": Wikimedia}


def make_providers(names: str, address: str | None) -> list[Provider]:
    """Read the option ``openverse,wikimedia``.

    Raises:
        UsageError: an unknown name, or an invalid address.
    """
    chosen = list(dict.fromkeys(name.strip().lower() for name in names.split(",") if name.strip()))
    if not chosen or any(name not in PROVIDERS for name in chosen):
        raise UsageError(f"`provider` {names!r}: choose from {', '.join(PROVIDERS)}, separated by commas")
    if address is not None and urlsplit(address).scheme not in ("http", "https"):
        raise UsageError(f"`api_url` {address!r}: not an address such as http://localhost:8000")
    return [PROVIDERS[name](address) for name in chosen]


def is_private(address: str | None) -> bool:
    """Whether it is the user's own server: this machine, or an address of a private network."""
    host = urlsplit(address).hostname if address else None
    if host is None:
        return False
    try:
        return not ipaddress.ip_address(host).is_global
    except ValueError:
        return host == "localhost" or "." not in host


def _licence(code: str | None, url: str | None, version: str | None = None) -> dict[str, Any]:
    try:
        licence: Licence = find_licence(code, url, version)
    except UnclearLicence as error:
        return {"licence": None, "licence_name": "", "problem": str(error)}
    return {"licence": licence.code, "licence_name": licence.name}


def _error_code(answer: Any) -> str:
    return _text(_mapping(_mapping(answer).get("error")), "code")


def _mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _text(row: dict[str, Any], key: str) -> str:
    value = row.get(key)
    return " ".join(str(value).split()) if isinstance(value, (str, int)) else ""


def _count(row: dict[str, Any], key: str) -> int:
    value = row.get(key)
    return value if isinstance(value, int) and value > 0 else 0


def _plain(markup: str) -> str:
    """Return the text of a piece of HTML."""
    return " ".join(html.unescape(re.sub(r"<[^>]*>", " ", markup)).split())
