"""Tables, lists and names as spreadsheets, editors and other programs leave them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from crowdmask.data.importing.run import NothingImported

from .sources import run, write
from .test_json_tools import boxes_of, photo

BOX = [("with_mask", (100, 50, 180, 150))]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize(
    "text",
    [
        "filename;class;xmin;ymin;xmax;ymax\na.jpg;with_mask;100;50;180;150\n",
        "filename\tclass\txmin\tymin\txmax\tymax\na.jpg\twith_mask\t100\t50\t180\t150\n",
        "filename, class, xmin, ymin, xmax, ymax \r\na.jpg, with_mask , 100, 50, 180, 150\r\n",
    ],
)
def test_tables_of_spreadsheets(tmp_path: Path, text: str, encoding: str) -> None:
    photo(tmp_path / "s/a.jpg")
    (tmp_path / "s/boxes.csv").write_bytes(text.encode(encoding))
    run(tmp_path / "s", tmp_path / "to", "auto")
    assert boxes_of(tmp_path / "to") == [BOX]


@pytest.mark.parametrize(
    ("file", "text"),
    [("train.txt", "a.jpg 100,50,180,150,0\n"), ("annotations.csv", "a.jpg,100,50,180,150,with_mask\n")],
)
def test_a_sound_keras_set_has_no_problem(tmp_path: Path, file: str, text: str) -> None:
    photo(tmp_path / "s/a.jpg")
    write(tmp_path / "s" / file, text)
    if file.endswith(".txt"):
        write(tmp_path / "s/mask.names", "with_mask\n")
    run(tmp_path / "s", tmp_path / "to", "keras", strict=True)
    assert boxes_of(tmp_path / "to") == [BOX]


@pytest.mark.parametrize("second", ["data.yaml", "mask.names"])
def test_names_of_yolo_that_contradict_are_not_used(tmp_path: Path, second: str) -> None:
    """labelImg leaves its own list of classes beside the right one: either may be wrong."""
    photo(tmp_path / "s/images/a.jpg")
    write(tmp_path / "s/labels/a.txt", "0 .5 .5 .1 .1\n")
    write(tmp_path / "s/classes.txt", "with_mask\nwithout_mask\n")
    names = ["without_mask", "with_mask"]
    write(tmp_path / "s" / second, f"names: {names}\n" if second == "data.yaml" else "\n".join(names))
    with pytest.raises(NothingImported):
        run(tmp_path / "s", tmp_path / "to", "yolo")
    names = ["With_Mask", "without_mask", "worn wrongly"]  # the same, and more
    write(tmp_path / "s" / second, f"names: {names}\n" if second == "data.yaml" else "\n".join(names))
    run(tmp_path / "s", tmp_path / "to", "yolo", strict=True)
    assert [[label for label, _ in boxes] for boxes in boxes_of(tmp_path / "to")] == [["with_mask"]]


def test_an_id_of_two_categories_of_coco_names_no_class(tmp_path: Path) -> None:
    photo(tmp_path / "s/a.jpg")
    photo(tmp_path / "s/b.jpg", turn=3)  # other bytes
    box = {"image_id": 1, "category_id": 1, "bbox": [100, 50, 80, 100]}
    content = {
        "images": [{"id": 1, "file_name": "a.jpg"}, {"id": 2, "file_name": "b.jpg"}],
        "annotations": [box, {**box, "image_id": 2, "category_id": 2}],
        "categories": [
            {"id": 1, "name": "with_mask"},
            {"id": 1, "name": "without_mask"},
            {"id": 2, "name": "with_mask"},
            {"id": 2, "name": "with_mask"},
        ],
    }
    write(tmp_path / "s/boxes.json", json.dumps(content))
    run(tmp_path / "s", tmp_path / "to", "coco")
    assert boxes_of(tmp_path / "to") == [BOX]
