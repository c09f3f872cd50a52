from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from crowdmask.data.importing.plan import ImportPlan
from crowdmask.data.importing.published_splits import parse_split
from crowdmask.data.importing.run import NothingImported, count_faces, import_source
from crowdmask.data.manifest import Face, read_manifest
from crowdmask.data.problems import Reason
from crowdmask.errors import DataError, OutputError, UsageError

from ..conftest import Boxes, MakePhoto, coco_json, tree, voc_xml, zip_of
from .sources import FORMATS, GOOD, SIZE, as_coco, as_voc, faces_of, quiet, run, write

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
    with pytest.raises(DataError, match="has a source 'two' already: give another name with `source`"):
        run(voc_source, to, "voc", name="two")
    assert tree(to) == after


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"name": "../x"}, UsageError, "`source` ../x: letters"),
        ({"name": ""}, UsageError, "`source`"),
        ({"form": "fiftyone"}, UsageError, "choose from voc, yolo"),
        ({"crops": "guess"}, UsageError, "choose from detect, whole"),
        ({"source": "missing"}, DataError, "missing does not exist"),
        ({"annotations": "voc"}, UsageError, "`annotations` goes with the formats wider, csv, mafa"),
        ({"to": "voc/inner"}, UsageError, "lie one in the other"),
        ({"to": "."}, UsageError, "lie one in the other"),
        ({"to": "voc/images/0.jpg"}, OutputError, "is not a folder"),
        ({"source": "voc/images/0.jpg"}, DataError, "is neither a folder nor a zip or tar"),
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
        import_source(ImportPlan(**plan), quiet)
    assert tree(tmp_path) == before
    assert not (tmp_path / "to").exists()


def test_classes_that_nobody_knows_are_listed_with_their_counts(
    tmp_path: Path, make_photo: MakePhoto
) -> None:
    make_photo(tmp_path / "y/images/a.jpg")
    write(tmp_path / "y/labels/a.txt", "0 0.5 0.5 0.2 0.2\n1 0.2 0.2 0.2 0.2\n0 0.7 0.7 0.2 0.2\n")
    with pytest.raises(
        NothingImported, match=r"'0' \(2 boxes\), '1' \(1 boxes\) .* `map` '0=LABEL'"
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
    with pytest.raises(NothingImported, match="1 were rejected and `strict` is given"):
        run(voc_source, tmp_path / "to", "voc", strict=True)
    assert not (tmp_path / "to").exists()
    (voc_source / "images/bare.jpg").unlink()
    assert len(run(voc_source, tmp_path / "to", "voc", strict=True).photos) == 3


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


@pytest.mark.parametrize(
    ("form", "name", "text"),
    [
        ("yolo", "labels/a.txt", "0 60 40 20 20\n"),
        ("voc", "annotations/a.xml", voc_xml([("with_mask", ("x", 1, 9, 9))])),  # type: ignore[list-item]
        ("csv", "boxes.csv", "name,xmin,ymin,xmax,ymax\na.jpg,1,2,x,4\n"),
    ],
)
def test_a_photo_of_which_no_box_can_be_read_is_not_taken_for_one_without_faces(
    tmp_path: Path, make_photo: MakePhoto, form: str, name: str, text: str
) -> None:
    make_photo(tmp_path / "p/images/a.jpg", SIZE)
    write(tmp_path / "p" / name, text)
    with pytest.raises(NothingImported) as error:
        run(tmp_path / "p", tmp_path / "to", form)
    assert error.value.result.problems.reasons == [Reason.UNUSABLE, Reason.LEFT_EMPTY]


def test_an_archive_without_a_photo_is_told_in_plain_words(tmp_path: Path) -> None:
    write(tmp_path / "p/README.md", "about")
    with pytest.raises(NothingImported, match=r"holds no photo in .* \(first problem: .*/p.zip: no \*.xml"):
        run(zip_of(tmp_path / "p", tmp_path / "p.zip"), tmp_path / "to", "voc")
    assert not (tmp_path / "to").exists()
