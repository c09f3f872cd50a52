"""Measure what tiles find and cost on large crowds: 2 x 2 mosaics of a data set's photos.

    python benchmarks/tiles.py --data recipes/data/crowdmask.yaml --split test

A mosaic of four photos of 1,024 pixels is a picture of 2,048 whose every face is known. Each is
looked at in one piece and in tiles, in turn, and what is printed of a face's width is in its pixels.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from crowdmask import Detector
from crowdmask.data.dataset import load_dataset
from crowdmask.data.sample import Sample
from crowdmask.errors import PictureError
from crowdmask.evaluation.matching import ScoredPicture
from crowdmask.evaluation.measures import measure
from crowdmask.evaluation.run import both_views
from crowdmask.media.pictures import Picture, open_picture

GREY = (114, 114, 114)
SIDE = 2


@dataclass(frozen=True)
class Mosaic:
    """Four photos as one picture, and all their faces."""

    picture: Picture
    boxes: np.ndarray
    class_id: np.ndarray
    ignore: np.ndarray


def mosaics(samples: Sequence[Sample], count: int | None, seed: int) -> Iterator[Mosaic]:
    """Draw photos four at a time, each of them once; photos that cannot be read are left out."""
    order = np.random.default_rng(seed).permutation(len(samples))
    groups = [order[i : i + SIDE**2] for i in range(0, len(order) - SIDE**2 + 1, SIDE**2)]
    for group in groups[:count]:
        try:
            photos = [open_picture(samples[i].path) for i in group]
        except PictureError as error:
            print(error)
            continue
        across, down = max(p.image.width for p in photos), max(p.image.height for p in photos)
        canvas = Image.new("RGB", (across * SIDE, down * SIDE), GREY)
        found = []
        for place, (photo, index) in enumerate(zip(photos, group, strict=True)):
            corner = (place % SIDE * across, place // SIDE * down)
            canvas.paste(photo.image, corner)
            found.append(samples[index].boxes + np.array(corner * 2, np.float32))
        yield Mosaic(
            Picture(canvas, canvas.width, canvas.height),
            np.concatenate(found).astype(np.float32),
            np.concatenate([samples[i].class_id for i in group]),
            np.concatenate([samples[i].ignore for i in group]),
        )


def main() -> None:
    """Print a line for each setting."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True, help="YAML of the data set")
    parser.add_argument("--root", type=Path, help="folder of the photos")
    parser.add_argument("--split", default="test")
    parser.add_argument("--model", default="crowd")
    parser.add_argument("--backend", default="onnxruntime")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--tiles", nargs="+", default=["off", "auto", "2x2", "3x3"])
    parser.add_argument("--count", type=int, help="mosaics to make; left out: of all photos")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()

    samples = load_dataset(arguments.data, arguments.root).split(arguments.split)
    detectors = {
        setting: Detector(
            arguments.model, backend=arguments.backend, threads=arguments.threads, tiles=setting
        )
        for setting in arguments.tiles
    }
    looks = {setting: both_views(detector) for setting, detector in detectors.items()}
    seconds: dict[str, list[float]] = {setting: [] for setting in detectors}
    scored: dict[str, list[ScoredPicture]] = {setting: [] for setting in detectors}
    for number, mosaic in enumerate(mosaics(samples, arguments.count, arguments.seed)):
        for setting, detector in detectors.items():
            start = time.perf_counter()
            detector.detect(mosaic.picture)
            seconds[setting].append(time.perf_counter() - start)
            found, shown = looks[setting](mosaic.picture)
            scored[setting].append(
                ScoredPicture(
                    f"mosaic-{number}", "mosaic", mosaic.boxes, mosaic.class_id, mosaic.ignore, found, shown
                )
            )
    results = {setting: measure(pictures) for setting, pictures in scored.items()}
    widths = list(next(iter(results.values())).by_width)
    heads = [
        "mAP50",
        "AP50 of any face",
        *(f"{w} px" for w in widths),
        "recall",
        "precision",
        "ms",
        "times off",
    ]
    print(f"| {len(next(iter(scored.values())))} mosaics, tiles | {' | '.join(heads)} |")
    print("|---" * (len(heads) + 1) + "|")
    first = np.median(next(iter(seconds.values())))
    for setting, m in results.items():
        values = [m.two_class.map50, m.face_ap50, *(m.by_width[w][0] for w in widths)]
        values += [m.shown.recall, m.shown.precision]
        median = np.median(seconds[setting])
        cells = [*(f"{v:.3f}" for v in values), f"{median * 1000:.0f}", f"{median / first:.2f}"]
        print(f"| {setting} | {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
