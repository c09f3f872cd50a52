"""Compare processor times with a peer's, on a machine that does other work meanwhile.

    python benchmarks/cpu_time.py --photos DIR --peers DIR --models crowd crowd-fast crowd:576,1280,1.5,25

One thread each, all in turn on each photo; of several calls with it the quickest counts, since what else runs
can only make a call slower. Waiting does not count. After a model may stand a setting of its looks, as in
`looks.py`. `avx2_runtime.py` gives the times of kernels for processors without VNNI.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from looks import with_setting
from numpy.typing import NDArray
from peer_models import YOLO_FILE, Peer, PrunedYolo

from crowdmask import Detector
from crowdmask.inference.processor import describe, guards_int8
from crowdmask.inference.stopwatch import Stopwatch
from crowdmask.media.pictures import open_picture

# Takes decoded pixels; returns milliseconds of the whole call and of the network.
Timed = Callable[[NDArray[np.uint8]], tuple[float, float]]


def of_detector(detector: Detector) -> Timed:
    """Return what times one call of `Detector.detect`."""

    def call(pixels: NDArray[np.uint8]) -> tuple[float, float]:
        watch = Stopwatch()
        start = time.thread_time()
        detector.detect(pixels, stopwatch=watch)
        return (time.thread_time() - start) * 1000, watch.cpu_ms["network"]

    return call


def of_peer(peer: Peer) -> Timed:
    """Return what times one whole call of a peer."""

    def call(pixels: NDArray[np.uint8]) -> tuple[float, float]:
        start = time.thread_time()
        tensor, placement = peer.prepare(pixels)
        before = time.thread_time()
        outputs = peer.network(tensor)
        after = time.thread_time()
        peer.decode(outputs, placement)
        return (time.thread_time() - start) * 1000, (after - before) * 1000

    return call


def load(model: str) -> Detector:
    """Load a model with one thread; a setting may stand behind a colon."""
    name, colon, setting = model.rpartition(":")
    if not colon or "/" in setting:
        return Detector(model, threads=1)
    return with_setting(Detector(name, threads=1), setting)


def quickest(runners: dict[str, Timed], files: list[Path], calls: int) -> dict[str, NDArray[np.float64]]:
    """Return for each runner (N, 2), the quickest whole call and the quickest network of each photo."""
    best = {name: np.full((len(files), 2), np.inf) for name in runners}
    for index, file in enumerate(files):
        pixels = np.asarray(open_picture(file).image)
        for turn in range(calls):
            first = (index + turn) % len(runners)
            names = list(runners)
            for name in names[first:] + names[:first]:
                best[name][index] = np.minimum(best[name][index], runners[name](pixels))
    return best


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--photos", type=Path, required=True, help="folder of JPEG photos")
    parser.add_argument("--count", type=int, default=60, help="photos to take, evenly over the folder")
    parser.add_argument("--calls", type=int, default=4, help="with each photo")
    parser.add_argument("--peers", type=Path, required=True, help="folder with the peers' ONNX files")
    parser.add_argument("--models", nargs="+", default=["crowd"], metavar="MODEL[:SETTING]")
    arguments = parser.parse_args()

    files = sorted(arguments.photos.rglob("*.jpg"))
    if not files:
        raise SystemExit(f"{arguments.photos}: no .jpg in this folder")
    files = files[:: max(1, len(files) // arguments.count)][: arguments.count]
    peer = PrunedYolo(arguments.peers / YOLO_FILE, threads=1)
    runners = {model: of_detector(load(model)) for model in arguments.models} | {"peer": of_peer(peer)}
    best = quickest(runners, files, arguments.calls)
    import onnxruntime  # after crowdmask, which keeps it from reporting its use

    guard = "guarded" if guards_int8() else "not guarded"
    print(f"{len(files)} photos, processor: {describe()}; 8-bit weights {guard}; {onnxruntime.__file__}\n")
    heads = ["whole call, ms", "network, ms", "whole, times the peer's", "by photo", "network", "by photo"]
    print(f"| | {' | '.join(heads)} |\n{'|---' * (len(heads) + 1)}|")
    for name, times in best.items():
        cells = [f"{value:.1f}" for value in times.mean(axis=0)]
        sums = times.sum(axis=0) / best["peer"].sum(axis=0)
        medians = np.median(times / best["peer"], axis=0)
        cells += [f"{ratio:.2f}" for pair in zip(sums, medians, strict=True) for ratio in pair]
        print(f"| {name} | {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
