from __future__ import annotations

import json
import re
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from PIL import Image

from crowdmask.data.dataset import build_dataset, load_dataset, read_spec
from crowdmask.data.problems import Reason
from crowdmask.errors import DataError
from crowdmask.labels import MASK_WORN_INCORRECT, WITH_MASK, WITHOUT_MASK

CLASSES = {
    "masked": "with_mask",
    "bare": "without_mask",
    "wrong": "mask_worn_incorrect",
    "poster": "ignore",
    "dog": "skip",
}
SOURCE = {"folder": "street", "format": "csv", "classes": CLASSES, "origin": {"licence": "none"}}


def write_photo(path: Path, size: tuple[int, int] = (100, 80), orientation: int | None = None) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    picture = Image.new("RGB", size)
    exif = picture.getexif()
    if orientation:
        exif[0x0112] = orientation
    picture.save(path, exif=exif)


@pytest.fixture
def root(tmp_path) -> Path:
    """A folder with four photos, `street/a.jpg` to `d.jpg`, a bare face in each and all classes in `a`."""
    rows = ["name,xmin,ymin,xmax,ymax,label"]
    for i, label in enumerate(CLASSES):
        rows.append(f"a.jpg,{10 + 10 * i},20,{15 + 10 * i},30,{label}")
    for name in "bcd":
        rows.append(f"{name}.jpg,10,20,30,50,bare")
    (tmp_path / "street").mkdir()
    (tmp_path / "street" / "boxes.csv").write_text("\n".join(rows))
    for name in "abcd":
        write_photo(tmp_path / "street" / f"{name}.jpg")
    return tmp_path


def describe(folder: Path, name: str = "data.yaml", **content: Any) -> Path:
    path = folder / name
    path.write_text(yaml.safe_dump({"sources": {"street": SOURCE}, **content}))
    return path


def source(**changes: Any) -> dict[str, Any]:
    return {"street": {**SOURCE, "split": "train", **changes}}


def names(dataset: Any) -> dict[str, list[str]]:
    return {split: [sample.name for sample in samples] for split, samples in dataset.samples.items()}


def test_classes_become_labels_ignored_regions_or_nothing(root):
    sample = load_dataset(describe(root, sources=source())).split("train")[0]
    assert (sample.name, sample.source, sample.width, sample.height) == ("street/a.jpg", "street", 100, 80)
    assert sample.class_id[~sample.ignore].tolist() == [WITH_MASK, WITHOUT_MASK, MASK_WORN_INCORRECT]
    assert sample.boxes[~sample.ignore].tolist() == [[10, 20, 15, 30], [20, 20, 25, 30], [30, 20, 35, 30]]
    assert sample.boxes[sample.ignore].tolist() == [[40, 20, 45, 30]]


def test_the_convention_trims_and_the_picture_clips(root):
    path = describe(root, sources=source(convention=[0.1, -0.2, 0.1, 2 / 3]))
    assert load_dataset(path).split("train")[1].boxes[0] == pytest.approx([12, 14, 28, 30])
    path = describe(root, sources=source(convention=[-1, -1, -4, -1]))
    assert load_dataset(path).split("train")[1].boxes[0] == pytest.approx([0, 0, 100, 80])


@pytest.mark.parametrize("suffix", ["jpg", "png", "webp", "tif"])
@pytest.mark.parametrize(
    ("orientation", "size"), [(1, (100, 80)), (3, (100, 80)), (6, (80, 100)), (8, (80, 100))]
)
def test_the_size_is_that_of_the_upright_photo(tmp_path, suffix, orientation, size):
    name = f"a.{suffix}"
    write_photo(tmp_path / "street" / name, (100, 80), orientation)
    (tmp_path / "street" / "boxes.csv").write_text(f"name,xmin,ymin,xmax,ymax\n{name},5,5,95,95\n")
    classes = {"classes": {"face": "without_mask"}}
    sample = load_dataset(describe(tmp_path, sources=source(**classes))).split("train")[0]
    assert (sample.width, sample.height) == size
    assert sample.boxes.tolist() == [[5, 5, min(95, size[0]), min(95, size[1])]]


def test_parts_of_the_picture_become_pixels_of_the_upright_one(tmp_path):
    write_photo(tmp_path / "street" / "images" / "a.jpg", (100, 80), orientation=6)
    (tmp_path / "street" / "labels").mkdir()
    (tmp_path / "street" / "labels" / "a.txt").write_text("0 0.5 0.5 0.5 0.2")
    path = describe(tmp_path, sources=source(format="yolo", classes={"0": "with_mask"}))
    assert load_dataset(path).split("train")[0].boxes[0] == pytest.approx([20, 40, 60, 60])


