"""Annotations of found faces, read back by the readers for data sets."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from crowdmask.data.formats.table import READERS
from crowdmask.data.labelling.cvat import read_export
from crowdmask.data.problems import Problems
from crowdmask.detections import Detections
from crowdmask.errors import OutputError
from crowdmask.labels import LABELS
from crowdmask.media.annotation_files import FORMATS, FoundPhoto, check_place, write_annotations

BOXES = [[10.25, 20.5, 30.75, 60.0], [50.0, 5.0, 79.99, 47.5]]
FACES = Detections(np.array(BOXES, np.float32), np.array([0.9, 0.8], np.float32), np.array([2, 0]))
PHOTOS = [
    FoundPhoto("a.png", 80, 64, FACES),
    FoundPhoto("in/a.png", 80, 64, Detections.empty()),
    FoundPhoto("in/b<&.png", 80, 64, FACES[:1]),
]


def listing(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


@pytest.mark.parametrize("form", ["coco", "voc"])
def test_our_readers_give_the_same_boxes(form: str, tmp_path: Path) -> None:
    write_annotations(tmp_path / form, form, PHOTOS, LABELS)
    for photo in PHOTOS:  # readers look for the pictures
        path = tmp_path / form / photo.name
        path.parent.mkdir(exist_ok=True, parents=True)
        Image.new("RGB", (80, 64)).save(path)
    problems = Problems()
    read = {a.picture.split("/")[-1]: a for a in READERS[form](tmp_path / form, problems)}
    assert problems.lines == []
    for name, expected in (("b<&.png", 1),):
        boxes = read[name].boxes
        assert len(boxes) == expected
        assert boxes[0].xyxy == pytest.approx(BOXES[0], abs=0.01)
        assert boxes[0].label == "mask_worn_incorrect"


def test_yolo_lines_are_parts_of_the_picture(tmp_path: Path) -> None:
    write_annotations(tmp_path / "yolo", "yolo", PHOTOS, LABELS)
    assert listing(tmp_path / "yolo") == [
        ".crowdmask", "classes.txt", "data.yaml", "labels/a.txt", "labels/in/a.txt", "labels/in/b<&.txt",
    ]  # fmt: skip
    assert (tmp_path / "yolo/labels/in/a.txt").read_text() == ""
    assert (tmp_path / "yolo/classes.txt").read_text().split() == [*LABELS]
    for line, box, class_id in zip(
        (tmp_path / "yolo/labels/a.txt").read_text().splitlines(), BOXES, (2, 0), strict=True
    ):
        number, *parts = line.split()
        cx, cy, w, h = map(float, parts)
        assert int(number) == class_id
        corners = [(cx - w / 2) * 80, (cy - h / 2) * 64, (cx + w / 2) * 80, (cy + h / 2) * 64]
        assert corners == pytest.approx(box, abs=0.01)


def test_coco_has_scores_and_one_id_each(tmp_path: Path) -> None:
    write_annotations(tmp_path / "coco", "coco", PHOTOS, LABELS)
    content = json.loads((tmp_path / "coco/annotations.json").read_text())
    assert [image["file_name"] for image in content["images"]] == [photo.name for photo in PHOTOS]
    assert [(a["id"], a["image_id"], a["category_id"], a["score"]) for a in content["annotations"]] == [
        (1, 1, 3, 0.9), (2, 1, 1, 0.8), (3, 3, 3, 0.9),
    ]  # fmt: skip
    assert content["annotations"][0]["bbox"] == [10.25, 20.5, 20.5, 39.5]
    assert [category["name"] for category in content["categories"]] == [*LABELS]


def test_cvat_reads_it(tmp_path: Path) -> None:
    write_annotations(tmp_path / "cvat", "cvat", PHOTOS, LABELS)
    content = (tmp_path / "cvat/annotations.xml").read_bytes()
    corrections = list(read_export(content, "annotations.xml"))
    assert len(corrections) == 3
    assert b'name="in/b&lt;&amp;.png"' in content
    assert b'xtl="10.25" ytl="20.50" xbr="30.75" ybr="60.00"' in content


def test_two_photos_of_one_stem_get_files_of_their_own(tmp_path: Path) -> None:
    photos = [FoundPhoto(name, 80, 64, FACES) for name in ("a.jpg", "a.png", "../a.jpg")]
    write_annotations(tmp_path / "voc", "voc", photos, LABELS)
    assert listing(tmp_path / "voc/Annotations") == ["a-2.xml", "a-3.xml", "a.xml"]


@pytest.mark.parametrize("form", FORMATS)
def test_only_our_own_unchanged_files_are_replaced(form: str, tmp_path: Path) -> None:
    place = tmp_path / form
    place.mkdir()
    for _ in range(2):
        write_annotations(place, form, PHOTOS[:1], LABELS)
    assert [path.name for path in tmp_path.iterdir()] == [form]
    changed = next(path for path in place.rglob("*") if path.is_file() and path.name != ".crowdmask")
    before = changed.read_bytes()
    for change in (lambda: changed.write_bytes(b"corrected"), lambda: (place / "mine.txt").write_bytes(b"")):
        change()
        kept = {path: path.read_bytes() for path in place.rglob("*") if path.is_file()}
        for write in (lambda: check_place(place), lambda: write_annotations(place, form, PHOTOS, LABELS)):
            with pytest.raises(OutputError, match="did not write, or that were changed"):
                write()
        assert {path: path.read_bytes() for path in place.rglob("*") if path.is_file()} == kept
        changed.write_bytes(before)
