"""Readers of annotation formats: every one yields the same `Annotation` values.

Nothing is corrected here; what cannot be read is reported by name, never passed over in silence.
"""

from __future__ import annotations

import csv
import json
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

PICTURE_SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff")


@dataclass(frozen=True)
class RawBox:
    """One box as published: a label's own name and xyxy, in pixels or in parts of the picture."""

    label: str
    xyxy: tuple[float, float, float, float]
    ignore: bool = False


@dataclass(frozen=True)
class Annotation:
    """All boxes of one picture as published.

    Attributes:
        picture: path relative to the source's folder.
        boxes: as in the file.
        relative: the boxes are parts of the width and height (YOLO), not pixels.
    """

    picture: str
    boxes: tuple[RawBox, ...]
    relative: bool = False


@dataclass
class Problems:
    """What could not be read, each as ``where: why``."""

    lines: list[str] = field(default_factory=list)

    def add(self, where: object, why: str) -> None:
        """Note one problem."""
        self.lines.append(f"{where}: {why}")

    def __len__(self) -> int:
        return len(self.lines)


Reader = Callable[[Path, Problems], Iterator[Annotation]]


def read_voc(folder: Path, problems: Problems) -> Iterator[Annotation]:
    """Read Pascal VOC: ``annotations/*.xml`` (or ``Annotations``) beside ``images`` (or ``JPEGImages``)."""
    xml_folder = _first_folder(folder, ("annotations", "Annotations", "."))
    picture_folder = _first_folder(folder, ("images", "JPEGImages", "."))
    for path in sorted(xml_folder.glob("*.xml")):
        try:
            text = path.read_text(encoding="utf-8", errors="replace")
            if "<!ENTITY" in text:
                # An entity bomb grows to gigabytes while it is parsed; no annotation needs one.
                problems.add(path, "declares XML entities; refused")
                continue
            root = ElementTree.fromstring(text)
        except (ElementTree.ParseError, OSError) as error:
            problems.add(path, f"not readable as XML ({error})")
            continue
        boxes = []
        for item in root.iter("object"):
            try:
                edges = [float(_text(item, f"bndbox/{edge}")) for edge in ("xmin", "ymin", "xmax", "ymax")]
                boxes.append(RawBox(_text(item, "name"), (edges[0], edges[1], edges[2], edges[3])))
            except ValueError as error:
                problems.add(path, f"an object without a usable box or name ({error})")
        picture = _picture_for(picture_folder, path.stem, root.findtext("filename"))
        if picture is None:
            problems.add(path, "its picture is missing")
            continue
        yield Annotation(_relative(picture, folder), tuple(boxes))


def read_yolo(folder: Path, problems: Problems) -> Iterator[Annotation]:
    """Read YOLO: ``labels/*.txt`` beside ``images``, class names in ``classes.txt``."""
    label_folder = _first_folder(folder, ("labels", "."))
    picture_folder = _first_folder(folder, ("images", "."))
    names_file = next((p for p in (folder / "classes.txt", label_folder / "classes.txt") if p.is_file()), None)
    names = names_file.read_text(encoding="utf-8").split("\n") if names_file else []
    names = [name.strip() for name in names if name.strip()]
    for path in sorted(label_folder.glob("*.txt")):
        if path.name == "classes.txt":
            continue
        boxes = []
        for number, line in enumerate(path.read_text(encoding="utf-8", errors="replace").splitlines(), 1):
            if not line.strip():
                continue
            try:
                index, cx, cy, width, height = (float(v) for v in line.split()[:5])
            except ValueError:
                problems.add(f"{path}:{number}", "not 'class cx cy width height'")
                continue
            label = names[int(index)] if 0 <= index < len(names) else str(int(index))
            xyxy = (cx - width / 2, cy - height / 2, cx + width / 2, cy + height / 2)
            boxes.append(RawBox(label, xyxy))
        picture = _picture_for(picture_folder, path.stem, None)
        if picture is None:
            problems.add(path, "its picture is missing")
            continue
        yield Annotation(_relative(picture, folder), tuple(boxes), relative=True)


