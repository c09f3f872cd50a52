"""Compare `crowdmask track --look adaptive` with a detection on every frame: answers and time.

    python benchmarks/adaptive.py answers CLIP...
    python benchmarks/adaptive.py camera --data recipes/data/crowdmask.yaml --split val --clips 6
    python benchmarks/adaptive.py time CLIP --before SRC --runs 5
    python benchmarks/adaptive.py still --before SRC

`answers`: events that one has and the other has not within .2 s, and HOTA and IDF1 of the adaptive run where
the other is taken for the truth. `camera`: HOTA and IDF1 of both against the truth of a virtual camera.
`time`: the whole command, its start included, in turn, medians; `still`: its CPU seconds for a minute of a
720p picture in which nothing but noise changes. `--before` is the `src` folder of another version, whose only
way is every frame. Needs motmetrics (IDF1).
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from virtual_camera import View, film

from crowdmask.boxes import ioa, iou
from crowdmask.data.dataset import load_dataset
from crowdmask.media.video_writer import VideoWriter
from tracking import IOU, Run, choose, score

WITHIN_S = 0.2
LOOKS = ("every", "adaptive")
SOURCE = Path(__file__).parents[1] / "src"

Event = tuple[float, str, str]
Faces = tuple[NDArray[np.int64], NDArray[np.float32]]


@dataclass(frozen=True)
class Told:
    """What a run wrote: numbers and boxes of each frame, its events, and the share of predicted faces."""

    frames: list[Faces]
    events: list[Event]
    predicted: float


def track(source: Path, *words: str, code: Path = SOURCE) -> tuple[float, float]:
    """Run the command; returns wall and CPU seconds."""
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run(
        [sys.executable, "-m", "crowdmask", "track", str(source), "--quiet", *words],
        env={**os.environ, "PYTHONPATH": str(code)},
        check=True,
    )
    wall_s, after = time.perf_counter() - started, resource.getrusage(resource.RUSAGE_CHILDREN)
    return wall_s, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def tell(clip: Path, look: str, folder: Path) -> Told:
    """Return what the command tells of a clip."""
    frames, events = folder / "frames.jsonl", folder / "events.jsonl"
    track(clip, "--look", look, "--json", str(frames), "--events", str(events))
    records = [json.loads(line) for line in frames.read_text().splitlines()]
    faces = [[each for each in record["detections"] if each["track"] is not None] for record in records]
    predicted = [each.get("predicted", False) for row in faces for each in row]
    return Told(
        [
            (
                np.array([each["track"] for each in row], np.int64),
                np.array([each["box"] for each in row], np.float32).reshape(-1, 4),
            )
            for row in faces
        ],
        [(e["time_s"], e["event"], e["label"]) for e in map(json.loads, events.read_text().splitlines())],
        sum(predicted) / max(len(predicted), 1),
    )


def unmatched(some: Sequence[Event], others: Sequence[Event]) -> list[Event]:
    """Return the events of `some` that no event of `others` stands for, each of which stands for one only."""
    left, lone = list(others), []
    for event in some:
        alike = [each for each in left if each[1:] == event[1:] and abs(each[0] - event[0]) <= WITHIN_S]
        if alike:
            left.remove(min(alike, key=lambda each: abs(each[0] - event[0])))
        else:
            lone.append(event)
    return lone


def compared(true: Sequence[Faces], told: Sequence[Faces]) -> Run:
    """Match two runs frame by frame."""
    overlaps = [iou(one[1], other[1]).astype(np.float64) for one, other in zip(true, told, strict=True)]
    return Run([each[0] for each in true], [each[0] for each in told], overlaps, 0, 0, 0.0, 0.0)


def judged(views: Sequence[View], told: Sequence[Faces]) -> Run:
    """Match a run with the truth; a face that is hidden, cut off or tiny is neither right nor wrong."""
    kept = []
    for view, (numbers, boxes) in zip(views, told, strict=True):
        hidden = (ioa(boxes, view.ignore) > IOU).any(axis=1) & ~(iou(view.boxes, boxes) >= IOU).any(axis=0)
        kept.append((numbers[~hidden], boxes[~hidden]))
    return compared([(view.person, view.boxes) for view in views], kept)


def answers(arguments: argparse.Namespace) -> None:
    """Print how the answers differ, a row a clip."""
    print("| clip | events | missed | extra | HOTA | IDF1 | predicted faces |\n|---|---|---|---|---|---|---|")
    for clip in arguments.clips:
        with tempfile.TemporaryDirectory() as folder:
            every, adaptive = (tell(clip, look, Path(folder)) for look in LOOKS)
        figures = score([compared(every.frames, adaptive.frames)])
        missed, extra = unmatched(every.events, adaptive.events), unmatched(adaptive.events, every.events)
        print(
            f"| {clip.stem} | {len(every.events)} | {len(missed)} | {len(extra)} | {figures['HOTA']:.3f} "
            f"| {figures['IDF1']:.3f} | {100 * adaptive.predicted:.0f} % |",
            flush=True,
        )


def camera(arguments: argparse.Namespace) -> None:
    """Print both scores over clips of a virtual camera."""
    samples = load_dataset(arguments.data, arguments.root).split(arguments.split)
    runs: dict[str, list[Run]] = {look: [] for look in LOOKS}
    events: dict[str, list[int]] = {look: [] for look in LOOKS}
    predicted = []
    for number, sample in enumerate(choose(samples, arguments.sources, arguments.clips, seed=0)):
        views = list(film(sample, arguments.frames, arguments.fps, seed=number))
        with tempfile.TemporaryDirectory() as folder:
            clip = Path(folder) / "clip.mp4"
            height, width = views[0].picture.shape[:2]
            with VideoWriter(clip, width, height, arguments.fps) as writer:
                for index, view in enumerate(views):
                    writer.write(view.picture, index / arguments.fps)
            every, adaptive = (tell(clip, look, Path(folder)) for look in LOOKS)
        for look, told in zip(LOOKS, (every, adaptive), strict=True):
            runs[look].append(judged(views, told.frames))
        events["every"].append(len(every.events))
        events["adaptive"].append(len(unmatched(every.events, adaptive.events)))
        predicted.append(adaptive.predicted)
    print(f"{len(predicted)} clips, {100 * statistics.mean(predicted):.0f} % of the faces predicted")
    print(f"of {sum(events['every'])} events the adaptive runs miss {sum(events['adaptive'])}")
    for look, done in runs.items():
        figures = score(done)
        print(f"{look}: HOTA {figures['HOTA']:.3f}, IDF1 {figures['IDF1']:.3f}")


def rivals(before: Path | None) -> dict[str, tuple[Path, list[str]]]:
    """Return the ways to be timed: each its code and options."""
    ours = {look: (SOURCE, ["--look", look]) for look in LOOKS}
    return {**({"before": (before, [])} if before is not None else {}), **ours}


def report(title: str, seconds: dict[str, list[float]]) -> None:
    """Print medians, and how many times as quick the adaptive way is."""
    middle = {name: statistics.median(values) for name, values in seconds.items()}
    first = next(iter(middle))
    told = ", ".join(f"{name} {value:.2f}" for name, value in middle.items())
    print(f"{title}: {told}; {first} / adaptive {middle[first] / middle['adaptive']:.2f}", flush=True)


def timed(arguments: argparse.Namespace) -> None:
    """Print wall seconds of the whole command, without and with an annotated video."""
    for out in (False, True):
        wall: dict[str, list[float]] = {}
        cpu: dict[str, list[float]] = {}
        for _ in range(arguments.runs):
            for name, (code, words) in rivals(arguments.before).items():
                with tempfile.TemporaryDirectory() as folder:
                    more = ["--out", str(Path(folder) / "out.mp4")] if out else []
                    took = track(arguments.clip, *words, *more, code=code)
                wall.setdefault(name, []).append(took[0])
                cpu.setdefault(name, []).append(took[1])
        what = "with --out" if out else "without --out"
        report(f"{what}, wall s", wall)
        report(f"{what}, CPU s", cpu)


def still(arguments: argparse.Namespace) -> None:
    """Print CPU seconds for a minute of a still scene."""
    random = np.random.default_rng(0)
    scene = np.kron(random.integers(60, 200, (45, 80, 3)), np.ones((16, 16, 1), np.int64))
    with tempfile.TemporaryDirectory() as folder:
        clip = Path(folder) / "still.mp4"
        with VideoWriter(clip, 1280, 720, 25.0) as writer:
            for index in range(60 * 25):
                noisy = scene + random.integers(-3, 4, (720, 1280, 1))
                writer.write(noisy.astype(np.uint8), index / 25.0)
        seconds = {
            name: [track(clip, *words, code=code)[1]]
            for name, (code, words) in rivals(arguments.before).items()
        }
    report("CPU s of a minute", seconds)


def main() -> None:
    """Do what is asked."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    asked: Any = parser.add_subparsers(required=True)
    one = asked.add_parser("answers")
    one.add_argument("clips", type=Path, nargs="+")
    one.set_defaults(do=answers)
    one = asked.add_parser("camera")
    one.add_argument("--data", type=Path, required=True, help="data set YAML")
    one.add_argument("--root", type=Path, help="its folder")
    one.add_argument("--split", default="val")
    one.add_argument("--sources", nargs="+", default=["gotg", "wider"])
    one.add_argument("--clips", type=int, default=6)
    one.add_argument("--frames", type=int, default=150)
    one.add_argument("--fps", type=float, default=25.0)
    one.set_defaults(do=camera)
    one = asked.add_parser("time")
    one.add_argument("clip", type=Path)
    one.add_argument("--before", type=Path, help="src folder of another version")
    one.add_argument("--runs", type=int, default=5)
    one.set_defaults(do=timed)
    one = asked.add_parser("still")
    one.add_argument("--before", type=Path, help="src folder of another version")
    one.set_defaults(do=still)
    arguments = parser.parse_args()
    arguments.do(arguments)


if __name__ == "__main__":
    main()
