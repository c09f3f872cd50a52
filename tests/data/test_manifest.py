from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from crowdmask.data.dataset import load_dataset
from crowdmask.data.manifest import (
    FILE_NAME,
    Face,
    Manifest,
    Photo,
    find_manifest,
    load_manifest,
    read_manifest,
    to_sample,
    write_manifest,
)
from crowdmask.data.problems import Reason
from crowdmask.errors import DataError, OutputError

FACE = Face(box=(1.5, 2, 11.25, 12), label="mask_worn_incorrect")
HEAD = '{"format": "crowdmask-manifest", "version": 1}'


def photo(name: str = "photos/a.jpg", **more: object) -> Photo:
    return Photo(**{"photo": name, "width": 40, "height": 30, "source": "s", "faces": [FACE], **more})


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    photos = [
        photo(split="train", group="g", weight=0.5, sha256="a" * 64, hash="0f", title="é", reviewed=True),
        photo("photos/b.jpg", faces=None, url="https://example.org", author="N", licence="CC0"),
        photo("photos/ü.jpg", faces=[Face(box=(0.1, 1 / 3, 2, 3), ignore=True)]),
    ]
    path = write_manifest(Manifest(tmp_path, photos))
    assert path == tmp_path / FILE_NAME
    assert path.read_text(encoding="utf-8").splitlines()[0] == HEAD
    assert read_manifest(tmp_path).photos == photos
    assert read_manifest(path).folder == tmp_path
    assert [p.name for p in tmp_path.iterdir()] == [FILE_NAME], "no part is left"


def test_a_manifest_of_0_1_0_is_read_and_written_as_it_was(tmp_path: Path) -> None:
    path = Path(__file__).parents[1] / "golden" / "0.1.0" / FILE_NAME
    assert path.read_text(encoding="utf-8").splitlines()[0] == HEAD
    first, second, third = read_manifest(path).photos
    assert first.faces == [
        Face(box=(10, 12, 34.5, 40), label="with_mask"),
        Face(box=(50, 8, 80, 44), label="without_mask"),
        Face(box=(90, 50, 110, 80), label="mask_worn_incorrect"),
        Face(box=(0, 0, 5, 5), ignore=True),
    ]
    assert (first.licence, first.split, first.group, first.weight) == ("CC0", "train", "g1", 2.0)
    assert (first.title, first.author, first.url) == ("A street", "N. N.", "https://example.org/a")
    assert (first.sha256, first.hash, first.reviewed) == ("0" * 63 + "a", "0f" * 32, True)
    assert (second.photo, second.faces, second.split) == ("photos/ü b.png", [], "val")
    assert (third.faces, third.split, third.licence) == (None, None, "not stated")
    assert write_manifest(Manifest(tmp_path, [first, second, third])).read_bytes() == path.read_bytes()


ROW = '{"photo": "a.jpg", "width": 4, "height": 3, "source": "s"'


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (["{}"], "not a manifest"),
        (["[1]"], "not a manifest"),
        (["nonsense"], "line 1: not JSON"),
        (['{"format": "crowdmask-manifest", "version": 2}'], "version 2 .* update it"),
        ([HEAD, "{"], "line 2: not JSON"),
        ([HEAD, ROW + "}", ROW + "}"], "line 3: a.jpg is there twice"),
        ([HEAD, ROW.replace("a.jpg", "../a.jpg") + "}"], "line 2: photo: must be a path below the manifest"),
        ([HEAD, ROW.replace("a.jpg", "/a.jpg") + "}"], "line 2: photo: "),
        ([HEAD, ROW.replace("a.jpg", "..\\\\\\\\a.jpg") + "}"], "line 2: photo: "),
        ([HEAD, ROW + ', "size": 1}'], "line 2: size: "),
        ([HEAD, ROW + ', "split": "dev"}'], "line 2: split: "),
        ([HEAD, ROW + ', "weight": -1}'], "line 2: weight: "),
        ([HEAD, ROW + ', "faces": [{"box": [0, 0, NaN, 1]}]}'], "line 2: faces.0.box.2: .*finite"),
        ([HEAD, ROW + ', "faces": [{"box": [0, 0, 1, 1], "label": "masked"}]}'], "line 2: faces.0.label"),
    ],
)
def test_a_line_that_does_not_fit_is_named(tmp_path: Path, lines: list[str], message: str) -> None:
    (tmp_path / FILE_NAME).write_text("\n".join(lines) + "\n")
    with pytest.raises(DataError, match=message):
        read_manifest(tmp_path)


