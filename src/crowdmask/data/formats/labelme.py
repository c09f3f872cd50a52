"""LabelMe: one JSON file for each picture, with its shapes."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from crowdmask.data.formats.annotation import Annotation, RawBox, stated_size
from crowdmask.data.formats.finding import below, find_files, first_files, picture_for, say_why
from crowdmask.data.problems import Problems, Reason

_OUTLINES = ("rectangle", "polygon", "rotation")


def read_labelme(folder: Path, problems: Problems) -> Iterator[Annotation]:
    """Read LabelMe: one ``*.json`` for each picture, beside it or in a folder beside the pictures' folder.

    Outlines are read as the box around them; points, lines and brush masks are not boxes.
    """
    for path in find_files(folder, "*.json", problems):
        try:
            content = json.loads(path.read_text(encoding="utf-8-sig"))
            shapes = list(content["shapes"])
            named = str(content.get("imagePath") or "")
            size = stated_size(content.get("imageWidth"), content.get("imageHeight"))
        except (ValueError, KeyError, TypeError, AttributeError, OSError, RecursionError) as error:
            problems.add(path, f"not readable as LabelMe ({say_why(error)})", Reason.BROKEN)
            continue
        boxes: list[RawBox] = []
        for number, shape in enumerate(shapes, 1):
            try:
                boxes.append(_box_around(shape))
            except (KeyError, TypeError, ValueError, AttributeError) as error:
                why = f"shape {number} of {len(shapes)} is unusable ({say_why(error)})"
                problems.add(path, why, Reason.UNUSABLE)
        near = (path.parent, *(above / name for above in (path.parent.parent, folder) for name in _IMAGES))
        picture = picture_for((place for place in near if place.is_relative_to(folder)), path.stem, named)
        place = below(path.with_suffix(".jpg") if picture is None else picture, folder)
        yield Annotation(place, tuple(boxes), unreadable=len(shapes) - len(boxes), size=size)


_IMAGES = ("images", "Images", "JPEGImages", ".")


def recognise(folder: Path) -> bool:
    """Whether a folder holds a JSON file with the shapes of one picture."""
    return any(_has_shapes(path) for path in first_files(folder, "*.json"))


def _has_shapes(path: Path) -> bool:
    try:
        content = json.loads(path.read_text(encoding="utf-8-sig"))
    except (ValueError, OSError, RecursionError):
        return False
    return isinstance(content, dict) and {"shapes", "imagePath"} <= content.keys()


def _box_around(shape: dict[str, Any]) -> RawBox:
    label = shape["label"]
    if not isinstance(label, str) or not label.strip():
        raise ValueError("it has no label")
    points = [(float(x), float(y)) for x, y in shape["points"]]
    kind = shape.get("shape_type") or "polygon"
    if kind == "circle" and len(points) == 2:
        (x, y), edge = points
        radius = math.dist((x, y), edge)
        return RawBox(label, (x - radius, y - radius, x + radius, y + radius))
    if kind not in _OUTLINES or len(points) < 2:
        raise ValueError(f"a {kind} of {len(points)} points is not a box")
    across, down = zip(*points, strict=True)
    return RawBox(label, (min(across), min(down), max(across), max(down)))
