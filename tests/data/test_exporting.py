from __future__ import annotations

import hashlib
import json
import tempfile
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from typing import Literal

import pytest
import yaml
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from PIL import Image

from crowdmask.data.exporting import export, file_names
from crowdmask.data.importing.plan import ImportPlan
from crowdmask.data.importing.published_splits import parse_split
from crowdmask.data.importing.run import import_source
from crowdmask.data.manifest import Face, Manifest, Photo, read_manifest, write_manifest
from crowdmask.data.problems import Reason
from crowdmask.errors import DataError, OutputError, UsageError
from crowdmask.labels import LABELS

from .conftest import tree

FORMATS = ("coco", "yolo", "voc")


def quiet(stage: str, done: int, total: int) -> None:
    pass


@st.composite
def faces(draw: st.DrawFn, width: int, height: int) -> Face:
    def span(side: int) -> tuple[float, float]:
        low = draw(st.floats(0, side - 1))
        return low, draw(st.floats(min(low + 1, side), side))

    (x1, x2), (y1, y2) = span(width), span(height)
    # A box inside the first pixel is refused on purpose: it looks like one in parts of the picture's size.
    assume(max(x2, y2) > 1.001)
    ignore = draw(st.booleans())
    label = draw(st.sampled_from([*LABELS, None] if ignore else LABELS))
    return Face(box=(x1, y1, x2, y2), label=label, ignore=ignore)


@st.composite
def data_sets(draw: st.DrawFn) -> list[Photo]:
    letters = st.text("ab. é-_%'&<", min_size=1, max_size=6)
    names = draw(
        st.lists(
            st.tuples(letters, letters, st.sampled_from([".jpg", ".png", ".JPG"])).filter(
                lambda parts: {parts[0].strip(), parts[1].strip()}.isdisjoint({".", "..", ""})
            ),
            max_size=5,
            unique_by=lambda parts: ("".join(parts[:2]).casefold(), parts[2].casefold()),
            min_size=1,
        )
    )
    photos = []
    for number, (folder, stem, suffix) in enumerate(names):
        width, height = draw(st.integers(2, 60)), draw(st.integers(2, 60))
        photos.append(
            Photo(
                photo=f"photos/src/{number % 2}{folder.strip()}/x{stem}{suffix}",
                width=width,
                height=height,
                source="src",
                split=draw(st.sampled_from(["train", "val", "test", None])),
                faces=draw(st.lists(faces(width, height), max_size=4)),
                licence=draw(st.sampled_from(["not stated", "CC0"])),
            )
        )
    return photos


def lay_out(folder: Path, photos: list[Photo]) -> dict[str, Photo]:
    """Write a data set with a picture for each photo, and return the photos by the hash of theirs."""
    result = {}
    for number, photo in enumerate(photos):
        path = folder / photo.photo
        path.parent.mkdir(parents=True, exist_ok=True)
        colour = (number * 40 % 256, number * 90 % 256, 7)
        Image.new("RGB", (photo.width, photo.height), colour).save(path, "PNG")
        result[hashlib.sha256(path.read_bytes()).hexdigest()] = photo
    write_manifest(Manifest(folder, photos))
    return result


@pytest.mark.parametrize(("form", "origin"), [*((form, 0) for form in FORMATS), ("coco", 1), ("voc", 1)])
@settings(max_examples=30, suppress_health_check=[HealthCheck.too_slow])
@given(photos=data_sets())
def test_import_reads_back_what_export_wrote(form: str, origin: int, photos: list[Photo]) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        by_hash = lay_out(folder / "data", photos)
        export(folder / "data", folder / "out", form, set(), False, quiet, origin)
        plan = ImportPlan(
            source=folder / "out", to=folder / "back", name="b", form=form,
            splits=parse_split("as-published", []),
        )  # fmt: skip
        result = import_source(plan, quiet, strict=True)
        assert len(result.photos) == len(by_hash)
        for photo in result.photos:
            first = by_hash[photo.sha256 or ""]
            assert (photo.width, photo.height, photo.split) == (first.width, first.height, first.split)
            assert [(f.label, f.ignore) for f in photo.faces or ()] == [
                (f.label, f.ignore) for f in first.faces or ()
            ]
            for face, same in zip(photo.faces or (), first.faces or (), strict=True):
                assert face.box == pytest.approx(same.box, abs=2e-6)
        assert result.notes == {}


@pytest.fixture
def data(tmp_path: Path) -> Path:
    photos = [
        Photo(
            photo="photos/s/images/a.jpg", width=40, height=20, source="s", split="train", licence="CC0",
            url="https://example.org/a", faces=[
                Face(box=(1.5, 2.25, 11.5, 12), label="mask_worn_incorrect"),
                Face(box=(20, 2, 30, 12), label="without_mask", ignore=True),
                Face(box=(30, 2, 40, 12), ignore=True),
            ],
        ),
        Photo(photo="photos/s/images/b.png", width=40, height=20, source="s", split="val", faces=[]),
        Photo(photo="photos/s/images/c.jpg", width=40, height=20, source="s", split="val"),
    ]  # fmt: skip
    lay_out(tmp_path / "data", photos)
    return tmp_path / "data"


