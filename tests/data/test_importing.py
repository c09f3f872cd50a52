from __future__ import annotations

import hashlib
import json
import shutil
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from crowdmask.data.import_plan import Plan
from crowdmask.data.importing import Imported, NothingImported, count_faces, import_source
from crowdmask.data.manifest import Face, read_manifest
from crowdmask.data.presets import conventions, presets
from crowdmask.data.problems import Reason
from crowdmask.data.published_splits import parse_split
from crowdmask.errors import DataError, OutputError, UsageError

from .conftest import Boxes, MakePhoto, coco_json, tree, voc_xml, zip_of

SIZE = (120, 80)
GOOD = ("with_mask", (10, 10, 30, 40))
OUT = ("with_mask", (150, 10, 190, 40))
FLAT = ("with_mask", (10, 40, 30, 40))
TURNED = ("with_mask", (30, 10, 10, 40))
STRANGE = ("spaceman", (10, 10, 30, 40))
BOMB = (
    '<?xml version="1.0"?><!DOCTYPE a [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;">'
    '<!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;&b;">]><annotation><object><name>&c;</name></object></annotation>'
)
OUTWARD = (
    '<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><annotation><object><name>&x;</name></object>'
    "</annotation>"
)


def quiet(stage: str, done: int, total: int) -> None:
    pass


def run(source: Path, to: Path, form: str, strict: bool = False, **more: Any) -> Imported:
    plan = Plan(source=source, to=to, name=more.pop("name", "s"), form=form, **more)
    return import_source(plan, quiet, strict)


def faces_of(folder: Path) -> dict[str, list[Face]]:
    return {photo.photo: list(photo.faces or ()) for photo in read_manifest(folder).photos}


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def as_voc(folder: Path, contents: dict[str, Boxes]) -> None:
    for name, boxes in contents.items():
        write(folder / f"annotations/{name}.xml", voc_xml(boxes))


def as_yolo(folder: Path, contents: dict[str, Boxes]) -> None:
    names = sorted({label for boxes in contents.values() for label, _ in boxes})
    write(folder / "classes.txt", "\n".join(names))
    for name, boxes in contents.items():
        rows = [
            f"{names.index(label)} {(a + c) / 2 / 120} {(b + d) / 2 / 80} {(c - a) / 120} {(d - b) / 80}"
            for label, (a, b, c, d) in boxes
        ]
        write(folder / f"labels/{name}.txt", "\n".join(rows))


def as_coco(folder: Path, contents: dict[str, Boxes]) -> None:
    names = sorted({label for boxes in contents.values() for label, _ in boxes})
    photos = {f"{name}.jpg": boxes for name, boxes in contents.items()}
    write(folder / "annotations/all.json", coco_json(SIZE, photos, names))


def as_csv(folder: Path, contents: dict[str, Boxes]) -> None:
    rows = [
        f"{name}.jpg,{b[0]},{b[1]},{b[2]},{b[3]},{label}" for name, v in contents.items() for label, b in v
    ]
    write(folder / "boxes.csv", "\n".join(["name,xmin,ymin,xmax,ymax,label", *rows]))


def as_wider(folder: Path, contents: dict[str, Boxes]) -> None:
    lines = []
    for name, boxes in contents.items():
        lines += [f"{name}.jpg", str(len(boxes))]
        lines += [f"{b[0]} {b[1]} {b[2] - b[0]} {b[3] - b[1]} 0 0 0 0 0 0" for _, b in boxes]
    write(folder / "wider_face_bbx_gt.txt", "\n".join(lines) + "\n")


