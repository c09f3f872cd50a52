"""Small sources on disk, in every format, for the tests of import and export."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

Boxes = list[tuple[str, tuple[float, float, float, float]]]
MakePhoto = Callable[..., Path]


@pytest.fixture
def make_photo() -> MakePhoto:
    """Return a function that writes a photo of noise, 120 x 80 pixels unless told."""

    def make(path: Path, size: tuple[int, int] = (120, 80), seed: int = 0) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        pixels = np.random.default_rng(seed).integers(0, 255, (size[1], size[0], 3), np.uint8)
        Image.fromarray(pixels).save(path)
        return path

    return make


def voc_xml(boxes: Boxes) -> str:
    """Return a Pascal VOC annotation."""
    objects = "".join(
        f"<object><name>{name}</name><bndbox><xmin>{b[0]}</xmin><ymin>{b[1]}</ymin>"
        f"<xmax>{b[2]}</xmax><ymax>{b[3]}</ymax></bndbox></object>"
        for name, b in boxes
    )
    return f"<annotation>{objects}</annotation>"


@pytest.fixture
def voc_source(tmp_path: Path, make_photo: MakePhoto) -> Path:
    """Three photos as Pascal VOC, the last without a face."""
    folder = tmp_path / "voc"
    contents: list[Boxes] = [
        [("with_mask", (10, 10, 30, 40)), ("without_mask", (50.5, 20.25, 70, 44))],
        [("mask_worn_incorrect", (5, 6, 25, 36))],
        [],
    ]
    for number, boxes in enumerate(contents):
        make_photo(folder / f"images/{number}.jpg", seed=number)
        xml = folder / f"annotations/{number}.xml"
        xml.parent.mkdir(exist_ok=True)
        xml.write_text(voc_xml(boxes))
    return folder


def zip_of(folder: Path, archive: Path, top: str = "") -> Path:
    """Pack a folder."""
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as packed:
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                packed.write(path, top + path.relative_to(folder).as_posix())
    return archive


def tree(folder: Path) -> dict[str, bytes]:
    """Return all files below a folder."""
    files = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def coco_json(size: tuple[int, int], names: dict[str, Boxes], labels: list[str]) -> str:
    """Return a COCO file of photos that all have one size."""
    annotations = [
        {
            "id": 1,
            "image_id": i,
            "category_id": labels.index(label),
            "bbox": [box[0], box[1], box[2] - box[0], box[3] - box[1]],
        }
        for i, boxes in enumerate(names.values())
        for label, box in boxes
    ]
    images = [
        {"id": i, "file_name": name, "width": size[0], "height": size[1]} for i, name in enumerate(names)
    ]
    categories = [{"id": i, "name": name} for i, name in enumerate(labels)]
    return json.dumps({"images": images, "annotations": annotations, "categories": categories})
