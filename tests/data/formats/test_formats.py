from __future__ import annotations

import json
from pathlib import Path

import pytest

from crowdmask.data.formats.annotation import RawBox
from crowdmask.data.formats.finding import safe_relative

from .layouts import (
    COCO,
    MASKED,
    OBJECT,
    PICTURE,
    VOC_BOX,
    XML,
    YOLO_BOX,
    YOLO_LINE,
    coco,
    lay_out,
    read,
    voc,
)


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
            {"boxes.csv": "\ufeffName,xmin,ymin,xmax,ymax,label\na.jpg,1,2,11,22,masked\n"},
            [("a.jpg", [MASKED])],
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


def test_what_coco_lists_is_told_with_its_list_also_where_the_picture_is_missing(tmp_path):
    lay_out(tmp_path, {"annotations/all.json": coco()})
    annotations, problems = read("coco", tmp_path)
    assert [(a.picture, a.listed_in) for a in annotations] == [("a.jpg", "annotations/all.json")]
    assert problems == []


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


def test_class_names_of_darknet(tmp_path: Path) -> None:
    lay_out(tmp_path, {"obj.names": "masked\nbare\n", "a.jpg": PICTURE, "a.txt": YOLO_LINE})
    found, problems = read("yolo", tmp_path)
    assert [box.label for box in found[0].boxes] == ["masked"]
    assert not problems


def test_regions_that_are_not_judged_in_voc(tmp_path: Path) -> None:
    box = OBJECT.format(*VOC_BOX)
    marked = box.replace("</object>", "<difficult>0</difficult><ignore>1</ignore></object>")
    hard = box.replace("</object>", "<difficult>1</difficult></object>")
    lay_out(tmp_path, {"annotations/a.xml": XML.format(marked + hard), "images/a.jpg": PICTURE})
    found, _ = read("voc", tmp_path)
    assert [item.ignore for item in found[0].boxes] == [True, False]


@pytest.mark.parametrize(("name", "value", "ignored"), [
    ("ignore", "true", True), ("is_crowd", "True", True), ("ignore", "0", False), ("occluded", "1", False),
])  # fmt: skip
def test_regions_that_datumaro_marks_in_voc(tmp_path: Path, name: str, value: str, ignored: bool) -> None:
    row = f"<attributes><attribute><name>{name}</name><value>{value}</value></attribute></attributes>"
    box = OBJECT.format(*VOC_BOX).replace("</object>", f"{row}</object>")
    lay_out(tmp_path, {"annotations/a.xml": XML.format(box), "images/a.jpg": PICTURE})
    found, _ = read("voc", tmp_path)
    assert [item.ignore for item in found[0].boxes] == [ignored]


def _lists(contributor: str) -> str:
    def box(image: int, x: int, **more: object) -> dict[str, object]:
        return {"image_id": image, "category_id": 0, "bbox": [x, 1, 5, 5], **more}

    names = ["a.jpg", "b.jpg", "a.jpg", "b.jpg", "a.jpg"]
    return json.dumps(
        {
            "info": {"contributor": contributor},
            "categories": [{"id": 0, "name": "masked"}],
            "images": [{"id": i, "file_name": name} for i, name in enumerate(names)],
            "annotations": [box(0, 1, attributes={"ignore": "true"}), box(2, 20), box(3, 30), box(4, 40)],
        }
    )


def test_of_a_task_of_label_studio_the_newest_annotation_counts(tmp_path: Path) -> None:
    lay_out(tmp_path, {"result.json": _lists("Label Studio"), "a.jpg": PICTURE, "b.jpg": PICTURE})
    found, problems = read("coco", tmp_path)
    boxes = [[(box.xyxy[0], box.ignore) for box in item.boxes] for item in found]
    # It lists the newest first; the newest of b.jpg says that it shows no face.
    assert [(item.picture, item.older) for item in found] == [("a.jpg", 2), ("b.jpg", 1)]
    assert boxes == [[(1, True)], []]
    assert problems == []
    lay_out(tmp_path, {"result.json": _lists("somebody else")})
    assert len(read("coco", tmp_path)[0]) == 5


def test_captions_and_keypoints_beside_the_boxes_of_coco(tmp_path: Path) -> None:
    files: dict[str, object] = {
        f"annotations/{name}_train.json": coco() for name in ("captions", "instances", "person_keypoints")
    }
    lay_out(tmp_path, files)
    assert [item.listed_in for item in read("coco", tmp_path)[0]] == ["annotations/instances_train.json"]
