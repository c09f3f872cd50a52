"""Simulate `crowdmask batch` on a cluster, with the times that photos really take.

    python benchmarks/cluster.py PHOTOS [--number 300] [--photos 10000000] [--seed 0] [--write FILE]

Measures how long each of some photos takes one thread of this machine, and simulates runs of 1 to 4,096
workers that take shares as the real ones do: whichever is idle gets the next share; its photos' times are
drawn from the measured ones; every worker has a speed of its own (a tenth more or less), a machine may be
lost (its worker's share is done again after a start), and the command writes one shard after the other.
Prints hours, the part of the ideal rate, and how long the last workers keep the others waiting.
"""

from __future__ import annotations

import argparse
import heapq
import json
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from crowdmask.inference.detector import Detector
from crowdmask.media.pictures import open_picture
from crowdmask.media.sources import has_picture_suffix
from crowdmask.scale.run import shard_size

WORKERS = (1, 2, 4, 16, 64, 256, 1024, 4096)
START_S = 8.0
"""A worker's start: Ray, Python, the model."""
WRITE_S = 0.02
"""The command's own time for a shard; `benchmarks/batch.py tasks` measures it."""
SPREAD = 0.1
"""Standard deviation of the workers' speeds."""
LOST_PER_HOUR = 0.002
"""How often a worker is lost: 1,000 workers lose two an hour."""


@dataclass(frozen=True)
class Run:
    """A simulated run.

    Attributes:
        workers: their number.
        share: photos that a worker takes at a time.
        hours: from the start to the last shard written.
        of_ideal: the workers' summed rate without any loss, over the run's.
        tail_minutes: from the first worker without a share to the end.
        lost: workers that were lost.
        writing: part of the time in which the command writes.
    """

    workers: int
    share: int
    hours: float
    of_ideal: float
    tail_minutes: float
    lost: int
    writing: float


def measure(folder: Path, number: int) -> NDArray[np.float64]:
    """Return the seconds that one thread takes for each photo, decoding included."""
    paths = [path for path in sorted(folder.rglob("*")) if has_picture_suffix(path.name)]
    paths = paths[:: max(1, len(paths) // number)][:number]
    detector = Detector(threads=1)
    times = []
    for path in [paths[0], *paths]:
        began = time.perf_counter()
        detector.detect(open_picture(path, full_scale_pixels=detector.full_scale_pixels))
        times.append(time.perf_counter() - began)
    return np.array(times[1:])


def simulate(times: NDArray[np.float64], photos: int, workers: int, chance: np.random.Generator) -> Run:
    """Let workers take shares until all photos are done.

    Args:
        times: seconds a photo, measured, (N,).
    """
    size = shard_size(photos, workers)
    shares = -(-photos // size)
    # Sums of so many independent times are normal, as near as it matters here.
    needs = chance.normal(times.mean() * size, times.std() * size**0.5, shares).clip(min=times.min() * size)
    speed = chance.normal(1, SPREAD, workers).clip(min=0.3)
    idle = [(START_S, worker) for worker in range(workers)]
    heapq.heapify(idle)
    finished, left, lost = [], list(needs), 0
    while left:
        at, worker = heapq.heappop(idle)
        takes = left.pop() / speed[worker]
        if chance.random() < LOST_PER_HOUR * takes / 3600:
            lost += 1
            gone = at + takes * chance.random()
            left.append(takes * speed[worker])
            heapq.heappush(idle, (gone + START_S, worker))
            continue
        finished.append(at + takes)
        heapq.heappush(idle, (at + takes, worker))
    first_without = idle[0][0]
    end = 0.0
    for at in sorted(finished):
        end = max(end, at) + WRITE_S
    ideal = photos * times.mean() / speed.sum()
    return Run(
        workers,
        size,
        round(end / 3600, 3),
        round(ideal / end, 3),
        round((end - first_without) / 60, 2),
        lost,
        round(shares * WRITE_S / end, 3),
    )


def main() -> int:
    """Measure, simulate, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("folder", metavar="PHOTOS", type=Path)
    parser.add_argument("--number", type=int, default=300)
    parser.add_argument("--photos", type=int, default=10_000_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--write", type=Path)
    given = parser.parse_args()
    times = measure(given.folder, given.number)
    mean = times.mean() * 1000
    low, middle, high = np.percentile(times, [5, 50, 95]) * 1000
    print(f"{len(times)} photos: {mean:.1f} ms on average, 5 % to 95 %: {low:.1f} to {high:.1f} ms")
    chance = np.random.default_rng(given.seed)
    runs = [simulate(times, given.photos, workers, chance) for workers in WORKERS]
    print(f"{given.photos:,} photos:")
    print("workers  photos a share      hours  of ideal  tail, minutes  lost  writing")
    for run in runs:
        print(
            f"{run.workers:7}  {run.share:14}  {run.hours:9.2f}  {run.of_ideal:8.3f}"
            f"  {run.tail_minutes:13.2f}  {run.lost:4}  {run.writing:7.3f}"
        )
    if given.write:
        found = {"mean_ms": mean, "median_ms": middle, "runs": [asdict(run) for run in runs]}
        given.write.write_text(json.dumps(found, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
