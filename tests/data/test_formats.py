from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from crowdmask.data.annotation import Annotation, RawBox, safe_relative
from crowdmask.data.formats import MAX_XML_BYTES, READERS
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


@pytest.mark.parametrize(
    ("form", "files", "expected"),
    [
        ("voc", {"annotations/a.xml": voc(VOC_BOX), "images/a.png": PICTURE}, [("images/a.png", [MASKED])]),
        (
            "voc",
            {"Annotations/a.xml": voc(VOC_BOX), "JPEGImages/a.JPG": PICTURE},
            [("JPEGImages/a.JPG", [MASKED])],
        ),
        ("voc", {"a.xml": voc(VOC_BOX), "a.jpg": PICTURE}, [("a.jpg", [MASKED])]),
        (
            "voc",
            {
                "train/a.xml": voc(VOC_BOX),
                "train/a.jpg": PICTURE,
                "valid/b.xml": voc(),
                "valid/b.jpg": PICTURE,
            },
            [("train/a.jpg", [MASKED]), ("valid/b.jpg", [])],
        ),
        (
            "voc",
            {"annotations/x/a.xml": voc(VOC_BOX), "images/x/a.jpg": PICTURE},
            [("images/x/a.jpg", [MASKED])],
        ),
        (
            "voc",
            {"annotations/a.xml": voc(filename="C:\\photos\\b.jpg"), "images/b.jpg": PICTURE},
            [("images/b.jpg", [])],
        ),
        (
            "voc",
            {
                "annotations/a.xml": voc(filename="b.jpg"),
                "images/a.jpg": PICTURE,
                "images/b.jpg": PICTURE,
            },
            [("images/a.jpg", [])],
        ),
        (
            "yolo",
            {"labels/a.txt": YOLO_LINE, "images/a.jpg": PICTURE, "classes.txt": "masked\nbare\n"},
            [("images/a.jpg", [RawBox("masked", YOLO_BOX)])],
        ),
        (
            "yolo",
            {
                "labels/a.txt": "\n1 0.5 0.375 0.5 0.25 0.9\n",
                "images/a.jpg": PICTURE,
                "data.yaml": "names: [a, b]",
            },
            [("images/a.jpg", [RawBox("b", YOLO_BOX)])],
        ),
        (
            "yolo",
            {"labels/t/a.txt": YOLO_LINE, "images/t/a.jpg": PICTURE, "data.yaml": "names: {0: a}"},
            [("images/t/a.jpg", [RawBox("a", YOLO_BOX)])],
        ),
        (
            "yolo",
            {"train/labels/a.txt": YOLO_LINE, "train/images/a.jpg": PICTURE},
            [("train/images/a.jpg", [RawBox("0", YOLO_BOX)])],
        ),
        (
            "yolo",
            {"a.txt": YOLO_LINE, "a.jpg": PICTURE, "classes.txt": "masked"},
            [("a.jpg", [RawBox("masked", YOLO_BOX)])],
        ),
        (
            "coco",
            {"annotations/all.json": coco(), "images/a.jpg": PICTURE},
            [("images/a.jpg", [MASKED])],
        ),
        ("coco", {"_annotations.coco.json": coco(), "a.jpg": PICTURE}, [("a.jpg", [MASKED])]),
        (
            "coco",
            {"train/_annotations.coco.json": coco(), "train/a.jpg": PICTURE},
            [("train/a.jpg", [MASKED])],
        ),
        (
            "coco",
            {"annotations/train.json": coco(), "train2017/a.jpg": PICTURE},
            [("train2017/a.jpg", [MASKED])],
        ),
        (
            "coco",
            {
                "all.json": coco(images=[{"id": 1, "file_name": "/home/someone/photos/a.jpg"}]),
                "images/a.jpg": PICTURE,
            },
            [("images/a.jpg", [MASKED])],
        ),
        (
            "coco",
            {
                "all.json": coco(annotations=[{**COCO["annotations"][0], "iscrowd": 1}]),  # type: ignore[dict-item]
                "a.jpg": PICTURE,
            },
            [("a.jpg", [RawBox("masked", (1, 2, 11, 22), ignore=True)])],
        ),
        (
            "wider",
            {
                "x_bbx_gt.txt": "p/a.jpg\n3\n"
                "1 2 10 20 0 0 0 0 0 0\n1 2 4 20 0 0 0 0 0 0\n1 2 10 20 0 0 0 1 0 0\n"
                "p/b.jpg\n0\n0 0 0 0 0 0 0 0 0 0\np/c.jpg\n0\np/d.jpg\n1\n1 2 10 5 0 0 0 0 0 0"
            },
            [
                (
                    "p/a.jpg",
                    [
                        RawBox("face", (1, 2, 11, 22)),
                        RawBox("face", (1, 2, 5, 22), ignore=True),
                        RawBox("face", (1, 2, 11, 22), ignore=True),
                    ],
                ),
                ("p/b.jpg", []),
                ("p/c.jpg", []),
                ("p/d.jpg", [RawBox("face", (1, 2, 11, 7), ignore=True)]),
            ],
        ),
        (
            "csv",
            {"boxes.csv": "\ufeffName,xmin,ymin,xmax,ymax,label\na.jpg,1,2,11,22,masked\na.jpg,1,2,3,4,\n"},
            [("a.jpg", [MASKED, RawBox("face", (1, 2, 3, 4))])],
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_every_layout_reads_alike(tmp_path, form, files, expected):
    lay_out(tmp_path, files)
    annotations, problems = read(form, tmp_path)
    assert [(a.picture, list(a.boxes)) for a in annotations] == expected
    assert problems == []
    assert {a.relative for a in annotations} == {form == "yolo"}


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
        ("yolo", {"a.txt": "0 .1 .1 .2 .1 .2 .2 .1 .2", "a.jpg": PICTURE}, r"a\.txt:1: not 'class cx", [0]),
        ("yolo", {"a.txt": YOLO_LINE}, r"a\.txt: its picture is missing", []),
        (
            "yolo",
            {"a.txt": YOLO_LINE, "a.jpg": PICTURE, "data.yaml": "nc: 3"},
            r"data\.yaml: has no class names",
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
            r"b\.csv: no table of boxes: it lacks the column ymax",
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


def test_what_coco_lists_is_told_with_its_list_also_where_the_picture_is_missing(tmp_path):
    lay_out(tmp_path, {"annotations/all.json": coco()})
    annotations, problems = read("coco", tmp_path)
    assert [(a.picture, a.listed_in) for a in annotations] == [("a.jpg", "annotations/all.json")]
    assert problems == []


def test_two_pictures_of_one_id_in_coco(tmp_path):
    images = [{"id": 1, "file_name": name} for name in ("a.jpg", "b.jpg")]
    lay_out(tmp_path, {"all.json": coco(images=images), "a.jpg": PICTURE, "b.jpg": PICTURE})
    annotations, problems = read("coco", tmp_path)
    assert [a.picture for a in annotations] == ["a.jpg"]
    assert problems == [f"{tmp_path}/all.json: b.jpg has the id 1 of a.jpg, which counts"]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("a.jpg", "a.jpg"),
        ("x/a.jpg", "x/a.jpg"),
        ("x\\a.jpg", "x/a.jpg"),
        ("/etc/a.jpg", "a.jpg"),
        ("../../a.jpg", "a.jpg"),
        ("C:\\x\\..\\a.jpg", "a.jpg"),
    ],
)
def test_a_published_name_never_leaves_the_folder(name, expected):
    assert safe_relative(name).as_posix() == expected


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


def test_class_names_of_darknet(tmp_path: Path) -> None:
    lay_out(tmp_path, {"obj.names": "masked\nbare\n", "a.jpg": PICTURE, "a.txt": YOLO_LINE})
    found, problems = read("yolo", tmp_path)
    assert [box.label for box in found[0].boxes] == ["masked"]
    assert not problems


def test_aliases_of_yaml_are_not_written_out(tmp_path: Path) -> None:
    layers = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    layers += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]" for i in range(1, 12)]
    bomb = "\n".join([*layers, "names: [*a11]"])
    lay_out(tmp_path, {"data.yaml": bomb, "images/a.jpg": PICTURE, "labels/a.txt": YOLO_LINE})
    found, problems = read("yolo", tmp_path)
    assert [box.label for box in found[0].boxes] == ["0"]
    assert len(problems) == 1
    assert "a name that is no text" in problems[0]


def test_an_endless_annotation_is_not_read(tmp_path: Path) -> None:
    text = "<annotation>" + " " * MAX_XML_BYTES + "</annotation>"
    lay_out(tmp_path, {"annotations/a.xml": text, "images/a.jpg": PICTURE})
    found, problems = read("voc", tmp_path)
    assert not found
    assert "bytes of XML for one picture" in problems[0]


def test_regions_that_are_not_judged_in_voc(tmp_path: Path) -> None:
    box = OBJECT.format(*VOC_BOX)
    marked = box.replace("</object>", "<difficult>0</difficult><ignore>1</ignore></object>")
    hard = box.replace("</object>", "<difficult>1</difficult></object>")
    lay_out(tmp_path, {"annotations/a.xml": XML.format(marked + hard), "images/a.jpg": PICTURE})
    found, _ = read("voc", tmp_path)
    assert [item.ignore for item in found[0].boxes] == [True, False]
