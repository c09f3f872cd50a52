"""Measure `crowdmask batch`: its rate beside an ideal one, and what the driver itself costs.

    python benchmarks/batch.py rate PHOTOS [--number 2000] [--rounds 3] [--before FOLDER] [--write FILE]
    python benchmarks/batch.py tasks [--number 1000000] [--write FILE]

`rate` times, in every round in another order: two bare processes with one single-threaded detector each
over half of the photos; `crowdmask batch` with two workers; one `crowdmask detect --no-pictures`. It prints
the median of the ratios, and ends with 1 below .92 of the ideal or 1.3 times `detect`. `--before` names a
folder with the package of another version, whose `detect` is compared: 0.1.0's in the figures of
docs/scale.md.

`tasks` lets two workers do so many tasks of 1 ms each without reading any photo. It prints the part of the
time spent outside of workers (at most .15) and the driver's memory (at most 600 MB)."""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

from crowdmask.batch.items import PhotoFailure, PhotoItem
from crowdmask.errors import PictureError, PictureFault
from crowdmask.inference.detector import Detector
from crowdmask.inference.processor import instructions
from crowdmask.media.pictures import open_picture
from crowdmask.media.sources import has_picture_suffix
from crowdmask.scale.entries import Entry
from crowdmask.scale.memory import own_memory
from crowdmask.scale.run import Wanted, detect_at_scale
from crowdmask.scale.work import About

LEAST_OF_IDEAL, LEAST_OF_DETECT = 0.92, 1.3
MOST_OUTSIDE, MOST_MB, TASK_S = 0.15, 600, 0.001
WORKERS = 2
COMMAND = [sys.executable, "-m", "crowdmask"]


def detect_all(paths: Sequence[str]) -> None:
    """Be one of the ideal's processes."""
    detector = Detector(threads=1)
    for path in paths:
        detector.detect(open_picture(path, full_scale_pixels=detector.full_scale_pixels))


def ideal(paths: Sequence[str]) -> None:
    """Let two bare processes do half of the photos each."""
    context = get_context("spawn")
    processes = [context.Process(target=detect_all, args=(paths[i::WORKERS],)) for i in range(WORKERS)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()


def timed(work: Callable[[], object]) -> float:
    """Return how long something takes, seconds."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def command(*words: str, package: Path | None = None) -> None:
    """Run a command of ours, silently; `package` is the folder of another version."""
    environment = {**os.environ, "PYTHONPATH": str(package)} if package else None
    subprocess.run([*COMMAND, *words], check=True, capture_output=True, env=environment)


def rate(folder: Path, number: int, rounds: int, before: Path | None) -> dict[str, object]:
    """Return the medians of the ratios and what they come from."""
    paths = [str(path) for path in sorted(folder.rglob("*")) if has_picture_suffix(path.name)][:number]
    times: dict[str, list[float]] = {"ideal": [], "batch": [], "detect": []}
    with tempfile.TemporaryDirectory() as place:
        listed = Path(place, "list.csv")
        listed.write_text("path\n" + "\n".join(paths) + "\n")

        def batch() -> None:
            to = str(Path(place, f"out-{time.monotonic_ns()}"))
            command("batch", str(listed), "--to", to, "--workers", str(WORKERS))

        def detect() -> None:
            out = str(Path(place, f"out-{time.monotonic_ns()}.jsonl"))
            command("detect", *paths, "--no-pictures", "--json", out, package=before)

        kinds: list[tuple[str, Callable[[], None]]] = [
            ("ideal", lambda: ideal(paths)),
            ("batch", batch),
            ("detect", detect),
        ]
        for turn in range(rounds):
            for name, work in kinds[turn % 3 :] + kinds[: turn % 3]:
                times[name].append(timed(work))
    of_ideal = statistics.median(i / b for i, b in zip(times["ideal"], times["batch"], strict=True))
    of_detect = statistics.median(d / b for d, b in zip(times["detect"], times["batch"], strict=True))
    return {
        "photos": len(paths),
        "photos_per_second": round(len(paths) / statistics.median(times["batch"]), 2),
        "of_ideal": round(of_ideal, 3),
        "of_detect": round(of_detect, 3),
        "seconds": {name: [round(each, 2) for each in found] for name, found in times.items()},
        "vnni": "avx512_vnni" in instructions() or "avx_vnni" in instructions(),
        "holds": of_ideal >= LEAST_OF_IDEAL and of_detect >= LEAST_OF_DETECT,
    }


class Sleeper:
    """A worker's simulated detector: 1 ms for each photo, and no photo is read."""

    about = About("simulated", "0" * 16, ("with_mask",))

    def look(self, entries: Sequence[Entry], *, one_by_one: bool) -> Iterator[PhotoItem]:
        """Yield a result for each."""
        for entry in entries:
            ends = time.perf_counter() + TASK_S
            while time.perf_counter() < ends:
                pass
            yield PhotoFailure(entry.name, PictureError("simulated", entry.name, PictureFault.MISSING))


@dataclass(frozen=True)
class SleeperMaker:
    """Makes it in the worker."""

    def __call__(self) -> Sleeper:
        """Load nothing."""
        return Sleeper()


def tasks(number: int) -> dict[str, object]:
    """Return the part of the time outside of workers, and the driver's memory."""
    most = 0

    def progress(stage: str, done: int, total: int) -> None:
        nonlocal most
        if done % 10_000 < 1_000:
            most = max(most, own_memory())

    with tempfile.TemporaryDirectory() as place:
        listed = Path(place, "list.csv")
        with listed.open("w") as file:
            file.write("path\n")
            file.writelines(f"/photos/{i // 1000:05}/{i:09}.jpg\n" for i in range(number))
        wanted = Wanted([str(listed)], str(Path(place, "out")), SleeperMaker(), workers=WORKERS)
        outcome = detect_at_scale(wanted, complain=lambda _: None, progress=progress)
    worked_s = number * TASK_S / WORKERS
    outside = 1 - worked_s / outcome.seconds
    return {
        "tasks": number,
        "seconds": round(outcome.seconds, 1),
        "outside_of_workers": round(outside, 4),
        "driver_mb": round(most / 1e6, 1),
        "rows": outcome.rows,
        "holds": outside <= MOST_OUTSIDE and most <= MOST_MB * 1e6 and outcome.rows == number,
    }


def main() -> int:
    """Measure, print, and say whether the bounds hold."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("what", choices=("rate", "tasks"))
    parser.add_argument("photos", nargs="?", type=Path)
    parser.add_argument("--number", type=int)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--before", type=Path)
    parser.add_argument("--write", type=Path)
    given = parser.parse_args()
    if given.what == "rate":
        if given.photos is None:
            parser.error("rate needs a folder of photos")
        found = rate(given.photos, given.number or 2000, given.rounds, given.before)
    else:
        found = tasks(given.number or 1_000_000)
    text = json.dumps(found, indent=1)
    print(text)
    if given.write:
        given.write.write_text(text + "\n")
    return 0 if found["holds"] else 1


if __name__ == "__main__":
    sys.exit(main())
