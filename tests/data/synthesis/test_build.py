from __future__ import annotations

import hashlib
import json
from collections import Counter

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

pytest.importorskip("cv2", reason="OpenCV is not installed")

from crowdmask.cli.main import app
from crowdmask.data.manifest import Face, Manifest, Photo, load_manifest, read_manifest, write_manifest
from crowdmask.data.synthesis.build import SOURCE, Settings, synthesize
from crowdmask.errors import DataError

ALL = Settings(share=1.0)
BARE, MASKED = "without_mask", "with_mask"


def nothing(stage: str, done: int, total: int) -> None:
    pass


@pytest.fixture
def make_set(make_face, tmp_path):
    """Return a function that writes a data set: each photo two bare faces and one that is to stay."""

    def make(photos: int = 3, name: str = "set", **changes) -> Manifest:
        folder = tmp_path / name
        folder.mkdir(exist_ok=True)
        rows = []
        for index in range(photos):
            pixels, first = make_face(width=44, at=(20, 30 + 4 * (index % 6)))
            pixels, second = make_face(
                width=40, at=(110, 60), onto=np.pad(pixels, ((0, 0), (0, 80), (0, 0)), "edge")
            )
            pixels, third = make_face(width=36, at=(190, 20), onto=pixels)
            Image.fromarray(pixels).save(folder / f"{index}.jpg", quality=93)
            faces = [Face(box=first, label=BARE), Face(box=second, label=BARE), Face(box=third, label=MASKED)]
            row = {
                "photo": f"{index}.jpg",
                "width": 240,
                "height": 160,
                "source": "street",
                "licence": "CC BY 4.0",
                "author": "Ann",
                "url": f"https://example.org/{index}",
                "faces": faces,
                "split": "train",
                "group": f"g{index}",
            }
            rows.append(Photo.model_validate({**row, **changes}))
        manifest = Manifest(folder, rows)
        write_manifest(manifest)
        return manifest

    return make


def read(folder):
    manifest = read_manifest(folder)
    return {p.photo: (p, np.asarray(Image.open(manifest.path(p)))) for p in manifest.photos}


def test_the_new_photos_keep_what_their_parents_are(make_set, tmp_path):
    parents = make_set(6)
    drawn = synthesize(parents.folder, tmp_path / "new", ALL, nothing)
    assert drawn.faces == 12
    assert sum(drawn.changed.values()) == 12
    assert drawn.untied == 0
    made = read(tmp_path / "new")
    assert len(made) == 6
    by_group = {photo.group: photo for photo, _ in made.values()}
    labels: Counter[str | None] = Counter()
    for parent in parents.photos:
        photo = by_group[parent.group]
        assert (photo.source, photo.licence, photo.split) == (SOURCE, "CC BY 4.0", "train")
        assert (photo.author, photo.url) == (parent.author, parent.url)
        assert (photo.width, photo.height) == (240, 160)
        assert photo.sha256 == hashlib.sha256((tmp_path / "new" / photo.photo).read_bytes()).hexdigest()
        assert [face.box for face in photo.faces] == [face.box for face in parent.faces]
        assert photo.faces[2] == parent.faces[2]
        labels.update(face.label for face in photo.faces[:2])
    assert labels == drawn.changed
    assert len(labels) >= 2
    assert len(load_manifest(tmp_path / "new").split("train")) == 6


def test_other_faces_stay_as_they_are(make_set, tmp_path):
    parents = make_set(4)
    synthesize(parents.folder, tmp_path / "new", ALL, nothing)
    before = read(parents.folder)
    for photo, pixels in read(tmp_path / "new").values():
        old = next(old for parent, old in before.values() if parent.group == photo.group)
        x1, y1, x2, y2 = (int(v) for v in photo.faces[2].box)
        # Compressed again as before, so nearly bit for bit.
        assert np.abs(pixels[y1:y2, x1:x2].astype(int) - old[y1:y2, x1:x2]).mean() < 0.6
        for face in photo.faces[:2]:
            x1, y1, x2, y2 = (int(v) for v in face.box)
            assert np.abs(pixels[y1:y2, x1:x2].astype(int) - old[y1:y2, x1:x2]).mean() > 3


def test_a_seed_draws_the_same_whatever_else_is_in_the_set(make_set, tmp_path):
    parents = make_set(4)
    fewer = Manifest(parents.folder, parents.photos[1:3])
    settings = Settings(share=0.7, seed=4)
    synthesize(parents.folder, tmp_path / "a", settings, nothing)
    synthesize(parents.folder, tmp_path / "b", Settings(share=0.7, seed=5), nothing)
    write_manifest(fewer)
    synthesize(parents.folder, tmp_path / "c", settings, nothing)
    a, b, c = (
        {p.name: p.read_bytes() for p in (tmp_path / name / "photos" / SOURCE).iterdir()} for name in "abc"
    )
    assert len(a) >= 3
    assert c
    assert all(a[name] == data for name, data in c.items())
    assert any(a.get(name) != data for name, data in b.items())


