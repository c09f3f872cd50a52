"""The client gives the values of the Python API, over a real connection to a running service."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("httpx", reason="the extra 'serve' is not installed")

import crowdmask
from crowdmask.client.client import Client
from crowdmask.errors import PictureError, PictureFault, ServiceError, UsageError
from crowdmask.inference.detector import Detector

from ..serve.conftest import Running, running  # noqa: F401 - a fixture


@pytest.fixture
def client(running: Running) -> Iterator[Client]:  # noqa: F811
    with Client(running.address) as made:
        yield made


def _forms(blocks: Image.Image, folder: Path) -> dict[str, Any]:
    path = folder / "blocks.png"
    blocks.save(path)
    return {
        "path": path,
        "text": str(path),
        "bytes": path.read_bytes(),
        "file": io.BytesIO(path.read_bytes()),
        "array": np.asarray(blocks),
        "image": blocks,
    }


def test_faces_are_those_of_the_detector(
    client: Client, blocks: Image.Image, colour_model: Path, tmp_path: Path
) -> None:
    detector = Detector(str(colour_model))
    expected = detector.detect(blocks)
    assert len(expected) == 3
    forms = _forms(blocks, tmp_path)
    for form, photo in forms.items():
        found = client.detect(photo)
        assert found.names == expected.names, form
        np.testing.assert_allclose(found.xyxy, expected.xyxy, atol=0.006)
        np.testing.assert_allclose(found.confidence, expected.confidence, atol=6e-6)
        np.testing.assert_array_equal(found.class_id, expected.class_id)
    assert [len(each) for each in client.detect_many([forms["path"], forms["array"]])] == [3, 3]
    assert len(client.detect(blocks, confidence=1.0)) == len(
        detector.with_options(confidence=1.0).detect(blocks)
    )
    assert client.detect(forms["path"]).draw().size == blocks.size
    assert Image.open(io.BytesIO(client.annotate(blocks, blur=True))).format == "JPEG"
    assert crowdmask.Client is Client


@pytest.mark.parametrize(
    ("photo", "kind"),
    [
        (b"a text", PictureFault.NO_PICTURE),
        (b"", PictureFault.EMPTY),
        (Path("none.jpg"), PictureFault.MISSING),
        (b"x" * 300_000, PictureFault.TOO_LARGE),
    ],
)
def test_photos_that_cannot_be_read(client: Client, photo: Any, kind: PictureFault) -> None:
    with pytest.raises(PictureError) as caught:
        client.detect(photo)
    assert caught.value.kind is kind


def test_what_cameras_saw(client: Client, running: Running) -> None:  # noqa: F811
    (camera,) = client.cameras()
    assert (camera.name, camera.state, camera.zones) == ("door", "live", ("A",))
    assert camera.frames > camera.dropped >= 0
    assert client.snapshot("door").startswith(b"\xff\xd8")
    assert (client.health().model, client.health().cameras) == ("colours", 1)
    events = client.events(camera="door", limit=3)
    stored = running.service.store.events(camera="door", limit=1000)
    assert events
    assert all(each.camera == "door" and each.time_utc.tzinfo is not None for each in events)
    assert {each.run for each in events} <= {each.run for each in stored}
    day = timedelta(days=1)
    counts = client.counts(start=datetime.now(UTC) - day, per="day", zone="A")
    assert all(each.zone == "A" and each.observed_s >= 0 for each in counts)
    news = client.follow()
    assert next(news).kind in ("event", "now", "health", "alert")
    news.close()  # type: ignore[attr-defined]
    with pytest.raises(ServiceError, match="none") as caught:
        client.snapshot("none")
    assert caught.value.status == 404
    with pytest.raises(UsageError, match="time zone"):
        client.counts(start=datetime(2026, 1, 1))


class Busy:
    """A server with answers of its own."""

    def __init__(self, answers: list[tuple[int, str, bytes]]) -> None:
        self.asked: list[dict[str, str]] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.asked.append({name.lower(): value for name, value in self.headers.items()})
                code, after, body = answers[min(len(outer.asked), len(answers)) - 1]
                self.send_response(code)
                self.send_header("Retry-After", after)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        Thread(target=self.server.serve_forever, daemon=True).start()
        self.address = f"http://127.0.0.1:{self.server.server_port}"


@pytest.fixture
def busy() -> Iterator[Callable[..., Busy]]:
    made: list[Busy] = []

    def make(*answers: tuple[int, str, bytes]) -> Busy:
        made.append(Busy(list(answers)))
        return made[-1]

    yield make
    for each in made:
        each.server.shutdown()
        each.server.server_close()


def test_it_asks_again_when_it_was_told_to(busy: Callable[..., Busy]) -> None:
    waited: list[float] = []
    server = busy((503, "7", b"{}"), (429, "2", b"{}"), (200, "", b"[]"))
    with Client(server.address, token="t" * 16, sleep=waited.append) as client:
        assert client.cameras() == []
    assert waited == [7, 2]
    assert server.asked[0]["authorization"] == "Bearer " + "t" * 16
    full = busy((503, "x", b'{"error": "too much"}'))
    with Client(full.address, tries=3, sleep=waited.append) as client, pytest.raises(ServiceError) as caught:
        client.cameras()
    assert (caught.value.status, str(caught.value), len(full.asked)) == (503, "too much", 3)


def test_it_goes_on_after_a_broken_connection(busy: Callable[..., Busy]) -> None:
    first = b'retry: 1\n\nid: 4\nevent: event\ndata: {"a": 1}\n\n'
    second = b': still here\n\nevent: now\ndata: {"b": 2}\n\n'
    server = busy((200, "", first), (503, "1", b"{}"), (200, "", second), (403, "", b'{"error": "no"}'))
    with Client(server.address, sleep=lambda _: None) as client:
        got: list[Any] = []
        with pytest.raises(ServiceError, match="no"):
            for each in client.follow():
                got.append((each.kind, dict(each.record)))
    assert got == [("event", {"a": 1}), ("now", {"b": 2})]
    assert [each.get("last-event-id") for each in server.asked] == [None, "4", "4", "4"]


@pytest.mark.parametrize(
    "options", [{"address": "masks.example"}, {"address": "ftp://a"}, {"tries": 0}, {"timeout_s": 0}]
)
def test_arguments_out_of_bounds(options: dict[str, Any]) -> None:
    with pytest.raises(UsageError):
        Client(**options)


def test_nobody_there() -> None:
    with (
        Client("http://127.0.0.1:9", timeout_s=5) as client,
        pytest.raises(ServiceError, match="is the service"),
    ):
        client.health()


@pytest.mark.parametrize(
    "code",
    [
        "sys.modules['httpx'] = None\nfrom crowdmask import *\nassert 'sqlalchemy' not in sys.modules",
        "from crowdmask import Client\nassert 'httpx' not in sys.modules\nClient().close()\n"
        "assert not {'sqlalchemy', 'fastapi', 'pydantic'} & set(sys.modules)",
    ],
)
def test_the_package_loads_without_httpx_and_the_client_without_the_service(code: str) -> None:
    command = [sys.executable, "-c", f"import sys\n{code}"]
    done = subprocess.run(command, capture_output=True, text=True, env=dict(os.environ))
    assert done.returncode == 0, done.stderr
