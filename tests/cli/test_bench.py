from __future__ import annotations

import json
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from crowdmask.cli.main import app
from crowdmask.inference import processor, timing
from crowdmask.inference.backends.onnx_runtime import read_metadata
from crowdmask.inference.backends.registry import BACKENDS
from crowdmask.inference.model_file import hash_of
from crowdmask.inference.timing import STAGES

INSTALLED = [name for name in BACKENDS if find_spec(name)]
QUICK = ["--runs", "2", "--threads", "1"]


def run(*arguments: object):
    return CliRunner().invoke(app, ["bench", *(str(a) for a in arguments), *QUICK])


@pytest.fixture
def photo(tmp_path) -> Path:
    path = tmp_path / "photo.jpg"
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (120, 160, 3), np.uint8)).save(path)
    return path


def test_every_stage_of_every_runtime(small_model, photo, tmp_path):
    file = tmp_path / "times.json"
    result = run(photo, "--model", small_model, "--json", file)
    assert result.exit_code == 0, result.output
    for word in (*STAGES, "precision", "fp32", "small", *INSTALLED, "medians of 2 times"):
        assert word in result.stdout
    report = json.loads(file.read_text(encoding="utf-8"))
    assert (report["photo"], report["runs"], report["threads"]) == (str(photo), 2, 1)
    assert report["processor"] == processor.describe()
    assert [row["backend"] for row in report["rows"]] == INSTALLED
    for row in report["rows"]:
        assert (row["model"], row["precision"], row["input_size"]) == ("small", "fp32", 96)
        assert row["model_hash"] == hash_of(small_model)
        times = row["ms"]
        assert set(times) == {*STAGES, "detect", "whole"}
        assert all(times[stage] > 0 for stage in STAGES)
        assert times["whole"] > times["detect"] > times["network"]
        assert row["faces"] > 0


@pytest.fixture
def both_precisions(small_model, tmp_path) -> Path:
    """An int8 model file, and in its folder the same network in float."""
    from crowdmask.export.onnx import rewrite_metadata
    from crowdmask.export.quantize import quantize_network

    (tmp_path / "small-float.onnx").write_bytes(small_model.read_bytes())
    path = tmp_path / "small.onnx"
    pictures = [np.random.default_rng(i).integers(0, 256, (1, 96, 64, 3), np.uint8) for i in range(3)]
    quantize_network(small_model, path, [lambda picture=picture: picture for picture in pictures])
    about = json.loads(read_metadata(small_model)["crowdmask"])
    rewrite_metadata(path, {**about, "precision": "int8"})
    return path


@pytest.mark.parametrize(
    ("file", "expected"),
    [("small.onnx", ["int8", "fp32"]), ("small-float.onnx", ["fp32"])],
    ids=["and its float form", "float alone"],
)
def test_both_precisions_are_timed_where_both_are_there(both_precisions, photo, file, expected):
    result = run(photo, "--model", both_precisions.with_name(file), "--backend", "onnxruntime", "--json", "-")
    assert result.exit_code == 0, result.output
    rows = json.loads(result.stdout)["rows"]
    assert [row["precision"] for row in rows] == expected
    assert len({row["model_hash"] for row in rows}) == len(expected)


def test_shipped_models_bring_their_float_form(monkeypatch):
    monkeypatch.setattr(timing, "shipped_models", lambda: ["crowd", "crowd-float", "ssdlite"])
    assert timing.precisions("crowd") == ["crowd", "crowd-float"]
    assert timing.precisions("ssdlite") == ["ssdlite"]
    assert timing.precisions("crowd-float") == ["crowd-float"]


def test_a_picture_is_drawn_where_none_is_given(small_model):
    result = run("--model", small_model, "--backend", "onnxruntime", "--json", "-", "--input-size", 64)
    assert result.exit_code == 0, result.output
    report = json.loads(result.stdout)
    assert report["photo"] == "drawn"
    assert [(row["backend"], row["input_size"]) for row in report["rows"]] == [("onnxruntime", 64)]


@pytest.mark.parametrize(
    ("arguments", "exit_code", "words"),
    [
        (["nowhere.jpg"], 1, "nowhere.jpg"),
        (["--backend", "abacus"], 2, "choose from onnxruntime, openvino"),
        (["--json", "nowhere/times.json"], 1, "cannot write the times"),
    ],
)
def test_what_goes_wrong_is_one_line(small_model, tmp_path, monkeypatch, arguments, exit_code, words):
    monkeypatch.chdir(tmp_path)
    only = [] if "--backend" in arguments else ["--backend", "onnxruntime"]
    result = run(*arguments, *only, "--model", small_model)
    assert result.exit_code == exit_code
    assert words in result.stderr
    assert len(result.stderr.splitlines()) == 1