def test_the_share_is_of_the_faces(make_set, tmp_path):
    parents = make_set(30)
    drawn = synthesize(parents.folder, tmp_path / "new", Settings(share=0.3, occluded=0.0), nothing)
    assert drawn.faces == 60
    assert 9 <= sum(drawn.changed.values()) <= 28
    assert set(drawn.changed) <= {"with_mask", "mask_worn_incorrect"}


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"split": "val"}, "split val"),
        ({"split": "test"}, "split test"),
        ({"source": SOURCE}, "drawn already"),
        ({"faces": None, "split": None}, "not annotated"),
        ({"faces": [{"box": (20, 30, 64, 87), "label": MASKED}]}, "no bare face"),
        ({"faces": [{"box": (20, 30, 64, 87), "label": BARE, "ignore": True}]}, "no bare face"),
    ],
)
def test_what_is_passed_over(make_set, tmp_path, changes, reason):
    parents = make_set(2, **changes)
    good = make_set(1, "good").photos[0]
    (parents.folder / "good.jpg").write_bytes((tmp_path / "good" / good.photo).read_bytes())
    write_manifest(Manifest(parents.folder, [*parents.photos, good.model_copy(update={"photo": "good.jpg"})]))
    drawn = synthesize(parents.folder, tmp_path / "new", ALL, nothing)
    assert drawn.passed == {reason: 2}
    assert len(drawn.photos) == 1


def test_where_nothing_can_be_drawn_nothing_is_left(make_set, tmp_path):
    parents = make_set(2, split="val")
    with pytest.raises(DataError, match="nothing was drawn; 0 bare faces can be drawn on"):
        synthesize(parents.folder, tmp_path / "new", ALL, nothing)
    assert not (tmp_path / "new").exists()


def test_a_run_that_was_stopped_goes_on_to_the_same_end(make_set, tmp_path):
    parents = make_set(5)
    synthesize(parents.folder, tmp_path / "whole", ALL, nothing)

    def stop(stage: str, done: int, total: int) -> None:
        assert total == 5
        if done == 3:
            raise KeyboardInterrupt

    to = tmp_path / "stopped"
    with pytest.raises(KeyboardInterrupt):
        synthesize(parents.folder, to, ALL, stop)
    assert not (to / "manifest.jsonl").exists()
    journal = next(to.glob(".import-*/done.jsonl"))
    # As a kill in the middle of a line leaves it.
    journal.write_text(journal.read_text().rstrip("\n")[:-20], encoding="utf-8")
    seen = []
    synthesize(parents.folder, to, ALL, lambda stage, done, total: seen.append(done))
    assert seen == [1, 2, 3, 4, 5]
    files = [sorted((tmp_path / name / "photos" / SOURCE).iterdir()) for name in ("whole", "stopped")]
    assert [f.name for f in files[0]] == [f.name for f in files[1]]
    assert all(a.read_bytes() == b.read_bytes() for a, b in zip(*files, strict=True))
    assert (to / "manifest.jsonl").read_bytes() == (tmp_path / "whole" / "manifest.jsonl").read_bytes()
    assert not list(to.glob(".import-*"))


def test_into_the_set_itself_parents_and_children_share_a_group(make_set):
    parents = make_set(3, split=None, group=None)
    drawn = synthesize(parents.folder, parents.folder, ALL, nothing)
    assert drawn.untied == 0
    manifest = read_manifest(parents.folder)
    groups = Counter(photo.group for photo in manifest.photos)
    assert len(groups) == 3
    assert set(groups.values()) == {2}
    assert None not in groups
    with pytest.raises(DataError, match="has drawn photos already"):
        synthesize(parents.folder, parents.folder, ALL, nothing)
    assert read_manifest(parents.folder) == manifest


def test_a_photo_of_another_size_than_decoded_keeps_its_boxes_right(make_set, tmp_path):
    """The manifest may count in the pixels of a larger original."""
    doubled = [{"box": (40, 60, 128, 174), "label": BARE}]
    parents = make_set(1, width=480, height=320, faces=doubled)
    drawn = synthesize(parents.folder, tmp_path / "new", ALL, nothing)
    assert drawn.photos[0].faces[0].box == (20, 30, 64, 87)
    assert (drawn.photos[0].width, drawn.photos[0].height) == (240, 160)


def run(*arguments):
    return CliRunner().invoke(app, [str(a) for a in arguments])


def test_the_command(make_set, tmp_path):
    parents = make_set(4)
    (parents.folder / "2.jpg").write_bytes(b"no picture")
    result = run("data", "synth", parents.folder, "--to", tmp_path / "new", "--share", 1, "--seed", 3)
    assert result.exit_code == 1
    assert "6 bare faces can be drawn on; drawn on: 6" in result.stdout
    assert "3 photos: " in result.stdout
    assert "2.jpg" in result.stderr
    assert "1 photos cannot be read" in result.stderr
    report = json.loads((tmp_path / "new" / "reports" / "import-synth.json").read_text())
    assert report["settings"] == {"share": 1.0, "occluded": 0.2, "min_face_px": 20, "seed": 3}
    assert sum(report["faces_changed"].values()) == 6


def test_the_command_warns_of_parents_without_a_tie(make_set, tmp_path):
    parents = make_set(2, split=None, group=None)
    result = run("data", "synth", parents.folder, "--to", tmp_path / "new", "--share", 1)
    assert result.exit_code == 0
    assert "2 of them have parents without group and split" in result.stderr
    groups = {photo.group for photo, _ in read(tmp_path / "new").values()}
    assert groups == {"synth-of:0.jpg", "synth-of:1.jpg"}


@pytest.mark.parametrize(
    ("options", "code", "message"),
    [(["--share", "0"], 2, "0"), (["--min-face", "8"], 2, "20"), (["gone"], 1, "no manifest there")],
)
def test_what_does_not_fit_is_one_line(make_set, tmp_path, options, code, message):
    folder = make_set(1).folder
    place = tmp_path / options.pop() if options == ["gone"] else folder
    result = run("data", "synth", place, "--to", tmp_path / "new", *options)
    assert result.exit_code == code
    assert message in result.stderr


def test_the_help_has_an_example():
    result = run("data", "synth", "--help")
    assert result.exit_code == 0
    assert "crowdmask data synth crowd --to crowd" in result.stdout
