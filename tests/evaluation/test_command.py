from __future__ import annotations

import json

import numpy as np
import pytest
import typer
from PIL import Image
from typer.testing import CliRunner

from crowdmask.cli.evaluate import command
from crowdmask.errors import DataError
from crowdmask.inference.model_file import shipped_models

pytestmark = pytest.mark.skipif(
    "crowd" not in shipped_models(), reason="no shipped model in this checkout to evaluate"
)

DATA = """
root: photos
sources:
  street:
    folder: street
    format: yolo
    classes: {masked: with_mask, bare: without_mask}
    origin: {archive: made for this test, licence: CC0}
fractions: {test: 1.0}
"""


@pytest.fixture
def app() -> typer.Typer:
    app = typer.Typer()
    app.command()(command)
    return app


@pytest.fixture
def data(tmp_path):
    """A data set of two noisy pictures of one face each."""
    street = tmp_path / "photos" / "street"
    (street / "images").mkdir(parents=True)
    (street / "labels").mkdir()
    (street / "classes.txt").write_text("masked\nbare\n")
    random = np.random.default_rng(0)
    for index, name in enumerate("ab"):
        picture = Image.fromarray(random.integers(0, 256, (96, 128, 3), np.uint8))
        picture.save(street / "images" / f"{name}.jpg")
        (street / "labels" / f"{name}.txt").write_text(f"{index} 0.5 0.5 0.25 0.25\n")
    file = tmp_path / "data.yaml"
    file.write_text(DATA)
    return file


def test_tables_files_and_pictures(app, data, tmp_path):
    pytest.importorskip("matplotlib")
    report, low, out = tmp_path / "report.json", tmp_path / "low.jsonl", tmp_path / "plots"
    options = ["--json", str(report), "--detections", str(low), "--out", str(out), "--bootstrap", "5"]
    result = CliRunner().invoke(app, [str(data), "--threads", "1", *options])
    assert result.exit_code == 0, result.output
    assert "average precision" in result.stdout
    assert "95 % interval" in result.stdout
    content = json.loads(report.read_text(encoding="utf-8"))
    assert (content["split"], content["data"], content["model"]) == ("test", "data.yaml", "crowd")
    assert len(content["model_hash"]) == 16
    everything = content["slices"]["all"]
    assert everything["faces"] == {"with_mask": 1, "without_mask": 1, "mask_worn_incorrect": 0}
    assert everything["face_AP50_by_width_px"]["32-64"]["faces"] == 2
    records = [json.loads(line) for line in low.read_text(encoding="utf-8").splitlines()]
    assert [record["source"][-12:] for record in records] == ["images/a.jpg", "images/b.jpg"]
    assert len(list(out.glob("*.png"))) == 3
    written = (out / "report.txt").read_text(encoding="utf-8").partition("\n\n")[2]
    assert written.strip() in result.stdout
    assert "appearance" not in content
    assert content["closer_look"] is True


def test_one_look_can_be_asked_for_and_is_told(app, data, tmp_path):
    report = tmp_path / "report.json"
    result = CliRunner().invoke(app, [str(data), "--threads", "1", "--no-closer-look", "--json", str(report)])
    assert result.exit_code == 0, result.output
    assert json.loads(report.read_text(encoding="utf-8"))["closer_look"] is False


def test_faces_by_their_looks(app, data, tmp_path):
    file = tmp_path / "report.json"
    options = ["--threads", "1", "--appearance", "--bootstrap", "5", "--json", str(file)]
    result = CliRunner().invoke(app, [str(data), *options])
    assert result.exit_code == 0, result.output
    assert "all, by skin tone" in result.stdout
    assert "all, by light" in result.stdout
    assert "rough proxy" in result.stdout
    found = json.loads(file.read_text(encoding="utf-8"))["appearance"]
    assert "nothing about any person" in found["note"]
    assert found["minimum_width_px"] == 24
    light = found["slices"]["all"]["light"]
    assert sum(group["faces"] for group in light["groups"]) + light["unknown"] == 2


def test_a_truncated_picture_is_named_and_the_run_ends_with_1(app, data):
    file = data.parent / "photos" / "street" / "images" / "b.jpg"
    file.write_bytes(file.read_bytes()[:700])
    result = CliRunner().invoke(app, [str(data), "--threads", "1"])
    assert result.exit_code == 1
    assert "b.jpg" in result.stderr
    assert "average precision" in result.stdout


def test_a_split_without_photos_is_named(app, data):
    result = CliRunner().invoke(app, [str(data), "--split", "val"])
    assert isinstance(result.exception, DataError)
    assert "'val'" in str(result.exception)
