"""Photos alone, and formats that are not read, by command."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image
from typer.testing import CliRunner, Result

from crowdmask.cli.main import app
from crowdmask.data.manifest import read_manifest


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["data", "import", *map(str, arguments)])


def photo(path: Path, level: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (120, 80), (level, level, level)).save(path)


def test_photos_alone_are_not_annotated(tmp_path: Path) -> None:
    source = tmp_path / "mine"
    for level, name in enumerate(("a.jpg", "train/b.PNG", "val/deep/c.jpeg"), 1):
        photo(source / name, 60 * level)
    (source / "notes.txt").write_text("no photo")
    to = tmp_path / "set"
    done = run(source, "--format", "photos", "--to", to, "--split", "as-published", "--strict")
    assert done.exit_code == 0, done.output
    photos = {photo.photo: photo for photo in read_manifest(to).photos}
    assert {name: photo.split for name, photo in photos.items()} == {
        "photos/mine/a.jpg": None,
        "photos/mine/train/b.PNG": "train",
        "photos/mine/val/deep/c.jpeg": "val",
    }
    assert all(photo.faces is None for photo in photos.values())
    assert all((to / name).is_file() for name in photos)


@pytest.mark.parametrize("broken", [True, False])
def test_what_is_no_photo_is_named(tmp_path: Path, broken: bool) -> None:
    source = tmp_path / "mine"
    source.mkdir()
    if broken:
        (source / "a.jpg").write_bytes(b"no picture")
    done = run(source, "--format", "photos", "--to", tmp_path / "set")
    assert done.exit_code == 1
    assert ("a.jpg: not readable as a picture" if broken else "no picture in it") in done.stderr
    assert not (tmp_path / "set" / "manifest.jsonl").exists()


@pytest.mark.parametrize("form", ["auto", "tfrecord"])
def test_a_format_that_is_not_read_is_named_with_what_to_do(tmp_path: Path, form: str) -> None:
    source = tmp_path / "mine"
    source.mkdir()
    (source / "mask.tfrecord").write_bytes(b"x")
    done = run(source, "--format", form, "--to", tmp_path / "set")
    assert done.exit_code == 2
    assert "TFRecord" in done.stderr
    assert "then use --format voc or coco" in done.stderr
    assert not (tmp_path / "set" / "manifest.jsonl").exists()
