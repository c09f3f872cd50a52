"""Give boxes to crops of one face each that were published with a label and without a box.

    python tools/box_crops.py LIST.txt --root DIR --to DIR/boxes [--repository OWNER/NAME] [--model NAME]

LIST.txt has one picture a line: repository, path in it, label, with tabs between. DIR holds a clone of each
repository. Our own detector looks at each picture at several sizes, on a wider canvas and, where it finds
nothing, turned; the looks' boxes of one face are averaged. For each repository one table is written that
``format: csv`` reads: the listed label for the main face, ``ignore`` for further ones.
``disagreements.csv`` names the pictures where the detector found no face, or is sure of another label:
those are for the eye.
"""

from __future__ import annotations

import argparse
import csv
import math
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from crowdmask import Detector
from crowdmask.boxes import iou
from crowdmask.errors import PictureError
from crowdmask.labels import LABELS
from crowdmask.media.pictures import open_picture

COLUMNS = ("name", "label", "xmin", "ymin", "xmax", "ymax", "seen", "said", "confidence")
FAINTEST = 0.2
# Where the looks together are this sure of another label, somebody should look.
SURE = 0.6
PAD = 114


@dataclass(frozen=True)
class Look:
    """How a picture is shown: long side, part of the canvas that it fills, turn in degrees."""

    size: int
    fills: float
    turn: float = 0.0


LOOKS = (Look(224, 1.0), Look(320, 1.0), Look(320, 0.6))
TURNED = tuple(Look(320, 0.6, turn) for turn in (-25.0, 25.0))


@dataclass(frozen=True, eq=False)
class Faces:
    """Faces at one picture: boxes (N, 4), the mean score of each label (N, 3), looks that saw each."""

    xyxy: NDArray[np.float32]
    scores: NDArray[np.float32]
    seen: NDArray[np.int64]


