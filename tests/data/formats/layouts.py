"""Small annotated folders in every format, as texts."""

from __future__ import annotations

import json
from pathlib import Path

from crowdmask.data.formats.annotation import Annotation, RawBox
from crowdmask.data.formats.table import READERS
from crowdmask.data.problems import Problems

PICTURE = object()
XML = "<annotation>{}</annotation>"
EDGES = "<xmin>{}</xmin><ymin>{}</ymin><xmax>{}</xmax><ymax>{}</ymax>"
OBJECT = f"<object><name>{{}}</name><bndbox>{EDGES}</bndbox></object>"
COCO = {
    "categories": [{"id": 7, "name": "masked"}],
    "images": [{"id": 1, "file_name": "a.jpg"}],
    "annotations": [{"id": 5, "image_id": 1, "category_id": 7, "bbox": [1, 2, 10, 20]}],
}
MASKED = RawBox("masked", (1, 2, 11, 22))


def voc(*boxes: tuple[object, ...], filename: str = "") -> str:
    named = f"<filename>{filename}</filename>" if filename else ""
    return XML.format(named + "".join(OBJECT.format(*box) for box in boxes))


def coco(**changes: object) -> str:
    return json.dumps({**COCO, **changes})


def lay_out(folder: Path, files: dict[str, object]) -> None:
    """Write texts, bytes and (empty) pictures, which readers only look for."""
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        data = b"" if content is PICTURE else content.encode() if isinstance(content, str) else content
        assert isinstance(data, bytes)
        path.write_bytes(data)


def read(form: str, folder: Path) -> tuple[list[Annotation], list[str]]:
    problems = Problems()
    return list(READERS[form](folder, problems)), problems.lines


VOC_BOX = ("masked", 1, 2, 11, 22)
YOLO_BOX = (0.25, 0.25, 0.75, 0.5)
YOLO_LINE = "0 0.5 0.375 0.5 0.25\n"
