"""Time our detector against a peer: same photos, same threads, in turn within one run.

    python benchmarks/speed.py --peers DIR --photos DIR
    python benchmarks/speed.py --photos DIR                  ours alone

Machines differ and so do minutes, so what counts is the ratio of the two on one photo, and of
those ratios the median. Reading and drawing are no part of it, except in the last line: one photo
from process start to files written.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from peer_models import AIZOO_FILE, YOLO_FILE, Aizoo, Peer, PrunedYolo
from PIL import Image

from crowdmask import Detector
from crowdmask.media.pictures import Picture, open_picture

PEERS = {"yolov5n-pruned-640": (PrunedYolo, YOLO_FILE), "aizoo-360": (Aizoo, AIZOO_FILE)}
WARM_UP = 3
DETECT = [sys.executable, "-c", "from crowdmask.cli.main import main; main()", "detect"]


def timed(call: Callable[[], Any]) -> tuple[float, Any]:
    """Return wall milliseconds and the result."""
    start = time.perf_counter()
    result = call()
    return (time.perf_counter() - start) * 1000, result


def our_times(detector: Detector, picture: Picture) -> tuple[float, float, float]:
    """Return milliseconds of the network, of the whole call, and of CPU outside the network."""
    # Of this thread alone, which does all of it: the runtimes' own threads may still be at work.
    cpu = time.thread_time()
    prepared = detector.prepare(picture)
    cpu_before = time.thread_time() - cpu
    network_ms, outputs = timed(lambda: detector.network(prepared.tensor))
    cpu = time.thread_time()
    detector.decode(*outputs, prepared)
    cpu_ms = (cpu_before + time.thread_time() - cpu) * 1000
    whole_ms, _ = timed(lambda: detector.detect(picture))
    return network_ms, whole_ms, cpu_ms


def peer_times(peer: Peer, pixels: np.ndarray) -> tuple[float, float]:
    """Return milliseconds of the network and of the whole call."""
    tensor, _ = peer.prepare(pixels)
    network_ms, _ = timed(lambda: peer.network(tensor))
    whole_ms, _ = timed(lambda: peer.detect(pixels))
    return network_ms, whole_ms


def process_seconds(photo: Path, model: str, runs: int = 5) -> float:
    """Return the median seconds from the start of a process to its files written."""
    seconds = []
    for _ in range(runs):
        with tempfile.TemporaryDirectory() as folder:
            place = Path(folder)
            command = [*DETECT, str(photo), "--model", model]
            command += ["--out", str(place / "out"), "--json", str(place / "faces.jsonl")]
            milliseconds, _ = timed(
                lambda command=command: subprocess.run(command, check=True, capture_output=True)
            )
            seconds.append(milliseconds / 1000)
            if not list((place / "out").glob("*")) or not (place / "faces.jsonl").stat().st_size:
                raise SystemExit(f"{' '.join(command)} wrote no files")
    return float(np.median(seconds))


def summary(name: str, values: list[float]) -> str:
    """Return median and the middle half of some milliseconds."""
    low, middle, high = np.quantile(values, [0.25, 0.5, 0.75])
    return f"{name:42} {middle:7.1f} ms  ({low:.1f} to {high:.1f})"


def main() -> None:
    """Print the times."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--photos", type=Path, required=True, help="folder of JPEG photos")
    parser.add_argument("--count", type=int, default=60, help="photos to take, evenly over the folder")
    parser.add_argument("--peers", type=Path, help="folder with the peers' ONNX files")
    parser.add_argument("--peer", choices=PEERS, default="yolov5n-pruned-640")
    parser.add_argument("--model", default="crowd")
    parser.add_argument("--backend", default="onnxruntime")
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()

    files = sorted(arguments.photos.rglob("*.jpg"))
    if not files:
        raise SystemExit(f"{arguments.photos}: no .jpg in this folder")
    files = files[:: max(1, len(files) // arguments.count)][: arguments.count]
    detector = Detector(arguments.model, backend=arguments.backend, threads=arguments.threads)
    peer: Peer | None = None
    if arguments.peers:
        kind, file_name = PEERS[arguments.peer]
        peer = kind(arguments.peers / file_name, threads=arguments.threads)

    ours: list[tuple[float, float, float]] = []
    theirs: list[tuple[float, float]] = []
    for index, file in enumerate([*files[:WARM_UP], *files]):
        picture = open_picture(file)
        pixels = np.asarray(picture.image)
        mine = our_times(detector, picture)
        other = peer_times(peer, pixels) if peer else None
        if index >= WARM_UP:
            ours.append(mine)
            theirs += [other] if other else []

    print(f"{len(ours)} photos, {arguments.threads} threads, {arguments.model} on {arguments.backend}")
    print(summary("network", [t[0] for t in ours]))
    print(summary("whole Detector.detect", [t[1] for t in ours]))
    print(summary("CPU time outside the network", [t[2] for t in ours]))
    if theirs:
        print(summary(f"{arguments.peer}: network", [t[0] for t in theirs]))
        print(summary(f"{arguments.peer}: whole call", [t[1] for t in theirs]))
        for name, at in (("network", 0), ("whole call", 1)):
            ratio = np.median([mine[at] / other[at] for mine, other in zip(ours, theirs, strict=True)])
            print(f"{name + ', ours / peer, median of ratios':42} {ratio:7.2f}")
    with tempfile.TemporaryDirectory() as folder:
        photo = Path(folder) / "photo.jpg"
        open_picture(files[0]).image.resize((1024, 683), Image.Resampling.BICUBIC).save(photo, quality=90)
        seconds = process_seconds(photo, arguments.model)
    print(f"{'process start to files written, 1024 x 683':42} {seconds:7.2f} s")


if __name__ == "__main__":
    main()
