from __future__ import annotations

import json
import math
from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("torch", reason="the extra 'train' is not installed")
pytest.importorskip("onnx", reason="the extra 'train' is not installed")

import onnx
import onnxruntime
import torch
from PIL import Image
from torch import nn

from crowdmask.default_boxes import default_boxes
from crowdmask.errors import ModelError, OutputError, UsageError
from crowdmask.export import onnx as export
from crowdmask.inference.detector import Detector
from crowdmask.inference.model_file import METADATA_KEY, CloserLook, parse_metadata
from crowdmask.labels import LABELS
from crowdmask.models.detector import DetectionModel
from crowdmask.models.registry import ARCHITECTURES, build

SIZES = {"crowd": [(64, 96), (320, 320), (224, 640), (32, 32)], "ssdlite": [(300, 300)]}
DECISIONS = {
    "threshold": {"with_mask": 0.3, "without_mask": 0.4, "mask_worn_incorrect": 0.5},
    "calibration": {label: {"raw": [0.0, 0.5, 1.0], "confidence": [0.0, 0.6, 0.9]} for label in LABELS},
}


def lively(name: str) -> DetectionModel:
    """A model whose answers differ from box to box, as those of a trained one."""
    torch.manual_seed(1)
    model = build(name)
    for layer in model.modules():
        if isinstance(layer, nn.BatchNorm2d):
            nn.init.uniform_(layer.running_var, 0.5, 1.5)
            nn.init.normal_(layer.running_mean, std=0.1)
    with torch.no_grad():
        for head in [*model.judge, *model.locate]:  # type: ignore[misc,operator]
            last = head[-1] if isinstance(head, nn.Sequential) else head
            assert isinstance(last, nn.Conv2d)
            assert last.bias is not None
            nn.init.normal_(last.weight, std=0.2)
            nn.init.normal_(last.bias)
    return model.eval()


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """Each architecture with its file."""
    folder = tmp_path_factory.mktemp("exported")
    result = {}
    for name in ARCHITECTURES:
        model = lively(name)
        path = folder / f"{name}.onnx"
        export.export_onnx(model, path, export.metadata(model, f"my-{name}", DECISIONS))
        result[name] = (model, path)
    assert sorted(p.name for p in folder.iterdir()) == ["crowd.onnx", "ssdlite.onnx"]
    return result


@pytest.mark.parametrize(("name", "size"), [(name, size) for name in SIZES for size in SIZES[name]])
def test_torch_and_the_file_answer_alike(exported, name, size):
    model, path = exported[name]
    picture = np.random.default_rng(sum(size)).integers(0, 256, (1, *size, 3)).astype(np.uint8)
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    scores, deltas = session.run(["scores", "deltas"], {"picture": picture})
    with torch.no_grad():
        raw = model(torch.from_numpy(picture).permute(0, 3, 1, 2))
        expected = model.probabilities(raw.logits)
    assert len(default_boxes(model.grid, size[1], size[0])) == scores.shape[1] == deltas.shape[1]
    assert scores == pytest.approx(expected.numpy(), abs=2e-3)
    assert deltas == pytest.approx(raw.deltas.numpy(), abs=1e-2)
    # Neither is the answer the same everywhere, which anything would match.
    assert np.ptp(scores) > 0.05
    assert np.ptp(deltas) > 0.5


def test_the_interface_is_the_contract(exported):
    for name, (_, path) in exported.items():
        content = onnx.load(str(path))
        onnx.checker.check_model(content)
        (picture,) = content.graph.input
        assert picture.name == "picture"
        assert picture.type.tensor_type.elem_type == onnx.TensorProto.UINT8
        sides = [d.dim_value or d.dim_param for d in picture.type.tensor_type.shape.dim]
        assert sides == (["batch", "height", "width", 3] if name == "crowd" else ["batch", 300, 300, 3])
        assert [output.name for output in content.graph.output] == ["scores", "deltas"]
        assert [entry.key for entry in content.metadata_props] == [METADATA_KEY]


@pytest.mark.parametrize("name", list(ARCHITECTURES))
def test_what_the_file_says_of_itself_comes_back(exported, name):
    model, path = exported[name]
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    info = parse_metadata(session.get_modelmeta().custom_metadata_map, path)
    assert (info.name, info.architecture, info.grid) == (f"my-{name}", name, model.grid)
    spec = model.input_spec
    assert (info.input.resize, info.input.size, info.input.multiple, info.input.pad) == (
        spec.resize,
        spec.size,
        spec.multiple,
        114,
    )
    assert info.threshold == (0.3, 0.4, 0.5)
    assert info.variances == (0.1, 0.2)
    assert info.calibration is not None
    assert [table.confidence for table in info.calibration] == [(0.0, 0.6, 0.9)] * 3
    assert info.max_detections >= 300