def test_a_folder_without_a_manifest_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="crowdmask data import"):
        find_manifest(tmp_path)


def test_a_manifest_that_cannot_be_written_is_an_output_error(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="cannot write"):
        write_manifest(Manifest(tmp_path / "missing", []))


def test_sample_of_a_photo(tmp_path: Path) -> None:
    ignored = Face(box=(0, 0, 5, 5), ignore=True)
    sample = to_sample(Manifest(tmp_path), photo(faces=[FACE, ignored]))
    assert sample.path == tmp_path / "photos/a.jpg"
    assert (sample.name, sample.source, sample.width, sample.height) == ("photos/a.jpg", "s", 40, 30)
    np.testing.assert_array_equal(sample.boxes, np.array([[1.5, 2, 11.25, 12], [0, 0, 5, 5]], np.float32))
    assert sample.class_id.tolist() == [2, 0]
    assert sample.ignore.tolist() == [False, True]


@pytest.mark.parametrize(
    ("faces", "message"),
    [(None, "not annotated yet"), ([Face(box=(0, 0, 5, 5))], "a face has no label")],
)
def test_a_photo_that_nobody_labelled_makes_no_sample(tmp_path: Path, faces: object, message: str) -> None:
    with pytest.raises(DataError, match=message):
        to_sample(Manifest(tmp_path), photo(faces=faces))


def with_files(folder: Path, photos: list[Photo]) -> Path:
    folder.mkdir(exist_ok=True)
    write_manifest(Manifest(folder, photos))
    for item in photos:
        (folder / item.photo).parent.mkdir(parents=True, exist_ok=True)
        (folder / item.photo).touch()
    return folder


def test_load_dataset_reads_a_manifest_by_its_folder_its_file_and_another_root(tmp_path: Path) -> None:
    photos = [
        photo("photos/z.jpg", split="train"),
        photo("photos/b.jpg", split="train"),
        photo("photos/c.jpg", split="val"),
        photo("photos/d.jpg"),
        photo("photos/e.jpg", split="val", faces=None),
    ]
    folder = with_files(tmp_path / "data", photos)
    (folder / "photos/c.jpg").unlink()
    for place in (folder, folder / FILE_NAME, str(folder)):
        dataset = load_dataset(place)
        assert [s.name for s in dataset.split("train")] == ["photos/b.jpg", "photos/z.jpg"]
        assert "val" not in dataset.samples
        assert dataset.problems.reasons == [Reason.NO_PICTURE, Reason.NO_ANNOTATION]
    elsewhere = with_files(tmp_path / "elsewhere", photos)
    dataset = load_dataset(folder, elsewhere)
    assert [s.path for s in dataset.split("val")] == [elsewhere / "photos/c.jpg"]


@pytest.mark.parametrize(
    ("same", "what"), [({"group": "g"}, "group g"), ({"sha256": "ab" * 32}, f"file {'ab' * 32}")]
)
def test_a_group_or_a_file_in_two_splits_is_a_leak(tmp_path: Path, same: dict[str, str], what: str) -> None:
    photos = [photo(split="train", **same), photo("photos/b.jpg", split="test", **same)]
    found = rf"the {what} lies in the splits 'train' and 'test' \(photos/b.jpg\): a leak"
    with pytest.raises(DataError, match=found):
        load_manifest(with_files(tmp_path, photos))


def test_a_manifest_without_splits_says_what_to_run(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no photo has a split yet: run  crowdmask data split"):
        load_dataset(with_files(tmp_path, [photo()]))


def test_defaults_are_not_written(tmp_path: Path) -> None:
    line = write_manifest(Manifest(tmp_path, [photo(faces=[])])).read_text().splitlines()[1]
    assert json.loads(line) == {
        "photo": "photos/a.jpg", "width": 40, "height": 30, "source": "s", "faces": [],
    }  # fmt: skip