def test_layout_of_coco(data: Path, tmp_path: Path) -> None:
    result = export(data, tmp_path / "out", "coco", set(), False, quiet)
    assert result.not_annotated == 1
    files = tree(tmp_path / "out")
    assert set(files) == {
        "annotations/instances_train.json", "annotations/instances_val.json",
        "images/train/s__images__a.jpg", "images/val/s__images__b.png",
    }  # fmt: skip
    train = json.loads(files["annotations/instances_train.json"])
    assert [c["name"] for c in train["categories"]] == [*LABELS, "ignore"]
    assert [c["id"] for c in train["categories"]] == [1, 2, 3, 4]
    assert train["images"] == [
        {
            "id": 1, "file_name": "s__images__a.jpg", "width": 40, "height": 20, "license": 1,
            "coco_url": "https://example.org/a",
        }
    ]  # fmt: skip
    assert [licence["name"] for licence in train["licenses"]] == ["CC0", "not stated"]
    assert [(a["category_id"], a["iscrowd"]) for a in train["annotations"]] == [(3, 0), (2, 1), (4, 1)]
    assert [a.get("attributes") for a in train["annotations"]] == [None, {"ignore": True}, {"ignore": True}]
    assert train["annotations"][0]["bbox"] == [1.5, 2.25, 10, 9.75]
    assert train["annotations"][0]["area"] == 97.5
    assert json.loads(files["annotations/instances_val.json"])["annotations"] == []


def test_coco_loads_in_the_evaluator_of_the_field(data: Path, tmp_path: Path) -> None:
    coco = pytest.importorskip("faster_coco_eval")
    export(data, tmp_path / "out", "coco", set(), False, quiet)
    loaded = coco.COCO(str(tmp_path / "out/annotations/instances_train.json"))
    assert len(loaded.getAnnIds(iscrowd=False)) == 1
    assert len(loaded.getAnnIds()) == 3


def test_coco_and_yolo_and_voc_load_in_supervision(data: Path, tmp_path: Path) -> None:
    supervision = pytest.importorskip("supervision")
    for form in FORMATS:
        export(data, tmp_path / form, form, {"train"}, False, quiet, int(form == "voc"))
    loaded = [
        supervision.DetectionDataset.from_coco(
            str(tmp_path / "coco/images/train"), str(tmp_path / "coco/annotations/instances_train.json")
        ),
        supervision.DetectionDataset.from_yolo(
            *(str(tmp_path / "yolo" / name) for name in ("images/train", "labels/train", "data.yaml"))
        ),
        supervision.DetectionDataset.from_pascal_voc(
            str(tmp_path / "voc/JPEGImages"), str(tmp_path / "voc/Annotations")
        ),
    ]  # fmt: skip
    for data_set in loaded:
        ((path, _, detections),) = list(data_set)
        assert Path(path).name == "s__images__a.jpg"
        names = [data_set.classes[i] for i in detections.class_id]
        assert names[0] == "mask_worn_incorrect"
        assert len(names) == 3
        # Its reader of Pascal VOC counts from 1, and takes whole pixels in some versions.
        assert detections.xyxy[0] == pytest.approx([1.5, 2.25, 11.5, 12], abs=0.51)


def test_layout_of_yolo(data: Path, tmp_path: Path) -> None:
    export(data, tmp_path / "out", "yolo", set(), False, quiet)
    files = tree(tmp_path / "out")
    assert set(files) == {
        "data.yaml", "classes.txt", "images/train/s__images__a.jpg", "images/val/s__images__b.png",
        "labels/train/s__images__a.txt", "labels/val/s__images__b.txt",
    }  # fmt: skip
    names = [*LABELS, "ignore", "ignore_without_mask"]
    assert files["classes.txt"].decode().split() == names
    assert yaml.safe_load(files["data.yaml"]) == {
        "train": "images/train", "val": "images/val", "nc": 5, "names": dict(enumerate(names)),
    }  # fmt: skip
    rows = [line.split() for line in files["labels/train/s__images__a.txt"].decode().splitlines()]
    assert [row[0] for row in rows] == ["2", "4", "3"]
    assert [float(v) for v in rows[0][1:]] == pytest.approx([6.5 / 40, 7.125 / 20, 0.25, 9.75 / 20])
    assert files["labels/val/s__images__b.txt"] == b""


