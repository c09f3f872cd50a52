"""Compare settings of the looks on slightly changed photos, since one score says less than they differ by.

    python benchmarks/looks.py --data recipes/data/crowdmask.yaml --settings 704 576,1280,1.27,25

A setting is the input size, and of the closer look its size, share and small_px (see `CloserLook`); left out,
they are the model's. One step of grey moves a source's score by .007, so each photo is measured five times:
as it is, mirrored, and with a pixel or two cut off or 1 % of light added or taken, which change nothing for a
person. Printed are means, and what they differ by from the first line, which is the other model's if there is
one, with the standard error over the five. It says nothing of how much photos differ from other photos.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from crowdmask import Detector
from crowdmask.data.dataset import load_dataset
from crowdmask.data.sample import Sample
from crowdmask.evaluation.matching import ScoredPicture
from crowdmask.evaluation.measures import measure_slices
from crowdmask.evaluation.run import both_views
from crowdmask.inference.model_file import CloserLook
from crowdmask.media.pictures import Picture, open_picture

SLICES = ("all", "masks", "gotg", "jolignier", "wider")
HEADS = (*SLICES, "class accuracy, masks", "recall", "precision", "ECE")

Boxes = NDArray[np.float32]
Changed = tuple[Image.Image, Boxes]
Change = Callable[[Image.Image, Boxes], Changed]


def as_it_is(image: Image.Image, boxes: Boxes) -> Changed:
    """Return both unchanged."""
    return image, boxes


def mirrored(image: Image.Image, boxes: Boxes) -> Changed:
    """Return both mirrored, left to right."""
    x1, y1, x2, y2 = boxes.T
    turned = np.stack([image.width - x2, y1, image.width - x1, y2], axis=1)
    return image.transpose(Image.Transpose.FLIP_LEFT_RIGHT), turned


def cut(image: Image.Image, boxes: Boxes) -> Changed:
    """Cut off the topmost row and the leftmost column."""
    return image.crop((1, 1, image.width, image.height)), np.maximum(boxes - 1, 0)


def cut_and_lighter(image: Image.Image, boxes: Boxes) -> Changed:
    """Cut off two rows and columns at the other end, and add 1 % of light."""
    width, height = image.width - 2, image.height - 2
    smaller = image.crop((0, 0, width, height)).point(lambda value: min(255, round(value * 1.01)))
    return smaller, np.minimum(boxes, np.array([width, height] * 2, np.float32))


def cut_and_mirrored(image: Image.Image, boxes: Boxes) -> Changed:
    """Mirror both and cut as in `cut`."""
    return cut(*mirrored(image, boxes))


CHANGES: tuple[Change, ...] = (as_it_is, mirrored, cut, cut_and_lighter, cut_and_mirrored)


def with_setting(detector: Detector, setting: str) -> Detector:
    """Return the detector with a setting like ``576,1280,1.27,25``."""
    size, *look = setting.split(",")
    closer: bool | CloserLook = True
    usual = detector.info.closer_look
    if look and usual is not None:
        rest = [float(value) for value in look[1:]]
        closer = CloserLook(int(look[0]), *rest) if rest else CloserLook(int(look[0]), usual.share)
    return detector.with_options(input_size=int(size), closer_look=closer)


def scores(detector: Detector, samples: Sequence[Sample], change: Change) -> list[float]:
    """Return one value for each of `HEADS`."""
    detect = both_views(detector)
    pictures = []
    for sample in samples:
        image, boxes = change(open_picture(sample.path).image, sample.boxes)
        found, shown = detect(Picture(image, image.width, image.height))
        place = boxes.astype(np.float32)
        pictures.append(
            ScoredPicture(sample.name, sample.source, place, sample.class_id, sample.ignore, found, shown)
        )
    slices = measure_slices(pictures)
    everything, masks = slices["all"], slices.get("masks", slices["all"])
    counts = [everything.shown.recall, everything.shown.precision, everything.reliability.expected_error]
    of_slices = [slices[name].two_class.map50 if name in slices else float("nan") for name in SLICES]
    return [*of_slices, masks.shown.class_accuracy, *counts]


def cells(rows: NDArray[np.float64], apart: NDArray[np.float64]) -> list[str]:
    """Return for each of `HEADS` the mean, and where it differs from the first line's by how much.

    Args:
        rows: (C, H), one row for each of `CHANGES`.
        apart: what they differ by from those of the first line.
    """
    error = apart.std(axis=0, ddof=1) / len(apart) ** 0.5
    triples = zip(rows.mean(axis=0), apart.mean(axis=0), error, strict=True)
    if not apart.any():
        return [f"{value:.3f}" for value, _, _ in triples]
    return [f"{value:.3f} ({mean:+.3f} ± {spread:.3f})" for value, mean, spread in triples]


def main() -> None:
    """Print a line for each setting as it is known."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True, help="YAML of the data set")
    parser.add_argument("--root", type=Path, help="folder of the photos")
    parser.add_argument("--split", default="val")
    parser.add_argument("--every", type=int, default=1, help="take each so many of the photos")
    parser.add_argument("--model", default="crowd", help="name or path")
    parser.add_argument("--against", help="another model, name or path, with its own setting")
    parser.add_argument("--settings", nargs="+", required=True, metavar="SIZE[,CLOSER,SHARE,SMALL_PX]")
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()

    samples = load_dataset(arguments.data, arguments.root).split(arguments.split)[:: arguments.every]
    detector = Detector(arguments.model, threads=arguments.threads)
    print(f"| {detector.model_name}, {len(samples)} photos | {' | '.join(HEADS)} |")
    print("|---" * (len(HEADS) + 1) + "|")
    chosen = {setting: with_setting(detector, setting) for setting in arguments.settings}
    if arguments.against:
        chosen = {arguments.against: Detector(arguments.against, threads=arguments.threads), **chosen}
    first: NDArray[np.float64] | None = None
    for name, each in chosen.items():
        rows = np.array([scores(each, samples, change) for change in CHANGES])
        first = rows if first is None else first
        print(f"| {name} | {' | '.join(cells(rows, rows - first))} |", flush=True)


if __name__ == "__main__":
    main()
