"""CreateML: JSON lists of pictures, with boxes given by their centre."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from crowdmask.data.formats.annotation import Annotation, RawBox
from crowdmask.data.formats.finding import below, beside, find_files, first_files, say_why
from crowdmask.data.problems import Problems, Reason


def read_createml(folder: Path, problems: Problems) -> Iterator[Annotation]:
    """Read CreateML: ``*.json`` lists of pictures, each list beside its pictures or beside ``images``."""
    for path in find_files(folder, "*.json", problems):
        try:
            entries = json.loads(path.read_text(encoding="utf-8-sig"))
            if not isinstance(entries, list):
                raise ValueError("no list of pictures")
        except (ValueError, OSError, RecursionError) as error:
            problems.add(path, f"not readable as CreateML ({say_why(error)})", Reason.BROKEN)
            continue
        for number, entry in enumerate(entries, 1):
            where = f"picture {number} of {len(entries)}"
            try:
                name, items = _name_of(entry), list(entry["annotations"])
            except (KeyError, TypeError, ValueError) as error:
                problems.add(path, f"{where} is unusable ({say_why(error)})", Reason.UNUSABLE)
                continue
            boxes: list[RawBox] = []
            for item in items:
                try:
                    boxes.append(_box_around_centre(item))
                except (KeyError, TypeError, ValueError, AttributeError) as error:
                    why = f"a box of {where}, {name}, is unusable ({say_why(error)})"
                    problems.add(path, why, Reason.UNUSABLE)
            yield Annotation(
                beside(folder, path, name),
                tuple(boxes),
                unreadable=len(items) - len(boxes),
                listed_in=below(path, folder),
            )


def recognise(folder: Path) -> bool:
    """Whether a folder holds a JSON list of pictures with annotations."""
    return any(_lists_pictures(path) for path in first_files(folder, "*.json"))


def _lists_pictures(path: Path) -> bool:
    try:
        content = json.loads(path.read_text(encoding="utf-8-sig"))
    except (ValueError, OSError, RecursionError):
        return False
    if not isinstance(content, list) or not content or not isinstance(content[0], dict):
        return False
    return "annotations" in content[0] and bool({"image", "imagefilename"} & content[0].keys())


def _name_of(entry: dict[str, Any]) -> str:
    name = entry.get("image") or entry.get("imagefilename") if isinstance(entry, dict) else None
    if not isinstance(name, str):
        raise ValueError("no picture's name")
    return name


def _box_around_centre(item: dict[str, Any]) -> RawBox:
    label = item["label"]
    if not isinstance(label, str) or not label.strip():
        raise ValueError("it has no label")
    x, y, width, height = (float(item["coordinates"][key]) for key in ("x", "y", "width", "height"))
    return RawBox(label, (x - width / 2, y - height / 2, x + width / 2, y + height / 2))
