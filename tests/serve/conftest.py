"""The application over workers with the model that finds colours, asked without a network."""

from __future__ import annotations

import io
import socket
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

pytest.importorskip("fastapi", reason="the extra 'serve' is not installed")

import httpx
import uvicorn
from fastapi import FastAPI
from PIL import Image

from crowdmask.inference.detector import Detector
from crowdmask.serve.app import Parts, create_app
from crowdmask.serve.detecting import Workers
from crowdmask.serve.editing.edits import Edits
from crowdmask.serve.http_settings import HttpSettings
from crowdmask.serve.service import Service
from crowdmask.serve.site import Site, read_site
from crowdmask.store.store import open_store

from ..alerts.conftest import wait_for
from ..live.clips import write_clip

HOME = "http://127.0.0.1:8000"
MakeApp = Callable[..., FastAPI]


@pytest.fixture(scope="session")
def workers(colour_model: Path) -> Iterator[Workers]:
    made = Workers(str(colour_model), workers=2, waiting=4, max_pixels=1_000_000)
    yield made
    made.close()


@pytest.fixture
def audit() -> list[tuple[str, str, str]]:
    return []


@pytest.fixture
def make_app(workers: Workers, audit: list[tuple[str, str, str]]) -> MakeApp:
    def make(**settings: object) -> FastAPI:
        http = HttpSettings.model_validate(settings)
        return create_app(Parts(lambda: http, workers, audit=lambda *told: audit.append(told)))

    return make


@pytest.fixture
def photo(blocks: Image.Image) -> bytes:
    written = io.BytesIO()
    blocks.save(written, "PNG")
    return written.getvalue()


def client(app: FastAPI, **options: object) -> httpx.AsyncClient:
    """Return a client that calls the application itself."""
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    return httpx.AsyncClient(transport=transport, **{"base_url": HOME, **options})  # type: ignore[arg-type]


@dataclass(frozen=True)
class Running:
    """A service over a video that is played again and again, asked over a real connection."""

    address: str
    service: Service
    app: FastAPI
    audit: list[tuple[str, str, str]]


SITE: dict[str, Any] = {
    "name": "Town hall",
    "alerts": {
        "rules": [
            {"name": "few", "when": "share_below", "limit": 0.9, "for_s": 3600, "zone": "A"},
            {"name": "away", "when": "camera_down", "for_s": 3600},
        ]
    },
}


# Ended with each file: its cameras would disturb tests that count what others do in this process.
@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory, colour_model: Path) -> Iterator[Running]:
    with run_site(tmp_path_factory.mktemp("running"), colour_model) as made:
        yield made


@contextmanager
def run_site(
    folder: Path,
    colour_model: Path,
    *,
    frames: int = 300,
    names: Sequence[str] = ("door",),
    file: Path | None = None,
    address: str | None = None,
) -> Iterator[Running]:
    """Run a service of its own.

    Args:
        frames: of its clip, which begins again after them.
        names: of its cameras, which all play the clip.
        address: of its store; None: a file of SQLite.
        file: a whole site file instead, beside which changes are kept.
    """
    if file is None:
        zone = {"name": "A", "polygon": [[0, 0], [1, 0], [1, 1], [0, 1]]}
        clip = str(write_clip(folder / "clip.mp4", frames))
        cameras = [{"name": name, "source": clip, "zones": [zone]} for name in names]
        site = Site.model_validate({**SITE, "cameras": cameras, "store": address or str(folder / "site.db")})
    else:
        site = read_site(file)
    audit: list[tuple[str, str, str]] = []
    workers = Workers(str(colour_model), workers=1, waiting=4, max_pixels=1_000_000)
    with open_store(site.store.get_secret_value()) as store, closing_socket() as listening:
        edits = Edits(file, lambda new: service.change(new))
        service = Service(edits.begin(site), store, Detector(str(colour_model), shares_cores=True))
        http = HttpSettings(upload_mb=0.2)
        app = create_app(Parts(lambda: http, workers, service, edits, audit=lambda *told: audit.append(told)))
        config = uvicorn.Config(app, log_config=None, timeout_graceful_shutdown=1)
        server = uvicorn.Server(config)
        thread = Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
        service.start()
        thread.start()
        host, port = listening.getsockname()[:2]
        wait_for(lambda: server.started and service.store.events(limit=1), 120)
        yield Running(f"http://{host}:{port}", service, app, audit)
        server.should_exit = True
        service.stop()
        thread.join(5)
    workers.close()


@contextmanager
def closing_socket() -> Iterator[socket.socket]:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        yield listening
