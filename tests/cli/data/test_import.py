from __future__ import annotations

import json
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from crowdmask.cli.main import app
from crowdmask.data.importing.presets import presets
from crowdmask.data.manifest import read_manifest

XML = (
    "<annotation><object><name>{}</name><bndbox><xmin>{}</xmin><ymin>{}</ymin><xmax>{}</xmax>"
    "<ymax>{}</ymax></bndbox></object></annotation>"
)


def run(*arguments: object):
    return CliRunner().invoke(app, ["data", "import", *map(str, arguments)])


def photo(path: Path, seed: int = 0) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(seed).integers(0, 255, (80, 120, 3), np.uint8)
    Image.fromarray(pixels).save(path)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    folder = tmp_path / "my masks"
    for number, box in enumerate(
        [("good", 10, 10, 30, 40), ("bad", 5, 5, 25, 35), ("good", 200, 5, 225, 35)]
    ):
        photo(folder / f"images/{number}.jpg", number)
        (folder / "labels").mkdir(exist_ok=True)
        (folder / f"labels/{number}.xml").write_text(XML.format(*box))
    return folder


def test_the_table_counts_what_was_imported_and_what_was_rejected_and_why(
    source: Path, tmp_path: Path
) -> None:
    done = run(source, "--format", "voc", "--to", tmp_path / "to", "--licence", "CC0", "--split", "train")
    assert done.exit_code == 0, done.output
    lines = [line.split() for line in done.stdout.splitlines()]
    for row in ("photos 2", "with_mask 1", "mask_worn_incorrect 1", "box outside the picture 1"):
        assert row.split() in lines
    assert f"report: {tmp_path}/to/reports/import-my-masks.json" in done.stdout
    assert "box outside the picture: " in done.stderr
    assert "2.jpg: box (200, 5, 225, 35) lies 100 % outside 120 x 80" in done.stderr
    photos = read_manifest(tmp_path / "to").photos
    assert {(p.source, p.licence, p.split) for p in photos} == {("my-masks", "CC0", "train")}


def test_few_problems_of_each_reason_are_shown_and_all_are_in_the_report(
    tmp_path: Path, source: Path
) -> None:
    for number in range(9):
        photo(source / f"images/bare{number}.jpg", number)
    done = run(source, "--format", "voc", "--to", tmp_path / "to")
    assert done.stderr.count("missing annotation: ") == 3
    report = json.loads((tmp_path / "to/reports/import-my-masks.json").read_text())
    assert sum(p["reason"] == "missing annotation" for p in report["problems"]) == 9


def test_a_preset_gives_format_classes_convention_and_licence(source: Path, tmp_path: Path) -> None:
    done = run(source, "--preset", "vtech6/medical-masks-dataset", "--to", tmp_path / "to")
    assert done.exit_code == 0, done.output
    preset = presets()["medical-masks"]
    photos = read_manifest(tmp_path / "to").photos
    assert {(p.source, p.licence) for p in photos} == {("medical-masks", preset.licence)}
    assert [f.label for p in photos for f in p.faces or ()] == ["with_mask", "mask_worn_incorrect"]


def test_options_come_before_the_preset(source: Path, tmp_path: Path) -> None:
    done = run(
        source, "--preset", "medical-masks", "--to", tmp_path / "to", "--source", "mine", "--licence", "own",
        "--map", "good=without_mask", "bad=ignore", "--convention", "-0.5,0,0.5,0",
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    photos = read_manifest(tmp_path / "to").photos
    assert {(p.source, p.licence) for p in photos} == {("mine", "own")}
    faces = [(f.label, f.ignore, f.box) for p in photos for f in p.faces or ()]
    assert faces == [("without_mask", False, (0, 10, 20, 40)), (None, True, (0, 5, 15, 35))]


def test_presets_are_listed_with_origin_licence_and_whether_they_were_tested() -> None:
    done = run("--list-presets")
    assert done.exit_code == 0
    for name, preset in presets().items():
        assert f"{name}: {preset.summary}" in done.stdout
        assert preset.origin in done.stdout
    assert done.stdout.count("not tested with the publisher's archive") == sum(
        not preset.tested for preset in presets().values()
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["SOURCE", "--format", "voc"], "--to DIR"),
        (["SOURCE", "--to", "TO"], "--format NAME, or --preset NAME"),
        (["--format", "voc", "--to", "TO"], "only --download fetches anything"),
        (["SOURCE", "SOURCE", "--format", "voc", "--to", "TO"], "one SOURCE at a time"),
        (["SOURCE", "--format", "fiftyone", "--to", "TO"], "choose from voc"),
        (["SOURCE", "--preset", "faces", "--to", "TO"], "--list-presets"),
        (["SOURCE", "--preset", "gotg", "--format", "voc", "--to", "TO"], "has the format yolo"),
        (["SOURCE", "--format", "voc", "--to", "TO", "--map", "good"], "--map good: write  old=new"),
        (["SOURCE", "--format", "voc", "--to", "TO", "--map", "good=masked"], "new one of with_mask"),
        (["SOURCE", "--format", "voc", "--to", "TO", "--convention", "x"], "left,top,right,bottom"),
        (["SOURCE", "--format", "voc", "--to", "TO", "--split", "dev"], "choose from train, val, test"),
        (["SOURCE", "--format", "voc", "--to", "TO", "--source", "../up"], "--source ../up"),
        (["SOURCE", "--preset", "medical-masks", "--to", "TO", "--download"], "not both"),
        (
            ["--preset", "wider", "--to", "TO", "--download"],
            "fetch it from http://shuoyang1213.me/WIDERFACE/",
        ),
        (["--format", "voc", "--to", "TO", "--download"], "--download goes with the presets"),
    ],
)
def test_wrong_usage_ends_with_2(source: Path, tmp_path: Path, arguments: list[str], message: str) -> None:
    given = [{"SOURCE": str(source), "TO": str(tmp_path / "to")}.get(word, word) for word in arguments]
    done = run(*given)
    assert done.exit_code == 2, done.output
    assert message in done.stderr
    assert done.stderr.startswith("error: ")
    assert not (tmp_path / "to").exists()


