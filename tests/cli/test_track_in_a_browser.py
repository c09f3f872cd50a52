"""Play annotated videos in a real browser."""

from __future__ import annotations

import json
import shutil
import subprocess
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from queue import Queue
from threading import Thread
from typing import Any

import av
import numpy as np
import pytest
from typer.testing import CliRunner

from crowdmask.cli.main import app

PAGE = b"""<!doctype html><title>player</title><video id=v src=/video.mp4 muted></video><script>
const video = document.getElementById("v");
const tell = what => fetch("/told", {method: "POST", body: JSON.stringify(what)});
video.onerror = () => tell({error: video.error.message});
video.onended = () => tell({
  duration: video.duration, time: video.currentTime, width: video.videoWidth, height: video.videoHeight,
  frames: video.getVideoPlaybackQuality().totalVideoFrames, state: video.readyState,
});
video.play().catch(error => tell({error: String(error)}));
</script>"""


class Site:
    """Serves one video on a page that plays it, and keeps what the page tells."""

    def __init__(self, video: Path) -> None:
        self.told: Queue[dict[str, Any]] = Queue()
        site = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                page = self.path == "/"
                if not page and self.path != "/video.mp4":
                    self.send_error(404)
                    return
                self.send_response(200)
                self.send_header("Content-Type", "text/html" if page else "video/mp4")
                self.end_headers()
                self.wfile.write(PAGE if page else video.read_bytes())

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                self.send_response(204)
                self.end_headers()
                site.told.put(json.loads(body))

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self.server.server_port}/"
        Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()


@pytest.fixture
def browser() -> str:
    names = ("chromium", "chromium-browser", "google-chrome")
    found = next((path for name in names if (path := shutil.which(name))), None)
    if found is None:
        pytest.skip(f"none of {', '.join(names)} is installed: nothing to play the video in")
    return found


@pytest.mark.parametrize(("width", "height"), [(320, 192), (321, 193)])
def test_annotated_videos_play_to_their_end(
    width: int, height: int, browser: str, tmp_path: Path, colour_model: Path
) -> None:
    with av.open(str(tmp_path / "clip.mkv"), "w") as container:
        stream: Any = container.add_stream("ffv1", rate=20)  # a browser could not play this one itself
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv444p"
        for index in range(30):
            picture = np.full((height, width, 3), 40 + 4 * index, np.uint8)
            picture[32:64, 64:96] = (255, 0, 0)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode(None))
    out = tmp_path / "out.mp4"
    words = ["track", str(tmp_path / "clip.mkv"), "--out", str(out), "--blur", "faces"]
    assert CliRunner().invoke(app, [*words, "--model", str(colour_model), "--threads", "1"]).exit_code == 0
    site = Site(out)
    options = ["--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path / 'profile'}"]
    running = subprocess.Popen(
        [browser, *options, "--autoplay-policy=no-user-gesture-required", site.address],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        told = site.told.get(timeout=60)
    finally:
        running.terminate()
        running.wait(20)
        site.server.shutdown()
        site.server.server_close()
    assert "error" not in told, told
    assert (told["width"], told["height"]) == (width + width % 2, height + height % 2)
    assert told["duration"] == pytest.approx(1.5, abs=0.06)
    assert told["time"] == pytest.approx(told["duration"], abs=0.06)
    assert told["frames"] >= 25
