"""Write small sources in every format, and import them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from crowdmask.data.importing.plan import ImportPlan
from crowdmask.data.importing.run import Imported, import_source
from crowdmask.data.manifest import Face, read_manifest

from ..conftest import Boxes, coco_json, voc_xml

SIZE = (120, 80)
GOOD = ("with_mask", (10, 10, 30, 40))


def quiet(stage: str, done: int, total: int) -> None:
    pass


def run(source: Path, to: Path, form: str, strict: bool = False, **more: Any) -> Imported:
    plan = ImportPlan(source=source, to=to, name=more.pop("name", "s"), form=form, **more)
    return import_source(plan, quiet, strict)


def faces_of(folder: Path) -> dict[str, list[Face]]:
    return {photo.photo: list(photo.faces or ()) for photo in read_manifest(folder).photos}


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def as_voc(folder: Path, contents: dict[str, Boxes]) -> None:
    for name, boxes in contents.items():
        write(folder / f"annotations/{name}.xml", voc_xml(boxes))


def as_yolo(folder: Path, contents: dict[str, Boxes]) -> None:
    names = sorted({label for boxes in contents.values() for label, _ in boxes})
    write(folder / "classes.txt", "\n".join(names))
    for name, boxes in contents.items():
        rows = [
            f"{names.index(label)} {(a + c) / 2 / 120} {(b + d) / 2 / 80} {(c - a) / 120} {(d - b) / 80}"
            for label, (a, b, c, d) in boxes
        ]
        write(folder / f"labels/{name}.txt", "\n".join(rows))


def as_coco(folder: Path, contents: dict[str, Boxes]) -> None:
    names = sorted({label for boxes in contents.values() for label, _ in boxes})
    photos = {f"{name}.jpg": boxes for name, boxes in contents.items()}
    write(folder / "annotations/all.json", coco_json(SIZE, photos, names))


def as_csv(folder: Path, contents: dict[str, Boxes]) -> None:
    rows = [
        f"{name}.jpg,{b[0]},{b[1]},{b[2]},{b[3]},{label}" for name, v in contents.items() for label, b in v
    ]
    write(folder / "boxes.csv", "\n".join(["name,xmin,ymin,xmax,ymax,label", *rows]))


def as_wider(folder: Path, contents: dict[str, Boxes]) -> None:
    lines = []
    for name, boxes in contents.items():
        lines += [f"{name}.jpg", str(len(boxes))]
        lines += [f"{b[0]} {b[1]} {b[2] - b[0]} {b[3] - b[1]} 0 0 0 0 0 0" for _, b in boxes]
    write(folder / "wider_face_bbx_gt.txt", "\n".join(lines) + "\n")


FORMATS: dict[str, Callable[[Path, dict[str, Boxes]], None]] = {
    "voc": as_voc, "yolo": as_yolo, "coco": as_coco, "csv": as_csv, "wider": as_wider,
}  # fmt: skip
