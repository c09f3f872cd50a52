"""Measure the HTTP API of the service with the shipped model, each promise by its own name.

    python benchmarks/service.py throughput --photos FOLDER    # against Detector alone, in turns
    python benchmarks/service.py surplus --photos FOLDER       # 64 callers: refusals and waiting times
    python benchmarks/service.py mutated --photos FOLDER       # 5,000 damaged photos
    python benchmarks/service.py described                     # schemathesis, 2,000 cases and more
    python benchmarks/service.py viewers --clip VIDEO          # CPU of one and of 20 viewers

Photos are made 1,024 pixels long. Ends with 1 where a promise does not hold. Memory and CPU are read with
psutil. Linux.
"""

from __future__ import annotations

import argparse
import http.client
import io
import json
import random
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import cycle, islice
from pathlib import Path
from threading import Lock, Thread

import psutil
from moving_camera import MovingCamera
from PIL import Image, ImageOps

from crowdmask.cores import physical_cores
from crowdmask.inference.detector import Detector

LONGEST_PX = 1024
SERVE = [sys.executable, "-c", "from crowdmask.cli.main import main; main()", "serve", "--port", "0"]
TURNS = 4


def photos(folder: Path, number: int = 40) -> list[bytes]:
    """Return the first photos of a folder as JPEG files of the same long side."""
    found = []
    for path in islice(sorted(folder.rglob("*.jpg")), number):
        with Image.open(path) as opened:
            image = ImageOps.contain(opened.convert("RGB"), (LONGEST_PX, LONGEST_PX))
        written = io.BytesIO()
        image.save(written, "JPEG", quality=90)
        found.append(written.getvalue())
    if not found:
        raise SystemExit(f"no .jpg in {folder}")
    return found


@contextmanager
def service(*options: str) -> Iterator[tuple[int, psutil.Process]]:
    """Run a service, and return its port and process."""
    with tempfile.TemporaryDirectory() as folder:
        command = [*SERVE, *options]
        process = subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, text=True)
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            match = re.search(r":(\d+)/v1", line)
            if match is None:
                raise SystemExit(f"the service did not start: {line}")
            yield int(match[1]), psutil.Process(process.pid)
        finally:
            process.terminate()
            process.wait(20)


@dataclass
class Answers:
    """What callers got."""

    codes: Counter[int] = field(default_factory=Counter)
    seconds: list[float] = field(default_factory=list)
    lock: Lock = field(default_factory=Lock)

    def add(self, code: int, took_s: float) -> None:
        with self.lock:
            self.codes[code] += 1
            if code == 200:
                self.seconds.append(took_s)

    def quantile(self, share: float) -> float:
        ordered = sorted(self.seconds)
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0.0


