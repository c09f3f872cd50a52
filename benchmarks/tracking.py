"""Score the tracking algorithms on a virtual camera over annotated crowd photos.

    python benchmarks/tracking.py --data recipes/data/crowdmask.yaml --split val --clips 12

Needs motmetrics (MOTA, IDF1) beside the package; HOTA is the library's own, which follows TrackEval.
Frames are looked at once: detections are kept in --cache. `--detector none` takes the true boxes instead,
with noise, misses and false alarms like a detector's, and needs no model.
"""

from __future__ import annotations

import argparse
import hashlib
import time
import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from virtual_camera import HEIGHT, WIDTH, View, film

from crowdmask import Detector
from crowdmask.boxes import clip, ioa, iou
from crowdmask.data.dataset import load_dataset
from crowdmask.data.sample import Sample
from crowdmask.detections import Detections
from crowdmask.labels import LABELS
from crowdmask.tracking.mask_state import UNKNOWN, MaskStates
from crowdmask.tracking.tracker import ALGORITHMS, FaceTracker

LEAST_CONFIDENCE = 0.1
MIN_FACES = 5
IOU = 0.5


@dataclass(frozen=True, eq=False)
class Clip:
    """What was to be seen in a clip, and what the detector saw.

    Attributes:
        views: the frames.
        detections: of each frame.
    """

    views: Sequence[View]
    detections: Sequence[Detections]


@dataclass(frozen=True, eq=False)
class Run:
    """What one algorithm made of one clip: true and given numbers and their IoU, frame by frame."""

    true: list[NDArray[np.int64]]
    given: list[NDArray[np.int64]]
    overlap: list[NDArray[np.float64]]
    labelled: int
    right: int
    tracker_s: float
    state_s: float


def choose(samples: Iterable[Sample], sources: Sequence[str], count: int, seed: int) -> list[Sample]:
    """Draw photos with enough faces of the sources whose every face is boxed."""
    crowds = [s for s in samples if s.source in sources and int((~s.ignore).sum()) >= MIN_FACES]
    if not crowds:
        raise SystemExit(f"no photo with {MIN_FACES} faces in the sources {', '.join(sources)}")
    order = np.random.default_rng(seed).permutation(len(crowds))
    return [crowds[index] for index in order[:count]]


def pretend(views: Iterable[View], seed: int) -> list[Detections]:
    """Return the true boxes as a detector might have found them.

    Each face has a sureness that wanders from frame to frame, lower for small faces; a face of little
    sureness is missed. Boxes are off by some hundredths of their size.
    """
    random = np.random.default_rng(seed)
    mood: dict[int, float] = {}
    found = []
    for view in views:
        sides = view.boxes[:, 2:] - view.boxes[:, :2]
        size = np.sqrt(sides.prod(axis=1))
        sureness = np.zeros(len(view.person))
        for row, person in enumerate(view.person.tolist()):
            mood[person] = 0.9 * mood.get(person, random.normal()) + 0.44 * random.normal()
            sureness[row] = 1 / (1 + np.exp(-(mood[person] * 1.3 + 2.5 * np.log(size[row] / 9))))
        boxes = view.boxes + random.normal(0, 0.04, view.boxes.shape) * np.tile(sides, 2)
        alarms = random.poisson(0.2)
        corner, side = random.uniform(0, [WIDTH, HEIGHT], (alarms, 2)), random.uniform(10, 40, (alarms, 1))
        boxes = np.concatenate([boxes, np.hstack([corner, corner + side])]).astype(np.float32)
        confidence = np.concatenate([sureness, random.uniform(0.1, 0.5, alarms)]).astype(np.float32)
        label = np.concatenate([view.class_id, random.integers(0, 3, alarms)])
        keep = confidence >= LEAST_CONFIDENCE
        shown = np.asarray(boxes[keep], np.float32)
        found.append(Detections(clip(shown, WIDTH, HEIGHT), confidence[keep], label[keep]))
    return found


def look(detector: Detector, sample: Sample, arguments: argparse.Namespace, seed: int) -> list[Detections]:
    """Return what the detector finds in each frame, from the cache where it has looked before."""
    key = (
        f"{sample.name}|{arguments.frames}|{arguments.fps}|{seed}|{detector.model_hash}|{detector.threshold}"
    )
    file = arguments.cache / f"{hashlib.sha256(key.encode()).hexdigest()[:16]}.npz"
    if not file.is_file():
        found = [
            detector.detect(view.picture) for view in film(sample, arguments.frames, arguments.fps, seed)
        ]
        arguments.cache.mkdir(parents=True, exist_ok=True)
        np.savez(
            file,
            frame=np.repeat(np.arange(len(found)), [len(each) for each in found]),
            xyxy=np.concatenate([each.xyxy for each in found]),
            confidence=np.concatenate([each.confidence for each in found]),
            class_id=np.concatenate([each.class_id for each in found]),
        )
    with np.load(file) as kept:
        everything = Detections(kept["xyxy"], kept["confidence"], kept["class_id"])
        return [everything[kept["frame"] == frame] for frame in range(arguments.frames)]


