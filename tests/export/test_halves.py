from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch", reason="the extra 'train' is not installed")
pytest.importorskip("onnx", reason="the extra 'train' is not installed")

import onnx
import onnxruntime
from PIL import Image

from crowdmask import Detector, boxes
from crowdmask.errors import ModelError
from crowdmask.export import onnx as export
from crowdmask.export.halves import store_halves
from crowdmask.inference.backends.registry import load_backend
from crowdmask.inference.model_file import locate
from crowdmask.models.registry import build
from crowdmask.training.checkpoint import load_model
from crowdmask.training.start import shipped_weights

EXAMPLE = Path(__file__).parents[2] / "1.jpg"


@pytest.fixture(scope="module")
def halved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The shipped float model, its weights of 16 bits."""
    path = tmp_path_factory.mktemp("halves") / "crowd-halves.onnx"
    network = onnx.load(str(locate("crowd-float")))
    assert store_halves(network) > 30
    onnx.save(network, str(path))
    return path


def test_the_file_is_half_as_large_and_passes_the_checker(halved: Path) -> None:
    assert halved.stat().st_size < 0.55 * locate("crowd-float").stat().st_size
    onnx.checker.check_model(onnx.load(str(halved)), full_check=True)
    options = onnxruntime.SessionOptions()
    options.add_session_config_entry("session.strict_shape_type_inference", "1")
    onnxruntime.InferenceSession(str(halved), options, providers=["CPUExecutionProvider"])


@pytest.mark.parametrize("backend", ["onnxruntime", "openvino"])
def test_a_trained_network_answers_within_a_thousandth(halved: Path, backend: str) -> None:
    pytest.importorskip(backend)
    with Image.open(EXAMPLE) as image:
        pixels = np.asarray(image.convert("RGB").resize((416, 320)))[None]
    scores, deltas = load_backend(backend, locate("crowd-float"), 1, device="cpu").run(pixels)
    half_scores, half_deltas = load_backend(backend, halved, 1, device="cpu").run(pixels)
    assert scores.max() > 0.5  # there are faces
    assert 0 < np.abs(half_scores - scores).max() <= 1e-3
    assert np.abs(half_deltas - deltas).max() <= 1e-2


def test_the_same_faces_are_shown(halved: Path) -> None:
    before = Detector("crowd-float", threads=1).detect(EXAMPLE)
    after = Detector(halved, threads=1).detect(EXAMPLE)
    assert after.labels == before.labels
    assert np.diag(boxes.iou(before.xyxy, after.xyxy)).min() > 0.99


def test_export_stores_halves_where_it_is_asked_to(tmp_path: Path) -> None:
    model = build("ssdlite").eval()
    about = export.metadata(model, "mine")
    for name, half in (("whole", False), ("half", True)):
        export.export_onnx(model, tmp_path / f"{name}.onnx", about, half_weights=half)
    sizes = [(tmp_path / f"{name}.onnx").stat().st_size for name in ("whole", "half")]
    assert sizes[1] < 0.6 * sizes[0]


def test_a_file_further_off_than_a_thousandth_is_not_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = build("ssdlite").eval()
    monkeypatch.setattr(export, "parity", lambda model, path: (1.5e-3, 0.0))
    export.export_onnx(model, tmp_path / "whole.onnx", export.metadata(model, "mine"))
    with pytest.raises(ModelError, match="differently"):
        export.export_onnx(model, tmp_path / "half.onnx", export.metadata(model, "mine"), half_weights=True)
    assert [path.name for path in tmp_path.iterdir()] == ["whole.onnx"]


def test_numbers_too_large_for_16_bits_stay_as_they_are() -> None:
    weights = {
        "fits": np.ones(9000, np.float32),
        "large": np.full(9000, 1e5, np.float32),
        "few": np.ones(300, np.float32),
    }
    weights["undefined"] = np.full(9000, np.nan, np.float32)
    constants = [onnx.numpy_helper.from_array(values, name) for name, values in weights.items()]
    outputs = [onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, None) for name in weights]
    network = onnx.helper.make_model(onnx.helper.make_graph([], "few", [], outputs, constants))
    assert store_halves(network) == 1
    kept = {value.name: value.data_type for value in network.graph.initializer}
    assert kept.pop("fits_half") == onnx.TensorProto.FLOAT16
    assert set(kept.values()) == {onnx.TensorProto.FLOAT}


def test_trained_weights_pass_the_comparison_with_torch(tmp_path: Path) -> None:
    weights = shipped_weights("crowd")
    model = load_model("crowd", weights)
    export.export_onnx(model, tmp_path / "crowd.onnx", export.metadata(model, "crowd"), half_weights=True)
    assert (tmp_path / "crowd.onnx").stat().st_size < 5_000_000
