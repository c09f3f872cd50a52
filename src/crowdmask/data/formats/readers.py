"""Readers of annotation formats: every one yields the same `Annotation` values.

Nothing is corrected here; what cannot be read is reported by name, never passed over in silence.
"""

from __future__ import annotations

import csv
import json
import xml.etree.ElementTree as ElementTree
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from crowdmask.data.formats.annotation import (
    PICTURE_SUFFIXES,
    Annotation,
    RawBox,
    Reader,
    find_files,
    first_folder,
    named_picture,
    picture_for,
    safe_relative,
    say_why,
)
from crowdmask.data.problems import Problems, Reason

MAX_XML_BYTES = 20_000_000
"""An annotation of one picture with more is not read."""


def read_voc(folder: Path, problems: Problems) -> Iterator[Annotation]:
    """Read Pascal VOC: ``annotations/*.xml`` (or ``Annotations``) beside ``images`` (or ``JPEGImages``).

    Folders below these are read too (``train/annotations`` beside ``train/images``), and so is a folder
    with both kinds of files side by side. ``<ignore>1</ignore>`` in an object is ours: a region that is
    not judged; ``difficult`` is not read, since annotation tools set it freely.
    """
    xml_folder = first_folder(folder, ("annotations", "Annotations", "."))
    picture_folder = first_folder(folder, ("images", "JPEGImages", "."))
    for path in find_files(xml_folder, "*.xml", problems):
        try:
            if path.stat().st_size > MAX_XML_BYTES:
                problems.add(path, f"more than {MAX_XML_BYTES:,} bytes of XML for one picture", Reason.BROKEN)
                continue
            text = path.read_text(encoding="utf-8", errors="replace")
            if "<!ENTITY" in text:
                # An entity bomb grows to gigabytes while it is parsed; no annotation needs one.
                problems.add(path, "declares XML entities; refused", Reason.ENTITIES)
                continue
            root = ElementTree.fromstring(text)
        except (ElementTree.ParseError, ValueError, OSError) as error:
            problems.add(path, f"not readable as XML ({error})", Reason.BROKEN)
            continue
        boxes, unreadable = [], 0
        for item in root.iter("object"):
            try:
                edges = [float(_text(item, f"bndbox/{edge}")) for edge in ("xmin", "ymin", "xmax", "ymax")]
                ignore = (item.findtext("ignore") or "").strip() == "1"
                boxes.append(RawBox(_text(item, "name"), (edges[0], edges[1], edges[2], edges[3]), ignore))
            except ValueError as error:
                problems.add(path, f"an object without a usable box or name ({error})", Reason.UNUSABLE)
                unreadable += 1
        mirrored = picture_folder / path.parent.relative_to(xml_folder)
        beside = (path.parent.parent / name for name in ("images", "JPEGImages"))
        places = (mirrored, path.parent, picture_folder, *beside)
        picture = picture_for(places, path.stem, root.findtext("filename"))
        if picture is None:
            problems.add(path, "its picture is missing", Reason.NO_PICTURE)
            continue
        yield Annotation(_relative(picture, folder), tuple(boxes), unreadable=unreadable)


def read_yolo(folder: Path, problems: Problems) -> Iterator[Annotation]:
    """Read YOLO: ``labels/*.txt`` beside ``images``, class names in ``classes.txt``,
    ``*.names`` or ``data.yaml``.

    Folders below these are read too (``labels/train`` or ``train/labels``), and so is a folder with both
    kinds of files side by side. Without names the classes are called by their numbers.
    """
    label_folder = first_folder(folder, ("labels", "."))
    picture_folder = first_folder(folder, ("images", "."))
    names = _yolo_names(folder, label_folder, problems)
    for path in find_files(label_folder, "*.txt", problems):
        if path.name == "classes.txt":
            continue
        mirrored = folder.joinpath(*_last_replaced(path.parent.relative_to(folder).parts, "labels", "images"))
        picture = picture_for((mirrored, path.parent, picture_folder), path.stem, None)
        if picture is None:
            problems.add(path, "its picture is missing", Reason.NO_PICTURE)
            continue
        try:
            lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
        except OSError as error:
            problems.add(path, f"not readable ({error.strerror})", Reason.BROKEN)
            continue
        boxes, unreadable = [], 0
        for number, line in enumerate(lines, 1):
            if not line.strip():
                continue
            try:
                boxes.append(_yolo_box(line.split(), names))
            except (ValueError, OverflowError):
                why = "not 'class cx cy width height', in parts of the picture"
                problems.add(f"{path}:{number}", why, Reason.UNUSABLE)
                unreadable += 1
        yield Annotation(_relative(picture, folder), tuple(boxes), relative=True, unreadable=unreadable)


