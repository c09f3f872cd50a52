"""A real HTTP server that speaks both APIs and serves the photos, with the faults that servers have."""

from __future__ import annotations

import io
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import numpy as np
import pytest
from PIL import Image

PER_PAGE = 2


def jpeg(seed: int, width: int = 400, height: int = 320) -> bytes:
    """Return a photo that differs with the seed."""
    small = np.random.default_rng(seed).integers(0, 255, (8, 10, 3), np.uint8)
    file = io.BytesIO()
    Image.fromarray(small).resize((width, height)).save(file, "JPEG", quality=80)
    return file.getvalue()


@dataclass
class Served:
    """What one path answers, and how often before that it fails."""

    body: bytes = b""
    kind: str = "image/jpeg"
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    first: list[tuple[int, dict[str, str]]] = field(default_factory=list)
    cut: int = 0


@dataclass
class Site:
    """The server and what was asked of it."""

    address: str = ""
    paths: dict[str, Served] = field(default_factory=dict)
    openverse: list[dict[str, Any]] = field(default_factory=list)
    wikimedia: list[dict[str, Any]] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    answered: list[str] = field(default_factory=list)
    agents: set[str] = field(default_factory=set)
    trouble: list[tuple[int, dict[str, str]]] = field(default_factory=list)
    counts_pages: bool = True

    def photos_asked(self) -> list[str]:
        """Return the photos that were asked for, in order."""
        return [path for path in self.asked if path.startswith("/photo")]

    def pages_asked(self) -> list[str]:
        """Return the requests to an API."""
        return [path for path in self.asked if path.startswith(("/v1/", "/w/"))]

    def add(self, number: int, body: bytes | None = None, licence: str = "by", **more: Any) -> dict[str, Any]:
        """Add a photo to the answers of Openverse and to the server."""
        path = f"/photo/{number}.jpg"
        self.paths[path] = Served(jpeg(number) if body is None else body)
        row = {
            "id": f"0000-{number}",
            "title": f"Crowd {number}",
            "creator": f"Person {number}",
            "url": self.address + path,
            "foreign_landing_url": f"https://photos.example/{number}",
            "license": licence,
            "license_version": "2.0",
            "license_url": f"https://creativecommons.org/licenses/{licence}/2.0/",
            "width": 400,
            "height": 320,
            **more,
        }
        self.openverse.append(row)
        return row


def _openverse(site: Site, query: dict[str, list[str]]) -> tuple[int, Any]:
    page = int(query["page"][0])
    codes = query["license"][0].split(",")
    # A server that ignores the filter must not get a photo past us: those marked do so.
    rows = [row for row in site.openverse if row["license"] in codes or row.get("unfiltered")]
    rows = [row for row in rows if query["q"][0] in row.get("queries", [query["q"][0]])]
    pages = -(-len(rows) // PER_PAGE)
    if site.counts_pages and page > max(1, pages):
        return 404, {"detail": "Invalid page."}
    found = rows[(page - 1) * PER_PAGE : page * PER_PAGE]
    answer: dict[str, Any] = {
        "result_count": len(rows),
        "page_size": PER_PAGE,
        "page": page,
        "results": found,
    }
    if site.counts_pages:
        answer["page_count"] = pages
    return 200, answer


def _wikimedia(site: Site, query: dict[str, list[str]]) -> tuple[int, Any]:
    start = int(query.get("gsroffset", ["0"])[0])
    answer: dict[str, Any] = {"query": {"pages": site.wikimedia[start : start + PER_PAGE]}}
    if start + PER_PAGE < len(site.wikimedia):
        answer["continue"] = {"gsroffset": start + PER_PAGE, "continue": "gsroffset||"}
    else:
        answer["batchcomplete"] = True
    return 200, answer


def _handler(site: Site) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            site.asked.append(self.path)
            site.agents.add(self.headers["User-Agent"])
            api = {"/v1/images/": _openverse, "/w/api.php": _wikimedia}.get(parts.path)
            if api is not None:
                if site.trouble:
                    self._answer(*site.trouble.pop(0), b"busy", "text/plain")
                    return
                status, content = api(site, parse_qs(parts.query))
                self._answer(status, {}, json.dumps(content).encode(), "application/json")
                return
            served = site.paths.get(parts.path)
            if served is None:
                self._answer(404, {}, b"nothing", "text/plain")
            elif served.first:
                self._answer(*served.first.pop(0), b"later", "text/plain")
            else:
                self._answer(served.status, served.headers, served.body, served.kind, served.cut)

        def _answer(self, status: int, headers: dict[str, str], body: bytes, kind: str, cut: int = 0) -> None:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body[: len(body) - cut])
            site.answered.append(self.path)

        def log_message(self, *_: Any) -> None:
            pass

    return Handler


@pytest.fixture
def site() -> Iterator[Site]:
    """Start the server on this machine."""
    site = Site()
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(site))
    site.address = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    yield site
    server.shutdown()
    server.server_close()
    thread.join()
