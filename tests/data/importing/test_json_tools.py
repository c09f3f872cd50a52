"""Sets from tools that write JSON of their own: boxes right, and photos whose faces are unknown left out."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from PIL import Image

from crowdmask.data.importing.run import NothingImported
from crowdmask.data.problems import Reason
from crowdmask.errors import UsageError

from .sources import faces_of, run, write

Edges = tuple[float, float, float, float]


def photo(path: Path, size: tuple[int, int] = (640, 480), turn: int = 1) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    exif = Image.Exif()
    exif[0x0112] = turn
    Image.new("RGB", size, "grey").save(path, exif=exif)


def boxes_of(folder: Path) -> list[list[tuple[str | None, Edges]]]:
    return [[(face.label, face.box) for face in faces] for faces in faces_of(folder).values()]


def labelme(path: Path, *shapes: object, size: tuple[int, int] = (640, 480), picture: str = "a.jpg") -> None:
    content = {"shapes": shapes, "imagePath": picture, "imageWidth": size[0], "imageHeight": size[1]}
    write(path, json.dumps(content))


def shape(kind: str, *points: tuple[float, float], label: object = "with_mask") -> dict[str, object]:
    return {"label": label, "points": points, "shape_type": kind}


@pytest.mark.parametrize(
    ("drawn", "box"),
    [
        (shape("rectangle", (100, 50), (180, 150)), (100, 50, 180, 150)),
        (shape("rectangle", (180, 150), (100, 50)), (100, 50, 180, 150)),
        (shape("rectangle", (100, 50), (180, 50), (180, 150), (100, 150)), (100, 50, 180, 150)),
        (shape("polygon", (140, 50), (180, 90), (120, 150), (100, 80)), (100, 50, 180, 150)),
        (shape("circle", (140, 100), (143, 104)), (135, 95, 145, 105)),
    ],
)
def test_the_outlines_of_labelme_are_boxes(tmp_path: Path, drawn: dict[str, object], box: Edges) -> None:
    photo(tmp_path / "s/a.jpg")
    labelme(tmp_path / "s/a.json", drawn)
    run(tmp_path / "s", tmp_path / "to", "labelme")
    assert boxes_of(tmp_path / "to") == [[("with_mask", box)]]


@pytest.mark.parametrize("picture", ["a.jpg", "..\\images\\a.jpg", "C:\\me\\a.jpg", "/home/me/old.jpg"])
def test_photos_of_labelme_are_found_in_a_folder_beside(tmp_path: Path, picture: str) -> None:
    photo(tmp_path / "s/images/a.jpg")
    labelme(tmp_path / "s/labels/a.json", shape("rectangle", (1, 2), (51, 62)), picture=picture)
    run(tmp_path / "s", tmp_path / "to", "labelme")
    assert boxes_of(tmp_path / "to") == [[("with_mask", (1, 2, 51, 62))]]


def test_labelme_of_a_photo_stored_turned_is_turned(tmp_path: Path) -> None:
    photo(tmp_path / "s/a.jpg", turn=6)
    labelme(tmp_path / "s/a.json", shape("rectangle", (100, 50), (180, 150)))
    run(tmp_path / "s", tmp_path / "to", "labelme")
    assert boxes_of(tmp_path / "to") == [[("with_mask", (330, 100, 430, 180))]]


def createml(path: Path, *boxes: object, key: str = "image") -> None:
    write(path, json.dumps([{key: "a.jpg", "annotations": boxes}]))


def centred(label: object = "with_mask", **changed: object) -> dict[str, object]:
    return {"label": label, "coordinates": {"x": 140, "y": 100, "width": 80, "height": 100} | changed}


@pytest.mark.parametrize("key", ["image", "imagefilename"])
@pytest.mark.parametrize(
    ("listed", "picture"), [("train/_annotations.createml.json", "train/a.jpg"), ("all.json", "images/a.jpg")]
)
def test_createml_counts_from_the_centre(tmp_path: Path, key: str, listed: str, picture: str) -> None:
    photo(tmp_path / "s" / picture)
    createml(tmp_path / "s" / listed, centred(), key=key)
    run(tmp_path / "s", tmp_path / "to", "createml")
    assert boxes_of(tmp_path / "to") == [[("with_mask", (100, 50, 180, 150))]]


@pytest.mark.parametrize("form", ["labelme", "createml"])
def test_a_sound_annotation_without_a_box_is_a_photo_without_faces(tmp_path: Path, form: str) -> None:
    photo(tmp_path / "s/a.jpg")
    labelme(tmp_path / "s/a.json") if form == "labelme" else createml(tmp_path / "s/a.json")
    run(tmp_path / "s", tmp_path / "to", form)
    assert boxes_of(tmp_path / "to") == [[]]


@pytest.mark.parametrize(
    "drawn",
    [
        shape("point", (100, 50)),
        shape("line", (100, 50), (180, 150)),
        shape("mask", (100, 50), (180, 150)),
        shape("rectangle", (100, 50)),
        shape("rectangle"),
        shape("rectangle", (100, 50), (180, 150), label=None),
        shape("rectangle", (0.1, 0.1), (0.3, 0.5)),
        {"label": "with_mask"},
        "with_mask",
        None,
    ],
)
def test_labelme_without_the_place_of_a_face_is_left_out(tmp_path: Path, drawn: object) -> None:
    photo(tmp_path / "s/a.jpg")
    labelme(tmp_path / "s/a.json", drawn)
    with pytest.raises(NothingImported):
        run(tmp_path / "s", tmp_path / "to", "labelme")


@pytest.mark.parametrize(
    "box",
    [
        centred(None),
        centred(width=-80),
        centred(x=None),
        centred(x=0.2, y=0.3, width=0.1, height=0.2),
        {"label": "with_mask"},
        {"label": "with_mask", "coordinates": [1, 2, 3, 4]},
        "with_mask",
        None,
    ],
)
def test_createml_without_the_place_of_a_face_is_left_out(tmp_path: Path, box: object) -> None:
    photo(tmp_path / "s/a.jpg")
    createml(tmp_path / "s/a.json", box)
    with pytest.raises(NothingImported):
        run(tmp_path / "s", tmp_path / "to", "createml")


@pytest.mark.parametrize("form", ["labelme", "createml"])
@pytest.mark.parametrize("text", ["{", "[1]", "{}", "null", "3", "[" * 100_000, '{"shapes": 3}'])
def test_another_json_beside_is_named(tmp_path: Path, form: str, text: str) -> None:
    photo(tmp_path / "s/a.jpg")
    labelme(tmp_path / "s/a.json") if form == "labelme" else createml(tmp_path / "s/a.json")
    write(tmp_path / "s/b.json", text)
    result = run(tmp_path / "s", tmp_path / "to", form)
    assert boxes_of(tmp_path / "to") == [[]]
    assert set(result.problems.reasons) <= {Reason.BROKEN, Reason.UNUSABLE}
    assert result.problems.stems(Reason.BROKEN, Reason.UNUSABLE) == {"b"}


def test_auto_takes_the_format_that_the_files_look_like(tmp_path: Path) -> None:
    photo(tmp_path / "s/a.jpg")
    labelme(tmp_path / "s/a.json", shape("rectangle", (100, 50), (180, 150)))
    result = run(tmp_path / "s", tmp_path / "to", "auto")
    assert boxes_of(tmp_path / "to") == [[("with_mask", (100, 50, 180, 150))]]
    assert json.loads((tmp_path / "to" / result.report).read_text())["format"] == "labelme"


@pytest.mark.parametrize(
    ("others", "message"),
    [
        ({}, "looks like no known format of annotations: name it with `format`, one of voc, yolo"),
        ({"x.json": "{}", "notes.txt": "three faces"}, "looks like no known format"),
        (
            {"b.json": '{"shapes": [], "imagePath": "a.jpg"}', "b.csv": "name,xmin,ymin,xmax,ymax"},
            "looks like a table of boxes and LabelMe: say which one is meant, `format` csv or labelme",
        ),
    ],
)
def test_auto_refuses_what_it_cannot_tell(tmp_path: Path, others: dict[str, str], message: str) -> None:
    photo(tmp_path / "s/a.jpg")
    for name, text in others.items():
        write(tmp_path / "s" / name, text)
    with pytest.raises(UsageError, match=message):
        run(tmp_path / "s", tmp_path / "to", "auto")
    assert not (tmp_path / "to").exists() or not list((tmp_path / "to").rglob("*.jpg"))


def test_auto_with_annotations_apart_fits_the_format_that_is_found(tmp_path: Path) -> None:
    photo(tmp_path / "s/a.jpg")
    write(tmp_path / "boxes.csv", "name,xmin,ymin,xmax,ymax,label\na.jpg,100,50,180,150,with_mask\n")
    run(tmp_path / "s", tmp_path / "to", "auto", annotations=tmp_path / "boxes.csv")
    assert boxes_of(tmp_path / "to") == [[("with_mask", (100, 50, 180, 150))]]
    labelme(tmp_path / "apart/a.json", shape("rectangle", (100, 50), (180, 150)))
    with pytest.raises(UsageError, match="`annotations` goes with the formats wider, csv, mafa"):
        run(tmp_path / "s", tmp_path / "to2", "auto", annotations=tmp_path / "apart")


RECT = {"name": "rect", "x": 100, "y": 50, "width": 80, "height": 100}
OUTLINE = {"name": "polygon", "all_points_x": [100, 180, 120], "all_points_y": [60, 50, 150]}
ROUND = {"name": "ellipse", "cx": 140, "cy": 100, "rx": 40, "ry": 50}


@pytest.mark.parametrize("drawn", [RECT, OUTLINE, ROUND])
@pytest.mark.parametrize(
    "said", [{"class": "with_mask"}, {"mask": {"with_mask": True}}, {"note": "x", "Label": "with_mask"}]
)
@pytest.mark.parametrize("kind", ["json", "first version", "project", "csv"])
def test_the_regions_of_via_are_boxes(
    tmp_path: Path, drawn: dict[str, object], said: dict[str, object], kind: str
) -> None:
    for name in ("a", "b"):
        photo(tmp_path / f"s/{name}.jpg")
    region = {"shape_attributes": drawn, "region_attributes": said}
    numbered = {"0": region} if kind == "first version" else [region]
    content = {"a": {"filename": "a.jpg", "regions": numbered}, "b": {"filename": "b.jpg", "regions": []}}
    if kind == "csv":
        cells = [json.dumps(json.dumps(part)).replace('\\"', '""') for part in (drawn, said)]
        head = "filename,file_size,file_attributes,region_count,region_id"
        head += ",region_shape_attributes,region_attributes"
        rows = [f"a.jpg,9,{{}},1,0,{cells[0]},{cells[1]}", "b.jpg,9,{},0,0,{},{}"]
        write(tmp_path / "s/via.csv", "\n".join([head, *rows]))
    else:
        write(
            tmp_path / "s/v.json",
            json.dumps({"_via_img_metadata": content} if kind == "project" else content),
        )
    run(tmp_path / "s", tmp_path / "to", "auto")
    assert boxes_of(tmp_path / "to") == [[("with_mask", (100, 50, 180, 150))], []]


@pytest.mark.parametrize(
    "drawn", [{"name": "point", "cx": 1, "cy": 2}, {"name": "rect", "x": 1}, {}, None, 3]
)
@pytest.mark.parametrize("said", [{}, {"class": "with_mask"}, {"mask": {"a": True, "b": True}}, None])
def test_via_without_the_place_of_a_face_is_left_out(tmp_path: Path, drawn: object, said: object) -> None:
    photo(tmp_path / "s/a.jpg")
    region = {"shape_attributes": drawn, "region_attributes": said}
    write(tmp_path / "s/v.json", json.dumps({"a": {"filename": "a.jpg", "regions": [region]}}))
    with pytest.raises(NothingImported):
        run(tmp_path / "s", tmp_path / "to", "via")