def test_layout_of_voc(data: Path, tmp_path: Path) -> None:
    export(data, tmp_path / "out", "voc", set(), False, quiet)
    files = tree(tmp_path / "out")
    assert set(files) == {
        "JPEGImages/s__images__a.jpg", "JPEGImages/s__images__b.png", "Annotations/s__images__a.xml",
        "Annotations/s__images__b.xml", "ImageSets/Main/train.txt", "ImageSets/Main/val.txt",
        "labelmap.txt",
    }  # fmt: skip
    assert files["ImageSets/Main/train.txt"] == b"s__images__a\n"
    root = ElementTree.fromstring(files["Annotations/s__images__a.xml"])
    assert root.findtext("filename") == "s__images__a.jpg"
    assert [root.findtext(f"size/{side}") for side in ("width", "height", "depth")] == ["40", "20", "3"]
    objects = [
        (o.findtext("name"), o.findtext("difficult"), o.findtext("ignore")) for o in root.iter("object")
    ]
    assert objects == [
        ("mask_worn_incorrect", "0", "0"), ("without_mask", "1", "1"), ("ignore", "1", "1"),
    ]  # fmt: skip
    box = root.find("object/bndbox")
    assert box is not None
    assert [edge.text for edge in box] == ["1.5", "2.25", "11.5", "12"]


def test_edges_that_count_from_1(data: Path, tmp_path: Path) -> None:
    for form in ("voc", "coco"):
        export(data, tmp_path / form, form, {"train"}, False, quiet, 1)
    root = ElementTree.parse(tmp_path / "voc/Annotations/s__images__a.xml").getroot()
    box = root.find("object/bndbox")
    assert box is not None
    assert [edge.text for edge in box] == ["2.5", "3.25", "11.5", "12"]
    assert root.findtext("origin") == "1"
    lists = json.loads((tmp_path / "coco/annotations/instances_train.json").read_text())
    assert lists["annotations"][0]["bbox"] == [2.5, 3.25, 9, 8.75]
    assert lists["info"]["origin"] == 1


@pytest.mark.parametrize(("form", "origin"), [("yolo", 1), ("voc", 2), ("coco", -1)])
def test_an_origin_that_cannot_be(data: Path, tmp_path: Path, form: str, origin: int) -> None:
    with pytest.raises(UsageError, match=f"`origin` {origin}: "):
        export(data, tmp_path / "out", form, set(), False, quiet, origin)
    assert not (tmp_path / "out").exists()


def test_datumaro_keeps_every_label_of_voc_and_what_is_ignored(data: Path, tmp_path: Path) -> None:
    export(data, tmp_path / "voc", "voc", {"train"}, False, quiet)
    rows = (tmp_path / "voc/labelmap.txt").read_text().splitlines()[1:]
    colours = {name: colour for name, colour, _, _ in (row.split(":") for row in rows)}
    assert list(colours) == ["background", *LABELS, "ignore"]
    # It leaves out the boxes of labels without a colour, and takes black as the background.
    assert all(colours.values())
    assert len(set(colours.values())) == len(colours)
    root = ElementTree.parse(tmp_path / "voc/Annotations/s__images__a.xml").getroot()
    kept = [[a.findtext("value") for a in item.iter("attribute")] for item in root.iter("object")]
    assert kept == [[], ["true"], ["true"]]


def test_a_choice_of_splits(data: Path, tmp_path: Path) -> None:
    result = export(data, tmp_path / "out", "voc", {"val"}, False, quiet)
    assert [item.photo.photo for item in result.items] == ["photos/s/images/b.png"]
    with pytest.raises(DataError, match="no annotated photo to export in test"):
        export(data, tmp_path / "none", "voc", {"test"}, False, quiet)
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize("link", [True, False])
def test_photos_are_links_or_copies(data: Path, tmp_path: Path, link: bool) -> None:
    export(data, tmp_path / "out", "voc", set(), link, quiet)
    source, copied = data / "photos/s/images/a.jpg", tmp_path / "out/JPEGImages/s__images__a.jpg"
    assert source.samefile(copied) == link
    assert source.read_bytes() == copied.read_bytes()


def test_what_is_wrong_is_named_and_left_out(data: Path, tmp_path: Path) -> None:
    manifest = read_manifest(data)
    odd = Photo(photo="photos/odd.jpg", width=4, height=3, source="s", faces=[Face(box=(0, 0, 2, 2))])
    write_manifest(Manifest(data, [*manifest.photos, odd]))
    (data / "photos/s/images/b.png").unlink()
    result = export(data, tmp_path / "out", "yolo", set(), False, quiet)
    assert result.problems.reasons == [Reason.NO_PICTURE, Reason.UNUSABLE]
    assert result.problems.lines[0].startswith("photos/s/images/b.png: ")
    assert len(result.items) == 1


