"""A camera for measurements: the people of the example photo come and go as the clock says.

    python benchmarks/moving_camera.py PORT

Motion JPEG at http://127.0.0.1:PORT/. Prints "ready" once it listens. SIGUSR1 freezes its picture, or lets it
move again. Linux.
"""

from __future__ import annotations

import io
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Self

import numpy as np
from PIL import Image

PEOPLE = {"with_mask": 2, "without_mask": 2, "mask_worn_incorrect": 1}
"""Who is in the example photo."""
CYCLE_S, HERE_S = 20, 10
"""They are in view for the first 10 of 20 seconds; a minute of the clock holds whole cycles."""
FPS = 6
_SIZE = (768, 512)
_PHOTO = Path(__file__).resolve().parents[1] / "1.jpg"


def pictures() -> list[bytes]:
    """Return the frames of a cycle as JPEGs; noise makes each another, as with any camera."""
    people = np.asarray(Image.open(_PHOTO).convert("RGB").resize(_SIZE), np.int16)
    empty = np.full_like(people, people.mean((0, 1)))
    chance, frames = np.random.default_rng(17), []
    noise = chance.normal(0, 4, people.shape).astype(np.int16)
    for index in range(CYCLE_S * FPS):
        scene = people if index < HERE_S * FPS else empty
        noisy = np.clip(scene + np.roll(noise, 31 * index, 1), 0, 255).astype(np.uint8)
        written = io.BytesIO()
        Image.fromarray(noisy).save(written, "JPEG", quality=85)
        frames.append(written.getvalue())
    return frames


class MovingCamera:
    """The camera in a process of its own, which can be killed, held and frozen."""

    def __init__(self) -> None:
        """Choose a port."""
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        self.address = f"http://127.0.0.1:{self.port}/"
        self._process: subprocess.Popen[str] | None = None

    @classmethod
    @contextmanager
    def running(cls) -> Iterator[Self]:
        """Run one, and end it."""
        made = cls()
        try:
            made.start()
            yield made
        finally:
            made.kill()

    def start(self) -> None:
        """Start it, and wait until it listens."""
        command = [sys.executable, __file__, str(self.port)]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        if self._process.stdout.readline().strip() != "ready":
            raise SystemExit("the camera did not start")

    def send(self, number: signal.Signals) -> None:
        """Send it a signal."""
        if self._process is not None:
            self._process.send_signal(number)

    def kill(self) -> None:
        """End it at once."""
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None


def _serve(port: int) -> None:
    frames, frozen = pictures(), [0]

    def toggle(*_: object) -> None:
        frozen[0] = 0 if frozen[0] else int(time.time() * FPS)

    signal.signal(signal.SIGUSR1, toggle)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=frame")
            self.end_headers()
            with suppress(OSError):
                while True:
                    number = int(time.time() * FPS)
                    data = frames[(frozen[0] or number) % len(frames)]
                    head = f"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: {len(data)}\r\n\r\n"
                    self.wfile.write(head.encode() + data + b"\r\n")
                    time.sleep(max(0.0, (number + 1) / FPS - time.time()))

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    server.daemon_threads = True
    print("ready", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    _serve(int(sys.argv[1]))
