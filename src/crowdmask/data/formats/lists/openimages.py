"""Open Images: one table of boxes for many pictures, in parts of their size."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from crowdmask.data.formats.annotation import Annotation, RawBox
from crowdmask.data.formats.finding import below, find_files, first_files, picture_for, read_head, say_why
from crowdmask.data.problems import Problems, Reason

_EDGES = ("XMin", "YMin", "XMax", "YMax")
_NEEDED = ("ImageID", "LabelName", *_EDGES)
_FOLDERS = ("images", "Images", "train", "validation", "test", ".")


def read_openimages(folder: Path, problems: Problems) -> Iterator[Annotation]:
    """Read tables with the columns ImageID, LabelName, XMin, XMax, YMin and YMax, in parts of the picture.

    Classes are named by the table ``class-descriptions*.csv``, if there is one: ``/m/...`` codes otherwise. A
    box of a group of faces (IsGroupOf) is a region that is not judged.
    """
    names = _class_names(folder)
    for path in find_files(folder, "*.csv", problems):
        if not _is_table(path):
            continue
        boxes: dict[str, list[RawBox]] = {}
        unreadable: Counter[str] = Counter()
        with path.open(newline="", encoding="utf-8-sig", errors="replace") as file:
            for number, row in enumerate(csv.DictReader(file), 2):
                name = (row.get("ImageID") or "").strip()
                try:
                    if not name:
                        raise ValueError("no picture's name")
                    box = _box(row, names)
                    boxes.setdefault(name, []).append(box)
                except (KeyError, TypeError, ValueError) as error:
                    problems.add(f"{path}:{number}", f"not a box ({say_why(error)})", Reason.UNUSABLE)
                    if name:
                        boxes.setdefault(name, [])
                        unreadable[name] += 1
        near = [path.parent, *(above / each for above in (path.parent, folder) for each in _FOLDERS)]
        for name, found in boxes.items():
            picture = picture_for(near, Path(name).stem, f"{name}.jpg")
            place = f"{name}.jpg" if picture is None else below(picture, folder)
            yield Annotation(
                place,
                tuple(found),
                relative=True,
                unreadable=unreadable[name],
                listed_in=below(path, folder),
            )


def recognise(folder: Path) -> bool:
    """Whether a folder contains such a table."""
    return any(_is_table(path) for path in first_files(folder, "*.csv"))


def _is_table(path: Path) -> bool:
    head = read_head(path).partition("\n")[0]
    return set(_NEEDED) <= {word.strip(' "\r') for word in head.split(",")}


def _box(row: dict[str, str], names: dict[str, str]) -> RawBox:
    label = (row["LabelName"] or "").strip()
    if not label:
        raise ValueError("no label")
    left, top, right, bottom = (float(row[edge]) for edge in _EDGES)
    return RawBox(
        names.get(label, label),
        (left, top, right, bottom),
        ignore=(row.get("IsGroupOf") or "0").strip() == "1",
    )


def _class_names(folder: Path) -> dict[str, str]:
    names: dict[str, str] = {}
    for path in sorted(folder.rglob("class-descriptions*.csv")):
        for row in csv.reader(read_head(path).splitlines()):
            if len(row) >= 2 and row[0].startswith("/m/"):
                names[row[0]] = row[1].strip()
    return names