def read_coco(folder: Path, problems: Problems) -> Iterator[Annotation]:
    """Read COCO: every ``*.json`` in ``annotations`` or the folder itself; crowd boxes are ignored regions."""
    json_folder = _first_folder(folder, ("annotations", "."))
    picture_folder = _first_folder(folder, ("images", "."))
    for path in sorted(json_folder.glob("*.json")):
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
            names = {c["id"]: str(c["name"]) for c in content["categories"]}
            pictures = {p["id"]: str(p["file_name"]) for p in content["images"]}
            items = content["annotations"]
        except (ValueError, KeyError, TypeError, OSError) as error:
            problems.add(path, f"not readable as COCO ({error!r})")
            continue
        boxes: dict[object, list[RawBox]] = {key: [] for key in pictures}
        for item in items:
            try:
                x, y, width, height = (float(v) for v in item["bbox"])
                box = RawBox(
                    names[item["category_id"]], (x, y, x + width, y + height), bool(item.get("iscrowd", 0))
                )
                boxes[item["image_id"]].append(box)
            except (KeyError, TypeError, ValueError) as error:
                problems.add(path, f"annotation {item.get('id', '?')} is unusable ({error!r})")
        for key, name in pictures.items():
            picture = picture_folder / name
            if not picture.is_file():
                problems.add(path, f"the picture {name} is missing")
                continue
            yield Annotation(_relative(picture, folder), tuple(boxes[key]))


def read_wider(folder: Path, problems: Problems) -> Iterator[Annotation]:
    """Read WIDER FACE: one ``*bbx_gt.txt`` for all pictures below ``images``.

    Faces marked invalid, narrower than 5 px or lower than 6 px become ignored regions, as none of
    them could be judged by a person either.
    """
    lists = sorted(folder.rglob("*bbx_gt.txt"))
    if not lists:
        problems.add(folder, "no file that ends in bbx_gt.txt")
    for path in lists:
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
        at = 0
        while at + 1 < len(lines):
            name = lines[at].strip()
            try:
                # A picture without faces still has one line of zeros after its count.
                count = int(lines[at + 1])
                rows = [[int(v) for v in line.split()] for line in lines[at + 2 : at + 2 + max(1, count)]]
                boxes = tuple(_wider_box(row) for row in rows[:count])
            except (ValueError, IndexError) as error:
                problems.add(f"{path}:{at + 1}", f"not a WIDER FACE entry ({error})")
                return
            at += 2 + max(1, count)
            yield Annotation(name, boxes)


def _wider_box(row: list[int]) -> RawBox:
    x, y, width, height = row[:4]
    invalid = len(row) > 7 and row[7] == 1
    return RawBox("face", (x, y, x + width, y + height), invalid or width < 5 or height < 6)


def read_csv(folder: Path, problems: Problems) -> Iterator[Annotation]:
    """Read a table with one box a row: a name, xmin, ymin, xmax, ymax and maybe a label column."""
    for path in sorted(folder.glob("*.csv")):
        boxes: dict[str, list[RawBox]] = {}
        with path.open(newline="", encoding="utf-8") as file:
            for number, row in enumerate(csv.DictReader(file), 2):
                values = {str(k).lower(): v for k, v in row.items()}
                name = values.get("name") or values.get("filename") or values.get("image")
                label = values.get("label") or values.get("class") or "face"
                try:
                    if not name:
                        raise ValueError("no picture's name")
                    edges = [float(values[edge]) for edge in ("xmin", "ymin", "xmax", "ymax")]
                    boxes.setdefault(name, []).append(RawBox(label, (edges[0], edges[1], edges[2], edges[3])))
                except (KeyError, TypeError, ValueError) as error:
                    problems.add(f"{path}:{number}", f"not a box ({error})")
        for name, items in boxes.items():
            yield Annotation(name, tuple(items))


READERS: dict[str, Reader] = {
    "voc": read_voc,
    "yolo": read_yolo,
    "coco": read_coco,
    "wider": read_wider,
    "csv": read_csv,
}


def _first_folder(folder: Path, names: tuple[str, ...]) -> Path:
    return next(folder / name for name in names if (folder / name).is_dir() or name == ".")


def _text(item: ElementTree.Element, path: str) -> str:
    value = item.findtext(path)
    if value is None or not value.strip():
        raise ValueError(f"no {path}")
    return value.strip()


def _picture_for(folder: Path, stem: str, named: str | None) -> Path | None:
    """Find an annotation's picture: by its own stem first, since published file names are often stale."""
    for suffix in PICTURE_SUFFIXES:
        for candidate in (folder / f"{stem}{suffix}", folder / f"{stem}{suffix.upper()}"):
            if candidate.is_file():
                return candidate
    if named and (folder / Path(named).name).is_file():
        return folder / Path(named).name
    return None


def _relative(path: Path, folder: Path) -> str:
    return path.relative_to(folder).as_posix()
