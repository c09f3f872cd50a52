"""`crowdmask data label`: out to a tool and back, as a user does it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from PIL import Image
from typer.testing import CliRunner, Result

from crowdmask.cli.main import app
from crowdmask.data.manifest import Face, Manifest, Photo, read_manifest, write_manifest


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["data", "label", *map(str, arguments)])


@pytest.fixture
def folder(tmp_path: Path, blocks: Image.Image) -> Path:
    """Two photos without annotations and one with."""
    (tmp_path / "set" / "photos").mkdir(parents=True)
    photos = []
    for name, faces in (("a", None), ("b", None), ("c", [Face(box=(1, 2, 30, 40), label="with_mask")])):
        blocks.save(tmp_path / "set" / "photos" / f"{name}.png")
        photos.append(Photo(photo=f"photos/{name}.png", width=320, height=192, source="s", faces=faces))
    write_manifest(Manifest(tmp_path / "set", photos))
    return tmp_path / "set"


def test_label_studio(
    folder: Path, tmp_path: Path, colour_model: Path, block_boxes: dict[str, list[float]]
) -> None:
    tasks_file = tmp_path / "out" / "tasks.json"
    result = run(
        folder, "--export", "label-studio", "--to", tasks_file, "--model", colour_model, "--tiles", "off"
    )

    assert result.exit_code == 0, result.output
    assert "2 photos with 6 faces" in result.output
    tasks = json.loads(tasks_file.read_text())
    assert [task["data"]["photo"] for task in tasks] == ["photos/a.png", "photos/b.png"]
    assert tasks[0]["data"]["image"] == "/data/local-files/?d=set/photos/a.png"
    assert "<RectangleLabels" in (tmp_path / "out" / "tasks-config.xml").read_text()
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == ["tasks-config.xml", "tasks.json"]
    assert read_manifest(folder).photos[0].faces is None

    # A person takes one face out of the first photo and calls another what it is; the second one waits.
    regions = tasks[0]["predictions"][0]["result"][1:]
    kept = regions[0]["value"]["rectanglelabels"][0]
    regions[0]["value"]["rectanglelabels"] = ["ignore"]
    tasks[0]["annotations"] = [{"result": regions}]
    tasks[1]["annotations"] = []
    export = tmp_path / "project.json"
    export.write_text(json.dumps(tasks))
    result = run(folder, "--import", export)

    assert result.exit_code == 0, result.output
    assert "1 photos reviewed" in result.output
    assert "1 photos are not finished" in result.output
    first, second, third = read_manifest(folder).photos
    assert first.reviewed
    assert first.faces is not None
    assert [face.ignore for face in first.faces] == [True, False]
    assert first.faces[0].box == pytest.approx(block_boxes[kept], abs=0.02)
    assert first.faces[1].label is not None
    assert first.faces[1].box == pytest.approx(block_boxes[first.faces[1].label], abs=0.02)
    assert (second.faces, second.reviewed) == (None, False)
    assert third.faces == [Face(box=(1, 2, 30, 40), label="with_mask")]


def test_cvat_with_all(
    folder: Path, tmp_path: Path, colour_model: Path, block_boxes: dict[str, list[float]]
) -> None:
    file = tmp_path / "annotations.xml"
    options = ("--all", "--model", colour_model, "--unsure", "1", "--tiles", "off")
    result = run(folder, "--export", "cvat", "--to", file, *options)
    assert result.exit_code == 0, result.output
    # Of the red squares the model is entirely sure.
    assert "3 photos with 7 faces, 4 of them marked unsure" in result.output
    assert json.loads((tmp_path / "annotations-labels.json").read_text())[0]["name"] == "with_mask"

    result = run(folder, "--import", file)
    assert result.exit_code == 0, result.output
    photos = read_manifest(folder).photos
    assert all(photo.reviewed for photo in photos)
    for photo in photos[:2]:
        assert photo.faces is not None
        found = {str(face.label): face.box for face in photo.faces}
        assert found == {label: pytest.approx(box, abs=0.02) for label, box in block_boxes.items()}
    assert photos[2].faces == [Face(box=(1, 2, 30, 40), label="with_mask")]


def test_problems_are_named_and_counted(folder: Path, tmp_path: Path) -> None:
    before = (folder / "manifest.jsonl").read_bytes()
    export = tmp_path / "a.xml"
    export.write_text(
        "<annotations><version>1.1</version>"
        '<image name="photos/a.png" width="320" height="192">'
        '<box label="hat" xtl="1" ytl="1" xbr="9" ybr="9"/></image>'
        '<image name="z.png" width="320" height="192"/></annotations>'
    )
    result = run(folder, "--import", export)

    assert result.exit_code == 1
    assert "error: photos/a.png: unknown label 'hat'" in result.stderr
    assert "error: z.png: no such photo" in result.stderr
    assert "2 problems" in result.stderr
    assert (folder / "manifest.jsonl").read_bytes() == before

    result = run(folder, "--import", export, "--map", "hat=without_mask")
    assert "1 photos reviewed: 1 without_mask" in result.output
    assert result.exit_code == 1


def test_a_photo_that_cannot_be_read(folder: Path, tmp_path: Path, colour_model: Path) -> None:
    (folder / "photos" / "a.png").write_bytes(b"no photo")
    result = run(folder, "--export", "cvat", "--to", tmp_path / "a.xml", "--model", colour_model)

    assert result.exit_code == 1
    assert "a.png: not a picture" in result.stderr
    assert "1 photos with 3 faces" in result.output


@pytest.mark.parametrize(
    ("options", "code", "message"),
    [
        ([], 2, "give either --export TOOL --to FILE, or --import FILE"),
        (["--export", "cvat", "--to", "x", "--import", "y"], 2, "give either"),
        (["--export", "cvat"], 2, "--export needs --to FILE"),
        (["--export", "cvat", "--to", "."], 2, "a folder; name a file"),
        (["--export", "cvat", "--to", "x", "--map", "a=skip"], 2, "--map belongs to --import"),
        (["--import", "nowhere.json"], 1, "nowhere.json: cannot be read"),
        (["--import", "x", "--map", "a=b"], 2, "--map a=b"),
    ],
)
def test_options(folder: Path, options: list[str], code: int, message: str) -> None:
    result = run(folder, *options)

    assert result.exit_code == code
    assert message in result.stderr


def test_nothing_to_label(folder: Path, tmp_path: Path) -> None:
    manifest = read_manifest(folder)
    write_manifest(Manifest(folder, manifest.photos[2:]))
    result = run(folder, "--export", "cvat", "--to", tmp_path / "a.xml")

    assert result.exit_code == 1
    assert "all 1 photos are annotated; take them with --all" in result.stderr


def test_help_has_an_example() -> None:
    assert "crowdmask data label crowd --export label-studio" in run("--help").output
