"""Time our detectors against a peer: same photos, same threads, in turn within one run.

    python benchmarks/speed.py --photos DIR --peers DIR
    python benchmarks/speed.py --photos DIR                  ours alone
    python benchmarks/speed.py --photos DIR --peers DIR --models crowd,crowd-fast,crowd-float \\
        --json benchmarks/results/speed.json

Machines differ and so do minutes, so what counts is the ratio of two detectors on one photo, and of
those ratios the median. Its interval is from drawing the photos again. Reading and drawing are no part
of it, except in the last line: one photo from process start to files written.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from peer_models import AIZOO_FILE, YOLO_FILE, Aizoo, Peer, PrunedYolo
from PIL import Image

from crowdmask import Detector
from crowdmask.files import write_json
from crowdmask.inference.processor import describe
from crowdmask.inference.stopwatch import Stopwatch
from crowdmask.inference.timing import FLOAT
from crowdmask.media.pictures import Picture, open_picture

PEERS = {"yolov5n-pruned-640": (PrunedYolo, YOLO_FILE), "aizoo-360": (Aizoo, AIZOO_FILE)}
WARM_UP = 3
DRAWS = 1000
DETECT = [sys.executable, "-c", "from crowdmask.cli.main import main; main()", "detect"]
NETWORK, WHOLE, CPU = range(3)

Milliseconds = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Times:
    """Milliseconds of each photo, (N, 3): the network, the whole call, and CPU outside the network.

    Attributes:
        ours: by the name of the model.
        peer: (N, 2), without the last; None without a peer.
    """

    ours: dict[str, Milliseconds]
    peer: Milliseconds | None


def timed(call: Callable[[], Any]) -> tuple[float, Any]:
    """Return wall milliseconds and the result."""
    start = time.perf_counter()
    result = call()
    return (time.perf_counter() - start) * 1000, result


def our_times(detector: Detector, picture: Picture) -> tuple[float, float, float]:
    """Return milliseconds of the network, of the whole call, and of CPU outside the network.

    All are of the first call with this photo, as a user meets it. The network's are of both looks where the
    detector looks at a part once more.
    """
    watch = Stopwatch()
    # CPU of this thread alone, which does all of it: the runtimes' own threads may still be at work.
    cpu = time.thread_time()
    whole_ms, _ = timed(lambda: detector.detect(picture, stopwatch=watch))
    cpu_ms = (time.thread_time() - cpu) * 1000 - watch.cpu_ms["network"]
    return watch.ms["network"], whole_ms, cpu_ms


def peer_times(peer: Peer, pixels: np.ndarray) -> tuple[float, float]:
    """Return milliseconds of the network and of the whole call."""
    start = time.perf_counter()
    tensor, placement = peer.prepare(pixels)
    network_ms, outputs = timed(lambda: peer.network(tensor))
    peer.decode(outputs, placement)
    return network_ms, (time.perf_counter() - start) * 1000


def take_times(detectors: dict[str, Detector], peer: Peer | None, files: Sequence[Path]) -> Times:
    """Time all of them on each photo, each time another one first."""
    ours: dict[str, list[tuple[float, float, float]]] = {name: [] for name in detectors}
    theirs: list[tuple[float, float]] = []
    runners: list[str | None] = [*detectors, *([None] if peer else [])]
    for index, file in enumerate([*files[:WARM_UP], *files]):
        picture = open_picture(file)
        pixels = np.asarray(picture.image)
        first = index % len(runners)
        for name in runners[first:] + runners[:first]:
            if name is not None:
                ours[name].append(our_times(detectors[name], picture))
            elif peer is not None:
                theirs.append(peer_times(peer, pixels))
    warm = min(WARM_UP, len(files))
    counted = {name: np.array(rows)[warm:] for name, rows in ours.items()}
    return Times(counted, np.array(theirs)[warm:] if peer else None)


def process_seconds(photo: Path, model: str, runs: int = 5) -> float:
    """Return the median seconds from the start of a process to its files written."""
    seconds = []
    for _ in range(runs):
        with tempfile.TemporaryDirectory() as folder:
            place = Path(folder)
            command = [*DETECT, str(photo), "--model", model]
            command += ["--out", str(place / "out"), "--json", str(place / "faces.jsonl")]
            milliseconds, _ = timed(partial(subprocess.run, command, check=True, capture_output=True))
            seconds.append(milliseconds / 1000)
            if not list((place / "out").glob("*")) or not (place / "faces.jsonl").stat().st_size:
                raise SystemExit(f"{' '.join(command)} wrote no files")
    return float(np.median(seconds))


def spread(values: Milliseconds) -> dict[str, Any]:
    """Return the median, the middle half, and the 95 % bootstrap interval of the median."""
    drawn = np.random.default_rng(0).choice(values, (DRAWS, len(values)))
    ends = np.quantile(np.median(drawn, axis=1), [0.025, 0.975])
    low, middle, high = np.quantile(values, [0.25, 0.5, 0.75])
    return {"median": float(middle), "middle_half": [float(low), float(high)], "interval_95": ends.tolist()}


def float_form(name: str, names: Sequence[str]) -> str | None:
    """Return the model among `names` that is the same network in float."""
    return name + FLOAT if name + FLOAT in names else None


def summarise(times: Times) -> dict[str, Any]:
    """Return the times of each model, and their ratios on the same photos."""
    models = {}
    for name, mine in times.ours.items():
        entry: dict[str, Any] = {
            "network_ms": spread(mine[:, NETWORK]),
            "whole_ms": spread(mine[:, WHOLE]),
            "cpu_ms": spread(mine[:, CPU]),
        }
        if times.peer is not None:
            entry["network_by_peer"] = spread(mine[:, NETWORK] / times.peer[:, NETWORK])
            entry["whole_by_peer"] = spread(mine[:, WHOLE] / times.peer[:, WHOLE])
        other = float_form(name, list(times.ours))
        if other is not None:
            entry["float_model"] = other
            entry["float_by_int8"] = spread(times.ours[other][:, NETWORK] / mine[:, NETWORK])
        models[name] = entry
    summary: dict[str, Any] = {"models": models}
    if times.peer is not None:
        summary["peer"] = {
            "network_ms": spread(times.peer[:, NETWORK]),
            "whole_ms": spread(times.peer[:, WHOLE]),
        }
    return summary


def line(name: str, values: dict[str, Any]) -> str:
    """Return median and the middle half of some milliseconds."""
    low, high = values["middle_half"]
    return f"{name:42} {values['median']:7.1f} ms  ({low:.1f} to {high:.1f})"


def lines(name: str, report: dict[str, Any]) -> list[str]:
    """Return what is printed of one model."""
    mine, peer = report["models"][name], report.get("peer")
    result = [f"{report['photos']} photos, {report['threads']} threads, {name} on {report['backend']}"]
    if "processor" in report:
        result.append(f"processor: {report['processor']}")
    result.append(line("network", mine["network_ms"]))
    result.append(line("whole Detector.detect", mine["whole_ms"]))
    result.append(line("CPU time outside the network", mine["cpu_ms"]))
    if peer:
        result.append(line(f"{peer['name']}: network", peer["network_ms"]))
        result.append(line(f"{peer['name']}: whole call", peer["whole_ms"]))
        for title, key in (("network", "network_by_peer"), ("whole call", "whole_by_peer")):
            result.append(f"{title + ', ours / peer, median of ratios':42} {mine[key]['median']:7.2f}")
    if "float_by_int8" in mine:
        title = "network, float / int8, median of ratios"
        result.append(f"{title:42} {mine['float_by_int8']['median']:7.2f}")
    result.append(f"{'process start to files written, 1024 x 683':42} {mine['process_s']:7.2f} s")
    return result


def main() -> None:
    """Print the times."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--photos", type=Path, required=True, help="folder of JPEG photos")
    parser.add_argument("--count", type=int, default=60, help="photos to take, evenly over the folder")
    parser.add_argument("--peers", type=Path, help="folder with the peers' ONNX files")
    parser.add_argument("--peer", choices=PEERS, default="yolov5n-pruned-640")
    parser.add_argument("--models", "--model", default="crowd", help="names or paths with commas between")
    parser.add_argument("--backend", default="onnxruntime")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--json", type=Path, help="write the times here, too")
    arguments = parser.parse_args()

    files = sorted(arguments.photos.rglob("*.jpg"))
    if not files:
        raise SystemExit(f"{arguments.photos}: no .jpg in this folder")
    files = files[:: max(1, len(files) // arguments.count)][: arguments.count]
    detectors = {
        Path(model).name.removesuffix(".onnx"): Detector(
            model, backend=arguments.backend, threads=arguments.threads
        )
        for model in arguments.models.split(",")
    }
    peer: Peer | None = None
    if arguments.peers:
        kind, file_name = PEERS[arguments.peer]
        peer = kind(arguments.peers / file_name, threads=arguments.threads)

    report = {
        "format": 1,
        "photos": len(files),
        "threads": arguments.threads,
        "processor": describe(),
        "backend": arguments.backend,
        **summarise(take_times(detectors, peer, files)),
    }
    if peer:
        report["peer"]["name"] = arguments.peer
    with tempfile.TemporaryDirectory() as folder:
        photo = Path(folder) / "photo.jpg"
        open_picture(files[0]).image.resize((1024, 683), Image.Resampling.BICUBIC).save(photo, quality=90)
        for name, detector in detectors.items():
            report["models"][name] |= {
                "model_hash": detector.model_hash,
                "precision": detector.info.precision,
                "input_size": detector.info.input.size,
                "process_s": process_seconds(photo, str(detector.model_path)),
            }
    print("\n\n".join("\n".join(lines(name, report)) for name in detectors))
    if arguments.json:
        write_json(arguments.json, report)


if __name__ == "__main__":
    main()
