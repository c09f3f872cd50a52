"""COCO: one JSON file with all pictures, classes and boxes."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from crowdmask.data.formats.annotation import Annotation, RawBox, stated_size
from crowdmask.data.formats.box_rules import IGNORE
from crowdmask.data.formats.finding import (
    below,
    first_files,
    first_folder,
    named_picture,
    safe_relative,
    say_why,
)
from crowdmask.data.formats.item import Item, by_split, faces_of, is_ignored, place_by_split, write_text
from crowdmask.data.problems import Problems, Reason
from crowdmask.labels import LABELS

place_of = place_by_split
# Some programs write numbers as text.
_NO_CROWD = {"0", "0.0", "false", "no", ""}
_CROWD = {"1", "1.0", "true", "yes"}
_LABEL_STUDIO = "Label Studio"


@dataclass
class _Lists:
    """What one file lists: the names of the classes and pictures by their ids, and the boxes as they are."""

    names: dict[object, str]
    pictures: dict[object, str]
    sizes: dict[object, tuple[float, float] | None]
    items: list[Any]
    info: dict[str, Any]


def read_coco(folder: Path, problems: Problems) -> Iterator[Annotation]:
    """Read COCO: every ``*.json`` in ``annotations``, in the folder itself or in the folders in it.

    Photos are in ``images``, in the folder itself, beside the JSON or one folder deeper. Crowd boxes
    become ignored regions. ``"origin": 1`` in ``info`` is our extension: left and top edges count from 1.
    """
    json_folder = first_folder(folder, ("annotations", "."))
    paths = sorted(json_folder.glob("*.json")) or sorted(json_folder.glob("*/*.json"))
    # COCO itself and Datumaro put captions, keypoints and others of the same pictures beside the boxes.
    paths = [path for path in paths if path.name.startswith("instances_")] or paths
    if not paths:
        problems.add(json_folder, "no *.json in it")
    images = first_folder(folder, ("images", "."))
    inner = [p for parent in (images, folder) for p in sorted(parent.iterdir()) if p.is_dir()]
    for path in paths:
        lists = _read_lists(path, problems)
        if lists is None:
            continue
        boxes, unreadable = _boxes(lists, path, problems)
        for key, older in _counting(lists).items():
            name = lists.pictures[key]
            picture = named_picture((images, folder, path.parent, *inner), name)
            # A missing picture is reported by the caller, who knows whether all pictures of the list are
            # elsewhere.
            place = safe_relative(name).as_posix() if picture is None else below(picture, folder)
            yield Annotation(
                place,
                tuple(boxes[key]),
                unreadable=unreadable[str(key)],
                listed_in=below(path, folder),
                size=lists.sizes[key],
                first_pixel=1 if lists.info.get("origin") == 1 else None,
                older=older,
            )


def _read_lists(path: Path, problems: Problems) -> _Lists | None:
    """Return a file's lists; None, and report a problem, if it cannot be read."""
    try:
        content = json.loads(path.read_text(encoding="utf-8-sig"))
        names = _names(content["categories"], path, problems)
        pictures: dict[object, str] = {}
        sizes: dict[object, tuple[float, float] | None] = {}
        for entry in content["images"]:
            name = str(entry["file_name"])
            sizes.setdefault(entry["id"], stated_size(entry.get("width"), entry.get("height")))
            if pictures.setdefault(entry["id"], name) != name:
                why = f"{name} has the id {entry['id']!r} of {pictures[entry['id']]}, which counts"
                problems.add(path, why, Reason.TWICE)
        info = content.get("info")
        items = list(content["annotations"])
    except (ValueError, KeyError, TypeError, OSError, RecursionError) as error:
        problems.add(path, f"not readable as COCO ({say_why(error)})", Reason.BROKEN)
        return None
    return _Lists(names, pictures, sizes, items, info if isinstance(info, dict) else {})


def _names(categories: list[dict[str, Any]], path: Path, problems: Problems) -> dict[object, str]:
    """Return the classes' names by id, without ids that two of them share."""
    names: dict[object, str] = {}
    shared = set()
    for category in categories:
        name = str(category["name"])
        if _is_name(category["name"]) and names.setdefault(category["id"], name) != name:
            shared.add(category["id"])
            why = (
                f"the id {category['id']!r} is that of the categories {names[category['id']]!r} and {name!r}"
            )
            problems.add(path, why, Reason.BROKEN)
    return {key: name for key, name in names.items() if key not in shared}