def _yolo_box(words: list[str], names: dict[int, str]) -> RawBox:
    # A sixth value is a confidence; more are the corners of an outline, which is no box.
    if len(words) not in (5, 6):
        raise ValueError("wrong number of values")
    index = int(words[0]) if words[0].isdecimal() else float(words[0])
    cx, cy, width, height = (float(v) for v in words[1:5])
    # Edges a little outside are rounding; far outside they are pixels.
    if index < 0 or index != int(index) or max(abs(cx), abs(cy), abs(width), abs(height)) > 2:
        raise ValueError("values out of range")
    edges = (cx - width / 2, cy - height / 2, cx + width / 2, cy + height / 2)
    return RawBox(names.get(int(index), str(int(index))), edges)


def _yolo_names(folder: Path, label_folder: Path, problems: Problems) -> dict[int, str]:
    for path in (folder / "classes.txt", label_folder / "classes.txt", *sorted(folder.glob("*.names"))):
        if path.is_file():
            lines = path.read_text(encoding="utf-8-sig", errors="replace").splitlines()
            return {i: line.strip() for i, line in enumerate(lines) if line.strip()}
    for path in (folder / "data.yaml", folder / "dataset.yaml"):
        if not path.is_file():
            continue
        try:
            names = yaml.safe_load(path.read_text(encoding="utf-8"))["names"]
            pairs = list(names.items() if isinstance(names, dict) else enumerate(names))
            # Aliases of YAML can make a small nested value endless once it is written out.
            if any(not isinstance(name, (str, int, float)) for _, name in pairs):
                raise ValueError("a name that is no text")
            return {int(i): str(name) for i, name in pairs}
        except (yaml.YAMLError, OSError, ValueError, KeyError, TypeError) as error:
            problems.add(path, f"has no class names ({error!r})", Reason.BROKEN)
    return {}


def read_coco(folder: Path, problems: Problems) -> Iterator[Annotation]:
    """Read COCO: every ``*.json`` in ``annotations``, in the folder itself or in the folders in it.

    Photos lie in ``images``, in the folder itself, beside the JSON or one folder further down. Crowd
    boxes become ignored regions.
    """
    json_folder = first_folder(folder, ("annotations", "."))
    paths = sorted(json_folder.glob("*.json")) or sorted(json_folder.glob("*/*.json"))
    if not paths:
        problems.add(json_folder, "no *.json in it")
    images = first_folder(folder, ("images", "."))
    below = [p for parent in (images, folder) for p in sorted(parent.iterdir()) if p.is_dir()]
    for path in paths:
        try:
            content = json.loads(path.read_text(encoding="utf-8-sig"))
            names = {c["id"]: str(c["name"]) for c in content["categories"]}
            pictures: dict[object, str] = {}
            for entry in content["images"]:
                name = str(entry["file_name"])
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
            picture = named_picture((images, folder, path.parent, *below), name)
            # A missing one is reported by who asks for it, who knows whether its whole list lies elsewhere.
            place = safe_relative(name).as_posix() if picture is None else _relative(picture, folder)
            lost = unreadable[str(key)]
            yield Annotation(place, tuple(boxes[key]), unreadable=lost, listed_in=_relative(path, folder))


def _coco_box(item: dict[str, Any], names: dict[object, str]) -> RawBox:
    x, y, width, height = (float(v) for v in item["bbox"])
    if item["category_id"] not in names:
        raise ValueError(f"there is no category of the id {item['category_id']!r}")
    return RawBox(names[item["category_id"]], (x, y, x + width, y + height), bool(item.get("iscrowd", 0)))


