from __future__ import annotations

import importlib
from pathlib import Path

import pytest

from crowdmask.data.formats.table import FORMATS, READERS, export_names, find_format, find_layout, recognise
from crowdmask.errors import UsageError

from .layouts import PICTURE, YOLO_LINE, coco, lay_out, voc

FILES: dict[str, dict[str, object]] = {
    "voc": {"Annotations/a.xml": voc(("mask", 1, 2, 11, 22)), "JPEGImages/a.jpg": PICTURE},
    "yolo": {"labels/train/a.txt": YOLO_LINE, "images/train/a.jpg": PICTURE, "classes.txt": "mask\n"},
    "coco": {"annotations/all.json": coco(), "images/a.jpg": PICTURE},
    "wider": {"split/wider_face_train_bbx_gt.txt": "a.jpg\n0\n", "images/a.jpg": PICTURE},
    "csv": {"boxes.csv": '\ufeffName,"XMin",ymin,xmax,ymax\na.jpg,1,2,3,4\n', "a.jpg": PICTURE},
    "createml": {"_annotations.createml.json": '[{"image": "a.jpg", "annotations": []}]', "a.jpg": PICTURE},
    "labelme": {"a.json": '{"shapes": [], "imagePath": "a.jpg"}', "a.jpg": PICTURE},
    "via": {"v.json": '{"a.jpg9": {"filename": "a.jpg", "size": 9, "regions": []}}', "a.jpg": PICTURE},
    "keras": {"train.txt": "a.jpg 1,2,9,9,0\n", "classes.txt": "with_mask\n", "a.jpg": PICTURE},
    "openimages": {
        "b.csv": "ImageID,Source,LabelName,Confidence,XMin,XMax,YMin,YMax\na,x,/m/1,1,0.1,0.2,0.1,0.2\n",
        "a.jpg": PICTURE,
    },
    "humansloop": {"a.jpg.json": '{"FileName": "a.jpg", "Annotations": []}', "a.jpg": PICTURE},
    "mafa": {"LabelTestAll.txt": "a.jpg 1 2 9 9 1\n", "a.jpg": PICTURE},
}
OTHERS: dict[str, dict[str, object]] = {
    "cvat": {"annotations.xml": '<?xml version="1.0"?><annotations><image/></annotations>'},
    "readme": {"README.txt": "Photos of a crowd\n", "notes.csv": "a,b\n1,2\n", "list.json": "[1, 2]"},
    "broken": {"a.json": "{", "b.json": "[" * 100_000, "a.xml": b"\xff\xfe", "a.txt": b"\x00\x01"},
    "empty": {"a.jpg": PICTURE},
}


@pytest.mark.parametrize("form", FILES)
def test_a_folder_is_recognised(tmp_path: Path, form: str) -> None:
    lay_out(tmp_path, FILES[form])
    assert [each.name for each in recognise(tmp_path)] == [form]


@pytest.mark.parametrize("files", OTHERS.values(), ids=OTHERS)
def test_another_folder_is_not(tmp_path: Path, files: dict[str, object]) -> None:
    lay_out(tmp_path, files)
    assert recognise(tmp_path) == []


def test_every_format_stands_in_the_table_once() -> None:
    names = [form.name for form in FORMATS]
    assert len(names) == len(set(names))
    assert all(find_format(name).name == name for name in names)
    assert [*READERS] == [form.name for form in FORMATS if not form.is_import_only]
    assert export_names() == ["coco", "yolo", "voc"]
    for form in FORMATS:
        assert importlib.import_module(form.read.__module__).__doc__, form.name
        assert (form.name in export_names()) == (form.layout is not None)


@pytest.mark.parametrize(("find", "name"), [(find_format, "fiftyone"), (find_layout, "wider")])
def test_a_name_that_is_not_in_it_is_told_what_is(find, name: str) -> None:
    with pytest.raises(UsageError, match=f"`format` {name}: choose from .*coco"):
        find(name)
