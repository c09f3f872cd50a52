"""Write found faces as annotations that labelling and training tools read: COCO, YOLO, Pascal VOC, CVAT."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any
from xml.etree import ElementTree

from crowdmask.detections import Detections
from crowdmask.errors import OutputError
from crowdmask.files import whole_folder

_MARK = ".crowdmask"


@dataclass(frozen=True)
class FoundPhoto:
    """The faces of one photo, without its pixels.

    Attributes:
        name: path of the photo below the folder it was found in.
        width, height: of the upright photo, pixels.
        faces: its detections.
    """

    name: str
    width: int
    height: int
    faces: Detections


Writer = Callable[[Path, Sequence[FoundPhoto], Sequence[str]], None]
"""Takes a folder, the photos, and all labels of the model."""


def check_place(folder: Path) -> None:
    """Check before any work that annotations can be written into a folder.

    Raises:
        OutputError: something else than annotations of ours, as we wrote them, lies there.
    """
    if not folder.exists() or (folder.is_dir() and not any(folder.iterdir())):
        return
    try:
        unchanged = (folder / _MARK).read_text(encoding="ascii") == _listing(folder)
    except (OSError, ValueError):
        unchanged = False
    if not unchanged:
        raise OutputError(
            f"{folder}: it holds files that detect did not write, or that were changed since: "
            "choose another `out`, or remove it"
        )


def write_annotations(folder: Path, form: str, photos: Sequence[FoundPhoto], labels: Sequence[str]) -> None:
    """Write all annotations as a folder, whole or not at all; older ones of ours are replaced.

    Args:
        folder: see `check_place`.
        form: one of `FORMATS`.
        photos: in their order.
        labels: of the model.
    Raises:
        OutputError: the folder cannot be written.
    """
    check_place(folder)
    folder.parent.mkdir(parents=True, exist_ok=True)
    new = folder.with_name(f".{folder.name}.new")
    if new.exists():
        shutil.rmtree(new)
    with whole_folder(new, what="the annotations") as work:
        FORMATS[form](work, photos, labels)
        (work / _MARK).write_text(_listing(work), encoding="ascii")
    if folder.exists():
        shutil.rmtree(folder)
    new.rename(folder)


def _write_coco(folder: Path, photos: Sequence[FoundPhoto], labels: Sequence[str]) -> None:
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    for number, photo in enumerate(photos, 1):
        images.append({"id": number, "file_name": photo.name, "width": photo.width, "height": photo.height})
        for (x1, y1, x2, y2), class_id, confidence in _faces(photo):
            annotations.append(
                {
                    "id": len(annotations) + 1,
                    "image_id": number,
                    "category_id": class_id + 1,
                    "bbox": [x1, y1, round(x2 - x1, 2), round(y2 - y1, 2)],
                    "area": round((x2 - x1) * (y2 - y1), 2),
                    "iscrowd": 0,
                    "segmentation": [],
                    "score": confidence,
                }
            )
    categories = [{"id": i, "name": label, "supercategory": "face"} for i, label in enumerate(labels, 1)]
    content = {
        "info": {"description": "written by crowdmask detect", "version": "1"},
        "licenses": [],
        "categories": categories,
        "images": images,
        "annotations": annotations,
    }
    # ASCII only, so that file names in any encoding survive.
    (folder / "annotations.json").write_text(json.dumps(content) + "\n", encoding="utf-8")


def _write_yolo(folder: Path, photos: Sequence[FoundPhoto], labels: Sequence[str]) -> None:
    for place, photo in _places(folder / "labels", photos, ".txt"):
        lines = []
        for (x1, y1, x2, y2), class_id, _ in _faces(photo):
            w, h = photo.width, photo.height
            parts = ((x1 + x2) / 2 / w, (y1 + y2) / 2 / h, (x2 - x1) / w, (y2 - y1) / h)
            lines.append(" ".join([str(class_id), *(f"{part:.8f}" for part in parts)]) + "\n")
        place.write_text("".join(lines), encoding="utf-8")
    (folder / "classes.txt").write_text("".join(f"{label}\n" for label in labels), encoding="utf-8")
    names = json.dumps(list(labels))  # JSON is YAML, too
    (folder / "data.yaml").write_text(f"nc: {len(labels)}\nnames: {names}\n", encoding="utf-8")


def _write_voc(folder: Path, photos: Sequence[FoundPhoto], labels: Sequence[str]) -> None:
    for place, photo in _places(folder / "Annotations", photos, ".xml"):
        name = PurePosixPath(photo.name)
        root = ElementTree.Element("annotation")
        parent = "" if name.parent == PurePosixPath(".") else str(name.parent)
        _add(root, folder=_clean(parent), filename=_clean(name.name))
        _add(ElementTree.SubElement(root, "size"), width=photo.width, height=photo.height, depth=3)
        _add(root, segmented=0)
        for (x1, y1, x2, y2), class_id, _ in _faces(photo):
            face = ElementTree.SubElement(root, "object")
            _add(face, name=labels[class_id], pose="Unspecified", truncated=0, difficult=0)
            _add(ElementTree.SubElement(face, "bndbox"), xmin=x1, ymin=y1, xmax=x2, ymax=y2)
        place.write_bytes(_xml(root))


def _write_cvat(folder: Path, photos: Sequence[FoundPhoto], labels: Sequence[str]) -> None:
    root = ElementTree.Element("annotations")
    _add(root, version="1.1")
    task = ElementTree.SubElement(ElementTree.SubElement(root, "meta"), "task")
    _add(task, mode="annotation")
    known = ElementTree.SubElement(task, "labels")
    for label in labels:
        _add(ElementTree.SubElement(known, "label"), name=label)
    for number, photo in enumerate(photos):
        size = {"width": str(photo.width), "height": str(photo.height)}
        about = {"id": str(number), "name": _clean(photo.name), **size}
        image = ElementTree.SubElement(root, "image", about)
        for box, class_id, _ in _faces(photo):
            edges = dict(zip(("xtl", "ytl", "xbr", "ybr"), (f"{edge:.2f}" for edge in box), strict=True))
            face = {"label": labels[class_id], "source": "auto", "occluded": "0", **edges, "z_order": "0"}
            ElementTree.SubElement(image, "box", face)
    (folder / "annotations.xml").write_bytes(_xml(root))


FORMATS: dict[str, Writer] = {
    "coco": _write_coco,
    "yolo": _write_yolo,
    "voc": _write_voc,
    "cvat": _write_cvat,
}
"""Each format and what writes it."""


def _listing(folder: Path) -> str:
    """Return the names and contents of all files, shortened: what tells whether somebody changed one."""
    content = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        if path.name != _MARK:
            content.update(os.fsencode(path.relative_to(folder).as_posix()) + b"\0")
            content.update(hashlib.sha256(path.read_bytes()).digest() if path.is_file() else b"")
    return f"written by crowdmask detect: {content.hexdigest()}\n"


def _faces(photo: FoundPhoto) -> list[tuple[list[float], int, float]]:
    found = photo.faces
    return [
        ([round(float(edge), 2) for edge in box], int(class_id), round(float(confidence), 5))
        for box, class_id, confidence in zip(found.xyxy, found.class_id, found.confidence, strict=True)
    ]


def _places(folder: Path, photos: Sequence[FoundPhoto], suffix: str) -> list[tuple[Path, FoundPhoto]]:
    """Return a file for each photo: its name with another suffix, numbered where two would be the same."""
    folder.mkdir()
    places, used = [], set[str]()
    for photo in photos:
        parts = [part for part in PurePosixPath(photo.name).parts if part not in ("..", "/")]
        wanted = folder.joinpath(*parts).with_suffix(suffix)
        place, number = wanted, 1
        while str(place).casefold() in used:
            number += 1
            place = wanted.with_name(f"{wanted.stem}-{number}{suffix}")
        used.add(str(place).casefold())
        place.parent.mkdir(parents=True, exist_ok=True)
        places.append((place, photo))
    return places


def _clean(text: str) -> str:
    """Return a text that XML can hold."""
    return "".join(c if c.isprintable() else "_" for c in text)


def _add(node: ElementTree.Element, **values: object) -> None:
    for name, value in values.items():
        ElementTree.SubElement(node, name).text = str(value)


def _xml(root: ElementTree.Element) -> bytes:
    ElementTree.indent(root)
    return ElementTree.tostring(root, encoding="utf-8", xml_declaration=True) + b"\n"