def read_wider(folder: Path, problems: Problems) -> Iterator[Annotation]:
    """Read WIDER FACE: one ``*bbx_gt.txt`` for all pictures below ``images``.

    Faces marked invalid, narrower than 5 px or lower than 6 px become ignored regions, as none of
    them could be judged by a person either.
    """
    for path in find_files(folder, "*bbx_gt.txt", problems):
        try:
            lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
        except OSError as error:
            problems.add(path, f"not readable ({error.strerror})", Reason.BROKEN)
            continue
        at = 0
        while at < len(lines):
            start, name = at, lines[at].strip()
            at += 1
            if not name:
                continue
            rows: list[str] = []
            # The next picture's name ends an entry, whatever its count says: a broken one spoils no other.
            while at < len(lines) and not _names_picture(lines[at]):
                if lines[at].strip():
                    rows.append(lines[at])
                at += 1
            try:
                boxes = _wider_boxes(name, rows)
            except (ValueError, IndexError) as error:
                problems.add(f"{path}:{start + 1}", f"not a WIDER FACE entry ({error})", Reason.BROKEN)
                continue
            yield Annotation(name, boxes, listed_in=_relative(path, folder))


def _wider_boxes(name: str, rows: list[str]) -> tuple[RawBox, ...]:
    if not _names_picture(name):
        raise ValueError("no picture's name")
    count = int(rows[0])
    # A picture without faces still has one line of zeros after its count.
    if count < 0 or (len(rows) - 1 != max(1, count) and not (count == 0 and len(rows) == 1)):
        raise ValueError(f"{len(rows) - 1} boxes instead of {count}")
    return tuple(_wider_box([int(v) for v in row.split()]) for row in rows[1 : 1 + count])


def _wider_box(row: list[int]) -> RawBox:
    x, y, width, height = row[:4]
    invalid = len(row) > 7 and row[7] == 1
    return RawBox("face", (x, y, x + width, y + height), invalid or width < 5 or height < 6)


_EDGES = ("xmin", "ymin", "xmax", "ymax")


def read_csv(folder: Path, problems: Problems) -> Iterator[Annotation]:
    """Read a table with one box a row: a name, xmin, ymin, xmax, ymax and maybe a label column."""
    for path in find_files(folder, "*.csv", problems):
        boxes: dict[str, list[RawBox]] = {}
        unreadable: Counter[str] = Counter()
        try:
            with path.open(newline="", encoding="utf-8-sig", errors="replace") as file:
                table = csv.DictReader(file)
                missing = {*_EDGES} - {str(column).lower() for column in table.fieldnames or ()}
                if missing:
                    # Other tables often lie beside that of the boxes; one line for each is enough.
                    why = f"no table of boxes: it lacks the column {min(missing)}"
                    problems.add(path, why, Reason.BROKEN)
                    continue
                for number, row in enumerate(table, 2):
                    values = {str(k).lower(): v for k, v in row.items()}
                    name = values.get("name") or values.get("filename") or values.get("image")
                    label = values.get("label") or values.get("class") or "face"
                    try:
                        if not name:
                            raise ValueError("no picture's name")
                        # A short row has no value there.
                        edges = [float(values[edge] or "") for edge in _EDGES]
                        box = RawBox(label, (edges[0], edges[1], edges[2], edges[3]))
                        boxes.setdefault(name, []).append(box)
                    except (KeyError, TypeError, ValueError) as error:
                        problems.add(f"{path}:{number}", f"not a box ({say_why(error)})", Reason.UNUSABLE)
                        if name:
                            boxes.setdefault(name, [])
                            unreadable[name] += 1
        except (csv.Error, OSError) as error:
            problems.add(path, f"not readable as a table ({error})", Reason.BROKEN)
        for name, items in boxes.items():
            lost = unreadable[name]
            yield Annotation(name, tuple(items), unreadable=lost, listed_in=_relative(path, folder))


READERS: dict[str, Reader] = {
    "voc": read_voc,
    "yolo": read_yolo,
    "coco": read_coco,
    "wider": read_wider,
    "csv": read_csv,
}


def _last_replaced(parts: tuple[str, ...], old: str, new: str) -> list[str]:
    replaced = list(parts)
    if old in parts:
        replaced[len(parts) - 1 - parts[::-1].index(old)] = new
    return replaced


def _text(item: ElementTree.Element, path: str) -> str:
    value = item.findtext(path)
    if value is None or not value.strip():
        raise ValueError(f"no {path}")
    return value.strip()


def _names_picture(line: str) -> bool:
    return line.strip().lower().endswith(PICTURE_SUFFIXES)


def _relative(path: Path, folder: Path) -> str:
    return path.relative_to(folder).as_posix()
