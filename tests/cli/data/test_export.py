from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image
from typer.testing import CliRunner

from crowdmask.cli.main import app
from crowdmask.data.manifest import Face, Manifest, Photo, read_manifest, write_manifest


def run(*arguments: object):
    return CliRunner().invoke(app, ["data", "export", *map(str, arguments)])


@pytest.fixture
def data(tmp_path: Path) -> Path:
    face = Face(box=(1, 2, 9, 9), label="with_mask")
    splits = {"a": "train", "b": "train", "c": "test", "d": None}
    photos = [
        Photo(photo=f"{name}.png", width=12, height=10, source="s", split=split, faces=[face, face])
        for name, split in splits.items()
    ]
    photos.append(Photo(photo="e.png", width=12, height=10, source="s"))
    folder = tmp_path / "data"
    folder.mkdir()
    for photo in photos:
        Image.new("RGB", (12, 10)).save(folder / photo.photo)
    write_manifest(Manifest(folder, photos))
    return folder


@pytest.mark.parametrize("form", ["coco", "yolo", "voc"])
def test_what_was_written_is_told(data: Path, tmp_path: Path, form: str) -> None:
    done = run(data / "manifest.jsonl", "--format", form, "--to", tmp_path / "out")
    assert done.exit_code == 0, done.output
    assert done.stdout.splitlines() == [
        "train: 2 photos, 4 boxes",
        "test: 1 photos, 2 boxes",
        "default: 1 photos, 2 boxes",
        "left out: 1 photos that are not annotated yet",
        f"{form}: {tmp_path}/out",
    ]
    assert len(list((tmp_path / "out").rglob("*.png"))) == 4


def test_chosen_splits_as_links(data: Path, tmp_path: Path) -> None:
    done = run(
        data, "--format", "voc", "--to", tmp_path / "out", "--split", "test", "--split", "val", "--link"
    )
    assert done.exit_code == 0, done.output
    assert [path.name for path in (tmp_path / "out/JPEGImages").iterdir()] == ["c.png"]
    assert (tmp_path / "out/JPEGImages/c.png").samefile(data / "c.png")


def test_a_missing_photo_is_named_and_ends_with_1(data: Path, tmp_path: Path) -> None:
    (data / "a.png").unlink()
    done = run(data, "--format", "coco", "--to", tmp_path / "out")
    assert done.exit_code == 1
    assert "error: a.png: the photo is missing" in done.stderr
    assert "1 photos were left out (named above)" in done.stderr
    assert len(list((tmp_path / "out").rglob("*.png"))) == 3


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["DATA", "--format", "tfrecord", "--to", "OUT"], 2, "choose from coco, yolo, voc"),
        (["DATA", "--format", "coco", "--to", "OUT", "--split", "dev"], 2, "choose from train, val, test"),
        (["DATA", "--format", "coco", "--to", "DATA"], 2, "holds the data set itself"),
        (["DATA", "--format", "coco", "--to", "FULL"], 1, "is there and not empty"),
        (["FULL", "--format", "coco", "--to", "OUT"], 1, "no manifest there"),
    ],
)
def test_what_cannot_be_done(
    data: Path, tmp_path: Path, arguments: list[str], code: int, message: str
) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full/a.txt").touch()
    places = {"DATA": data, "OUT": tmp_path / "out", "FULL": tmp_path / "full"}
    done = run(*(places.get(word, word) for word in arguments))
    assert done.exit_code == code
    assert done.stderr.startswith("error: ")
    assert message in done.stderr
    assert not (tmp_path / "out").exists()


def test_a_split_that_leaks_is_refused_but_one_of_its_splits_is_not(data: Path, tmp_path: Path) -> None:
    photos = read_manifest(data).photos
    leak = [p.model_copy(update={"group": "g"}) if p.photo in ("a.png", "c.png") else p for p in photos]
    write_manifest(Manifest(data, leak))
    done = run(data, "--format", "coco", "--to", tmp_path / "out")
    assert done.exit_code == 1
    assert "the split leaks: g lies in 2 splits (train: a.png, test: c.png)" in done.stderr
    assert not (tmp_path / "out").exists()
    assert run(data, "--format", "coco", "--to", tmp_path / "out", "--split", "train").exit_code == 0
