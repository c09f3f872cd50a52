from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageOps
from typer.testing import CliRunner

from crowdmask.cli.main import app
from crowdmask.data.copies import hashing, photo_cache
from crowdmask.data.manifest import Manifest, Photo, read_manifest, write_manifest


def scene(seed: int) -> Image.Image:
    coarse = np.random.default_rng(seed).integers(0, 256, (7, 9, 3), np.uint8)
    return Image.fromarray(coarse).resize((120, 90), Image.Resampling.BICUBIC)


@pytest.fixture
def data(tmp_path):
    """Six photos of two sources: 0, its mirror image, itself again; 3, smaller; and two others."""
    pictures = [
        scene(0), ImageOps.mirror(scene(0)), scene(0), scene(3), scene(3).resize((72, 54)), scene(5),
    ]  # fmt: skip
    photos = []
    for i, picture in enumerate(pictures):
        picture.save(tmp_path / f"{i}.png")
        source = "ab"[i % 2]
        width, height = picture.size
        photos.append(Photo(photo=f"{i}.png", width=width, height=height, source=source, faces=[]))
    write_manifest(Manifest(tmp_path, photos))
    return tmp_path


def run(*options: object):
    return CliRunner().invoke(app, ["data", "dedup", *map(str, options)])


def groups(folder) -> list[list[str]]:
    found: dict[str, list[str]] = {}
    for photo in read_manifest(folder).photos:
        if photo.group is not None:
            found.setdefault(photo.group, []).append(photo.photo)
    return sorted(found.values())


def test_groups_and_hashes_go_into_the_manifest_and_pairs_onto_a_page(data):
    result = run(data, "--to", data / "pairs.html")
    assert result.exit_code == 0, result.output
    assert groups(data) == [["0.png", "1.png", "2.png"], ["3.png", "4.png"]]
    assert all(photo.hash and photo.sha256 for photo in read_manifest(data).photos)
    assert "6 photos: 5 in 2 groups of copies (1 copies are the same file; 2 groups reach" in result.output
    assert (data / "pairs.html").read_text().count("<section>") == 3


def test_dropping_keeps_the_best_and_all_files_and_the_groups_stay_the_same(data):
    run(data)
    before = {photo.photo: photo.group for photo in read_manifest(data).photos}
    result = run(data, "--drop")
    assert result.exit_code == 0, result.output
    after = read_manifest(data).photos
    assert [photo.photo for photo in after] == ["0.png", "3.png", "5.png"]
    assert all(photo.group == before[photo.photo] for photo in after)
    assert "dropped from the manifest: 3 copies" in result.output
    assert len(list(data.glob("*.png"))) == 6


def test_a_photo_that_cannot_be_read_is_named_and_the_others_are_done(data):
    (data / "5.png").write_bytes(b"no picture")
    result = run(data)
    assert result.exit_code == 1
    assert "5.png: not a picture" in result.output
    assert groups(data) == [["0.png", "1.png", "2.png"], ["3.png", "4.png"]]


def test_an_interrupted_run_leaves_the_manifest_and_goes_on(data, monkeypatch):
    before = (data / "manifest.jsonl").read_bytes()
    real, read = hashing.fingerprint_of, []

    def look(path):
        read.append(path.name)
        if path.name == "3.png":
            raise KeyboardInterrupt
        return real(path)

    monkeypatch.setattr(photo_cache, "fingerprint_of", look)
    result = run(data, "--threads", 1)
    assert result.exit_code == 130
    assert "interrupted after 3 of 6 photos" in result.output
    assert (data / "manifest.jsonl").read_bytes() == before
    monkeypatch.setattr(photo_cache, "fingerprint_of", lambda path: (read.append(path.name), real(path))[1])
    read.clear()
    assert run(data).exit_code == 0
    assert "0.png" not in read
    assert len(groups(data)) == 2


@pytest.mark.parametrize(
    ("options", "code", "message"),
    [
        (["{data}/nothing"], 1, "no manifest there"),
        (["{data}", "--to", "{data}/pairs.txt"], 2, "name a page that ends in .html"),
        (["{data}", "--alike", "0.5"], 2, "--alike"),
    ],
)
def test_what_does_not_fit_is_one_line(data, options, code, message):
    result = run(*(option.format(data=data) for option in options))
    assert result.exit_code == code
    assert message in result.output
