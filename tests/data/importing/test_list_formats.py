"""Lists and tables of many pictures: keras-yolo3, keras-retinanet, Open Images, Humans in the Loop."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from crowdmask.data.importing.run import NothingImported

from .sources import faces_of, run, write
from .test_json_tools import boxes_of, photo

BOX = [("with_mask", (100, 50, 180, 150))]


def photos(folder: Path, *names: str) -> None:
    for name in names:
        photo(folder / name)


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("train.txt", "images/a.jpg 100,50,180,150,1\nimages/b.jpg\n"),
        ("train.txt", "\ufeff.\\images\\a.jpg 100,50,180,150,1\r\nimages/b.jpg\r\n"),
        ("annotations.csv", "images/a.jpg,100,50,180,150,with_mask\nimages/b.jpg,,,,,\n"),
        ("b.csv", "image,x1,y1,x2,y2,class\nimages/a.jpg,100,50,180,150,with_mask\nimages/b.jpg,,,,,\n"),
        ("b.csv", "images/a.jpg,100.0,50.0,180.0,150.0,with_mask\nimages/b.jpg,,,,,\n"),
    ],
)
@pytest.mark.parametrize("form", ["keras", "auto"])
def test_keras_lists_and_tables(tmp_path: Path, file: str, text: str, form: str) -> None:
    photos(tmp_path / "s", "images/a.jpg", "images/b.jpg")
    write(tmp_path / "s" / file, text)
    write(tmp_path / "s/classes.txt", "without_mask\nwith_mask\n")
    run(tmp_path / "s", tmp_path / "to", form)
    assert boxes_of(tmp_path / "to") == [BOX, []]


@pytest.mark.parametrize(
    "line", ["a.jpg 100,50,180,150,7", "a.jpg 180,50,100,150,1", "a.jpg 100,50,180,1.5.0,1"]
)
def test_a_keras_line_of_unknown_faces_is_left_out(tmp_path: Path, line: str) -> None:
    """A class without a name, swapped edges, a number that is none."""
    photos(tmp_path / "s", "a.jpg")
    write(tmp_path / "s/train.txt", f"{line}\n")
    write(tmp_path / "s/classes.txt", "without_mask\nwith_mask\n")
    with pytest.raises(NothingImported):
        run(tmp_path / "s", tmp_path / "to", "keras")


HEAD = "ImageID,Source,LabelName,Confidence,XMin,XMax,YMin,YMax,IsOccluded,IsTruncated,IsGroupOf\n"


@pytest.mark.parametrize("form", ["openimages", "auto"])
@pytest.mark.parametrize("label", ["with_mask", "/m/0dzct"])
def test_open_images(tmp_path: Path, form: str, label: str) -> None:
    photos(tmp_path / "s", "train/a.jpg")
    rows = f"a,x,{label},1,0.15625,0.28125,0.1041667,0.3125,0,0,0\n"
    write(tmp_path / "s/train-annotations-bbox.csv", HEAD + rows)
    write(tmp_path / "s/class-descriptions-boxable.csv", "/m/0dzct,with_mask\n")
    run(tmp_path / "s", tmp_path / "to", form)
    ((found,),) = boxes_of(tmp_path / "to")
    assert found[0] == "with_mask"
    assert found[1] == pytest.approx((100, 50, 180, 150), abs=0.05)


def test_a_group_of_open_images_is_not_judged(tmp_path: Path) -> None:
    photos(tmp_path / "s", "a.jpg")
    rows = "a,x,with_mask,1,0.1,0.5,0.1,0.5,0,0,1\n"
    write(tmp_path / "s/b.csv", HEAD + rows)
    run(tmp_path / "s", tmp_path / "to", "openimages")
    ((face,),) = faces_of(tmp_path / "to").values()
    assert face.ignore


def loop(path: Path, *entries: object, name: str = "a.jpg") -> None:
    write(path, json.dumps({"FileName": name, "NumOfAnno": len(entries), "Annotations": entries}))


def entry(kind: str, *box: float) -> dict[str, object]:
    return {"isProtected": False, "ID": 1, "BoundingBox": box, "classname": kind, "Confidence": 1}


@pytest.mark.parametrize("form", ["humansloop", "auto"])
def test_humans_in_the_loop(tmp_path: Path, form: str) -> None:
    """What people wear has boxes of its own, which are no faces."""
    photos(tmp_path / "s", "images/a.jpg", "images/b.jpg")
    mask = entry("mask_surgical", 110, 90, 170, 150)
    loop(tmp_path / "s/annotations/a.jpg.json", entry("face_with_mask", 100, 50, 180, 150), mask)
    loop(tmp_path / "s/annotations/b.jpg.json", mask, name="b.jpg")
    run(tmp_path / "s", tmp_path / "to", form)
    assert boxes_of(tmp_path / "to") == [BOX, []]


@pytest.mark.parametrize(
    "bad", [entry("face_with_mask", 1, 2), entry("", 1, 2, 30, 40), {"classname": "face_no_mask"}, None]
)
def test_humans_in_the_loop_without_a_face_s_place(tmp_path: Path, bad: object) -> None:
    photos(tmp_path / "s", "a.jpg")
    loop(tmp_path / "s/a.jpg.json", bad)
    with pytest.raises(NothingImported):
        run(tmp_path / "s", tmp_path / "to", "humansloop")
