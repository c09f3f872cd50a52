"""Every shipped model file: strict readers load it, it takes a batch, and it detects on the example photo."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from crowdmask import Detector
from crowdmask.inference.backends.registry import load_backend
from crowdmask.inference.model_file import locate, shipped_models


@pytest.fixture(params=shipped_models())
def model(request: pytest.FixtureRequest) -> Path:
    return locate(request.param)


def test_a_strict_reader_finds_nothing_wrong(model: Path) -> None:
    onnx = pytest.importorskip("onnx", reason="the extra 'train' is not installed")
    onnx.checker.check_model(str(model), full_check=True)
    network = onnx.load(str(model))
    inner = {value.name for value in network.graph.value_info}
    assert not inner, "shapes noted of inner values may contradict the operators: export.rewrite.open_batch"


def test_a_strict_runtime_loads_it(model: Path) -> None:
    onnxruntime = pytest.importorskip("onnxruntime")
    options = onnxruntime.SessionOptions()
    options.add_session_config_entry("session.strict_shape_type_inference", "1")
    session = onnxruntime.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])
    assert isinstance(session.get_inputs()[0].shape[0], str)
    assert all(isinstance(output.shape[0], str) for output in session.get_outputs())


@pytest.mark.parametrize("batch", [1, 3])
def test_a_batch_is_answered_as_its_pictures_alone(model: Path, batch: int) -> None:
    backend = load_backend("onnxruntime", model, 2)
    height, width = backend.input_sides
    sides = (height or 160, width or 96)
    tensor = np.random.default_rng(0).integers(0, 256, (batch, *sides, 3), np.uint8)
    scores, deltas = backend.run(tensor)
    assert len(scores) == len(deltas) == batch
    for index in range(batch):
        alone = backend.run(tensor[index : index + 1])
        assert scores[index] == pytest.approx(alone[0][0], abs=1e-5)
        assert deltas[index] == pytest.approx(alone[1][0], abs=1e-4)


@pytest.mark.parametrize("guard", ["on", "off"])
def test_int8_is_right_with_and_without_the_guard(
    guard: str, example_photo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the processor adds wide the guard changes nothing; elsewhere only the guarded way is right."""
    from crowdmask.inference import processor

    eight_bits = Detector("crowd", threads=1).info.weight_bits != 7
    if guard == "off" and eight_bits and not processor.adds_wide():
        pytest.skip("without VNNI unguarded int8 sums overflow, which the guard is for")
    monkeypatch.setenv(processor.INT8_GUARD, guard)
    int8 = Detector("crowd", threads=1).detect(example_photo)
    plain = Detector("crowd-float", threads=1).detect(example_photo)
    assert abs(len(int8) - len(plain)) <= max(2, len(plain) // 10)
    assert int8.confidence.sum() == pytest.approx(plain.confidence.sum(), rel=0.1)
