from __future__ import annotations

import shutil
import tarfile
from pathlib import Path
from typing import Any

import pytest

from crowdmask.data.importing.presets import conventions, presets
from crowdmask.data.importing.published_splits import parse_split
from crowdmask.data.importing.run import NothingImported
from crowdmask.data.manifest import Face
from crowdmask.data.problems import Reason
from crowdmask.errors import UsageError

from ..conftest import MakePhoto, voc_xml, zip_of
from .sources import FORMATS, GOOD, SIZE, as_wider, run, write


def test_a_choice_of_events(tmp_path: Path, make_photo: MakePhoto) -> None:
    names = ("2--Demonstration/2_a", "12--Group/12_b", "26--Soldier_Drilling/26_c")
    for name in names:
        make_photo(tmp_path / f"w/images/{name}.jpg", SIZE)
    as_wider(tmp_path / "w", {name: [GOOD] for name in names})
    events = ("demonstration", "Soldier Drilling")
    result = run(tmp_path / "w", tmp_path / "to", "wider", events=events)
    assert [p.photo.split("/")[3] for p in result.photos] == ["2--Demonstration", "26--Soldier_Drilling"]
    assert result.notes == {"photos of other events, passed over": 1}
    assert not result.problems.lines
    with pytest.raises(
        UsageError, match=r"`events` Dancing: .* it has: Demonstration, Group, Soldier_Drilling"
    ):
        run(tmp_path / "w", tmp_path / "to2", "wider", events=("Dancing",))


@pytest.mark.parametrize("packed", [False, True])
def test_annotations_that_lie_apart(tmp_path: Path, make_photo: MakePhoto, packed: bool) -> None:
    make_photo(tmp_path / "WIDER_val/images/0--Parade/a.jpg", SIZE)
    as_wider(tmp_path / "split/wider_face_split", {"0--Parade/a": [GOOD]})
    photos, lists = tmp_path / "WIDER_val", tmp_path / "split"
    if packed:
        photos = zip_of(photos, tmp_path / "WIDER_val.zip", "WIDER_val/")
        lists = zip_of(lists, tmp_path / "wider_face_split.zip")
    else:
        lists = lists / "wider_face_split/wider_face_bbx_gt.txt"
    result = run(photos, tmp_path / "to", "wider", annotations=lists)
    assert [photo.photo for photo in result.photos] == ["photos/s/images/0--Parade/a.jpg"]
    assert not result.problems.lines


@pytest.mark.parametrize("form", ["wider", "csv", "coco"])
def test_lists_of_parts_that_lie_elsewhere_are_passed_over_as_a_whole(
    tmp_path: Path, make_photo: MakePhoto, form: str
) -> None:
    make_photo(tmp_path / "p/images/a.jpg", SIZE)
    here, elsewhere = {"a": [GOOD], "gone": [GOOD]}, {"b": [GOOD], "c": [GOOD]}
    name = {"wider": "wider_face_bbx_gt.txt", "csv": "boxes.csv", "coco": "annotations/all.json"}[form]
    for part, content in (("train", here), ("val", elsewhere)):
        FORMATS[form](tmp_path / part, content)  # type: ignore[arg-type]
        path = tmp_path / "p" / Path(name).parent / f"{part}_{Path(name).name}"
        path.parent.mkdir(exist_ok=True)
        (tmp_path / part / name).rename(path)
    result = run(tmp_path / "p", tmp_path / "to", form)
    assert [photo.photo for photo in result.photos] == ["photos/s/images/a.jpg"]
    assert result.problems.reasons == [Reason.NO_PICTURE]
    listed, passed = (
        Path(name).with_name(f"{part}_{Path(name).name}").as_posix() for part in ("train", "val")
    )
    assert result.problems.lines[0].endswith(f"gone.jpg: its picture is missing, which {listed} lists")
    assert result.notes == {f"photos of {passed}, none of which is here, passed over": 2}


def test_the_publishers_own_splits(tmp_path: Path, make_photo: MakePhoto) -> None:
    for number, split in enumerate(("train", "valid", "test")):
        make_photo(tmp_path / f"y/{split}/images/a.jpg", SIZE, number)
        write(tmp_path / f"y/{split}/labels/a.txt", "0 0.5 0.5 0.2 0.2\n")
    write(tmp_path / "y/data.yaml", "names: [mask]\n")
    result = run(tmp_path / "y", tmp_path / "to", "yolo", splits=parse_split("as-published", []))
    assert {p.photo.split("/")[2]: p.split for p in result.photos} == {
        "train": "train", "valid": "val", "test": "test",
    }  # fmt: skip