FORMATS: dict[str, Callable[[Path, dict[str, Boxes]], None]] = {
    "voc": as_voc, "yolo": as_yolo, "coco": as_coco, "csv": as_csv, "wider": as_wider,
}  # fmt: skip


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("form", FORMATS)
def test_every_flaw_is_named_and_counted_and_the_rest_is_imported(
    tmp_path: Path, make_photo: MakePhoto, form: str, packed: bool
) -> None:
    folder = tmp_path / "published"
    contents: dict[str, Boxes] = {
        "good": [GOOD],
        "mixed": [GOOD, OUT, FLAT, TURNED, STRANGE],
        "gone": [GOOD],
        "broken": [GOOD],
    }
    for number, name in enumerate(("good", "mixed", "broken", "bare")):
        make_photo(folder / f"images/{name}.jpg", SIZE, number)
    (folder / "images/broken.jpg").write_bytes(b"\xff\xd8no picture")
    FORMATS[form](folder, contents)
    source = zip_of(folder, tmp_path / "p.zip", "set-v1/") if packed else folder
    before = tree(folder)

    result = run(source, tmp_path / "to", form, classes={"face": "with_mask"})

    expected = {
        Reason.OUTSIDE: 1, Reason.NO_AREA: 2, Reason.CLASS: 1, Reason.NO_PICTURE: 1, Reason.BROKEN: 1,
        Reason.NO_ANNOTATION: 1,
    }  # fmt: skip
    if form == "wider":
        del expected[Reason.CLASS]  # all faces are of one class there
    assert result.problems.counts() == {reason.value: count for reason, count in expected.items()}
    named = dict(zip(result.problems.reasons, result.problems.lines, strict=True))
    assert "mixed.jpg" in named[Reason.OUTSIDE]
    assert "gone" in named[Reason.NO_PICTURE]
    assert "bare.jpg" in named[Reason.NO_ANNOTATION]
    assert "broken.jpg" in named[Reason.BROKEN]
    assert not any(".import-" in line for line in result.problems.lines)
    assert faces_of(tmp_path / "to").keys() == {"photos/s/images/good.jpg", "photos/s/images/mixed.jpg"}
    good, mixed = faces_of(tmp_path / "to").values()
    assert [face.label for face in good] == ["with_mask"]
    assert good[0].box == pytest.approx(GOOD[1], abs=1e-5)
    assert len(mixed) == (2 if form == "wider" else 1)
    for photo in read_manifest(tmp_path / "to").photos:
        data = (tmp_path / "to" / photo.photo).read_bytes()
        assert photo.sha256 == hashlib.sha256(data).hexdigest()
        assert data == before[photo.photo.removeprefix("photos/s/")]
        assert (photo.width, photo.height, photo.source, photo.split) == (*SIZE, "s", None)
    assert tree(folder) == before, "the source is only read"


def test_the_report_holds_everything(tmp_path: Path, voc_source: Path, make_photo: MakePhoto) -> None:
    make_photo(voc_source / "images/bare.jpg")
    result = run(voc_source, tmp_path / "to", "voc", licence="CC0", convention=(0, -0.1, 0, 0))
    assert result.report == tmp_path / "to/reports/import-s.json"
    report = json.loads(result.report.read_text())
    assert (report["source"], report["format"], report["licence"]) == ("s", "voc", "CC0")
    assert report["photos"] == 3
    assert report["faces"] == {"mask_worn_incorrect": 1, "with_mask": 1, "without_mask": 1, "ignore": 0}
    assert report["published_classes"] == {"with_mask": 1, "without_mask": 1, "mask_worn_incorrect": 1}
    assert report["rejected"] == {"missing annotation": 1}
    assert report["problems"] == [
        {"reason": "missing annotation", "what": f"{voc_source}/images/bare.jpg: has no annotation"}
    ]
    assert report["convention"] == [0, -0.1, 0, 0]
    assert {photo.licence for photo in read_manifest(tmp_path / "to").photos} == {"CC0"}


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("<annotation><object>", Reason.BROKEN),
        ("", Reason.BROKEN),
        (BOMB, Reason.ENTITIES),
        (OUTWARD, Reason.ENTITIES),
    ],
)
def test_broken_and_hostile_xml(tmp_path: Path, voc_source: Path, text: str, reason: Reason) -> None:
    write(voc_source / "annotations/1.xml", text)
    result = run(voc_source, tmp_path / "to", "voc")
    assert result.problems.reasons == [reason]
    assert "annotations/1.xml" in result.problems.lines[0]
    assert "root:" not in (tmp_path / "to/manifest.jsonl").read_text()
    assert len(result.photos) == 2


def test_broken_json(tmp_path: Path, make_photo: MakePhoto) -> None:
    make_photo(tmp_path / "c/images/a.jpg")
    as_coco(tmp_path / "c", {"a": [GOOD]})
    write(tmp_path / "c/annotations/b.json", '{"images": [')
    write(tmp_path / "c/annotations/d.json", "[" * 100_000)
    result = run(tmp_path / "c", tmp_path / "to", "coco")
    assert result.problems.reasons == [Reason.BROKEN, Reason.BROKEN]
    assert len(result.photos) == 1