def follow(clip_: Clip, algorithm: str, fps: float, threshold: Sequence[float], camera: bool = True) -> Run:
    """Track one clip and match what was tracked with what was there.

    Args:
        camera: let the tracker see the pictures, and so the camera's motion.
    """
    tracker, states = FaceTracker(algorithm, fps, threshold), MaskStates()
    true, given, overlaps = [], [], []
    labelled = right = 0
    tracker_s = state_s = 0.0
    for index, (view, detections) in enumerate(zip(clip_.views, clip_.detections, strict=True)):
        started = time.process_time()
        numbers = tracker.update(detections, view.picture if camera else None, index / fps)
        between = time.process_time()
        labels = states.update(index / fps, numbers, detections).label
        tracker_s, state_s = tracker_s + between - started, state_s + time.process_time() - between
        overlap = iou(view.boxes, detections.xyxy)
        # A face that is hidden, cut off or tiny is neither right nor wrong.
        hidden = (ioa(detections.xyxy, view.ignore) > IOU).any(axis=1) & ~(overlap >= IOU).any(axis=0)
        rows = np.flatnonzero((numbers >= 0) & ~hidden)
        true.append(view.person)
        given.append(numbers[rows])
        overlaps.append(overlap[:, rows].astype(np.float64))
        for person, row in zip(*np.nonzero(overlap >= IOU), strict=True):
            if labels[row] != UNKNOWN:
                labelled += 1
                right += labels[row] == LABELS[view.class_id[person]]
    return Run(true, given, overlaps, labelled, int(right), tracker_s, state_s)


def score(runs: Sequence[Run]) -> dict[str, float]:
    """Return HOTA, DetA, AssA, IDF1, MOTA and identity switches over all clips."""
    import motmetrics
    from trackers.eval import aggregate_hota_metrics, compute_hota_metrics

    hota = aggregate_hota_metrics([compute_hota_metrics(*_dense(run)) for run in runs])
    books = []
    for run in runs:
        book = motmetrics.MOTAccumulator(auto_id=True)
        for true, given, overlap in zip(run.true, run.given, run.overlap, strict=True):
            book.update(true, given, np.where(overlap >= IOU, 1 - overlap, np.nan))
        books.append(book)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        table = motmetrics.metrics.create().compute_many(
            books, metrics=["idf1", "mota", "num_switches"], generate_overall=True
        )
    overall = table.loc["OVERALL"]
    return {
        "HOTA": hota["HOTA"],
        "DetA": hota["DetA"],
        "AssA": hota["AssA"],
        "IDF1": overall["idf1"],
        "MOTA": overall["mota"],
        "switches": overall["num_switches"],
    }


def _dense(run: Run) -> tuple[list[Any], list[Any], list[Any]]:
    """Return the numbers of a run as 0, 1, 2 …, as the library's HOTA wants them."""

    def renumber(frames: list[NDArray[np.int64]]) -> list[NDArray[np.int64]]:
        known = np.unique(np.concatenate(frames))
        return [np.searchsorted(known, each) for each in frames]

    return renumber(run.true), renumber(run.given), run.overlap


def report(algorithm: str, runs: Sequence[Run]) -> str:
    """Return one row of the table."""
    figures = score(runs)
    frames = sum(len(run.true) for run in runs)
    labelled = sum(run.labelled for run in runs)
    shares = [100 * figures[name] for name in ("HOTA", "DetA", "AssA", "IDF1", "MOTA")]
    shares.append(100 * sum(run.right for run in runs) / max(labelled, 1))
    tracker_ms = 1000 * sum(run.tracker_s for run in runs) / frames
    state_ms = 1000 * sum(run.state_s for run in runs) / frames
    cells = [algorithm, *(f"{share:.1f}" for share in shares), f"{figures['switches']:.0f}"]
    cells += [f"{tracker_ms:.2f}", f"{state_ms:.2f}"]
    return "| " + " | ".join(cells) + " |"


def main() -> None:
    """Print one row an algorithm."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True, help="data set YAML")
    parser.add_argument("--root", type=Path, help="its folder")
    parser.add_argument("--split", default="val")
    parser.add_argument("--sources", nargs="+", default=["gotg", "wider"])
    parser.add_argument("--clips", type=int, default=12)
    parser.add_argument("--frames", type=int, default=150)
    parser.add_argument("--fps", type=float, default=25.0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--detector", default="crowd", help="a model, or none")
    parser.add_argument("--threads", type=int)
    parser.add_argument("--algorithms", nargs="+", default=list(ALGORITHMS), choices=ALGORITHMS)
    parser.add_argument("--still", action="store_true", help="keep the camera's motion from the trackers")
    parser.add_argument("--cache", type=Path, default=Path.home() / ".cache/crowdmask/tracking")
    arguments = parser.parse_args()

    samples = load_dataset(arguments.data, arguments.root).split(arguments.split)
    chosen = choose(samples, arguments.sources, arguments.clips, arguments.seed)
    detector: Detector | None = None
    threshold: tuple[float, ...] = (0.5, 0.5, 0.5)
    if arguments.detector != "none":
        detector = Detector(
            arguments.detector, confidence=LEAST_CONFIDENCE, threads=arguments.threads, closer_look=False
        )
        threshold = detector.info.threshold
    runs: dict[str, list[Run]] = {algorithm: [] for algorithm in arguments.algorithms}
    faces = people = 0
    for number, sample in enumerate(chosen):
        seed = arguments.seed * 1000 + number
        views = list(film(sample, arguments.frames, arguments.fps, seed))
        detections = look(detector, sample, arguments, seed) if detector else pretend(views, seed)
        faces += sum(len(view.person) for view in views)
        people += len({person for view in views for person in view.person.tolist()})
        for algorithm, done in runs.items():
            done.append(
                follow(Clip(views, detections), algorithm, arguments.fps, threshold, not arguments.still)
            )
    print(
        f"{len(chosen)} clips of {arguments.frames} frames at {arguments.fps:g} per second, "
        f"{people} people, {faces} boxes; detector {arguments.detector}\n"
    )
    print(
        "| algorithm | HOTA | DetA | AssA | IDF1 | MOTA | state right | switches "
        "| tracker CPU ms | state CPU ms |"
    )
    print("|---|---|---|---|---|---|---|---|---|---|")
    for algorithm, done in runs.items():
        print(report(algorithm, done))


if __name__ == "__main__":
    main()
