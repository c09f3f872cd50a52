"""What a machine bears: 1, 2, 4 and 6 live streams of 1920x1080, looked at by a running service.

    python benchmarks/serve_streams.py CLIP [--streams 1 2 4 6] [--seconds 52] [--model crowd]

The clip is scaled to 1920x1080 and sent round and round as H.264 in MPEG-TS over HTTP on this machine, at its
own pace. Prints for each number of streams the frames a second that came and that were looked at, CPU and
memory of the service, and the share with a mask beside that of looking at every frame of the clip. Ends with
1 where a share is off by more than .02 although at least 6 frames a second were looked at.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections import Counter
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import av
import psutil
from service import service

from crowdmask.client.client import Client
from crowdmask.inference.detector import Detector
from crowdmask.live.tracker import Tracker
from crowdmask.serve.checking.capacity import LEAST_FPS
from crowdmask.store.store import open_store
from crowdmask.tracking.mask_state import UNKNOWN

WIDTH, HEIGHT = 1920, 1080
MOST_OFF = 0.02


def scale(clip: Path, to: Path) -> None:
    """Write a clip as H.264 of 1920x1080, with a key frame each second."""
    with av.open(str(clip)) as read, av.open(str(to), "w") as written:
        source: Any = read.streams.video[0]
        rate = Fraction(source.average_rate or 25)
        stream: Any = written.add_stream("libx264", rate=rate, options={"crf": "23", "g": "25", "bf": "0"})
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        for index, frame in enumerate(read.decode(source)):
            scaled = frame.reformat(WIDTH, HEIGHT, "yuv420p")
            scaled.pts, scaled.time_base = index, 1 / rate
            written.mux(stream.encode(scaled))
        written.mux(stream.encode(None))


class _Socket:
    """A file to FFmpeg, which may only be written."""

    def __init__(self, to: Any) -> None:
        self.write = to.write


def serve(clip: Path) -> ThreadingHTTPServer:
    """Send the clip round and round, at its own pace, to whoever asks."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "video/mp2t")
            self.end_headers()
            with suppress(OSError, av.FFmpegError):
                _send(clip, self.wfile)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    Thread(target=server.serve_forever, daemon=True).start()
    return server


def _send(clip: Path, to: Any) -> None:
    began_s, sent_s = time.monotonic(), Fraction(0)
    with av.open(_Socket(to), "w", format="mpegts") as out:
        with av.open(str(clip)) as first:
            stream = out.add_stream_from_template(first.streams.video[0])
        while True:
            with av.open(str(clip)) as read:
                source = read.streams.video[0]
                step = 1 / Fraction(source.average_rate or 25)
                for packet in read.demux(source):
                    if packet.dts is None:
                        continue
                    packet.stream, packet.time_base = stream, step
                    packet.pts = packet.dts = round(sent_s / step)
                    out.mux(packet)
                    sent_s += step
                    time.sleep(max(0.0, began_s + float(sent_s) - time.monotonic()))


def every_frame(clip: Path, model: str) -> float:
    """Return the share with a mask of the time that people are in view, looking at every frame."""
    seen = Counter[str]()
    for result in Tracker(Detector(model)).track(clip):
        rows = zip(result.tracks.tolist(), result.states, strict=True)
        seen.update(state for track, state in rows if track >= 0)
    return seen["with_mask"] / max(1, sum(number for state, number in seen.items() if state != UNKNOWN))


def measure(address: str, number: int, options: argparse.Namespace) -> dict[str, Any]:
    """Run a site with so many streams, and return what it did."""
    with tempfile.TemporaryDirectory() as name:
        site, store = Path(name) / "site.yaml", f"{name}/site.db"
        cameras = [{"name": f"camera {index}", "source": address} for index in range(number)]
        # JSON is YAML, too.
        settings = {"store": store, "model": options.model, "cameras": cameras}
        site.write_text(json.dumps(settings), encoding="utf-8")
        with service("--config", str(site)) as (port, process), Client(f"http://127.0.0.1:{port}") as client:
            while not all(each.frames for each in client.cameras()):
                time.sleep(0.1)
            time.sleep(3)  # the first frames of each take longer
            before = {each.name: each for each in client.cameras()}
            began = datetime.now(UTC)
            took = _watch(process, options.seconds)
            after = client.cameras()
        came = sum(each.frames - before[each.name].frames for each in after)
        dropped = sum(each.dropped - before[each.name].dropped for each in after)
        with open_store(store) as kept:
            rows = kept.counts(
                start=began - timedelta(minutes=2), end=datetime.now(UTC) + timedelta(minutes=1)
            )
    people = Counter[str]()
    for row in rows:
        people.update(row.person_s)
    known = sum(people.values()) - people[UNKNOWN]
    each_s = options.seconds * number
    return {
        "streams": number, "came_fps": round(came / each_s, 1),
        "looked_fps": round((came - dropped) / each_s, 1), **took,
        "share": round(people["with_mask"] / known, 4) if known else None,
    }  # fmt: skip


def _watch(process: psutil.Process, seconds: float) -> dict[str, float]:
    process.cpu_percent()
    time.sleep(seconds)
    return {"cpu_percent": process.cpu_percent(), "memory_mb": round(process.memory_info().rss / 1e6)}


def main() -> int:
    """Measure each number of streams, and return the exit code."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("clip", type=Path, help="a video with people, with and without masks")
    parser.add_argument("--streams", type=int, nargs="+", default=[1, 2, 4, 6])
    parser.add_argument("--seconds", type=float, default=52, help="best some times the length of the clip")
    parser.add_argument("--model", default="crowd")
    options = parser.parse_args()
    wrong = False
    with tempfile.TemporaryDirectory() as name:
        clip = Path(name) / "clip.mp4"
        scale(options.clip, clip)
        true = every_frame(clip, options.model)
        print(json.dumps({"share_of_every_frame": round(true, 4), "cores": psutil.cpu_count()}), flush=True)
        server = serve(clip)
        for number in options.streams:
            found = measure(f"http://127.0.0.1:{server.server_port}/", number, options)
            print(json.dumps(found), flush=True)
            off = found["share"] is None or abs(found["share"] - true) > MOST_OFF
            wrong = wrong or (off and found["looked_fps"] >= LEAST_FPS)
    return int(wrong)


if __name__ == "__main__":
    sys.exit(main())
