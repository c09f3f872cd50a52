"""The application over workers with the model that finds colours, asked without a network."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

pytest.importorskip("fastapi", reason="the extra 'serve' is not installed")

import httpx
from fastapi import FastAPI
from PIL import Image

from crowdmask.serve.app import Parts, create_app
from crowdmask.serve.detecting import Workers
from crowdmask.serve.http_settings import HttpSettings

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
