"""A minute without PostgreSQL: what the store holds afterwards, and what the API says meanwhile.

    python benchmarks/serve_store_away.py [--seconds 60] [--held] [--programs /usr/lib/postgresql/15/bin]

A PostgreSQL of its own is stopped as by a crash (or with --held: its processes stand still, and answer
nothing) while a camera shows the people of the example photo. Ends with 1 where an event or a second that was
looked at is lost, or a read is answered otherwise than by 503 with Retry-After, or after over 10 seconds
(--held: 35; those that wait already when it falls silent do so until their time-out of 30 seconds).
As root, PostgreSQL runs as the user postgres. Linux.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Thread

import httpx
import psutil
from moving_camera import MovingCamera
from serve_cameras import Seen, follow, key
from service import service

from crowdmask.client.client import Client
from crowdmask.store.store import open_store

LONGEST_S, LONGEST_HELD_S, BACK_S = 10.0, 35.0, 15.0
READS = ("/v1/counts", "/v1/events", "/v1/ready")


class Postgres:
    """A PostgreSQL of our own, which is stopped and started again."""

    def __init__(self, programs: Path) -> None:
        """Make an empty one."""
        self._programs, self._folder = programs, Path(tempfile.gettempdir(), f"crowdmask-away-{os.getpid()}")
        self._as_other = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        self._run("initdb", "-A", "trust", "-U", "postgres", "-E", "UTF8")
        self._options = f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories=''"
        self.address = f"postgresql://postgres@127.0.0.1:{port}/postgres"

    def start(self) -> None:
        """Start it, and wait until it answers."""
        self._run("pg_ctl", "-w", "-o", self._options, "-l", self._folder / "log", "start")

    def stop(self) -> None:
        """Stop it at once, as a crash does."""
        self._run("pg_ctl", "-w", "-m", "immediate", "stop")

    def send(self, number: signal.Signals) -> None:
        """Send a signal to all of its processes."""
        number_of_first = (self._folder / "postmaster.pid").read_text(encoding="utf-8").split()[0]
        first = psutil.Process(int(number_of_first))
        for each in [first, *first.children(recursive=True)]:
            each.send_signal(number)

    def remove(self) -> None:
        """Stop it and remove its files."""
        self.send(signal.SIGCONT)
        self.stop()
        shutil.rmtree(self._folder)

    def _run(self, program: str, *options: object) -> None:
        command = [*self._as_other, self._programs / program, "-D", self._folder, *options]
        subprocess.run([*map(str, command)], check=True, stdout=subprocess.DEVNULL, cwd="/tmp")


def metric(client: httpx.Client, name: str) -> float:
    """Return a value of /metrics."""
    lines = client.get("/metrics").text.splitlines()
    return float(next(line for line in lines if line.startswith(f"crowdmask_{name} ")).split()[1])


def read_meanwhile(client: httpx.Client, until: float) -> tuple[Counter[str], float, float]:
    """Ask until then; returns the answers, the longest wait in seconds, and the most records in the spool."""
    answers, longest_s, spooled = Counter[str](), 0.0, 0.0
    while time.time() < until:
        for path in READS:
            began = time.perf_counter()
            answer = client.get(path)
            longest_s = max(longest_s, time.perf_counter() - began)
            answers[f"{path} {answer.status_code} Retry-After {answer.headers.get('retry-after')}"] += 1
        spooled = max(spooled, metric(client, "records_spooled"))
        time.sleep(0.5)
    return answers, longest_s, spooled


def outage(server: Postgres, client: httpx.Client, seconds: float, held: bool) -> list[str]:
    """Take the database away for so long; prints what happened, and returns what was wrong."""
    began = time.time()
    server.send(signal.SIGSTOP) if held else server.stop()
    while not metric(client, "store_away"):
        time.sleep(0.1)
    noticed_s = time.time() - began
    answers, longest_s, spooled = read_meanwhile(client, began + seconds)
    server.send(signal.SIGCONT) if held else server.start()
    back = time.time()
    while (metric(client, "store_away") or client.get("/v1/counts").status_code != 200) and (
        time.time() - back < 60
    ):
        time.sleep(0.1)
    back_s, refused = time.time() - back, metric(client, "records_refused")
    told = {
        "noticed_s": round(noticed_s, 1), "answers": dict(answers), "longest_s": round(longest_s, 2),
        "most_spooled": spooled, "refused": refused, "back_s": round(back_s, 1),
    }  # fmt: skip
    print(json.dumps(told))
    checks = {
        "reads were answered otherwise": all(" 503 Retry-After " in each for each in answers)
        and not any(each.endswith("None") for each in answers),
        f"a read waited for {longest_s:.1f} s": longest_s <= (LONGEST_HELD_S if held else LONGEST_S),
        f"back after {back_s:.1f} s": back_s <= BACK_S,
        f"{refused:.0f} records refused": refused == 0,
    }
    return [what for what, holds in checks.items() if not holds]


def lost(address: str, seen: Seen, began: float, ended: float) -> list[str]:
    """Print what the store holds of that time, and return what is missing."""
    start, end = datetime.fromtimestamp(began - 60, UTC), datetime.now(UTC) + timedelta(minutes=1)
    with open_store(address) as store:
        kept = Counter(key(vars(each)) for each in store.events(start=start, end=end, limit=1_000_000))
        rows, gaps = store.counts(start=start, end=end), store.gaps(start=start, end=end)
    observed_s = sum(each.observed_s for each in rows)
    # From its first frame on, until the service was told to end.
    told = {
        "events": sum(seen.events.values()),
        "observed_s": round(observed_s, 1),
        "ran_s": round(ended - began, 1),
    }
    print(json.dumps({**told, "gaps": len(gaps)}))
    wrong = [f"told but not kept, or twice: {each}" for each in seen.events if kept[each] != 1]
    if observed_s < ended - began - 1.5:
        wrong.append(f"{ended - began - observed_s:.1f} s of what was looked at are lost")
    return wrong + [f"a gap of a camera that was there: {each}" for each in gaps]


def run(server: Postgres, camera: MovingCamera, options: argparse.Namespace) -> list[str]:
    """Run a site over the outage, and return what was wrong."""
    with tempfile.TemporaryDirectory() as name:
        site = Path(name) / "site.yaml"
        cameras = [{"name": "door", "source": camera.address}]
        settings = {"store": server.address, "model": options.model, "cameras": cameras}
        site.write_text(json.dumps(settings), encoding="utf-8")  # JSON is YAML, too
        seen = Seen()
        with service("--config", str(site)) as (port, _), httpx.Client(timeout=60, trust_env=False) as client:
            client.base_url = f"http://127.0.0.1:{port}"
            Thread(target=follow, args=(Client(str(client.base_url)), seen), daemon=True).start()
            while not seen.looked.get("door"):
                time.sleep(0.1)
            began = time.time()
            time.sleep(20)
            wrong = outage(server, client, options.seconds, options.held)
            time.sleep(20)
            ended = time.time()
        return wrong + lost(server.address, seen, began, ended)


def main() -> int:
    """Run it, and return the exit code."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--held", action="store_true", help="its processes stand still, and answer nothing")
    parser.add_argument("--programs", type=Path, default=Path("/usr/lib/postgresql/15/bin"))
    parser.add_argument("--model", default="crowd")
    options = parser.parse_args()
    server, camera = Postgres(options.programs), MovingCamera()
    try:
        server.start()
        camera.start()
        wrong = run(server, camera, options)
    finally:
        camera.kill()
        server.remove()
    for each in wrong:
        print(f"wrong: {each}")
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main())
