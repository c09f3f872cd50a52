"""Humans in the Loop: one JSON file for each picture, with boxes of faces and of what they wear."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from crowdmask.data.formats.annotation import Annotation, RawBox
from crowdmask.data.formats.finding import below, find_files, first_files, picture_for, say_why
from crowdmask.data.problems import Problems, Reason

_KEYS = {"FileName", "Annotations"}
_FOLDERS = ("images", "Images", "JPEGImages", ".")


def read_humans_loop(folder: Path, problems: Problems) -> Iterator[Annotation]:
    """Read ``NAME.jpg.json`` files, as in the medical mask set of Humans in the Loop.

    Only classes that begin with "face" are faces; masks, glasses and hats are boxes of their own there.
    """
    for path in find_files(folder, "*.json", problems):
        try:
            content = json.loads(path.read_text(encoding="utf-8-sig"))
            if not content.keys() >= _KEYS:
                raise ValueError("no FileName and Annotations")
            entries = list(content["Annotations"])
            named = str(content["FileName"])
        except (ValueError, KeyError, TypeError, AttributeError, OSError, RecursionError) as error:
            problems.add(
                path, f"not readable as annotations of Humans in the Loop ({say_why(error)})", Reason.BROKEN
            )
            continue
        boxes: list[RawBox] = []
        unreadable = 0
        for number, entry in enumerate(entries, 1):
            try:
                box = _box(entry)
            except (KeyError, TypeError, ValueError, AttributeError) as error:
                unreadable += 1
                why = f"entry {number} of {len(entries)} is unusable ({say_why(error)})"
                problems.add(path, why, Reason.UNUSABLE)
                continue
            if box is not None:
                boxes.append(box)
        near = (path.parent, *(above / name for above in (path.parent.parent, folder) for name in _FOLDERS))
        stem = Path(path.stem).stem  # of a.jpg.json
        picture = picture_for((place for place in near if place.is_relative_to(folder)), stem, named)
        place = below(path.parent / named, folder) if picture is None else below(picture, folder)
        yield Annotation(place, tuple(boxes), unreadable=unreadable)


def recognise(folder: Path) -> bool:
    """Whether a folder contains such a file."""
    return any(_fits(path) for path in first_files(folder, "*.json"))


def _fits(path: Path) -> bool:
    try:
        content = json.loads(path.read_text(encoding="utf-8-sig"))
    except (ValueError, OSError, RecursionError):
        return False
    return isinstance(content, dict) and content.keys() >= _KEYS


def _box(entry: dict[str, Any]) -> RawBox | None:
    label = str(entry["classname"]).strip()
    if not label:
        raise ValueError("it has no class")
    if not label.lower().startswith("face"):
        return None
    left, top, right, bottom = (float(edge) for edge in entry["BoundingBox"])
    return RawBox(label, (left, top, right, bottom))
