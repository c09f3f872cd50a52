from __future__ import annotations

import re
from pathlib import Path

import pytest

from crowdmask.data.formats.table import READERS
from crowdmask.data.formats.voc import MAX_XML_BYTES
from crowdmask.data.problems import Problems

from .layouts import (
    PICTURE,
    VOC_BOX,
    YOLO_LINE,
    coco,
    lay_out,
    read,
    voc,
)


@pytest.mark.parametrize(
    ("form", "files", "problem", "left"),
    [
        ("voc", {"a.xml": "<annotation><object>", "a.jpg": PICTURE}, r"a\.xml: not readable as XML", []),
        (
            "voc",
            {"a.xml": '<!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;">]><annotation>&b;</annotation>'},
            r"a\.xml: declares XML entities; refused",
            [],
        ),
        ("voc", {"a.xml": voc(VOC_BOX)}, r"a\.xml: its picture is missing", []),
        ("voc", {"a.xml": voc(("", 1, 2, 3, 4)), "a.jpg": PICTURE}, r"a\.xml: an object .* \(no name\)", [0]),
        ("voc", {"a.xml": voc(("m", 1, 2, "x", 4), VOC_BOX), "a.jpg": PICTURE}, r"a\.xml: an object", [1]),
        ("voc", {"a.xml": voc(("m", 1, 2, "nan", 4), VOC_BOX), "a.jpg": PICTURE}, r"a\.xml: an object", [1]),
        ("voc", {"a.jpg": PICTURE}, r"no \*\.xml in it", []),
        ("yolo", {"a.txt": "0 0.5 0.5 0.1\n" + YOLO_LINE, "a.jpg": PICTURE}, r"a\.txt:1: not 'class cx", [1]),
        ("yolo", {"a.txt": "nan 0.5 0.5 0.1 0.1", "a.jpg": PICTURE}, r"a\.txt:1: not 'class cx", [0]),
        ("yolo", {"a.txt": "inf 0.5 0.5 0.1 0.1", "a.jpg": PICTURE}, r"a\.txt:1: not 'class cx", [0]),
        ("yolo", {"a.txt": "-1 0.5 0.5 0.1 0.1", "a.jpg": PICTURE}, r"a\.txt:1: not 'class cx", [0]),
        ("yolo", {"a.txt": "0 120 80 30 30", "a.jpg": PICTURE}, r"a\.txt:1: .* in parts of the picture", [0]),
        ("yolo", {"a.txt": "0 .1 .1 .2 .1 .2 .2 .1", "a.jpg": PICTURE}, r"a\.txt:1: not 'class cx", [0]),
        ("yolo", {"a.txt": YOLO_LINE}, r"a\.txt: its picture is missing", []),
        (
            "yolo",
            {"a.txt": YOLO_LINE, "a.jpg": PICTURE, "data.yaml": "nc: 3"},
            r"data\.yaml: has no class names",
            [1],
        ),
        (
            "csv",
            {
                "t.csv": "name,xmin,ymin,xmax,ymax,label\na.jpg,1,2,11,22,masked\na.jpg,1,2,3,4,\n",
                "a.jpg": PICTURE,
            },
            r"t\.csv:3: not a box \(no label\)",
            [1],
        ),
        ("coco", {"all.json": "{", "a.jpg": PICTURE}, r"all\.json: not readable as COCO", []),
        ("coco", {"all.json": "[1]", "a.jpg": PICTURE}, r"all\.json: not readable as COCO", []),
        ("coco", {"all.json": coco(annotations=None), "a.jpg": PICTURE}, r"not readable as COCO", []),
        (
            "coco",
            {"all.json": coco(annotations=["x"]), "a.jpg": PICTURE},
            r"annotation 1 of 1 is unus",
            [0],
        ),
        (
            "coco",
            {
                "all.json": coco(annotations=[{"image_id": 1, "category_id": 9, "bbox": [1, 2, 3, 4]}]),
                "a.jpg": PICTURE,
            },
            r"annotation 1 of 1 is unusable \(there is no category of the id 9\)",
            [0],
        ),
        (
            "coco",
            {
                "all.json": coco(annotations=[{"image_id": 7, "category_id": 1, "bbox": [1, 2, 3, 4]}]),
                "a.jpg": PICTURE,
            },
            r"annotation 1 of 1 is unusable \(there is no image of the id 7\)",
            [0],
        ),
        (
            "coco",
            {
                "all.json": coco(annotations=[{"image_id": 1, "category_id": 1}]),
                "a.jpg": PICTURE,
            },
            r"annotation 1 of 1 is unusable \(it has no 'bbox'\)",
            [0],
        ),
        (
            "csv",
            {"b.csv": "name,xmin,ymin,xmax,ymax\na.jpg,1,2\nb.jpg,1,2,3,4"},
            r"b\.csv:2: not a box \(could not convert string to float: ''\)",
            [0, 1],
        ),
        ("coco", {"a.jpg": PICTURE}, r"no \*\.json in it", []),
        ("wider", {"a.jpg": PICTURE}, r"no \*bbx_gt\.txt in it", []),
        ("wider", {"x_bbx_gt.txt": "a.jpg\n1\n1 2 x 4\nb.jpg\n1\n1 2 9 9\n"}, r"gt\.txt:1: not a WIDER", [1]),
        (
            "wider",
            {"x_bbx_gt.txt": "a.jpg\n2\n1 2 9 9\nb.jpg\n1\n1 2 9 9\n"},
            r":1: .*1 boxes instead of 2",
            [1],
        ),
        ("wider", {"x_bbx_gt.txt": "b.jpg\n1\n1 2 9 9\na.jpg\n"}, r"gt\.txt:4: not a WIDER", [1]),
        ("wider", {"x_bbx_gt.txt": "b.jpg\n1\n1 2 9 9\na.jpg\n-1\n1 2 9 9"}, r"gt\.txt:4: not a WIDER", [1]),
        (
            "csv",
            {"b.csv": "name,xmin,ymin,xmax\na.jpg,1,2,3\n"},
            r"b\.csv: not a table of boxes: it lacks the column ymax",
            [],
        ),
        (
            "csv",
            {"b.csv": "name,xmin,ymin,xmax,ymax\n,1,2,3,4\na.jpg,1,2,3,4"},
            r"b\.csv:2: .*no picture",
            [1],
        ),
    ],
)
def test_what_is_broken_is_named_and_the_rest_is_read(tmp_path, form, files, problem, left):
    lay_out(tmp_path, files)
    annotations, problems = read(form, tmp_path)
    assert len(problems) == 1
    assert "\n" not in problems[0]
    assert str(tmp_path) in problems[0]
    assert re.search(problem, problems[0]), problems[0]
    assert [len(a.boxes) for a in annotations] == left


