from __future__ import annotations

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from crowdmask.cli.main import app
from crowdmask.inference.detector import Detector

DATA = """
root: photos
sources:
  street:
    folder: street
    format: yolo
    classes: {masked: with_mask, bare: without_mask}
    split: val
    origin: {archive: made for this test, licence: CC0}
"""


@pytest.fixture
def data(tmp_path):
    """A data set whose val are three noisy pictures of one face each."""
    street = tmp_path / "photos" / "street"
    (street / "images").mkdir(parents=True)
    (street / "labels").mkdir()
    (street / "classes.txt").write_text("masked\nbare\n")
    random = np.random.default_rng(0)
    for index, name in enumerate("abc"):
        picture = Image.fromarray(random.integers(0, 256, (72, 96, 3), np.uint8))
        picture.save(street / "images" / f"{name}.jpg")
        (street / "labels" / f"{name}.txt").write_text(f"{index % 2} 0.5 0.5 0.25 0.25\n")
    file = tmp_path / "data.yaml"
    file.write_text(DATA)
    return file


def test_the_new_model_detects(small_model, data, tmp_path):
    to = tmp_path / "small-int8.onnx"
    options = ["--data", str(data), "--to", str(to), "--photos", "2"]
    result = CliRunner().invoke(app, ["quantize", str(small_model), *options])
    assert result.exit_code == 0, result.output
    assert "val: mAP50" in result.stdout
    assert f"wrote {to}" in result.stdout
    assert "Collecting" not in result.output
    detector = Detector(to, threads=1)
    assert (detector.model_name, detector.info.precision) == ("small-int8", "int8")
    assert detector.looks_closer
    result = CliRunner().invoke(app, ["quantize", str(small_model), *options, "--closer-look", "0"])
    assert result.exit_code == 0, result.output
    assert not Detector(to, threads=1).looks_closer


@pytest.mark.parametrize(
    ("model", "to", "exit_code", "words"),
    [
        ("no-such-model", "new.onnx", 1, "no such model"),
        (None, "new.txt", 2, ".onnx file"),
        (None, None, 2, "the model itself"),
    ],
    ids=["no model", "no onnx", "onto itself"],
)
def test_wrong_usage_is_one_line(small_model, data, tmp_path, model, to, exit_code, words):
    source = model or str(small_model)
    target = str(small_model) if to is None else str(tmp_path / to)
    result = CliRunner().invoke(app, ["quantize", source, "--data", str(data), "--to", target])
    assert result.exit_code == exit_code
    assert words in result.stderr
    assert len(result.stderr.splitlines()) == 1
