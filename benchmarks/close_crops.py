"""Measure a detector on close crops of one face each that have a label and no box.

    python benchmarks/close_crops.py LIST.txt --root DIR [--repository OWNER/NAME] [--models crowd,crowd-fast]

LIST.txt has one picture a line: repository, path in it, label, with tabs between; DIR holds a clone of
each. A crop counts as found where anything is shown at the model's own thresholds; its label is that of the
face that fills most of it. Our own check from outside is chandrikadeb7/Face-Mask-Detection, which no recipe
trains on.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter
from pathlib import Path

import numpy as np

from crowdmask import Detector
from crowdmask.detections import Detections
from crowdmask.errors import PictureError
from crowdmask.labels import LABELS

OUR_CHECK = "chandrikadeb7/Face-Mask-Detection"


def listed(path: Path, repository: str, every: int) -> list[tuple[str, str]]:
    """Return path and label of a repository's pictures, each so many of them."""
    rows = (line.split("\t") for line in path.read_text(encoding="utf-8").splitlines() if line.strip())
    return [(name, label) for owner_name, name, label in rows if owner_name == repository][::every]


def main_label(faces: Detections) -> str | None:
    """Return the label of the face that fills most of a crop, None where none was found."""
    if not len(faces):
        return None
    sides = faces.xyxy[:, 2:] - faces.xyxy[:, :2]
    return LABELS[int(faces.class_id[(np.sqrt(sides.prod(axis=1)) * faces.confidence).argmax()])]


def measure(detector: Detector, root: Path, pictures: list[tuple[str, str]]) -> dict[str, float]:
    """Return how many of the crops are found, and of the found ones of each label how many are right."""
    counts: Counter[tuple[str, str | None]] = Counter()
    for name, label in pictures:
        try:
            counts[label, main_label(detector.detect(root / name))] += 1
        except PictureError:
            continue
    total = sum(counts.values())
    missed = sum(n for (_, said), n in counts.items() if said is None)
    result = {"pictures": float(total), "found": 1 - missed / max(1, total)}
    for label in LABELS:
        found = sum(n for (given, said), n in counts.items() if given == label and said is not None)
        if found:
            result[f"{label} right"] = counts[label, label] / found
    return result


def main() -> None:
    """Print what each model reaches."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("list", type=Path)
    parser.add_argument("--root", type=Path, required=True, help="folder of the clones")
    parser.add_argument("--repository", default=OUR_CHECK)
    parser.add_argument("--models", default="crowd", help="names or paths with commas between")
    parser.add_argument("--every", type=int, default=1, help="take each so many of them")
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    pictures = listed(arguments.list, arguments.repository, arguments.every)
    root = arguments.root / arguments.repository.rpartition("/")[2]
    for model in arguments.models.split(","):
        detector = Detector(model, threads=arguments.threads, shares_cores=True)
        print(detector.model_name, json.dumps(measure(detector, root, pictures)), flush=True)


if __name__ == "__main__":
    main()