def _boxes(lists: _Lists, path: Path, problems: Problems) -> tuple[dict[object, list[RawBox]], Counter[str]]:
    """Return the boxes of each picture, and how many further ones cannot be read."""
    boxes: dict[object, list[RawBox]] = {key: [] for key in lists.pictures}
    unreadable: Counter[str] = Counter()
    for number, item in enumerate(lists.items, 1):
        key = None
        try:
            key = item["image_id"]
            if key not in boxes:
                raise ValueError(f"there is no image of the id {key!r}")
            boxes[key].append(_coco_box(item, lists.names))
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            why = f"annotation {number} of {len(lists.items)} is unusable ({say_why(error)})"
            problems.add(path, why, Reason.UNUSABLE)
            unreadable[str(key)] += 1
    return boxes, unreadable


def _counting(lists: _Lists) -> dict[object, int]:
    """Return the ids of the pictures that count, each with the number of its older annotations.

    Label Studio lists a task once for each of its annotations, the newest first; these are not faults.
    """
    if lists.info.get("contributor") != _LABEL_STUDIO:
        return dict.fromkeys(lists.pictures, 0)
    first: dict[str, object] = {}
    older: Counter[str] = Counter()
    for key, name in lists.pictures.items():
        if name in first:
            older[name] += 1
        else:
            first[name] = key
    return {key: older[name] for name, key in first.items()}


def recognise(folder: Path) -> bool:
    """Whether a folder holds a JSON file with COCO's three lists."""
    return any(_has_lists(path) for path in first_files(folder, "*.json"))


def _has_lists(path: Path) -> bool:
    try:
        content = json.loads(path.read_text(encoding="utf-8-sig"))
    except (ValueError, OSError, RecursionError):
        return False
    return isinstance(content, dict) and {"images", "annotations", "categories"} <= content.keys()


def _coco_box(item: dict[str, Any], names: dict[object, str]) -> RawBox:
    x, y, width, height = (float(v) for v in item["bbox"])
    if item["category_id"] not in names:
        raise ValueError(f"there is no category of the id {item['category_id']!r}")
    crowd = str(item.get("iscrowd") or 0).strip().lower()
    if crowd not in _NO_CROWD | _CROWD:
        raise ValueError(f"its iscrowd is {item['iscrowd']!r}")
    attributes = item.get("attributes")
    marked = isinstance(attributes, dict) and is_ignored(attributes)
    return RawBox(names[item["category_id"]], (x, y, x + width, y + height), marked or crowd in _CROWD)


def _is_name(name: object) -> bool:
    # A null or a list is not a name; converted to text it could even equal one of our classes.
    return isinstance(name, str | int | float) and not isinstance(name, bool) and bool(str(name).strip())


def write_coco(folder: Path, items: list[Item]) -> None:
    """Write ``annotations/instances_SPLIT.json``; photos lie in ``images/SPLIT``."""
    names = [*LABELS, *([IGNORE] if any(face.label is None for face in faces_of(items)) else [])]
    licences = sorted({item.photo.licence for item in items})
    origin = {"origin": 1} if any(item.first_pixel for item in items) else {}
    for split, members in by_split(items).items():
        annotations: list[dict[str, object]] = []
        for number, item in enumerate(members, 1):
            for face in item.photo.faces or ():
                x1, y1, x2, y2 = item.edges_of(face)
                annotations.append(
                    {
                        "id": len(annotations) + 1,
                        "image_id": number,
                        "category_id": names.index(face.label or IGNORE) + 1,
                        "bbox": [x1, y1, x2 - x1, y2 - y1],
                        "area": (x2 - x1) * (y2 - y1),
                        "iscrowd": int(face.ignore),
                        "segmentation": [],
                        **({"attributes": {IGNORE: True}} if face.ignore else {}),
                    }
                )
        content = {
            "info": {"description": "written by crowdmask data export", "version": "1", **origin},
            "licenses": [{"id": i, "name": name, "url": ""} for i, name in enumerate(licences, 1)],
            "categories": [
                {"id": i, "name": name, "supercategory": "face"} for i, name in enumerate(names, 1)
            ],
            "images": [
                {
                    "id": number,
                    "file_name": item.name,
                    "width": item.photo.width,
                    "height": item.photo.height,
                    "license": licences.index(item.photo.licence) + 1,
                    "coco_url": item.photo.url or "",
                }
                for number, item in enumerate(members, 1)
            ],
            "annotations": annotations,
        }
        write_text(folder / "annotations" / f"instances_{split}.json", json.dumps(content))
