from __future__ import annotations

import json
from pathlib import Path

import pytest
from PIL import Image

from crowdmask.cli.train import Format
from crowdmask.data.formats.table import READERS
from crowdmask.data.user_photos import load_photos, parse_map
from crowdmask.errors import DataError, UsageError
from crowdmask.labels import LABELS


def coco_folder(folder: Path, photos: int, classes: list[str]) -> Path:
    """Photos with one face of each class, annotated as COCO."""
    (folder / "images").mkdir(parents=True, exist_ok=True)
    content: dict[str, list[object]] = {"categories": [], "images": [], "annotations": []}
    content["categories"] = [{"id": i, "name": name} for i, name in enumerate(classes)]
    for photo in range(photos):
        Image.new("RGB", (60, 40)).save(folder / "images" / f"{photo}.jpg")
        content["images"].append({"id": photo, "file_name": f"{photo}.jpg"})
        for i in range(len(classes)):
            content["annotations"].append({"image_id": photo, "category_id": i, "bbox": [i, 5, 20, 25]})
    (folder / "all.json").write_text(json.dumps(content))
    return folder


LABELME = {
    "shapes": [{"label": "masked", "points": [[5, 5], [25, 30]], "shape_type": "rectangle"}],
    "imagePath": "0.jpg",
}
CREATEML = [
    {
        "image": "0.jpg",
        "annotations": [{"label": "masked", "coordinates": {"x": 15, "y": 17.5, "width": 20, "height": 25}}],
    }
]


@pytest.mark.parametrize(
    ("form", "file", "text"),
    [
        ("labelme", "0.json", json.dumps(LABELME)),
        ("createml", "_annotations.createml.json", json.dumps(CREATEML)),
        ("keras", "annotations.csv", "0.jpg,5,5,25,30,masked\n"),
    ],
)
def test_formats_of_tools_are_read(tmp_path: Path, form: str, file: str, text: str) -> None:
    Image.new("RGB", (60, 40)).save(tmp_path / "0.jpg")
    (tmp_path / file).write_text(text)
    dataset = load_photos(tmp_path, form, {}, 0.0)
    (sample,) = dataset.split("train")
    assert sample.boxes.tolist() == [[5, 5, 25, 30]]
    assert sample.class_id.tolist() == [LABELS.index("with_mask")]


def test_the_command_offers_all_formats_that_training_reads() -> None:
    assert [form.value for form in Format] == list(READERS)


def names(folder: Path, val: float = 0.3) -> dict[str, list[str]]:
    dataset = load_photos(folder, "coco", {}, val)
    return {split: [s.name for s in samples] for split, samples in dataset.samples.items()}


@pytest.mark.parametrize(
    ("classes", "class_map", "labels"),
    [
        (list(LABELS), {}, LABELS),
        (["Mask", "No-Mask", "mask_weared_incorrect"], {}, LABELS),
        (["face mask", "FACE"], {}, LABELS[:2]),
        (["1"], {"1": "mask_worn_incorrect"}, LABELS[2:]),
        (["face"], {"face": "with_mask"}, LABELS[:1]),
        (["mask", "dog"], {"dog": "skip"}, LABELS[:1]),
    ],
)
def test_common_names_are_known_and_others_mapped(tmp_path, classes, class_map, labels):
    dataset = load_photos(coco_folder(tmp_path, 4, classes), "coco", class_map, 0.3)
    for sample in [*dataset.split("train"), *dataset.split("val")]:
        assert [LABELS[i] for i in sample.class_id] == list(labels)
    assert len(dataset.problems) == 0


@pytest.mark.parametrize(
    ("classes", "class_map", "message"),
    [
        (["mask", "helmet"], {}, r"classes that are not known: helmet; map each with `map` 'helmet=LABEL'"),
        (["mask"], {"masc": "with_mask"}, r"`map` names the class 'masc', .* it has: mask"),
        ([], {}, r"holds no boxes in the format coco; the formats are: voc, yolo, coco, wider, csv"),
    ],
)
def test_classes_that_nobody_knows_are_an_error(tmp_path, classes, class_map, message):
    with pytest.raises(DataError, match=message):
        load_photos(coco_folder(tmp_path, 2, classes), "coco", class_map, 0.3)


def test_the_wrong_format_says_what_was_looked_for(tmp_path):
    coco_folder(tmp_path, 2, ["mask"])
    with pytest.raises(DataError, match=r"no boxes in the format voc.*first problem: .*no \*\.xml in it"):
        load_photos(tmp_path, "voc", {}, 0.3)
    with pytest.raises(DataError, match="is not a folder"):
        load_photos(tmp_path / "gone", "voc", {}, 0.3)


def test_the_split_stays_when_photos_come_in(tmp_path):
    few = names(coco_folder(tmp_path, 30, ["mask"]))
    assert names(tmp_path) == few
    many = names(coco_folder(tmp_path, 60, ["mask"]))
    assert set(few["val"]) <= set(many["val"])
    assert set(few["train"]) <= set(many["train"])
    assert 8 <= len(many["val"]) <= 30


@pytest.mark.parametrize("photos", range(2, 7))
@pytest.mark.parametrize("val", [0.01, 0.99])
def test_a_few_photos_are_enough_for_both_splits(tmp_path, photos, val):
    split = names(coco_folder(tmp_path, photos, ["mask"]), val)
    assert min(len(split["train"]), len(split["val"])) >= 1
    assert sorted(split["train"] + split["val"]) == [f"images/{i}.jpg" for i in range(photos)]


def test_one_photo_is_not_enough(tmp_path):
    dataset = load_photos(coco_folder(tmp_path, 1, ["mask"]), "coco", {}, 0.3)
    with pytest.raises(DataError, match="no photos in its split 'val'; it has: train"):
        dataset.split("val")


@pytest.mark.parametrize(
    ("pairs", "expected"),
    [
        ([], {}),
        (["a=with_mask", "b=c=ignore"], {"a": "with_mask", "b=c": "ignore"}),
        (["x=skip"], {"x": "skip"}),
    ],
)
def test_a_map_is_read(pairs, expected):
    assert parse_map(pairs) == expected


@pytest.mark.parametrize("pair", ["a", "a=", "a=mask", "=mask"])
def test_a_map_of_another_form_is_wrong_usage(pair):
    with pytest.raises(UsageError, match="write  old=new"):
        parse_map([pair])