def test_a_hostile_zip_ends_with_1_and_names_its_paths(source: Path, tmp_path: Path) -> None:
    archive = tmp_path / "evil.zip"
    with zipfile.ZipFile(archive, "w") as packed:
        packed.write(source / "images/0.jpg", "images/0.jpg")
        packed.write(source / "labels/0.xml", "labels/0.xml")
        packed.writestr("../../escaped.txt", "evil")
    done = run(archive, "--format", "voc", "--to", tmp_path / "deep/er/to")
    assert done.exit_code == 1
    assert "refused: 1 of its paths leave the folder: ../../escaped.txt" in done.stderr
    assert not list(tmp_path.rglob("escaped.txt"))
    assert not (tmp_path / "deep").exists()


@pytest.mark.parametrize(
    ("options", "head", "exit_code"), [([], "imported", 0), (["--strict"], "would be imported", 1)]
)
def test_the_table_says_whether_anything_was_imported(
    source: Path, tmp_path: Path, options: list[str], head: str, exit_code: int
) -> None:
    done = run(source, "--format", "voc", "--to", tmp_path / "to", *options)
    assert done.exit_code == exit_code
    assert [*head.split(), "count"] in [line.split() for line in done.stdout.splitlines()]
    assert (tmp_path / "to").exists() == (exit_code == 0)


def test_a_source_that_holds_nothing_shows_the_counts_and_ends_with_1(source: Path, tmp_path: Path) -> None:
    for path in (source / "labels").iterdir():
        path.write_text("<annotation>")
    done = run(source, "--format", "voc", "--to", tmp_path / "to")
    assert done.exit_code == 1
    assert ["broken", "file", "3"] in [line.split() for line in done.stdout.splitlines()]
    assert "holds no photo in the format voc that can be imported (first problem: " in done.stderr
    assert not (tmp_path / "to").exists()


# What the real client is asked and does, as far as an import is concerned.
CLIENT = """#!/bin/sh
echo "$@" > "{folder}/asked"
[ "$1 $2 $3 $5" = "datasets download -d -p" ] || exit 3
[ "$4" = vtech6/medical-masks-dataset ] || exit 1
cp "{archive}" "$6/medical-masks-dataset.zip"
"""


@pytest.fixture
def client(tmp_path: Path, source: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A program `kaggle` on the path, a home without a token, and no token in the environment."""
    folder = tmp_path / "bin"
    folder.mkdir()
    archive = tmp_path / "published.zip"
    with zipfile.ZipFile(archive, "w") as packed:
        for path in sorted(source.rglob("*.*")):
            packed.write(path, path.relative_to(source))
    program = folder / "kaggle"
    program.write_text(CLIENT.format(folder=folder, archive=archive))
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    for name in ("KAGGLE_USERNAME", "KAGGLE_KEY", "KAGGLE_API_TOKEN", "KAGGLE_CONFIG_DIR"):
        monkeypatch.delenv(name, raising=False)
    return folder


def test_download_uses_the_client_and_the_users_token(
    client: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KAGGLE_USERNAME", "me")
    monkeypatch.setenv("KAGGLE_KEY", "secret")
    done = run("--preset", "medical-masks", "--download", "--to", tmp_path / "to")
    assert done.exit_code == 0, done.output
    assert "fetching https://www.kaggle.com/datasets/vtech6/medical-masks-dataset (licence: " in done.stderr
    assert (client / "asked").read_text().startswith("datasets download -d vtech6/medical-masks-dataset -p ")
    assert len(read_manifest(tmp_path / "to").photos) == 2
    assert {path.name for path in (tmp_path / "to").iterdir()} == {"manifest.jsonl", "photos", "reports"}


def test_download_without_a_token_or_client_says_what_to_do(
    client: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = run("--preset", "medical-masks", "--download", "--to", tmp_path / "to")
    assert done.exit_code == 2
    assert "--download needs your Kaggle token" in done.stderr
    assert not (client / "asked").exists()
    token = tmp_path / "home/.kaggle/kaggle.json"
    token.parent.mkdir(parents=True)
    token.write_text("{}")
    failed = run("--preset", "andrewmvd", "--download", "--to", tmp_path / "to")
    assert failed.exit_code == 1
    assert "could not fetch andrewmvd/face-mask-detection (exit code 1)" in failed.stderr
    monkeypatch.setenv("PATH", "/nowhere")
    missing = run("--preset", "medical-masks", "--download", "--to", tmp_path / "to")
    assert missing.exit_code == 2
    assert "pip install kaggle" in missing.stderr