def test_two_annotations_for_one_picture(tmp_path: Path, make_photo: MakePhoto) -> None:
    make_photo(tmp_path / "c/images/a.jpg")
    as_coco(tmp_path / "c", {"a": [GOOD]})
    other = coco_json(SIZE, {"a.jpg": [("without_mask", (1, 1, 9, 9))]}, ["without_mask"])
    write(tmp_path / "c/annotations/second.json", other)
    result = run(tmp_path / "c", tmp_path / "to", "coco")
    assert result.problems.reasons == [Reason.TWICE]
    assert result.problems.lines[0].endswith("a.jpg: has two annotations; the first counts")
    assert [face.label for face in result.photos[0].faces or ()] == ["with_mask"]


def test_a_second_source_is_added_and_the_first_stays(tmp_path: Path, voc_source: Path) -> None:
    to = tmp_path / "to"
    run(voc_source, to, "voc", name="one", splits=parse_split("train", []))
    before = tree(to)
    run(voc_source, to, "voc", name="two", splits=parse_split("val", []))
    after = tree(to)
    assert {name: after[name] for name in before if name != "manifest.jsonl"} == {
        name: data for name, data in before.items() if name != "manifest.jsonl"
    }
    assert after["manifest.jsonl"].startswith(before["manifest.jsonl"])
    photos = read_manifest(to).photos
    assert [(p.source, p.split) for p in photos] == [("one", "train")] * 3 + [("two", "val")] * 3
    with pytest.raises(DataError, match="has a source 'two' already: give another name with --source"):
        run(voc_source, to, "voc", name="two")
    assert tree(to) == after


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"name": "../x"}, UsageError, "--source ../x: letters"),
        ({"name": ""}, UsageError, "--source"),
        ({"form": "tfrecord"}, UsageError, "choose from voc, yolo"),
        ({"crops": "guess"}, UsageError, "choose from detect, whole"),
        ({"source": "missing"}, DataError, "missing does not exist"),
        ({"annotations": "voc"}, UsageError, "--annotations goes with the formats wider, csv, mafa"),
        ({"to": "voc/inner"}, UsageError, "lie one in the other"),
        ({"to": "."}, UsageError, "lie one in the other"),
        ({"to": "voc/images/0.jpg"}, OutputError, "is not a folder"),
        ({"source": "voc/images/0.jpg"}, DataError, "is no folder, zip or tar"),
        ({"form": "csv"}, NothingImported, "holds no photo in the format csv"),
        ({"must_occur": ("mask",)}, DataError, "names the class 'mask', which .* lacks; it has: mask_worn"),
        ({"events": ("Parade",)}, UsageError, "has no such event"),
    ],
)
def test_plans_that_cannot_be_done_leave_nothing_behind(
    tmp_path: Path, voc_source: Path, change: dict[str, Any], error: type[Exception], message: str
) -> None:
    plan: dict[str, Any] = {"source": voc_source, "to": tmp_path / "to", "name": "s", "form": "voc", **change}
    for key in ("source", "to", "annotations"):
        if isinstance(plan.get(key), str):
            plan[key] = tmp_path / plan[key]
    before = tree(tmp_path)
    with pytest.raises(error, match=message):
        import_source(Plan(**plan), quiet)
    assert tree(tmp_path) == before
    assert not (tmp_path / "to").exists()


def test_classes_that_nobody_knows_are_listed_with_their_counts(
    tmp_path: Path, make_photo: MakePhoto
) -> None:
    make_photo(tmp_path / "y/images/a.jpg")
    write(tmp_path / "y/labels/a.txt", "0 0.5 0.5 0.2 0.2\n1 0.2 0.2 0.2 0.2\n0 0.7 0.7 0.2 0.2\n")
    with pytest.raises(
        NothingImported, match=r"'0' \(2 boxes\), '1' \(1 boxes\) .* --map '0=LABEL'"
    ) as error:
        run(tmp_path / "y", tmp_path / "to", "yolo")
    assert error.value.result.problems.counts()["unknown class"] == 3
    assert not (tmp_path / "to").exists()
    classes = {"0": "without_mask", "1": "ignore"}
    result = run(tmp_path / "y", tmp_path / "to", "yolo", classes=classes, must_occur=("0", "1"))
    assert count_faces(result.photos) == {"without_mask": 2, "ignore": 1}