def test_voc_in_a_folder_for_each_split(tmp_path: Path, make_photo: MakePhoto) -> None:
    for number, split in enumerate(("train", "test")):
        make_photo(tmp_path / f"v/{split}/images/a.jpg", SIZE, number)
        write(tmp_path / f"v/{split}/annotations/a.xml", voc_xml([GOOD]))
    result = run(tmp_path / "v", tmp_path / "to", "voc")
    assert [photo.photo for photo in result.photos] == [
        "photos/s/test/images/a.jpg", "photos/s/train/images/a.jpg",
    ]  # fmt: skip


def test_folders_by_class_with_the_whole_picture_as_the_box(tmp_path: Path, make_photo: MakePhoto) -> None:
    for name in ("Train/Mask/a.jpg", "Train/No_mask/b.jpg", "Validation/Mask/c.jpg", "Train/other/d.jpg"):
        make_photo(tmp_path / f"f/Mask_Datasets/{name}", SIZE)
    archive = zip_of(tmp_path / "f", tmp_path / "archive.zip")
    result = run(
        archive, tmp_path / "to", "folders", crops="whole", splits=parse_split("as-published", []),
        classes={"Mask": "with_mask", "No_mask": "without_mask"}, convention=(0.1, 0, 0.1, 0),
    )  # fmt: skip
    box = (12, 0, 108, 80)
    assert [(p.photo, p.split, p.faces) for p in result.photos] == [
        ("photos/s/Train/Mask/a.jpg", "train", [Face(box=box, label="with_mask")]),
        ("photos/s/Train/No_mask/b.jpg", "train", [Face(box=box, label="without_mask")]),
        ("photos/s/Validation/Mask/c.jpg", "val", [Face(box=box, label="with_mask")]),
    ]
    assert result.problems.counts() == {"unknown class": 1, "photo whose boxes were all rejected": 1}


@pytest.mark.parametrize("packed", [False, True])
def test_a_single_folder_of_a_class_is_not_gone_past(
    tmp_path: Path, make_photo: MakePhoto, packed: bool
) -> None:
    for part in ("part1", "part2"):
        make_photo(tmp_path / f"f/Mask_Datasets/Mask/{part}/a.jpg", SIZE)
    source = zip_of(tmp_path / "f", tmp_path / "archive.zip") if packed else tmp_path / "f"
    result = run(source, tmp_path / "to", "folders", crops="whole")
    assert [p.photo for p in result.photos] == [f"photos/s/Mask/{part}/a.jpg" for part in ("part1", "part2")]
    assert {face.label for p in result.photos for face in p.faces or ()} == {"with_mask"}


def lay_out_preset(name: str, folder: Path, make_photo: MakePhoto) -> tuple[Path, dict[str, Any], list[str]]:
    """Write a source as a preset expects it; return it, further options, and the labels to be found."""
    box = (10, 10, 30, 40)
    both: dict[str, Any] = {}
    if name in ("medical-masks", "andrewmvd", "aizoo"):
        images, xmls, classes = {
            "medical-masks": ("images", "labels", ["good", "none", "bad"]),
            "andrewmvd": ("images", "annotations", ["with_mask", "without_mask", "mask_weared_incorrect"]),
            "aizoo": ("train", "train", ["face_mask", "face", "face_nask"]),
        }[name]
        make_photo(folder / images / "a.jpg", SIZE)
        write(folder / xmls / "a.xml", voc_xml([(label, box) for label in classes]))
        last = "with_mask" if name == "aizoo" else "mask_worn_incorrect"
        return folder, both, ["with_mask", "without_mask", last]
    if name == "yolo-medical-mask":
        for split in ("train", "test"):
            make_photo(folder / split / "a.jpg", SIZE)
            write(folder / split / "a.txt", "0 0.5 0.5 0.2 0.3\n")
        return folder, both, ["with_mask", "with_mask"]
    if name == "masked-face-wider":
        inner = folder / "inner/COVID-mask-detection_WIDER/Wider-mask-detection"
        for event in ("2--Demonstration", "12--Group"):
            make_photo(inner / f"images/train/{event}/a.jpg", SIZE)
            write(inner / f"labels/train/{event}/a.txt", "0 0.5 0.5 0.2 0.3\n1 0.5 0.5 0.2 0.3\n")
        with tarfile.open(folder / "COVID-mask-detection_WIDER.tar.xz", "w:xz") as tar:
            tar.add(folder / "inner", ".")
        shutil.rmtree(folder / "inner")
        named = {"0": "without_mask", "1": "with_mask"}
        return folder, {"classes": named, "events": ("Group",)}, ["without_mask", "with_mask"]
    if name == "wider":
        make_photo(folder / "WIDER_val/images/2--Demonstration/a.jpg", SIZE)
        as_wider(folder.parent / "lists/wider_face_split", {"2--Demonstration/a": [("face", box)]})
        lists = zip_of(folder.parent / "lists", folder.parent / "wider_face_split.zip")
        return folder, {"annotations": lists}, ["without_mask"]
    if name == "mafa":
        make_photo(folder / "images/train_1.jpg", SIZE)
        row = "train_1.jpg 10 10 20 30 0 0 0 0 1 1 9 9 {} 3 1 1 4 -1 -1 -1 -1\n"
        write(folder / "LabelTrainAll.txt", "".join(row.format(kind) for kind in (1, 2, 3)))
        return folder, both, ["with_mask", "ignored", "without_mask"]
    assert name == "groups"
    make_photo(folder / "dataset/a.jpg", SIZE)
    table = folder.parent / "bbox_train.csv"
    write(table, "Name,width,height,xmin,ymin,xmax,ymax\na.jpg,120,80,10,10,30,40\n")
    return folder, {"annotations": table}, ["without_mask"]


