"""Watch the memory of one `crowdmask track` call on a live stream that goes on for long.

    python benchmarks/stream_memory.py --clip VIDEO --minutes 30

The clip is sent round and round as Motion JPEG over HTTP on this machine. Resident memory is read every ten
seconds; the mean of the last minute may be at most 5 % above that of the second minute. Ends with 1 where it
is not. It is read from /proc, so this runs on Linux.
"""

from __future__ import annotations

import argparse
import io
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

from PIL import Image

from crowdmask.media.video import probe, read_frames

STEP_S = 10
LIMIT = 0.05
MOST_FRAMES = 900
TRACK = [sys.executable, "-c", "from crowdmask.cli.main import main; main()", "track"]


def encode(clip: Path) -> list[bytes]:
    """Return the frames of a clip as JPEGs."""
    pictures = []
    for frame in read_frames(clip):
        file = io.BytesIO()
        Image.fromarray(frame.picture).save(file, "JPEG", quality=85)
        pictures.append(file.getvalue())
        if len(pictures) == MOST_FRAMES:
            break
    return pictures


def serve(pictures: list[bytes], fps: float) -> ThreadingHTTPServer:
    """Send the pictures round and round to whoever asks."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=frame")
            self.end_headers()
            start, sent = time.monotonic(), 0
            with suppress(OSError):
                while True:
                    data = pictures[sent % len(pictures)]
                    head = f"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: {len(data)}\r\n\r\n"
                    self.wfile.write(head.encode() + data + b"\r\n")
                    sent += 1
                    time.sleep(max(0.0, start + sent / fps - time.monotonic()))

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    Thread(target=server.serve_forever, daemon=True).start()
    return server


def resident_mb(process_id: int) -> float:
    """Return the resident memory of a process, MB."""
    lines = Path(f"/proc/{process_id}/status").read_text(encoding="utf-8").splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmRSS:"))


def watch(process: subprocess.Popen[bytes], minutes: float) -> list[float]:
    """Return the resident memory, MB, every `STEP_S` seconds."""
    found: list[float] = []
    while len(found) * STEP_S < minutes * 60:
        time.sleep(STEP_S)
        if process.poll() is not None:
            raise SystemExit(f"it ended after {len(found) * STEP_S} s with exit code {process.returncode}")
        found.append(resident_mb(process.pid))
        if len(found) % (60 // STEP_S) == 0:
            print(f"{len(found) * STEP_S // 60:4} min  {found[-1]:6.0f} MB", flush=True)
    return found


def main() -> None:
    """Print the memory by the minute and judge it."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--clip", type=Path, required=True, help="a short video with people")
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--video", action="store_true", help="write the annotated video, too")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--look", default="every", help="as for the command: adaptive or every")
    arguments = parser.parse_args()
    if arguments.minutes < 3:
        raise SystemExit("--minutes: at least 3")
    server = serve(encode(arguments.clip), probe(arguments.clip).fps)
    with tempfile.TemporaryDirectory() as folder:
        command = [*TRACK, f"http://127.0.0.1:{server.server_port}/", "--threads", str(arguments.threads)]
        for name in ("json", "events", "csv"):
            command += [f"--{name}", f"{folder}/{name}"]
        command += ["--stats", "--blur", "faces", "--look", arguments.look]
        if arguments.video:
            command += ["--out", f"{folder}/out.mp4"]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        try:
            found = watch(process, arguments.minutes)
        finally:
            # A process started in the background may have been told to ignore Ctrl-C.
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(60)
            except subprocess.TimeoutExpired:
                process.kill()
                raise
    minute = 60 // STEP_S
    first, last = statistics.mean(found[minute : 2 * minute]), statistics.mean(found[-minute:])
    growth = last / first - 1
    print(f"second minute {first:.0f} MB, last minute {last:.0f} MB: {growth:+.1%}; peak {max(found):.0f} MB")
    if growth > LIMIT:
        raise SystemExit(f"too much: at most {LIMIT:.0%}")


if __name__ == "__main__":
    main()