def test_without_decisions_a_file_is_uncalibrated():
    model = build("ssdlite")
    info = parse_metadata({METADATA_KEY: json.dumps(export.metadata(model, "plain"))}, "plain.onnx")
    assert info.calibration is None
    assert set(info.threshold) == {0.4}


@pytest.mark.parametrize(
    ("name", "size", "closer"),
    [("crowd", 704, CloserLook(1280, 0.85)), ("crowd", 480, CloserLook(864, 0.85)), ("ssdlite", 320, None)],
)
def test_a_file_says_how_to_look_closer(name, size, closer):
    model = build(name)
    model.input_spec = replace(model.input_spec, size=size)
    info = parse_metadata({METADATA_KEY: json.dumps(export.metadata(model, "plain"))}, "plain.onnx")
    assert info.closer_look == closer


def test_another_closer_look_can_be_chosen():
    about = export.metadata(build("crowd"), "plain")
    assert export.with_closer_look(about, None) == about
    assert export.with_closer_look(about, 0)["closer_look"] is None
    assert export.with_closer_look(about, 1000)["closer_look"] == {"size": 1000, "share": 0.85}
    with pytest.raises(UsageError, match="no closer look"):
        export.with_closer_look(export.metadata(build("ssdlite"), "plain"), 900)


def test_a_farther_look_can_be_chosen_and_follows_the_input():
    about = export.metadata(build("crowd"), "plain")
    assert export.with_farther_look(about, None)["farther_look"] is None
    at = export.with_farther_look(about, 320)
    assert at["farther_look"] == {"size": 320, "face_px": round(0.22 * about["input"]["size"], 1)}
    smaller = {**at, "input": {**at["input"], "size": 480}}
    assert export.with_farther_look(smaller, None)["farther_look"] == {"size": 320, "face_px": 105.6}
    assert export.with_farther_look(at, 0)["farther_look"] is None
    assert parse_metadata({METADATA_KEY: json.dumps(at)}, "x").farther_look is not None
    with pytest.raises(UsageError, match="nothing new"):
        export.with_farther_look(smaller, 401)
    with pytest.raises(UsageError, match="no farther look"):
        export.with_farther_look(export.metadata(build("ssdlite"), "plain"), 200)


def test_a_closer_look_is_closer():
    about = export.metadata(build("crowd"), "plain")
    least = math.ceil(1.2 * about["input"]["size"])
    assert export.with_closer_look(about, least)["closer_look"]["size"] == least
    with pytest.raises(UsageError, match=f"shows nothing new: give {least} or more"):
        export.with_closer_look(about, least - 1)


@pytest.mark.parametrize("name", list(ARCHITECTURES))
def test_the_detector_runs_the_file(exported, name):
    _, path = exported[name]
    photo = Image.fromarray(np.random.default_rng(0).integers(0, 256, (90, 140, 3)).astype(np.uint8))
    found = Detector(path, confidence=0.01, threads=1).detect(photo)
    assert len(found) > 0
    assert (found.xyxy >= 0).all()
    assert (found.xyxy <= [140, 90, 140, 90]).all()
    assert (np.diff(found.confidence) <= 0).all()


def test_metadata_can_be_replaced_and_the_network_stays(exported, tmp_path):
    model, path = exported["ssdlite"]
    copy = tmp_path / "copy.onnx"
    copy.write_bytes(path.read_bytes())
    export.rewrite_metadata(copy, export.metadata(model, "other"))
    before, after = onnx.load(str(path)), onnx.load(str(copy))
    assert before.graph == after.graph
    assert json.loads(after.metadata_props[0].value)["name"] == "other"
    assert [p.name for p in tmp_path.iterdir()] == ["copy.onnx"]


@pytest.mark.parametrize("part", ["judge", "locate"])
def test_a_file_that_answers_differently_is_not_written(exported, tmp_path, monkeypatch, part):
    model, path = exported["ssdlite"]
    assert max(export.parity(model, path)) < 1e-3
    other = lively("ssdlite")
    with torch.no_grad():
        getattr(other, part)[0][1].bias[0] += 1
    scores, deltas = export.parity(other, path)
    assert (scores > export.PARITY_TOLERANCE) is (part == "judge")
    assert (deltas > export.DELTA_TOLERANCE) is (part == "locate")
    # The exporter that goes wrong.
    monkeypatch.setattr(export, "parity", lambda model, path: (scores, deltas))
    with pytest.raises(ModelError, match="answers differently from the model"):
        export.export_onnx(other, tmp_path / "wrong.onnx", export.metadata(other, "wrong"))
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_is_one_line(tmp_path):
    (tmp_path / "file").write_text("x")
    model = build("ssdlite")
    with pytest.raises(OutputError, match=r"cannot write the model .*file/m\.onnx: ") as raised:
        export.export_onnx(model, tmp_path / "file" / "m.onnx", export.metadata(model, "m"))
    assert "\n" not in str(raised.value)