def test_split_files_decide_and_the_rest_is_left_out(root):
    (root / "train.txt").write_text("street/c.jpg\r\n\nstreet/a.jpg\n")
    (root / "val.txt").write_text("street/b.jpg\nstreet/gone.jpg\n")
    dataset = load_dataset(describe(root, splits={"train": "train.txt", "val": "val.txt"}))
    assert names(dataset) == {"train": ["street/a.jpg", "street/c.jpg"], "val": ["street/b.jpg"]}
    assert len(dataset.problems) == 1
    assert dataset.problems.lines[0].startswith("street/gone.jpg: named in a split")
    with pytest.raises(DataError, match="no photos in its split 'test'; it has: train, val"):
        dataset.split("test")


def test_a_photo_in_two_split_files_is_refused(root):
    (root / "train.txt").write_text("street/a.jpg\nstreet/b.jpg")
    (root / "val.txt").write_text("street/b.jpg")
    with pytest.raises(DataError, match=r"street/b\.jpg .*'train' and 'val': a leak"):
        load_dataset(describe(root, splits={"train": "train.txt", "val": "val.txt"}))


@pytest.mark.parametrize("where", ["same file", "included file"])
def test_a_photo_in_two_splits_by_two_sources_is_refused(root, where):
    """The same file, read from a root of its own under another name."""
    again = {"again": {**SOURCE, "root": str(root / "street" / ".."), "split": "val"}}
    if where == "same file":
        path = describe(root, sources={**source(), **again})
    else:
        describe(root, "part.yaml", sources=again)
        path = describe(root, sources=source(), include=["part.yaml"])
    with pytest.raises(DataError, match=r"a\.jpg is in the splits '(train|val)' and '(train|val)': a leak"):
        load_dataset(path)


def test_included_files_add_their_photos_and_may_have_a_root_of_their_own(root, tmp_path_factory):
    elsewhere = tmp_path_factory.mktemp("more")
    write_photo(elsewhere / "street" / "a.jpg")
    (elsewhere / "street" / "boxes.csv").write_text("name,xmin,ymin,xmax,ymax,label\na.jpg,1,1,9,9,bare\n")
    describe(root, "more.yaml", sources={"far": {**SOURCE, "root": str(elsewhere), "split": "train"}})
    dataset = load_dataset(describe(root, sources=source(), include=["more.yaml"]))
    photos = dataset.split("train")
    assert [s.name for s in photos] == ["street/a.jpg", "street/a.jpg", *(f"street/{n}.jpg" for n in "bcd")]
    assert {s.path for s in photos} == {root / "street" / f"{n}.jpg" for n in "abcd"} | {
        elsewhere / "street" / "a.jpg"
    }
    describe(root, "more.yaml", include=["data.yaml"])
    with pytest.raises(DataError, match="includes itself"):
        load_dataset(root / "data.yaml")


def test_fractions_draw_by_name_and_stay(root):
    rows = ["name,xmin,ymin,xmax,ymax,label"]
    for i in range(200):
        (root / "street" / f"{i}.jpg").write_bytes((root / "street" / "a.jpg").read_bytes())
        rows.append(f"{i}.jpg,10,20,30,50,bare")
    path = describe(root, fractions={"val": 0.2, "test": 0.1, "train": 0.7})
    (root / "street" / "boxes.csv").write_text("\n".join(rows[:101]))
    few = names(load_dataset(path))
    (root / "street" / "boxes.csv").write_text("\n".join(rows))
    many = names(load_dataset(path))
    assert sum(map(len, many.values())) == 200
    assert 20 <= len(many["val"]) <= 60
    assert 5 <= len(many["test"]) <= 40
    assert all(set(few[split]) <= set(many[split]) for split in few)


def test_ignored_regions_of_all_files_are_added(root):
    (root / "plain.json").write_text(json.dumps({"street/b.jpg": [[1, 2, 3, 4]], "street/c.jpg": []}))
    truth = [{"image": "street/b.jpg", "boxes": [[5, 6, 7, 8, "x", 1], [9, 9, 20, 20, "x", 0]]}]
    (root / "truth.json").write_text(json.dumps(truth))
    path = describe(root, sources=source(ignore=["plain.json", "truth.json"]))
    b, c = load_dataset(path).split("train")[1:3]
    assert b.boxes.tolist() == [[10, 20, 30, 50], [1, 2, 3, 4], [5, 6, 7, 8]]
    assert b.ignore.tolist() == [False, True, True]
    assert c.ignore.tolist() == [False]


