"""VIA, the VGG Image Annotator: a project, or its export as JSON or CSV."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from crowdmask.data.formats.annotation import Annotation, RawBox
from crowdmask.data.formats.finding import below, beside, first_files, read_head, say_why
from crowdmask.data.problems import Problems, Reason

_HEAD = {"filename", "region_shape_attributes", "region_attributes"}
_CLASS = ("class", "label", "name", "type", "category")
_FAULTS = (KeyError, TypeError, ValueError, AttributeError)


def read_via(folder: Path, problems: Problems) -> Iterator[Annotation]:
    """Read VIA's ``*.json``, or ``*.csv`` if there is not JSON, beside the pictures or ``images``.

    Outlines are read as the box around them. The class is the region's only attribute, or the attribute
    named class, label, name, type or category.
    """
    lists = [path for path in sorted(folder.rglob("*.json")) if _pictures(path)]
    lists = lists or [path for path in sorted(folder.rglob("*.csv")) if _is_table(path)]
    if not lists:
        problems.add(folder, "no JSON or CSV of VIA in it")
    for path in lists:
        try:
            pictures = _pictures(path) if path.suffix == ".json" else _table(path)
        except (*_FAULTS, csv.Error, OSError) as error:
            problems.add(path, f"not readable as VIA ({say_why(error)})", Reason.BROKEN)
            continue
        for name, regions in pictures.items():
            boxes: list[RawBox] = []
            for region in regions:
                try:
                    boxes.append(_box_around(region))
                except _FAULTS as error:
                    why = f"a region of {name} is unusable ({say_why(error)})"
                    problems.add(path, why, Reason.UNUSABLE)
            lost = len(regions) - len(boxes)
            place = beside(folder, path, name)
            yield Annotation(place, tuple(boxes), unreadable=lost, listed_in=below(path, folder))


def recognise(folder: Path) -> bool:
    """Whether a folder holds a JSON or CSV file of VIA."""
    return any(map(_pictures, first_files(folder, "*.json"))) or any(
        map(_is_table, first_files(folder, "*.csv"))
    )


def _is_table(path: Path) -> bool:
    head = read_head(path).partition("\n")[0]
    return {word.strip(' "#\r') for word in head.split(",")} >= _HEAD


def _pictures(path: Path) -> dict[str, list[Any]]:
    """Return the regions of each picture of a JSON file; empty if it is not a file of VIA."""
    try:
        content = json.loads(path.read_text(encoding="utf-8-sig"))
    except (ValueError, OSError, RecursionError):
        return {}
    entries = content.get("_via_img_metadata", content) if isinstance(content, dict) else None
    found: dict[str, list[Any]] = {}
    for entry in entries.values() if isinstance(entries, dict) else ():
        if not isinstance(entry, dict) or not {"filename", "regions"} <= entry.keys():
            return {}
        regions = entry["regions"]
        # In the first version the regions are a mapping with numbers as keys.
        listed = list(regions.values()) if isinstance(regions, dict) else regions
        found.setdefault(str(entry["filename"]), []).extend(listed if isinstance(listed, list) else [listed])
    return found


def _table(path: Path) -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = {}
    with path.open(newline="", encoding="utf-8-sig", errors="replace") as file:
        for row in csv.DictReader(file):
            values = {str(key).lstrip("#"): value for key, value in row.items()}
            regions = found.setdefault(values["filename"], [])
            # A picture without regions has one row.
            if values.get("region_count") != "0":
                regions.append({key: values[f"region_{key}"] for key in ("shape_attributes", "attributes")})
    return found


def _box_around(region: dict[str, Any]) -> RawBox:
    drawn = region["shape_attributes"]
    attributes = region["region_attributes"] if "region_attributes" in region else region["attributes"]
    shape = json.loads(drawn) if isinstance(drawn, str) else drawn
    label = _label(json.loads(attributes) if isinstance(attributes, str) else attributes)
    kind = shape["name"]
    if kind == "rect":
        x, y, width, height = (float(shape[key]) for key in ("x", "y", "width", "height"))
        return RawBox(label, (x, y, x + width, y + height))
    if kind == "polygon":
        across, down = ([float(v) for v in shape[f"all_points_{axis}"]] for axis in "xy")
        return RawBox(label, (min(across), min(down), max(across), max(down)))
    if kind in ("circle", "ellipse"):
        x, y = float(shape["cx"]), float(shape["cy"])
        rx, ry = (float(shape[key if kind == "ellipse" else "r"]) for key in ("rx", "ry"))
        return RawBox(label, (x - rx, y - ry, x + rx, y + ry))
    raise ValueError(f"a {kind} is not a box")


def _label(attributes: dict[str, Any]) -> str:
    named = {str(key).strip().lower(): value for key, value in attributes.items()}
    values = list(named.values()) if len(named) == 1 else [named[key] for key in _CLASS if key in named]
    value = values[0] if values else None
    if isinstance(value, dict):  # of check boxes
        ticked = [key for key, on in value.items() if on]
        value = ticked[0] if len(ticked) == 1 else None
    if not isinstance(value, str) or not value.strip():
        raise ValueError("it names no class")
    return value.strip()
