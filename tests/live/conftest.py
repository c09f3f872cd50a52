"""Real servers on the loopback: RTSP by GStreamer, HTTP with Motion JPEG, and one that never answers."""

from __future__ import annotations

import base64
import io
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Event, Thread

import numpy as np
import pytest
from PIL import Image

SYSTEM_PYTHON = "/usr/bin/python3"
SERVER = Path(__file__).with_name("rtsp_server.py")

NEEDS = (
    "import gi; gi.require_version('Gst', '1.0'); gi.require_version('GstRtspServer', '1.0');"
    "from gi.repository import Gst, GstRtspServer; Gst.init(None);"
    "assert all(Gst.ElementFactory.find(name) for name in ('x264enc', 'rtph264pay', 'imagefreeze'))"
)


class RtspServer:
    """`rtsp_server.py` in a process of its own, which can be killed and started again."""

    def __init__(self) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.place = f"127.0.0.1:{self.port}/test"
        self.address = f"rtsp://{self.place}"
        self.process: subprocess.Popen[str] | None = None

    def start(self, *options: str) -> None:
        self.process = subprocess.Popen(
            [SYSTEM_PYTHON, str(SERVER), str(self.port), *options], stdout=subprocess.PIPE, text=True
        )
        assert self.process.stdout is not None
        assert self.process.stdout.readline().strip() == "ready"

    def kill(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.communicate()
            self.process = None


@pytest.fixture
def rtsp() -> Iterator[RtspServer]:
    """Return a server that is not started yet."""
    if not Path(SYSTEM_PYTHON).exists():
        pytest.skip(f"no {SYSTEM_PYTHON}: scripts/install_test_parts.sh installs the RTSP server")
    check = subprocess.run([SYSTEM_PYTHON, "-c", NEEDS], capture_output=True, text=True, timeout=60)
    if check.returncode:
        pytest.skip("GStreamer's RTSP server is missing: scripts/install_test_parts.sh installs it")
    server = RtspServer()
    yield server
    server.kill()


class SilentServer:
    """Accepts every connection and never sends a byte."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.place = f"127.0.0.1:{self._listener.getsockname()[1]}/test"
        self.accepted: list[socket.socket] = []
        Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                self.accepted.append(self._listener.accept()[0])

    def close(self) -> None:
        with suppress(OSError):  # wakes the thread that accepts
            self._listener.shutdown(socket.SHUT_RDWR)
        for each in [self._listener, *self.accepted]:
            each.close()


@pytest.fixture
def silent() -> Iterator[SilentServer]:
    server = SilentServer()
    yield server
    server.close()


def jpeg(index: int) -> bytes:
    """Return noise that is another for every number."""
    pixels = np.random.default_rng(index).integers(0, 256, (48, 64, 3), np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "JPEG")
    return file.getvalue()


class CameraServer:
    """A web server whose paths behave like cameras of different temper.

    Attributes:
        fps: pictures a second.
        still: set: /camera sends one picture again and again.
        stalled: set: /camera sends nothing more on any connection.
        folder: its files are served as they are.
    """

    def __init__(self) -> None:
        self.fps = 25.0
        self.still, self.stalled, self._over = Event(), Event(), Event()
        self.folder: Path | None = None
        self.requests: list[str] = []
        camera = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                camera.requests.append(self.path)
                with suppress(OSError):
                    camera.answer(self)

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.place = f"127.0.0.1:{self._server.server_port}"
        self._thread = Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        path = request.path.partition("?")[0]
        wanted = "Basic " + base64.b64encode(b"joe:s3cret").decode()
        if path == "/camera" or (path == "/locked" and request.headers.get("Authorization") == wanted):
            self._send_pictures(request)
        elif path == "/locked":
            request.send_response(401)
            request.send_header("WWW-Authenticate", 'Basic realm="camera"')
            request.end_headers()
        elif self.folder is not None and (self.folder / path[1:]).is_file():
            data = (self.folder / path[1:]).read_bytes()
            request.send_response(200)
            request.send_header("Content-Length", str(len(data)))
            request.end_headers()
            request.wfile.write(data)
        elif path == "/text":
            request.send_response(200)
            request.send_header("Content-Type", "text/plain")
            request.send_header("Content-Length", "1400")
            request.end_headers()
            request.wfile.write(b"no video here\n" * 100)
        else:
            request.send_error(404)

    def _send_pictures(self, request: BaseHTTPRequestHandler) -> None:
        request.send_response(200)
        request.send_header("Content-Type", "multipart/x-mixed-replace; boundary=frame")
        request.end_headers()
        index = 0
        while not self._over.wait(1 / self.fps):
            index += not self.still.is_set()
            data = jpeg(index)
            if not self.stalled.is_set():
                head = f"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: {len(data)}\r\n\r\n"
                request.wfile.write(head.encode() + data + b"\r\n")

    def close(self) -> None:
        self._over.set()
        self._server.shutdown()
        self._thread.join(5)
        self._server.server_close()


@pytest.fixture
def camera() -> Iterator[CameraServer]:
    server = CameraServer()
    yield server
    server.close()


@pytest.fixture
def wait_until() -> Callable[[Callable[[], bool], float], float]:
    """Return a function that waits for something to be so, and says how long it took."""

    def wait(true: Callable[[], bool], at_most_s: float) -> float:
        start = time.monotonic()
        while not true():
            assert time.monotonic() - start < at_most_s, "it did not come to be in time"
            time.sleep(0.02)
        return time.monotonic() - start

    return wait