@pytest.mark.parametrize(
    ("form", "files"),
    [
        ("voc", {"a.xml": voc(("m", 1, 2, "x", 4), VOC_BOX), "a.jpg": PICTURE}),
        ("yolo", {"a.txt": "0 120 80 30 30\n" + YOLO_LINE, "a.jpg": PICTURE}),
        ("csv", {"b.csv": "name,xmin,ymin,xmax,ymax\na.jpg,1,2,x,4\na.jpg,1,2,3,4", "a.jpg": PICTURE}),
        (
            "coco",
            {
                "all.json": coco(
                    annotations=[
                        {"image_id": 1, "category_id": 7, "bbox": [1, 2, "x", 4]},
                        {"image_id": 1, "category_id": 7, "bbox": [1, 2, 3, 4]},
                    ]
                ),
                "a.jpg": PICTURE,
            },
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_boxes_that_cannot_be_read_are_counted_with_their_picture(tmp_path, form, files):
    lay_out(tmp_path, files)
    ((annotation,), problems) = read(form, tmp_path)
    assert (len(annotation.boxes), annotation.unreadable, len(problems)) == (1, 1, 1)


def test_two_pictures_of_one_id_in_coco(tmp_path):
    images = [{"id": 1, "file_name": name} for name in ("a.jpg", "b.jpg")]
    lay_out(tmp_path, {"all.json": coco(images=images), "a.jpg": PICTURE, "b.jpg": PICTURE})
    annotations, problems = read("coco", tmp_path)
    assert [a.picture for a in annotations] == ["a.jpg"]
    assert problems == [f"{tmp_path}/all.json: b.jpg has the id 1 of a.jpg, which counts"]


def test_a_file_that_is_no_text_is_a_problem_not_a_crash(tmp_path):
    lay_out(tmp_path, {"labels/a.txt": bytes(range(256)), "images/a.jpg": PICTURE})
    annotations, problems = read("yolo", tmp_path)
    assert [a.boxes for a in annotations] == [()]
    assert problems
    assert all("a.txt" in line for line in problems)


def test_a_table_of_something_else_is_named_once(tmp_path):
    (tmp_path / "boxes.csv").write_text("Name,xmin,ymin,xmax,ymax\na.jpg,1,2,30,40\n")
    (tmp_path / "counts.csv").write_text("Name,HeadCount\n" + "a.jpg,3\n" * 50)
    problems = Problems()
    found = list(READERS["csv"](tmp_path, problems))
    assert [(a.picture, a.boxes[0].xyxy) for a in found] == [("a.jpg", (1, 2, 30, 40))]
    assert len(problems) == 1
    assert "counts.csv" in problems.lines[0]
    assert "xmax" in problems.lines[0]


def test_aliases_of_yaml_are_not_written_out(tmp_path: Path) -> None:
    layers = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    layers += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]" for i in range(1, 12)]
    bomb = "\n".join([*layers, "names: [*a11]"])
    lay_out(tmp_path, {"data.yaml": bomb, "images/a.jpg": PICTURE, "labels/a.txt": YOLO_LINE})
    found, problems = read("yolo", tmp_path)
    assert [box.label for box in found[0].boxes] == ["0"]
    assert len(problems) == 1
    assert "a name that is not text" in problems[0]


def test_an_endless_annotation_is_not_read(tmp_path: Path) -> None:
    text = "<annotation>" + " " * MAX_XML_BYTES + "</annotation>"
    lay_out(tmp_path, {"annotations/a.xml": text, "images/a.jpg": PICTURE})
    found, problems = read("voc", tmp_path)
    assert not found
    assert "bytes of XML for one picture" in problems[0]
