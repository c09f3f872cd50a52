"""COCO: one JSON file with all pictures, classes and boxes."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
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
from crowdmask.data.formats.item import Item, by_split, faces_of, place_by_split, write_text
from crowdmask.data.problems import Problems, Reason
from crowdmask.labels import LABELS

place_of = place_by_split
# Some programs write numbers as text.
_NO_CROWD = {"0", "0.0", "false", "no", ""}
_CROWD = {"1", "1.0", "true", "yes"}


def read_coco(folder: Path, problems: Problems) -> Iterator[Annotation]:
    """Read COCO: every ``*.json`` in ``annotations``, in the folder itself or in the folders in it.

    Photos are in ``images``, in the folder itself, beside the JSON or one folder deeper. Crowd boxes
    become ignored regions.
    """
    json_folder = first_folder(folder, ("annotations", "."))
    paths = sorted(json_folder.glob("*.json")) or sorted(json_folder.glob("*/*.json"))
    if not paths:
        problems.add(json_folder, "no *.json in it")
    images = first_folder(folder, ("images", "."))
    inner = [p for parent in (images, folder) for p in sorted(parent.iterdir()) if p.is_dir()]
    for path in paths:
        try:
            content = json.loads(path.read_text(encoding="utf-8-sig"))
            # A null or a list is not a name; converted to text it could even equal one of our classes.
            names = {c["id"]: str(c["name"]) for c in content["categories"] if _is_name(c["name"])}
            pictures: dict[object, str] = {}
            sizes: dict[object, tuple[float, float] | None] = {}
            for entry in content["images"]:
                name = str(entry["file_name"])
                sizes.setdefault(entry["id"], stated_size(entry.get("width"), entry.get("height")))
                if pictures.setdefault(entry["id"], name) != name:
                    why = f"{name} has the id {entry['id']!r} of {pictures[entry['id']]}, which counts"
                    problems.add(path, why, Reason.TWICE)
            items = list(content["annotations"])
        except (ValueError, KeyError, TypeError, OSError, RecursionError) as error:
            problems.add(path, f"not readable as COCO ({say_why(error)})", Reason.BROKEN)
            continue
        boxes: dict[object, list[RawBox]] = {key: [] for key in pictures}
        unreadable: Counter[object] = Counter()
        for number, item in enumerate(items, 1):
            key = None
            try:
                key = item["image_id"]
                if key not in boxes:
                    raise ValueError(f"there is no image of the id {key!r}")
                boxes[key].append(_coco_box(item, names))
            except (KeyError, TypeError, ValueError, AttributeError) as error:
                why = f"annotation {number} of {len(items)} is unusable ({say_why(error)})"
                problems.add(path, why, Reason.UNUSABLE)
                unreadable[str(key)] += 1
        for key, name in pictures.items():
            picture = named_picture((images, folder, path.parent, *inner), name)
            # A missing picture is reported by the caller, who knows whether all pictures of the list are
            # elsewhere.
            place = safe_relative(name).as_posix() if picture is None else below(picture, folder)
            lost = unreadable[str(key)]
            yield Annotation(
                place, tuple(boxes[key]), unreadable=lost, listed_in=below(path, folder), size=sizes[key]
            )


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
    return RawBox(names[item["category_id"]], (x, y, x + width, y + height), crowd in _CROWD)


def _is_name(name: object) -> bool:
    return isinstance(name, str | int | float) and not isinstance(name, bool) and bool(str(name).strip())


def write_coco(folder: Path, items: list[Item]) -> None:
    """Write ``annotations/instances_SPLIT.json``; photos lie in ``images/SPLIT``."""
    names = [*LABELS, *([IGNORE] if any(face.label is None for face in faces_of(items)) else [])]
    licences = sorted({item.photo.licence for item in items})
    for split, members in by_split(items).items():
        annotations: list[dict[str, object]] = []
        for number, item in enumerate(members, 1):
            for face in item.photo.faces or ():
                x1, y1, x2, y2 = face.box
                annotations.append(
                    {
                        "id": len(annotations) + 1,
                        "image_id": number,
                        "category_id": names.index(face.label or IGNORE) + 1,
                        "bbox": [x1, y1, x2 - x1, y2 - y1],
                        "area": (x2 - x1) * (y2 - y1),
                        "iscrowd": int(face.ignore),
                        "segmentation": [],
                    }
                )
        content = {
            "info": {"description": "written by crowdmask data export", "version": "1"},
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