def test_strict_imports_nothing_where_anything_is_rejected(
    tmp_path: Path, voc_source: Path, make_photo: MakePhoto
) -> None:
    make_photo(voc_source / "images/bare.jpg")
    with pytest.raises(NothingImported, match="1 were rejected and --strict is given"):
        run(voc_source, tmp_path / "to", "voc", strict=True)
    assert not (tmp_path / "to").exists()
    (voc_source / "images/bare.jpg").unlink()
    assert len(run(voc_source, tmp_path / "to", "voc", strict=True).photos) == 3


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
        UsageError, match=r"--events Dancing: .* it has: Demonstration, Group, Soldier_Drilling"
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


def test_splits_of_lists_and_regions_to_ignore(tmp_path: Path, voc_source: Path) -> None:
    write(tmp_path / "val.txt", "voc/images/1.jpg\n")
    regions = {"voc/images/0.jpg": [[90, 50, 130, 70], [200, 200, 210, 210]], "images/2.jpg": [[0, 0, 9, 9]]}
    write(tmp_path / "ignore.json", json.dumps(regions))
    splits = parse_split("train", [f"val={tmp_path / 'val.txt'}"])
    result = run(voc_source, tmp_path / "to", "voc", splits=splits, ignored=(tmp_path / "ignore.json",))
    assert [photo.split for photo in result.photos] == ["train", "val", "train"]
    first, _, last = result.photos
    assert (first.faces or [])[2:] == [Face(box=(90, 50, 120, 70), ignore=True)], (
        "cut, and one far outside left"
    )
    assert last.faces == [Face(box=(0, 0, 9, 9), ignore=True)]


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


def test_photos_on_their_side_are_measured_upright(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    (tmp_path / "v/images").mkdir(parents=True)
    Image.new("RGB", (120, 80)).save(tmp_path / "v/images/a.jpg", exif=exif)
    as_voc(tmp_path / "v", {"a": [("mask", (5, 90, 45, 118))]})
    photo = run(tmp_path / "v", tmp_path / "to", "voc").photos[0]
    assert (photo.width, photo.height) == (80, 120)
    assert photo.faces == [Face(box=(5, 90, 45, 118), label="with_mask")]


def test_names_that_differ_in_case_alone_and_names_that_are_no_text(
    tmp_path: Path, make_photo: MakePhoto
) -> None:
    odd = b"caf\xe9".decode("utf-8", "surrogateescape")
    folder = tmp_path / "v"
    for number, name in enumerate(("a", "A", odd)):
        photo = make_photo(tmp_path / "x.jpg", SIZE, number)
        (folder / "images").mkdir(parents=True, exist_ok=True)
        photo.rename(folder / f"images/{name}.jpg")
        as_voc(folder, {name: [GOOD]})
    if len(list((folder / "images").iterdir())) < 3:
        pytest.skip("the file system ignores case")
    result = run(folder, tmp_path / "to", "voc")
    assert sorted(photo.photo for photo in result.photos) == [
        "photos/s/images/A.jpg", "photos/s/images/a-2.jpg", "photos/s/images/caf�.jpg",
    ]  # fmt: skip
    manifest = read_manifest(tmp_path / "to")
    hashes = {hashlib.sha256(manifest.path(p).read_bytes()).hexdigest() for p in manifest.photos}
    assert hashes == {photo.sha256 for photo in manifest.photos}
    assert len(hashes) == 3


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
        classes = {"0": "without_mask", "1": "with_mask"}
        return folder, {"classes": classes, "events": ("Group",)}, ["without_mask", "with_mask"]
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
    from crowdmask.data.presets import find_preset, parse_convention

    name, preset = find_preset("andrewmvd")
    splits = parse_split(None, [f"train={shared}/data/splits/train.txt"])
    ignored = (shared / "data/splits/train_ignore.json",)
    result = run(
        shared / "data" / name, tmp_path / "to", preset.format, name=name, classes=preset.classes,
        convention=parse_convention(preset.convention), splits=splits, ignored=ignored,
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