@pytest.mark.parametrize(
    "content", ["{", "null", '{"street/a.jpg": [[1, 2]]}', '[{"image": "a"}]', '{"a": "b"}']
)
def test_a_broken_ignore_file_is_a_problem(root, content):
    (root / "bad.json").write_text(content)
    dataset = load_dataset(describe(root, sources=source(ignore=["bad.json", "gone.json"])))
    assert len(dataset.split("train")) == 4
    assert [line.split(": ")[0] for line in dataset.problems.lines] == [
        str(root / "bad.json"),
        str(root / "gone.json"),
    ]


def test_only_takes_the_listed_photos(root):
    (root / "some.txt").write_text("b.jpg\nd.jpg\nz z.jpg\n")
    dataset = load_dataset(describe(root, sources=source(only="some.txt")))
    assert names(dataset) == {"train": ["street/b.jpg", "street/d.jpg"]}
    assert dataset.problems.lines == ["z z.jpg: named in some.txt, but no annotation of that name was found"]
    with pytest.raises(DataError, match=r"list of photos .*none\.txt"):
        load_dataset(describe(root, sources=source(only="none.txt")))


def huge_png() -> bytes:
    """A header of 50,000 x 50,000 pixels, and nothing more."""
    header = struct.pack(">IIBBBBB", 50_000, 50_000, 8, 2, 0, 0, 0)
    chunk = b"IHDR" + header
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + chunk + struct.pack(">I", zlib.crc32(chunk))


@pytest.mark.parametrize(
    ("rows", "photo", "problem"),
    [
        ("b.jpg,10,20,30,50,cat", None, r"b\.jpg: unknown class 'cat'"),
        ("b.jpg,30,20,10,50,bare", None, r"b\.jpg: 1 box\(es\) without area inside the picture"),
        ("b.jpg,200,20,230,50,bare", None, r"b\.jpg: 1 box\(es\) without area inside the picture"),
        ("gone.jpg,1,1,9,9,bare", None, r"gone\.jpg: the picture is missing"),
        (f"{'x' * 400}.jpg,1,1,9,9,bare", None, r"x\.jpg: the picture is missing"),
        ("z.jpg,1,1,9,9,bare", b"no picture", r"z\.jpg: not readable as a picture"),
        ("z.jpg,1,1,9,9,bare", b"", r"z\.jpg: not readable as a picture"),
        ("z.jpg,1,1,9,9,bare", huge_png(), r"z\.jpg: not readable as a picture"),
    ],
)
def test_what_cannot_be_used_is_named(root, rows, photo, problem):
    if photo is not None:
        (root / "street" / "z.jpg").write_bytes(photo)
    (root / "street" / "boxes.csv").write_text(
        f"name,xmin,ymin,xmax,ymax,label\na.jpg,1,1,9,9,bare\n{rows}\n"
    )
    dataset = load_dataset(describe(root, sources=source()))
    assert "street/a.jpg" in names(dataset)["train"]
    assert len(dataset.problems) == 1
    assert re.search(problem, dataset.problems.lines[0]), dataset.problems.lines[0]


def test_a_photo_of_which_no_box_can_be_read_is_left_out(root):
    table = "name,xmin,ymin,xmax,ymax,label\na.jpg,1,1,9,9,bare\nb.jpg,x,1,9,9,bare\n"
    (root / "street" / "boxes.csv").write_text(table)
    dataset = load_dataset(describe(root, sources=source()))
    assert "street/b.jpg" not in [name for split in names(dataset).values() for name in split]
    assert "street/a.jpg" in names(dataset)["train"]
    assert Reason.LEFT_EMPTY in dataset.problems.reasons


def test_a_name_that_leads_out_of_the_folder_is_looked_for_in_it(root):
    write_photo(root / "c.jpg", (10, 10))
    (root / "street" / "boxes.csv").write_text("name,xmin,ymin,xmax,ymax,label\n../c.jpg,1,1,9,9,bare\n")
    assert load_dataset(describe(root, sources=source())).split("train")[0].width == 100


