"""Measure `crowdmask data dedup` and `crowdmask data split` on a simulated data set, and hashing on photos.

    python benchmarks/dedup.py [--number 100000] [--photos DIR] [--write FILE]

The looks of the pictures are simulated, with the spectrum of photos; of a fifth there are one to three
copies: mirrored, cropped, scaled, brighter or darker, noisier. They are put where the command keeps looks,
so it finds all photos looked at already. Both commands must end within 10 minutes together and stay
below 2 GB on 2 cores, with at least .98 of the pairs found and .98 of the found ones right; ends with
1 where they do not. With --photos, the hashing of real photos is timed, too. Runs on Linux.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from crowdmask.data.copies.hashing import SIDE, Fingerprint, fingerprint_of
from crowdmask.data.copies.photo_cache import PhotoCache, stamp_of
from crowdmask.data.manifest import Face, Manifest, Photo, read_manifest, write_manifest
from crowdmask.errors import PictureError
from crowdmask.labels import LABELS
from crowdmask.media.sources import find_pictures

LIMIT_S, LIMIT_MB, CORES = 600, 2000, 2
LEAST = 0.98
FIELD = 48
COMMAND = [sys.executable, "-c", "from crowdmask.cli.main import main; main()", "data"]
CROP = 0.05


def fields(rng: np.random.Generator, number: int) -> NDArray[np.float32]:
    """Return pictures (N, 48, 48) of mean 0 and deviation 1 whose amplitude falls as that of photos."""
    frequency = np.hypot(np.fft.fftfreq(2 * FIELD)[:, None], np.fft.rfftfreq(2 * FIELD)[None])
    frequency[0, 0] = np.inf
    noise = rng.normal(size=(2, number, *frequency.shape)).astype(np.float32)
    spectrum = (noise[0] + 1j * noise[1]) / frequency**1.2
    # Half of a larger field, as the sides of a photo do not fit each other.
    whole = np.fft.irfft2(spectrum, axes=(1, 2))[:, :FIELD, :FIELD].astype(np.float32)
    whole -= whole.mean((1, 2), keepdims=True)
    return whole / whole.std((1, 2), keepdims=True)


def sampled(field: NDArray[np.float32], sides: NDArray[np.float64]) -> NDArray[np.float32]:
    """Return a window of a field as 40 x 40 pixels; left, top, right, bottom: what is cut away."""
    left, top, right, bottom = sides
    matrices = []
    for low, high in ((top, 1 - bottom), (left, 1 - right)):
        width = (high - low) * FIELD / SIDE
        centre = low * FIELD + (np.arange(SIDE) + 0.5) * width - 0.5
        matrix = np.maximum(0, 1 - np.abs(centre[:, None] - np.arange(FIELD)) / max(width, 1))
        matrices.append(matrix / matrix.sum(1, keepdims=True))
    return matrices[0] @ field @ matrices[1].T


def finish(picture: NDArray[np.float32], rng: np.random.Generator, copy: bool) -> NDArray[np.uint8]:
    """Turn a window into grey levels; of a copy the light and contrast differ."""
    contrast, light = (45 * rng.uniform(0.85, 1.15), 120 + rng.uniform(-15, 15)) if copy else (45, 120)
    noise = rng.normal(0, 2, picture.shape)
    return np.clip(picture * contrast + light + noise, 0, 255).astype(np.uint8)


def simulate(folder: Path, number: int, seed: int = 0) -> list[int]:
    """Write a data set of simulated looks; return the family of each photo."""
    rng = np.random.default_rng(seed)
    families: list[int] = []
    photos: list[Photo] = []
    with PhotoCache(folder) as cache:
        family = 0
        while len(photos) < number:
            for field in fields(rng, min(1000, number - len(photos))):
                copies = int(rng.integers(1, 4)) if rng.random() < 0.2 else 0
                for copy in range(copies + 1):
                    if len(photos) == number:
                        break
                    sides = rng.uniform(0, CROP, 4) if copy and rng.random() < 0.5 else np.zeros(4)
                    small = finish(sampled(field, sides), rng, copy > 0)
                    if copy and rng.random() < 0.5:
                        small = small[:, ::-1]
                    photos.append(_add(folder, cache, len(photos), small, rng))
                    families.append(family)
                family += 1
    order = rng.permutation(number)
    write_manifest(Manifest(folder, [photos[i] for i in order]))
    return [families[i] for i in order]


def _add(
    folder: Path, cache: PhotoCache, number: int, small: NDArray[np.uint8], rng: np.random.Generator
) -> Photo:
    name = f"{number // 1000:03}/{number:06}.jpg"
    path = folder / name
    path.parent.mkdir(exist_ok=True)
    path.touch()
    pixels = np.ascontiguousarray(small)
    digest = hashlib.sha256(pixels.tobytes()).hexdigest()
    cache.keep_fingerprint(name, stamp_of(path), Fingerprint(digest, digest, pixels))
    faces = [
        Face(box=(x, y, x + width, y + width), label=LABELS[label])
        for x, y, width, label in zip(
            *rng.integers(0, 500, (2, 5)).tolist(),
            rng.integers(6, 140, 5).tolist(),
            rng.choice(3, 5, p=(0.5, 0.45, 0.05)).tolist(),
            strict=True,
        )
    ]
    source = f"source {number % 7}"
    return Photo(photo=name, width=800, height=600, source=source, faces=faces)


def watch(arguments: list[str]) -> tuple[float, float, float]:
    """Run a command; return its seconds, its seconds of computing, and its peak memory in MB."""
    started = time.perf_counter()
    process = subprocess.Popen([*COMMAND, *arguments], stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"crowdmask data {' '.join(arguments)} ended with {process.returncode}")
    return seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def pairs_of(keys: list[object]) -> int:
    """Return how many pairs have the same key."""
    return sum(count * (count - 1) // 2 for count in Counter(keys).values())


def judge(folder: Path, families: list[int]) -> tuple[float, float]:
    """Return what part of the pairs was found, and what part of the found ones is right."""
    groups = [photo.group for photo in read_manifest(folder).photos]
    both = [(group, family) for group, family in zip(groups, families, strict=True) if group is not None]
    right = pairs_of(list(both))
    found = pairs_of([group for group, _ in both])
    return right / max(pairs_of(list(families)), 1), right / max(found, 1)


def hashing_speed(folder: Path, most: int = 1000) -> tuple[int, float]:
    """Return how many photos were looked at, and how many a second, by one thread a core."""
    from concurrent.futures import ThreadPoolExecutor

    paths = [Path(source.name) for source in find_pictures([folder]).pictures[:most]]

    def look(path: Path) -> bool:
        try:
            fingerprint_of(path)
        except PictureError:
            return False
        return True

    started = time.perf_counter()
    with ThreadPoolExecutor(CORES) as pool:
        done = sum(pool.map(look, paths))
    return done, done / (time.perf_counter() - started)


def main() -> None:
    """Print the measurements and judge them."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--number", type=int, nargs="+", default=[25_000, 50_000, 100_000])
    parser.add_argument("--photos", type=Path, help="folder of photos to time hashing on")
    parser.add_argument("--write", type=Path, help="write the table into this file, too")
    parser.add_argument("--note", default="", help="a line about the machine, for the file")
    options = parser.parse_args()
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:CORES])
    os.environ.setdefault("OMP_NUM_THREADS", str(CORES))
    lines = [
        "| pictures | dedup, s (of computing) | split, s (of computing) | peak, MB | recall of pairs "
        "| precision |",
        "|---|---|---|---|---|---|",
    ]
    failed = False
    for number in options.number:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            families = simulate(folder, number)
            dedup_s, dedup_cpu_s, dedup_mb = watch(["dedup", name])
            split_s, split_cpu_s, split_mb = watch(["split", name])
            recall, precision = judge(folder, families)
        peak = max(dedup_mb, split_mb)
        lines.append(
            f"| {number:,} | {dedup_s:.0f} ({dedup_cpu_s:.0f}) | {split_s:.0f} ({split_cpu_s:.0f}) "
            f"| {peak:.0f} | {recall:.4f} | {precision:.4f} |"
        )
        print(lines[-1], flush=True)
        failed |= dedup_s + split_s > LIMIT_S or peak > LIMIT_MB or min(recall, precision) < LEAST
    if options.photos is not None:
        done, speed = hashing_speed(options.photos)
        lines += ["", f"Hashing: {speed:.0f} photos a second ({done:,} photos, {CORES} threads)."]
        print(lines[-1])
    if options.write is not None:
        options.write.write_text("\n".join([*lines, "", options.note]).rstrip() + "\n", encoding="utf-8")
    raise SystemExit(failed)


if __name__ == "__main__":
    main()