@pytest.mark.parametrize(
    "name",
    [
        "medical-masks",
        "andrewmvd",
        "aizoo",
        "yolo-medical-mask",
        "masked-face-wider",
        "wider",
        "mafa",
        "groups",
    ],
)
def test_presets_read_the_layout_that_they_describe_from_a_zip(
    tmp_path: Path, make_photo: MakePhoto, name: str
) -> None:
    (tmp_path / "published").mkdir()
    folder, options, labels = lay_out_preset(name, tmp_path / "published", make_photo)
    write(folder / "README.md", "about")
    preset = presets()[name]
    result = run(
        zip_of(folder, tmp_path / "archive.zip"), tmp_path / "to", preset.format,
        **{"classes": preset.classes, "convention": conventions()[preset.convention], **options},
    )  # fmt: skip
    faces = [face for photo in result.photos for face in photo.faces or ()]
    assert [face.label or "ignored" for face in faces] == labels
    assert not result.problems.lines


def test_the_smallest_shared_source_gives_what_the_recipe_gives(
    shared: Path, tmp_path: Path, project_root: Path
) -> None:
    from crowdmask.data.dataset import load_dataset
    from crowdmask.data.importing.presets import find_preset, parse_convention

    name, preset = find_preset("andrewmvd")
    splits = parse_split(None, [f"train={shared}/data/splits/train.txt"])
    ignored = (shared / "data/splits/train_ignore.json",)
    result = run(
        shared / "data" / name, tmp_path / "to", preset.format, name=name, classes=preset.classes,
        convention=parse_convention(preset.convention), splits=splits, ignored=ignored,
        first_pixel=preset.first_pixel,
    )  # fmt: skip
    assert len(result.photos) == 195
    theirs = load_dataset(project_root / "recipes/data/crowdmask.yaml", shared / "data").split("train")
    ours = {s.name.removeprefix("photos/"): s for s in load_dataset(tmp_path / "to").split("train")}
    compared = [sample for sample in theirs if sample.name in ours]
    assert len(compared) == len(ours) == 195
    for sample in compared:
        same = ours[sample.name]
        assert (same.width, same.height) == (sample.width, sample.height)
        assert same.class_id.tolist() == sample.class_id.tolist()
        assert same.ignore.tolist() == sample.ignore.tolist()
        judged = ~sample.ignore
        assert same.boxes[judged] == pytest.approx(sample.boxes[judged], abs=1e-3)


def test_another_format_is_named_where_nothing_was_found(tmp_path: Path, make_photo: MakePhoto) -> None:
    make_photo(tmp_path / "in/images/a.jpg", SIZE)
    FORMATS["voc"](tmp_path / "in", {"a": [GOOD]})
    with pytest.raises(NothingImported, match="looks like Pascal VOC: try `format` voc"):
        run(tmp_path / "in", tmp_path / "out", "coco")