def call(port: int, files: list[bytes], callers: int, for_s: float) -> Answers:
    """Let callers send photos, each its next one after the answer."""
    answers, ends_s = Answers(), time.monotonic() + for_s

    def caller(number: int) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        for data in cycle(files[number % len(files) :] + files[: number % len(files)]):
            if time.monotonic() >= ends_s:
                return
            began_s = time.perf_counter()
            connection.request("POST", "/v1/detect", data, {"Content-Type": "image/jpeg"})
            answer = connection.getresponse()
            answer.read()
            answers.add(answer.status, time.perf_counter() - began_s)
            if answer.status != 200:
                time.sleep(float(answer.headers.get("Retry-After", "1")))

    threads = [Thread(target=caller, args=(number,)) for number in range(callers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers


def alone(detector: Detector, files: list[bytes], for_s: float) -> float:
    """Return the photos a second of `Detector.detect_many`."""
    began_s, done = time.perf_counter(), 0

    def until_then() -> Iterator[bytes]:
        for data in cycle(files):
            if time.perf_counter() - began_s >= for_s:
                return
            yield data

    for _ in detector.detect_many(until_then()):
        done += 1
    return done / (time.perf_counter() - began_s)


def throughput(options: argparse.Namespace) -> bool:
    """8 callers against `Detector` alone, in turns, since the machine may have other work."""
    files, detector, turn_s = photos(options.photos), Detector(), options.seconds / TURNS
    alone(detector, files, 2)
    ratios, seconds = [], []
    with service() as (port, process):
        call(port, files, 8, 2)
        before = process.memory_info().rss
        for turn in range(TURNS):
            got = call(port, files, 8, turn_s)
            served, own = len(got.seconds) / turn_s, alone(detector, files, turn_s)
            seconds += got.seconds
            ratios.append(served / own)
            print(f"turn {turn + 1}: service {served:.1f}, Detector {own:.1f} a second; {dict(got.codes)}")
        grown = process.memory_info().rss / before - 1
    every = Answers(seconds=seconds)
    print(f"ratio {statistics.median(ratios):.3f}")
    print(f"p50 {every.quantile(0.5):.3f} s, p99 {every.quantile(0.99):.3f} s")
    print(f"memory {grown:+.1%}; {physical_cores()} cores")
    return statistics.median(ratios) >= 0.95 and grown < 0.1


def surplus(options: argparse.Namespace) -> bool:
    """64 callers: what cannot be served soon is refused at once."""
    with service() as (port, _):
        got = call(port, photos(options.photos), 64, options.seconds)
    print(f"{dict(got.codes)}; served: p50 {got.quantile(0.5):.2f} s, p99 {got.quantile(0.99):.2f} s")
    return set(got.codes) <= {200, 429, 503} and got.quantile(0.99) < 3


def mutate(data: bytes, chance: random.Random) -> bytes:
    """Return a photo's file damaged in one of several ways."""
    kind, changed = chance.randrange(5), bytearray(data)
    if kind == 0:
        return data[: chance.randrange(len(data))]
    if kind == 1:
        start = chance.randrange(len(data))
        return data[:start] + data[start + chance.randrange(1, 2000) :]
    if kind == 2:
        return data[: chance.randrange(40)] + chance.randbytes(chance.randrange(3000))
    first = 700 if kind == 3 else len(data)  # the head, or anywhere
    for _ in range(chance.randrange(1, 20)):
        changed[chance.randrange(min(first, len(data)))] = chance.randrange(256)
    return bytes(changed)


def mutated(options: argparse.Namespace) -> bool:
    """Damaged photos: each answer is 200 or 4xx, and the process lives on."""
    chance, codes = random.Random(0), Counter[int]()
    files = photos(options.photos, 20)
    for data in list(files[:10]):
        written = io.BytesIO()
        Image.open(io.BytesIO(data)).save(written, chance.choice(["PNG", "WEBP", "BMP", "TIFF", "GIF"]))
        files.append(written.getvalue())
    with service() as (port, process):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        # What a photo needs while it is read says nothing of leaks: the middle of many readings is compared.
        fifths: list[list[int]] = [[] for _ in range(5)]
        for number in range(options.number):
            connection.request("POST", "/v1/detect", mutate(chance.choice(files), chance))
            answer = connection.getresponse()
            answer.read()
            codes[answer.status] += 1
            fifths[5 * number // options.number].append(process.memory_info().rss)
        lives = process.is_running()
    middles = [statistics.median(each) for each in fifths]
    grown = middles[4] / middles[1] - 1
    print(f"{dict(codes)}; MB in each fifth: {', '.join(f'{each / 1e6:.0f}' for each in middles)}")
    print(f"memory from the second fifth to the last {grown:+.1%}")
    return lives and grown < 0.1 and all(code == 200 or 400 <= code < 500 for code in codes)


def described(options: argparse.Namespace) -> bool:
    """Every check of schemathesis, on a site with a camera, a zone and rules."""
    tool = str(Path(sys.executable).with_name("schemathesis"))
    config = str(Path(__file__).resolve().parents[1] / "schemathesis.toml")
    with MovingCamera.running() as camera, service("--config", str(_site(camera))) as (port, _):
        address = f"http://127.0.0.1:{port}/v1/openapi.json"
        command = [tool, "--config-file", config, "run", address, "--checks", "all"]
        done = subprocess.run([*command, "--max-time", str(int(options.seconds))])
    return done.returncode == 0


def _site(camera: MovingCamera) -> Path:
    zone = {"name": "A", "polygon": [[0, 0], [1, 0], [1, 1], [0, 1]]}
    rules = [
        {"name": "few", "when": "share_below", "limit": 0.9, "zone": "A"},
        {"name": "away", "when": "camera_down"},
    ]
    cameras = [{"name": "door", "source": camera.address, "zones": [zone]}]
    path = Path(tempfile.mkdtemp()) / "site.yaml"
    # JSON is YAML, too.
    path.write_text(json.dumps({"cameras": cameras, "alerts": {"rules": rules}}), encoding="utf-8")
    return path


def viewers(options: argparse.Namespace) -> bool:
    """CPU of the service with one and with 20 viewers of a camera's live picture, in turns."""
    loads: dict[int, list[float]] = {1: [], 20: []}
    with service(str(options.clip.resolve())) as (port, process):
        time.sleep(5)
        for _ in range(TURNS):
            for number, load in loads.items():
                load.append(_load(port, process, number, options.seconds / TURNS / 2))
    one, many = (statistics.median(loads[number]) for number in (1, 20))
    print(f"CPU: one viewer {one:.0f} %, 20 viewers {many:.0f} %: {many / one - 1:+.1%}")
    return many / one < 1.25


def _load(port: int, process: psutil.Process, number: int, for_s: float) -> float:
    ends_s, seen = time.monotonic() + for_s, Counter[int]()

    def viewer(index: int) -> None:
        connection, after = http.client.HTTPConnection("127.0.0.1", port, timeout=30), "0"
        while time.monotonic() < ends_s:
            connection.request("GET", f"/v1/cameras/camera%201/picture.jpg?after={after}")
            answer = connection.getresponse()
            answer.read()
            after = answer.headers.get("X-Picture-Number", "0")
            seen[index] += answer.status == 200

    threads = [Thread(target=viewer, args=(index,)) for index in range(number)]
    process.cpu_percent()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    load = process.cpu_percent()
    print(f"{number} viewers: {min(seen.values()) / for_s:.1f} pictures a second each, CPU {load:.0f} %")
    return load


MEASURES: dict[str, tuple[Callable[[argparse.Namespace], bool], float]] = {
    "throughput": (throughput, 60),
    "surplus": (surplus, 60),
    "mutated": (mutated, 0),
    "described": (described, 120),
    "viewers": (viewers, 120),
}


def main() -> None:
    """Measure what the command line names."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("measure", choices=MEASURES)
    parser.add_argument("--photos", type=Path, help="folder with .jpg files")
    parser.add_argument("--clip", type=Path, help="a video that is played as a camera")
    parser.add_argument("--seconds", type=float, help="how long, in sum")
    parser.add_argument("--number", type=int, default=5000, help="damaged photos")
    options = parser.parse_args()
    needs = {"described": None, "viewers": "clip"}.get(options.measure, "photos")
    if needs is not None and getattr(options, needs) is None:
        parser.error(f"{options.measure} needs --{needs}")
    measure, usual_s = MEASURES[options.measure]
    options.seconds = options.seconds or usual_s
    sys.exit(0 if measure(options) else 1)


if __name__ == "__main__":
    main()
