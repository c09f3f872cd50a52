"""Write annotated photos as COCO, YOLO or Pascal VOC, so that nothing of the annotations is lost.

None of the three has a word for a region that is not judged. COCO's is ``iscrowd``; Pascal VOC gets
``difficult`` and our own ``ignore``; YOLO gets classes of its own, ``ignore`` and ``ignore_LABEL``.
"""

from __future__ import annotations

import json
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import yaml

from crowdmask.data.manifest import Face, Photo
from crowdmask.labels import LABELS

UNSPLIT = "default"
IGNORE = "ignore"


@dataclass(frozen=True)
class Item:
    """One photo to write.

    Attributes:
        photo: from the manifest, annotated.
        name: of its file in the export, unlike any other, also without its suffix.
    """

    photo: Photo
    name: str

    @property
    def split(self) -> str:
        """The split's name, as folders and files are called by it."""
        return self.photo.split or UNSPLIT

    @property
    def stem(self) -> str:
        """The name without its suffix."""
        return self.name.rsplit(".", 1)[0]


Writer = Callable[[Path, list[Item]], None]


def write_coco(folder: Path, items: list[Item]) -> None:
    """Write ``annotations/instances_SPLIT.json``; photos lie in ``images/SPLIT``."""
    names = [*LABELS, *([IGNORE] if any(face.label is None for face in _faces(items)) else [])]
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
        _write(folder / "annotations" / f"instances_{split}.json", json.dumps(content))


def write_yolo(folder: Path, items: list[Item]) -> None:
    """Write ``labels/SPLIT/NAME.txt``, ``data.yaml`` and ``classes.txt``; photos lie in ``images/SPLIT``."""
    extra = sorted({_yolo_name(face) for face in _faces(items)} - {*LABELS})
    names = [*LABELS, *extra]
    for item in items:
        lines = []
        for face in item.photo.faces or ():
            x1, y1, x2, y2 = face.box
            w, h = item.photo.width, item.photo.height
            parts = ((x1 + x2) / 2 / w, (y1 + y2) / 2 / h, (x2 - x1) / w, (y2 - y1) / h)
            words = [str(names.index(_yolo_name(face))), *(f"{part:.15g}" for part in parts)]
            lines.append(" ".join(words) + "\n")
        _write(folder / "labels" / item.split / f"{item.stem}.txt", "".join(lines))
    splits = {split: f"images/{split}" for split in by_split(items)}
    if "train" not in splits:  # trainers ask for it
        splits = {"train": next(iter(splits.values())), **splits}
    about = {**{("train" if k == UNSPLIT else k): v for k, v in splits.items()}, "nc": len(names)}
    text = yaml.safe_dump({**about, "names": dict(enumerate(names))}, sort_keys=False)
    _write(folder / "data.yaml", text)
    _write(folder / "classes.txt", "\n".join(names) + "\n")


def write_voc(folder: Path, items: list[Item]) -> None:
    """Write ``Annotations/NAME.xml`` and ``ImageSets/Main/SPLIT.txt``; photos lie in ``JPEGImages``."""
    for item in items:
        root = ElementTree.Element("annotation")
        _add(root, folder="JPEGImages", filename=item.name)
        _add(ElementTree.SubElement(root, "source"), database=item.photo.source)
        size = ElementTree.SubElement(root, "size")
        _add(size, width=item.photo.width, height=item.photo.height, depth=3)
        _add(root, segmented=0)
        for face in item.photo.faces or ():
            x1, y1, x2, y2 = map(_number, face.box)
            node = ElementTree.SubElement(root, "object")
            _add(node, name=face.label or IGNORE, pose="Unspecified", truncated=0)
            _add(node, difficult=int(face.ignore), ignore=int(face.ignore))
            _add(ElementTree.SubElement(node, "bndbox"), xmin=x1, ymin=y1, xmax=x2, ymax=y2)
        ElementTree.indent(root)
        text = ElementTree.tostring(root, encoding="unicode") + "\n"
        _write(folder / "Annotations" / f"{item.stem}.xml", text)
    for split, members in by_split(items).items():
        text = "".join(f"{item.stem}\n" for item in members)
        _write(folder / "ImageSets" / "Main" / f"{split}.txt", text)


WRITERS: dict[str, tuple[Writer, Callable[[Item], str]]] = {
    "coco": (write_coco, lambda item: f"images/{item.split}/{item.name}"),
    "yolo": (write_yolo, lambda item: f"images/{item.split}/{item.name}"),
    "voc": (write_voc, lambda item: f"JPEGImages/{item.name}"),
}
"""Of each format what writes its annotations, and where a photo lies in it."""


def by_split(items: list[Item]) -> dict[str, list[Item]]:
    """Return the photos of each split, in their order."""
    result: dict[str, list[Item]] = {}
    for item in items:
        result.setdefault(item.split, []).append(item)
    return result


def _faces(items: list[Item]) -> list[Face]:
    return [face for item in items for face in item.photo.faces or ()]


def _yolo_name(face: Face) -> str:
    if face.ignore:
        return f"{IGNORE}_{face.label}" if face.label else IGNORE
    return face.label or IGNORE


def _number(value: float) -> str:
    return str(int(value)) if value == int(value) else repr(value)


def _add(node: ElementTree.Element, **values: object) -> None:
    for name, value in values.items():
        ElementTree.SubElement(node, name).text = str(value)


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
