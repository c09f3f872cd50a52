"""Lists of pictures with their boxes in one line or table: keras-yolo3 and keras-retinanet."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from pathlib import Path

from crowdmask.data.formats.annotation import PICTURE_SUFFIXES, Annotation, RawBox
from crowdmask.data.formats.finding import below, beside, find_files, first_files, read_head, say_why
from crowdmask.data.problems import Problems, Reason

_BOXES = r"(?:[ \t]+-?[\d.]+,-?[\d.]+,-?[\d.]+,-?[\d.]+,\d+)"
_LINE = re.compile(rf"(?P<name>\S.*?\.\w+)(?P<boxes>{_BOXES}+)\s*$")
_CLASSES = ("*classes*.txt", "*.names", "*labels*.txt")
_COLUMNS = 6


def read_keras(folder: Path, problems: Problems) -> Iterator[Annotation]:
    """Read ``path x1,y1,x2,y2,class ...`` lines, or headerless tables ``path,x1,y1,x2,y2,class``.

    A file with one name a line (``classes.txt``, ``*.names``) names the class numbers of the lines. A line or
    row with a picture alone says that it shows no face.
    """
    names = _class_names(folder)
    for path in find_files(folder, ("*.txt", "*.csv"), problems):
        if path.suffix.lower() == ".txt" and _is_list(path):
            yield from _lines(path, folder, names, problems)
        elif path.suffix.lower() == ".csv" and _is_table(path):
            yield from _rows(path, folder, problems)


def recognise(folder: Path) -> bool:
    """Whether a folder contains such a list or table."""
    return any(_is_list(path) for path in first_files(folder, "*.txt")) or any(
        _is_table(path) for path in first_files(folder, "*.csv")
    )


def _is_list(path: Path) -> bool:
    lines = [line for line in read_head(path).splitlines() if line.strip()][:20]
    return any(_LINE.match(line) for line in lines)


def _is_table(path: Path) -> bool:
    """Whether the first row that names a picture has four edges, or none, and a class after it."""
    for row in list(csv.reader(read_head(path).splitlines()))[:3]:
        if "xmin" in (cell.strip().lower() for cell in row):
            return False  # a table of boxes with our own columns
        if len(row) == _COLUMNS and Path(row[0].strip()).suffix.lower() in PICTURE_SUFFIXES:
            edges = [cell.strip() for cell in row[1:5]]
            return not any(edges) or all(re.fullmatch(r"-?\d+(\.\d+)?", edge) for edge in edges)
    return False


def _lines(path: Path, folder: Path, names: list[str], problems: Problems) -> Iterator[Annotation]:
    for number, line in enumerate(path.read_text("utf-8-sig", "replace").splitlines(), 1):
        text = line.strip()
        if not text:
            continue
        found = _LINE.match(text)
        boxes: list[RawBox] = []
        unreadable = 0
        if found is None and Path(text).suffix.lower() not in PICTURE_SUFFIXES:
            problems.add(f"{path}:{number}", "not a picture with boxes", Reason.UNUSABLE)
            continue
        for entry in found["boxes"].split() if found else ():
            *edges, label = entry.split(",")
            try:
                left, top, right, bottom = (float(edge) for edge in edges)
                kind = int(label)
                boxes.append(RawBox(names[kind] if kind < len(names) else label, (left, top, right, bottom)))
            except ValueError as error:
                unreadable += 1
                problems.add(f"{path}:{number}", f"not a box ({say_why(error)})", Reason.UNUSABLE)
        name = found["name"] if found else text
        place = beside(folder, path, name.replace("\\", "/"))
        yield Annotation(place, tuple(boxes), unreadable=unreadable, listed_in=below(path, folder))


def _rows(path: Path, folder: Path, problems: Problems) -> Iterator[Annotation]:
    boxes: dict[str, list[RawBox]] = {}
    unreadable: dict[str, int] = {}
    with path.open(newline="", encoding="utf-8-sig", errors="replace") as file:
        for number, row in enumerate(csv.reader(file), 1):
            name = row[0].strip() if row else ""
            if Path(name).suffix.lower() not in PICTURE_SUFFIXES:
                continue  # the header
            boxes.setdefault(name, [])
            cells = [cell.strip() for cell in row[1:]]
            if not any(cells):
                continue  # no face in it
            try:
                left, top, right, bottom = (float(cell) for cell in cells[:4])
                if len(cells) < _COLUMNS - 1 or not cells[4]:
                    raise ValueError("no label")
                boxes[name].append(RawBox(cells[4], (left, top, right, bottom)))
            except ValueError as error:
                unreadable[name] = unreadable.get(name, 0) + 1
                problems.add(f"{path}:{number}", f"not a box ({say_why(error)})", Reason.UNUSABLE)
    for name, found in boxes.items():
        place = beside(folder, path, name.replace("\\", "/"))
        yield Annotation(
            place, tuple(found), unreadable=unreadable.get(name, 0), listed_in=below(path, folder)
        )


def _class_names(folder: Path) -> list[str]:
    for pattern in _CLASSES:
        for path in sorted(folder.rglob(pattern)):
            lines = [line.strip() for line in read_head(path).splitlines()]
            if any(lines) and not _is_list(path):
                return [line for line in lines if line]
    return []
