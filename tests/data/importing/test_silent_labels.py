"""Annotations that would teach the wrong thing without a word: each is right, or named and left out."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from PIL import Image

from crowdmask.data.dataset import DatasetSpec, build_dataset
from crowdmask.data.importing.run import NothingImported
from crowdmask.data.problems import Reason
from crowdmask.data.user_photos import guess_label

from .sources import faces_of, run, write

Box = tuple[float, float, float, float]


def photo(path: Path, size: tuple[int, int] = (640, 480), turn: int = 1) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    exif = Image.Exif()
    exif[0x0112] = turn
    Image.new("RGB", size, "grey").save(path, exif=exif)


def as_voc(folder: Path, box: Box, size: tuple[int, int] | None) -> None:
    said = f"<size><width>{size[0]}</width><height>{size[1]}</height></size>" if size else ""
    edges = "".join(f"<{n}>{v}</{n}>" for n, v in zip(("xmin", "ymin", "xmax", "ymax"), box, strict=True))
    text = f"<annotation>{said}<object><name>with_mask</name><bndbox>{edges}</bndbox></object></annotation>"
    write(folder / "a.xml", text)


def as_coco(folder: Path, box: Box, size: tuple[int, int] | None) -> None:
    about = dict(zip(("width", "height"), size, strict=True)) if size else {}
    content = {
        "categories": [{"id": 1, "name": "with_mask"}],
        "images": [{"id": 1, "file_name": "a.jpg", **about}],
        "annotations": [
            {"image_id": 1, "category_id": 1, "bbox": [box[0], box[1], box[2] - box[0], box[3] - box[1]]}
        ],
    }
    write(folder / "a.json", json.dumps(content))


def as_csv(folder: Path, box: Box, size: tuple[int, int] | None) -> None:
    width, height = size or ("", "")
    row = f"a.jpg,{width},{height},with_mask,{box[0]},{box[1]},{box[2]},{box[3]}"
    write(folder / "a.csv", f"filename,width,height,class,xmin,ymin,xmax,ymax\n{row}\n")


FORMATS = {"voc": as_voc, "coco": as_coco, "csv": as_csv}


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize(
    ("stored", "turn", "said", "expected"),
    [
        ((640, 480), 1, (640, 480), (100, 50, 180, 150)),
        ((640, 480), 1, None, (100, 50, 180, 150)),
        ((640, 480), 1, (0, 0), (100, 50, 180, 150)),
        ((640, 480), 6, (640, 480), (330, 100, 430, 180)),
        ((640, 480), 6, (480, 640), (100, 50, 180, 150)),
        ((640, 480), 8, (640, 480), (50, 460, 150, 540)),
        ((640, 480), 5, (640, 480), (50, 100, 150, 180)),
        ((640, 480), 7, (640, 480), (330, 460, 430, 540)),
        ((640, 480), 3, (640, 480), (100, 50, 180, 150)),
        ((640, 480), 1, (1280, 960), (50, 25, 90, 75)),
        ((640, 480), 1, (320, 240), (200, 100, 360, 300)),
        ((640, 427), 1, (1280, 853), (50, 50 * 427 / 853, 90, 150 * 427 / 853)),
        ((640, 480), 6, (1280, 960), (405, 50, 455, 90)),
        ((640, 480), 1, (480, 640), None),
        ((640, 480), 6, (600, 600), None),
        ((640, 480), 1, (640, 500), None),
    ],
)
def test_the_stated_size_is_compared_with_the_photo(
    tmp_path: Path,
    form: str,
    stored: tuple[int, int],
    turn: int,
    said: tuple[int, int] | None,
    expected: Box | None,
) -> None:
    photo(tmp_path / "in/a.jpg", stored, turn)
    FORMATS[form](tmp_path / "in", (100, 50, 180, 150), said)
    description = {
        "sources": {
            "s": {
                "folder": "in", "format": form, "classes": {"with_mask": "with_mask"}, "split": "train",
                "origin": {"licence": "none"},
            }
        }
    }  # fmt: skip
    dataset = build_dataset(DatasetSpec.model_validate(description), tmp_path, tmp_path)
    if expected is None:
        with pytest.raises(NothingImported) as caught:
            run(tmp_path / "in", tmp_path / "to", form)
        assert Reason.SIZE in caught.value.result.problems.reasons
        assert dataset.samples == {}
        assert any("its annotation is of a picture of" in line for line in dataset.problems.lines)
        return
    run(tmp_path / "in", tmp_path / "to", form, strict=True)
    ((face,),) = faces_of(tmp_path / "to").values()
    assert face.box == pytest.approx(expected, abs=1e-3)
    assert dataset.split("train")[0].boxes[0] == pytest.approx(expected, abs=1e-3)


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize(
    ("box", "known"),
    [
        ((180, 50, 100, 150), False),
        ((100, 150, 180, 50), False),
        ((0.1, 0.1, 0.3, 0.5), False),
        ((0, 0, 1, 1), False),
        ((100, 50, 100, 150), False),
        ((0, 0, 0, 0), True),
        ((5, 5, 5, 5), True),
    ],
)
def test_a_face_of_which_the_place_is_not_known_is_not_no_face(
    tmp_path: Path, form: str, box: Box, known: bool
) -> None:
    photo(tmp_path / "in/a.jpg")
    FORMATS[form](tmp_path / "in", box, None)
    if known:
        assert [p.faces for p in run(tmp_path / "in", tmp_path / "to", form).photos] == [[]]
        return
    with pytest.raises(NothingImported) as caught:
        run(tmp_path / "in", tmp_path / "to", form)
    assert Reason.LEFT_EMPTY in caught.value.result.problems.reasons


OBJECT = (
    "<{0}><name>with_mask</name><bndbox><xmin>10</xmin><ymin>20</ymin><xmax>30</xmax><ymax>40</ymax>"
    "</bndbox></{0}>"
)


@pytest.mark.parametrize(
    ("content", "boxes"),
    [
        ("<annotation>" + OBJECT.format("object") + "</annotation>", 1),
        ("<annotation>" + OBJECT.format("Object") + "</annotation>", 1),
        ('<annotation xmlns="http://example.org/voc">' + OBJECT.format("object") + "</annotation>", 1),
        ("<annotation/>", 0),
        ("<annotation>" + OBJECT.format("face") + "</annotation>", None),
        (
            "<dataset><images><image file='a.jpg'><box top='1' left='1'/></image></images></dataset>",
            None,
        ),
        ("<annotations><image name='a.jpg'><box label='with_mask'/></image></annotations>", None),
    ],
)  # fmt: skip
def test_xml_of_other_programs(tmp_path: Path, content: str, boxes: int | None) -> None:
    photo(tmp_path / "in/a.jpg")
    write(tmp_path / "in/a.xml", content)
    if boxes is None:
        with pytest.raises(NothingImported):
            run(tmp_path / "in", tmp_path / "to", "voc")
        return
    (found,) = run(tmp_path / "in", tmp_path / "to", "voc", strict=True).photos
    assert [face.box for face in found.faces or ()] == [(10, 20, 30, 40)] * boxes


@pytest.mark.parametrize(
    ("encoding", "declared"),
    [
        ("iso-8859-1", "ISO-8859-1"),
        ("gbk", "GBK"),
        ("gb18030", "gb2312"),
        ("utf-16", "UTF-16"),
        ("utf-16-le", "UTF-16"),
        ("utf-8-sig", "utf-8"),
        ("utf-8", "UTF-16"),
    ],
)
def test_xml_in_the_encoding_that_it_declares(tmp_path: Path, encoding: str, declared: str) -> None:
    photo(tmp_path / "in/a.jpg")
    place = "面罩" if encoding.startswith("gb") else "é"
    folder = f"<annotation><folder>{place}</folder>" + OBJECT.format("object") + "</annotation>"
    text = f'<?xml version="1.0" encoding="{declared}"?>\n{folder}'
    (tmp_path / "in/a.xml").write_bytes(text.encode(encoding))
    (found,) = run(tmp_path / "in", tmp_path / "to", "voc", strict=True).photos
    assert len(found.faces or ()) == 1


@pytest.mark.parametrize(
    ("category", "crowd", "expected"),
    [
        ("with_mask", 0, [("with_mask", False)]),
        ("with_mask", "0", [("with_mask", False)]),
        ("with_mask", None, [("with_mask", False)]),
        ("with_mask", False, [("with_mask", False)]),
        ("with_mask", "1", [("with_mask", True)]),
        ("with_mask", 1, [("with_mask", True)]),
        ("with_mask", "perhaps", None),
        (None, 0, None),
        ("", 0, None),
        (["none"], 0, None),
    ],
)
def test_values_of_coco_that_are_texts_or_nothing(
    tmp_path: Path, category: object, crowd: object, expected: list[tuple[str, bool]] | None
) -> None:
    photo(tmp_path / "in/a.jpg")
    box = {"image_id": 1, "category_id": 1, "bbox": [10, 20, 30, 40], "iscrowd": crowd}
    content = {
        "categories": [{"id": 1, "name": category}],
        "images": [{"id": 1, "file_name": "a.jpg"}],
        "annotations": [box],
    }
    write(tmp_path / "in/a.json", json.dumps(content))
    if expected is None:
        with pytest.raises(NothingImported) as caught:
            run(tmp_path / "in", tmp_path / "to", "coco")
        assert Reason.UNUSABLE in caught.value.result.problems.reasons
        return
    (found,) = run(tmp_path / "in", tmp_path / "to", "coco", strict=True).photos
    assert [(face.label, face.ignore) for face in found.faces or ()] == expected


def test_an_outline_of_yolo_gives_the_box_around_it(tmp_path: Path) -> None:
    photo(tmp_path / "in/a.jpg", (100, 100))
    write(tmp_path / "in/classes.txt", "with_mask\n")
    write(tmp_path / "in/a.txt", "\ufeff0 .5 .5 .2 .2\n0 .1 .2 .3 .1 .4 .3 .2 .5\n")
    (found,) = run(tmp_path / "in", tmp_path / "to", "yolo", strict=True).photos
    boxes = [face.box for face in found.faces or ()]
    assert boxes == [pytest.approx((40, 40, 60, 60)), pytest.approx((10, 10, 40, 50))]


POINTS = ((0.4, 0.4), (0.5, 0.4), (0.45, 0.45), (0.41, 0.5), (0.49, 0.5))
OUTLINE = ".55 .44 .54 .45 .45 .45 .35 .44 .35 .35 .45 .34 .54 .35 .55 .36"


def keypoints(visibility: str = "", points: tuple[tuple[float, float], ...] = POINTS) -> str:
    return "0 .45 .45 .2 .2 " + " ".join(f"{x} {y} {visibility}".strip() for x, y in points)


@pytest.mark.parametrize(
    ("line", "about", "expected"),
    [
        (keypoints("2"), "", (35, 35, 55, 55)),
        (keypoints("2", POINTS[:4]), "", (35, 35, 55, 55)),
        (keypoints("2", ((0.4, 0.4), (0.0, 0.0), (0.5, 0.5), (0.4, 0.5))), "", (35, 35, 55, 55)),
        (keypoints("0", ((0.0, 0.0),) * 5), "", (35, 35, 55, 55)),
        (keypoints(), "", (35, 35, 55, 55)),
        (keypoints(points=(*POINTS[:4], (-1, -1))), "", (35, 35, 55, 55)),
        (keypoints(points=((0.1, 0.1), (0.12, 0.12))), "kpt_shape: [2, 2]", (35, 35, 55, 55)),
        (keypoints("1", POINTS[:2]), "kpt_shape: [2, 3]", (35, 35, 55, 55)),
        (keypoints(points=POINTS[:1]), "kpt_shape: [1, 2]", (35, 35, 55, 55)),
        ("0 .45 .45 .2 .2", "kpt_shape: [5, 3]", (35, 35, 55, 55)),
        (f"0 {OUTLINE}", "", (35, 34, 55, 45)),
        ("0 .5 .4 .6 .5 .5 .6 .4 .5", "", (40, 40, 60, 60)),
        ("0 0 0 1 0 1 1 0 1 0 1", "", (0, 0, 100, 100)),
        (f"0 {OUTLINE}", "kpt_shape: [5, 3]", None),
    ],
)
def test_keypoints_of_yolo_are_no_outline(
    tmp_path: Path, line: str, about: str, expected: Box | None
) -> None:
    photo(tmp_path / "in/a.jpg", (100, 100))
    write(tmp_path / "in/data.yaml", f"names: [with_mask]\n{about}\n")
    write(tmp_path / "in/a.txt", f"{line}\n")
    if expected is None:
        with pytest.raises(NothingImported) as caught:
            run(tmp_path / "in", tmp_path / "to", "yolo")
        assert Reason.UNUSABLE in caught.value.result.problems.reasons
        return
    (found,) = run(tmp_path / "in", tmp_path / "to", "yolo", strict=True).photos
    assert [face.box for face in found.faces or ()] == [pytest.approx(expected)]


@pytest.mark.parametrize("column", ["label", "class", "Label"])
@pytest.mark.parametrize("empty", ["", "  "])
def test_a_row_without_a_label_is_not_taken_for_a_bare_face(tmp_path: Path, column: str, empty: str) -> None:
    photo(tmp_path / "in/a.jpg")
    photo(tmp_path / "in/b.jpg")
    rows = f"a.jpg,0,0,40,40,{empty}\nb.jpg,0,0,40,40,with_mask\nb.jpg,50,50,90,90,{empty}\n"
    write(tmp_path / "in/a.csv", f"name,xmin,ymin,xmax,ymax,{column}\n{rows}")
    done = run(tmp_path / "in", tmp_path / "to", "csv")
    assert {name: [face.label for face in faces] for name, faces in faces_of(tmp_path / "to").items()} == {
        "photos/s/b.jpg": ["with_mask"]
    }
    assert sum("no label" in line for line in done.problems.lines) == 2


def test_a_table_without_a_column_of_labels_shows_faces(tmp_path: Path) -> None:
    photo(tmp_path / "in/a.jpg")
    write(tmp_path / "in/a.csv", "name,xmin,ymin,xmax,ymax\na.jpg,0,0,40,40\n")
    run(tmp_path / "in", tmp_path / "to", "csv", strict=True)
    ((face,),) = faces_of(tmp_path / "to").values()
    assert face.label == "without_mask"


def test_many_boxes_of_an_unknown_class_import_nothing(tmp_path: Path) -> None:
    photo(tmp_path / "in/a.jpg")
    photo(tmp_path / "in/b.jpg")
    write(tmp_path / "in/classes.txt", "with_mask\nhelmet\n")
    write(tmp_path / "in/a.txt", "0 .5 .5 .2 .2\n" * 40)
    write(tmp_path / "in/b.txt", "0 .5 .5 .2 .2\n" + "1 .5 .5 .2 .2\n" * 12)
    with pytest.raises(NothingImported, match=r"12 of 53 boxes .* 'helmet' \(12\).*`map` 'helmet=LABEL'"):
        run(tmp_path / "in", tmp_path / "to", "yolo")
    assert not (tmp_path / "to/manifest.jsonl").exists()
    done = run(tmp_path / "in", tmp_path / "to", "yolo", classes={"helmet": "skip"})
    assert [len(found.faces or ()) for found in done.photos] == [40, 1]


@pytest.mark.parametrize(
    ("published", "label"),
    [
        ("wmask", "with_mask"),
        ("fully_covered", "with_mask"),
        ("correctly_worn", "with_mask"),
        ("face_with_mask", "with_mask"),
        ("masked_face", "with_mask"),
        ("not_covered", "without_mask"),
        ("face_no_mask", "without_mask"),
        ("unmasked_face", "without_mask"),
        ("unmask", "without_mask"),
        ("partially_covered", "mask_worn_incorrect"),
        ("incorrectly_worn", "mask_worn_incorrect"),
        ("face_with_mask_incorrect", "mask_worn_incorrect"),
        ("mask_incorrect", "mask_worn_incorrect"),
        ("with_incorrect_mask", "mask_worn_incorrect"),
        ("helmet", None),
    ],
)
def test_names_that_published_sets_use(published: str, label: str | None) -> None:
    assert guess_label(published) == label


@pytest.mark.parametrize(("origin", "expected"), [(0, (10, 20, 30, 40)), (1, (9, 19, 30, 40))])
def test_edges_that_count_from_one(tmp_path: Path, origin: int, expected: Box) -> None:
    photo(tmp_path / "in/a.jpg")
    as_voc(tmp_path / "in", (10, 20, 30, 40), None)
    (found,) = run(tmp_path / "in", tmp_path / "to", "voc", first_pixel=origin).photos
    assert [face.box for face in found.faces or ()] == [expected]