def shown(image: Image.Image, look: Look) -> tuple[NDArray[np.uint8], float, tuple[float, float]]:
    """Return the canvas, canvas pixels for one of the picture, and where the picture's centre lies."""
    side = look.size
    scale = side * look.fills / max(image.size)
    small = image.resize(
        (max(1, round(image.width * scale)), max(1, round(image.height * scale))), Image.Resampling.BILINEAR
    )
    if look.fills == 1 and not look.turn:
        return np.asarray(small), scale, (small.width / 2, small.height / 2)
    canvas = Image.new("RGB", (side, side), (PAD, PAD, PAD))
    canvas.paste(small, ((side - small.width) // 2, (side - small.height) // 2))
    if look.turn:
        canvas = canvas.rotate(look.turn, Image.Resampling.BILINEAR, fillcolor=(PAD, PAD, PAD))
    return np.asarray(canvas), scale, (side / 2, side / 2)


def back(
    xyxy: NDArray[np.float32], turn: float, side: tuple[float, float], scale: float, size: tuple[int, int]
) -> NDArray[np.float32]:
    """Turn boxes on a canvas into boxes of the picture: their centres turned back, their sides kept."""
    middle = np.array(side)
    centre = (xyxy[:, :2] + xyxy[:, 2:]) / 2 - middle
    half = (xyxy[:, 2:] - xyxy[:, :2]) / 2
    angle = math.radians(turn)
    rotation = np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
    centre = centre @ rotation.T / scale + np.array(size) / 2
    boxes = np.concatenate([centre - half / scale, centre + half / scale], 1)
    return np.clip(boxes, 0, np.array([*size, *size])).astype(np.float32)


def faces(image: Image.Image, detectors: dict[int, Detector]) -> Faces:
    """Look several times, at last turned, and join what was seen of each face."""
    found: list[NDArray[np.float32]] = []
    for looks in (LOOKS, TURNED):
        for look in looks:
            pixels, scale, middle = shown(image, look)
            answer = detectors[look.size].detect(pixels)
            boxes = back(answer.xyxy, look.turn, middle, scale, image.size)
            scores = np.zeros((len(boxes), 3), np.float32)
            scores[np.arange(len(boxes)), answer.class_id] = answer.confidence
            found.append(np.concatenate([boxes, scores], 1))
        if any(len(each) for each in found):
            break
    return joined(np.concatenate(found))


def joined(rows: NDArray[np.float32]) -> Faces:
    """Group boxes, (N, 7) with their scores, that overlap by half with a surer one."""
    rest = rows[np.argsort(-rows[:, 4:].max(1, initial=0), kind="stable")]
    boxes, scores, seen = [], [], []
    while len(rest):
        mine = iou(rest[:1, :4], rest[:, :4])[0] >= 0.45
        group = rest[mine]
        weight = group[:, 4:].max(1)
        boxes.append((group[:, :4] * weight[:, None]).sum(0) / weight.sum())
        scores.append(group[:, 4:].mean(0))
        seen.append(len(group))
        rest = rest[~mine]
    return Faces(
        np.array(boxes, np.float32).reshape(-1, 4),
        np.array(scores, np.float32).reshape(-1, 3),
        np.array(seen, np.int64),
    )


def main_face(found: Faces) -> int:
    """Return the index of the face that the picture is of: large, sure and seen by several looks."""
    sides = found.xyxy[:, 2:] - found.xyxy[:, :2]
    return int((np.sqrt(sides.prod(1)) * found.scores.sum(1) * found.seen).argmax())


def rows_of(name: str, label: str, found: Faces) -> Iterator[dict[str, str]]:
    """Yield the table's rows of one picture, the main face first."""
    main = main_face(found)
    for index in [main, *(i for i in range(len(found.seen)) if i != main)]:
        if index != main and iou(found.xyxy[index][None], found.xyxy[main][None])[0, 0] > 0.3:
            continue
        edges = {key: f"{v:.1f}" for key, v in zip(COLUMNS[2:6], found.xyxy[index].tolist(), strict=True)}
        yield {
            "name": name,
            "label": label if index == main else "ignore",
            **edges,
            "seen": str(found.seen[index]),
            "said": LABELS[int(found.scores[index].argmax())],
            "confidence": f"{found.scores[index].max():.3f}",
        }


def read_list(path: Path, repository: str | None) -> dict[str, list[tuple[str, str]]]:
    """Return path and label of each listed picture, by repository."""
    listed: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.strip():
            owner_name, name, label = line.split("\t")
            if repository in (None, owner_name):
                listed[owner_name].append((name, label))
    return listed


def write_table(path: Path, rows: Sequence[dict[str, str]], columns: Sequence[str]) -> None:
    """Write rows under a temporary name, then rename it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + ".part")
    with part.open("w", newline="", encoding="utf-8") as file:
        table = csv.DictWriter(file, columns)
        table.writeheader()
        table.writerows(rows)
    part.replace(path)


def main() -> None:
    """Box the listed pictures."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("list", type=Path)
    parser.add_argument("--root", type=Path, required=True, help="folder of the clones")
    parser.add_argument("--to", type=Path, required=True, help="folder of the tables")
    parser.add_argument("--repository", help="this one only")
    parser.add_argument("--model", default="crowd-float")
    arguments = parser.parse_args()
    detectors = {
        size: Detector(arguments.model, confidence=FAINTEST, input_size=size, closer_look=False)
        for size in sorted({look.size for look in (*LOOKS, *TURNED)})
    }
    odd: list[dict[str, str]] = []
    for repository, listed in read_list(arguments.list, arguments.repository).items():
        clone = repository.rpartition("/")[2]
        rows: list[dict[str, str]] = []
        for name, label in listed:
            try:
                found = faces(open_picture(arguments.root / clone / name).image, detectors)
            except PictureError as error:
                odd.append({"repository": repository, "name": name, "label": label, "why": str(error)})
                continue
            if not len(found.seen):
                odd.append({"repository": repository, "name": name, "label": label, "why": "no face found"})
                continue
            rows += (mine := list(rows_of(name, label, found)))
            if mine[0]["said"] != label and float(mine[0]["confidence"]) >= SURE:
                why = f"looks {mine[0]['said']} ({mine[0]['confidence']})"
                odd.append({"repository": repository, "name": name, "label": label, "why": why})
        write_table(arguments.to / clone / "boxes.csv", rows, COLUMNS)
        print(
            f"{repository}: {len(listed)} pictures, {len({row['name'] for row in rows})} with a face",
            flush=True,
        )
        write_table(arguments.to / "disagreements.csv", odd, ("repository", "name", "label", "why"))


if __name__ == "__main__":
    main()
