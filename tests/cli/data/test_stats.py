"""`crowdmask data stats` as a user runs it, on a manifest and on a YAML."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest
from PIL import Image
from typer.testing import CliRunner, Result

from crowdmask.cli.main import app
from crowdmask.data.manifest import Face, Manifest, Photo, read_manifest, write_manifest
from crowdmask.media.pictures import Picture, open_picture

pytest.importorskip("matplotlib", reason="the extra 'train' is not installed")


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["data", "stats", *map(str, arguments)])


@pytest.fixture
def folder(tmp_path: Path, blocks: Image.Image, block_boxes: dict[str, list[float]]) -> Path:
    """One photo with all right, one with a wrong label and a face left out."""
    place = tmp_path / "set"
    place.mkdir()
    boxes = {label: tuple(box) for label, box in block_boxes.items()}
    right = [Face.model_validate({"box": box, "label": label}) for label, box in boxes.items()]
    wrong = [
        Face.model_validate({"box": boxes["with_mask"], "label": "without_mask"}),
        Face.model_validate({"box": boxes["without_mask"], "label": "without_mask"}),
    ]
    photos = []
    for name, faces in (("a", right), ("b", wrong)):
        blocks.save(place / f"{name}.png")
        photos.append(Photo(photo=f"{name}.png", width=320, height=192, source="s", faces=faces))
    write_manifest(Manifest(place, photos))
    return place


def test_manifest_with_model(folder: Path, tmp_path: Path, colour_model: Path) -> None:
    page = tmp_path / "out" / "report.html"
    result = run(folder, "--to", page, "--with-model", "--model", colour_model, "--sure", "0.8")

    assert result.exit_code == 0, result.output
    assert "2 photos, 2 annotations to review" in result.output
    assert "1: our model is sure of another label" in result.output
    assert "1: our model is sure of a face that is not annotated" in result.output
    text = page.read_text()
    assert "annotated No mask; model: Mask 1.00" in text
    assert "The model colours (" in text
    assert [path.name for path in page.parent.iterdir()] == ["report.html"]

    result = run(folder, "--to", page)
    assert "2 photos, 0 annotations to review" in result.output
    assert "No model was asked" in page.read_text()


def test_yaml(folder: Path, tmp_path: Path) -> None:
    for name, below in (("images", "a.png"), ("labels", "a.txt")):
        (folder / "yolo" / name).mkdir(parents=True)
        if below.endswith("png"):
            (folder / below).rename(folder / "yolo" / name / below)
    (folder / "yolo" / "labels" / "a.txt").write_text("0 0.5 0.5 0.2 0.4\n7 0.1 0.1 0.1 0.1\n")
    (folder / "yolo" / "classes.txt").write_text("masked\n")
    (tmp_path / "more.yaml").write_text("sources: {}\n")
    (tmp_path / "data.yaml").write_text(
        "root: set\ninclude: [more.yaml]\nsources:\n  street:\n    folder: yolo\n    format: yolo\n"
        "    classes: {masked: with_mask}\n    split: val\n    origin: {licence: CC-BY-4.0}\n"
    )
    page = tmp_path / "report.html"
    result = run(tmp_path / "data.yaml", "--to", page)

    assert result.exit_code == 0, result.output
    assert "1 photos" in result.output
    text = page.read_text()
    assert "CC-BY-4.0" in text
    assert "street" in text
    assert "Left out" in text
    assert "unknown class" in text


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["nowhere", "--to", "x.html"], 1, "no manifest there"),
        (["{folder}", "--to", "."], 2, "a folder; name a file"),
        (["{folder}", "--to", "x.html", "--root", "nowhere"], 2, "--root nowhere: not a folder"),
    ],
)
def test_usage(folder: Path, arguments: list[str], code: int, message: str) -> None:
    result = run(*(argument.format(folder=folder) for argument in arguments))

    assert result.exit_code == code
    assert message in result.stderr


def test_no_photos(tmp_path: Path) -> None:
    write_manifest(Manifest(tmp_path))
    result = run(tmp_path, "--to", tmp_path / "x.html")

    assert result.exit_code == 1
    assert "holds no photos" in result.stderr


def test_help_has_an_example() -> None:
    assert "crowdmask data stats crowd --with-model" in run("--help").output


@pytest.mark.skipif(shutil.which("chromium") is None, reason="chromium is not installed")
def test_a_browser_shows_it_and_runs_nothing(folder: Path, tmp_path: Path) -> None:
    manifest = folder / "manifest.jsonl"
    evil = "<img src=x onerror=document.title='run'><script>document.title='run'</script>"
    manifest.write_text(manifest.read_text().replace('"source":"s"', f'"source":"{evil}"'))
    page = tmp_path / "report.html"
    assert run(folder, "--to", page).exit_code == 0
    shown = subprocess.run(
        ["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--dump-dom", page.as_uri()],
        capture_output=True,
        text=True,
        timeout=300,
        check=True,
    ).stdout

    assert "<title>Data set set</title>" in shown
    assert "onerror=document.title='run'&gt;" in shown
    assert "<script" not in shown


@pytest.mark.parametrize("command", [["stats", "--with-model"], ["label", "--export", "cvat", "--all"]])
def test_ctrl_c_is_answered_and_the_same_command_goes_on(
    folder: Path, tmp_path: Path, colour_model: Path, monkeypatch: pytest.MonkeyPatch, command: list[str]
) -> None:
    photos = read_manifest(folder).photos
    if command[0] == "label":
        write_manifest(Manifest(folder, [photo.model_copy(update={"faces": None}) for photo in photos]))
    looked: list[Path] = []

    def look(path: Path, *more: object) -> Picture:
        looked.append(path)
        if len(looked) == 2:
            raise KeyboardInterrupt
        return open_picture(path, *more)  # type: ignore[arg-type]

    monkeypatch.setattr("crowdmask.data.labelling.answers.open_picture", look)
    name, *options = command
    words = ["data", name, folder, *options, "--to", tmp_path / "out.xml", "--model", colour_model]
    done = CliRunner().invoke(app, [str(word) for word in words])
    assert done.exit_code == 130
    assert re.search(r"interrupted while .* \(1 of 2 done\); the same command goes on\n$", done.stderr)
    assert not (tmp_path / "out.xml").exists()
    done = CliRunner().invoke(app, [str(word) for word in words])
    assert done.exit_code == 0, done.output
    assert [path.name for path in looked] == ["a.png", "b.png", "b.png"]