def test_folders_that_cannot_be_written_to(data: Path, tmp_path: Path) -> None:
    before = tree(data)
    (tmp_path / "full").mkdir()
    (tmp_path / "full/mine.txt").touch()
    (tmp_path / "file").touch()
    for to, error, message in [
        (tmp_path / "full", DataError, "is there and not empty"),
        (tmp_path / "file", DataError, "is there and not empty"),
        (tmp_path / "file/out", OutputError, "cannot write"),
        (data, UsageError, "holds the data set itself"),
        (tmp_path, UsageError, "holds the data set itself"),
    ]:
        with pytest.raises(error, match=message):
            export(data, to, "coco", set(), False, quiet)
    with pytest.raises(UsageError, match="choose from coco, yolo, voc"):
        export(data, tmp_path / "out", "tfrecord", set(), False, quiet)
    assert tree(data) == before
    assert {path.name for path in tmp_path.iterdir()} == {"data", "full", "file"}


def test_an_empty_folder_may_be_there(data: Path, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    export(data, tmp_path / "out", "coco", set(), False, quiet)
    assert (tmp_path / "out/annotations").is_dir()
    assert {path.name for path in tmp_path.iterdir()} == {"data", "out"}


class Stop(KeyboardInterrupt):
    pass


def test_an_export_that_is_stopped_is_no_folder_and_goes_on(data: Path, tmp_path: Path) -> None:
    def stop(stage: str, done: int, total: int) -> None:
        if stage == "copying photos" and done == 2:
            raise Stop

    with pytest.raises(Stop):
        export(data, tmp_path / "out", "voc", set(), False, stop)
    assert not (tmp_path / "out").exists()
    copied = next((tmp_path / ".out.part/JPEGImages").iterdir()).stat().st_ino
    export(data, tmp_path / "out", "voc", set(), False, quiet)
    assert (tmp_path / "out/JPEGImages/s__images__a.jpg").stat().st_ino == copied
    assert {path.name for path in tmp_path.iterdir()} == {"data", "out"}


def test_leftovers_of_another_export_are_not_mixed_in(data: Path, tmp_path: Path) -> None:
    def stop(stage: str, done: int, total: int) -> None:
        if done == 2:
            raise Stop

    with pytest.raises(Stop):
        export(data, tmp_path / "out", "voc", set(), False, stop)
    export(data, tmp_path / "out", "coco", {"val"}, False, quiet)
    assert set(tree(tmp_path / "out")) == {"annotations/instances_val.json", "images/val/s__images__b.png"}


@pytest.mark.parametrize(
    ("paths", "expected"),
    [
        (["photos/s/a.jpg", "photos/s/a.png"], ["s__a.jpg", "s__a-2.png"]),
        (["photos/s/A.jpg", "photos/s/a.jpg"], ["s__A.jpg", "s__a-2.jpg"]),
        (["photos/s/a b%.jpg", "photos/s/a_b_.jpg"], ["s__a_b_.jpg", "s__a_b_-2.jpg"]),
        (["photos/.a.jpg"], ["a.jpg"]),
        (["a"], ["a"]),
    ],
)
def test_file_names(paths: list[str], expected: list[str]) -> None:
    photos = [Photo(photo=path, width=1, height=1, source="s") for path in paths]
    assert file_names(photos) == expected


def test_long_names_become_short() -> None:
    (name,) = file_names([Photo(photo=f"photos/{'ü' * 120}.jpg", width=1, height=1, source="s")])
    assert len(name) == 36
    assert name.endswith(".jpg")


@pytest.mark.parametrize(
    ("splits", "named"),
    [
        (("train", "val", None), {"train": "images/train", "val": "images/val", "default": "images/default"}),
        (("val", None), {"train": "images/default", "val": "images/val"}),
        ((None,), {"train": "images/default"}),
        (("val", "test"), {"train": "images/val", "val": "images/val", "test": "images/test"}),
        (("train",), {"train": "images/train"}),
    ],
)
def test_each_split_of_a_yolo_export_is_named_as_what_it_is(
    tmp_path: Path, splits: tuple[Literal["train", "val", "test"] | None, ...], named: dict[str, str]
) -> None:
    (tmp_path / "set/photos").mkdir(parents=True)
    photos = []
    for number, split in enumerate(splits):
        Image.new("RGB", (20, 20)).save(tmp_path / f"set/photos/{number}.png")
        photos.append(
            Photo(photo=f"photos/{number}.png", width=20, height=20, source="s", faces=[], split=split)
        )
    write_manifest(Manifest(tmp_path / "set", photos))
    export(tmp_path / "set", tmp_path / "out", "yolo", set(), False, quiet)
    about = yaml.safe_load((tmp_path / "out/data.yaml").read_text())
    assert {key: value for key, value in about.items() if key not in ("nc", "names")} == named
    assert all((tmp_path / "out" / place).is_dir() for place in named.values())