def test_a_missing_source_is_one_line(root):
    (root / "train.txt").write_text("street/a.jpg\nnorth/a.jpg\nnorth/b.jpg\n")
    north = {**SOURCE, "folder": "north"}
    dataset = load_dataset(
        describe(root, sources={"street": SOURCE, "north": north}, splits={"train": "train.txt"})
    )
    assert dataset.problems.lines == [f"{root / 'north'}: the folder of source 'north' does not exist"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"split": {}}, r"data\.yaml: split: there is no such key"),
        ({"sources": source(clases={})}, r"data\.yaml: sources\.street\.clases: there is no such key"),
        ({"sources": source(classes={"a": "mask"})}, r"classes map to \['mask'\]; choose from"),
        ({"sources": source(format="xml")}, r"sources\.street\.format: .*'voc'"),
        ({"sources": source(origin={})}, r"sources\.street\.origin\.licence: is missing"),
        ({"sources": None}, r"sources: "),
        ({"fractions": {"val": 0.6, "train": 0.6}}, "fractions are parts of 1"),
        ({"fractions": {"val": -0.1, "train": 0.6}}, "fractions are parts of 1"),
        ({"root": "nowhere"}, r"the data folder .*nowhere does not exist: give `root`"),
        ({"root": "${CROWDMASK_TEST_ROOT}"}, "set the variable CROWDMASK_TEST_ROOT or give `root`"),
        ({"root": "${CROWDMASK_TEST_ROOT:-no}"}, "set the variable CROWDMASK_TEST_ROOT or give `root`"),
        ({"splits": {"train": "gone.txt"}}, r"cannot read the split file .*gone\.txt"),
        ({"include": ["gone.yaml"]}, r"cannot read .*gone\.yaml"),
    ],
)
def test_a_description_that_does_not_fit_is_one_line(root, content, message):
    with pytest.raises(DataError, match=message) as raised:
        load_dataset(describe(root, **content))
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("content", [b"a: [", b"", b"- a", b"\xff\xfe\x00", b"a: &x [*x]"])
def test_a_file_that_is_no_description_is_one_line(tmp_path, content):
    path = tmp_path / "data.yaml"
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"data\.yaml") as raised:
        load_dataset(path)
    assert "\n" not in str(raised.value)


def test_the_root_is_beside_the_file_from_the_environment_or_given(root, tmp_path_factory, monkeypatch):
    recipes = tmp_path_factory.mktemp("recipes")
    path = describe(recipes, root="${CROWDMASK_TEST_ROOT:-beside}", sources=source())
    monkeypatch.chdir(root.parent)
    with pytest.raises(DataError, match="beside does not exist"):
        load_dataset(path)
    assert len(load_dataset(path, root).split("train")) == 4
    monkeypatch.setenv("CROWDMASK_TEST_ROOT", root.name)
    assert len(load_dataset(path).split("train")) == 4
    monkeypatch.delenv("CROWDMASK_TEST_ROOT")
    (recipes / "beside").symlink_to(root)
    assert len(load_dataset(path).split("train")) == 4
    with pytest.raises(DataError, match="nowhere does not exist: check `root`"):
        load_dataset(path, "nowhere")


def test_every_description_in_recipes_can_be_read(project_root):
    paths = sorted((project_root / "recipes" / "data").glob("*.yaml"))
    assert len(paths) >= 2
    for path in paths:
        spec = read_spec(path)
        assert all(s.origin.repository or s.origin.archive for s in spec.sources.values())
        assert all((path.parent / s.only).is_file() for s in spec.sources.values() if s.only)


def test_our_reading_of_the_shared_photos_is_the_scorers(shared, project_root):
    """Conventions, splits and ignored regions give the ground truth that the scorer uses."""
    path = project_root / "recipes" / "data" / "crowdmask.yaml"
    spec = read_spec(path)
    chosen = {name: spec.sources[name] for name in ("gotg", "jolignier", "macwinwin")}
    part = spec.model_copy(update={"sources": chosen, "splits": {"val": spec.splits["val"]}})
    samples = build_dataset(part, shared / "data", path).split("val")
    truth = {
        g["image"]: g["boxes"] for g in json.loads((shared / "data" / "splits" / "val_gt.json").read_text())
    }
    assert len(samples) == sum(name.startswith(tuple(f"{name}/" for name in chosen)) for name in truth)
    for sample in samples:
        faces = np.array([b[:5] for b in truth[sample.name] if not b[5]], np.float32).reshape(-1, 5)
        ours = np.column_stack([sample.boxes, sample.class_id])[~sample.ignore]
        assert ours.shape == faces.shape, sample.name
        if len(ours):
            # The scorer's file is rounded; a label that differs would be further off.
            distance = np.abs(ours[:, None] - faces[None]).max(-1)
            assert max(distance.min(0).max(), distance.min(1).max()) < 0.6, sample.name
