from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import onnx
import pytest

from crowdmask.export import quantize
from crowdmask.export.rewrite import open_batch, repeat_cells, widen_stem
from crowdmask.inference.backends.onnx_runtime import OnnxRuntimeBackend


def pictures() -> list[np.ndarray]:
    random = np.random.default_rng(1)
    return [random.integers(0, 256, (1, *shape, 3), np.uint8) for shape in ((96, 64), (64, 96), (32, 32))]


def answers(network: Any) -> list[np.ndarray]:
    """Run a network as users do: without VNNI the sums of 8-bit products overflow unless they are guarded."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "network.onnx"
        onnx.save(network, str(path))
        backend = OnnxRuntimeBackend(path)
        return [output for picture in pictures() for output in backend.run(picture)]


@pytest.fixture(scope="module")
def unchanged(small_model, tmp_path_factory) -> Path:
    """The small model in int8 as the quantiser leaves it."""
    path = tmp_path_factory.mktemp("rewrite") / "int8.onnx"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(quantize, "widen_stem", lambda network: False)
        patch.setattr(quantize, "repeat_cells", lambda network: 0)
        patch.setattr(quantize, "open_batch", lambda network: None)
        quantize.quantize_network(small_model, path, [lambda p=p: p for p in pictures()])
    return path


def test_a_wider_stem_answers_the_same_to_the_bit(unchanged):
    network = onnx.load(str(unchanged))
    before = answers(network)
    assert widen_stem(network)
    onnx.checker.check_model(network)
    assert all(np.array_equal(a, b) for a, b in zip(before, answers(network), strict=True))
    stem = next(node for node in network.graph.node if node.op_type == "Conv")
    strides = next(a for a in stem.attribute if a.name == "strides")
    assert list(strides.ints) == [2, 1]
    assert not widen_stem(network), "done once, there is nothing more to do"


def test_repeated_cells_answer_the_same_to_the_bit(unchanged):
    network = onnx.load(str(unchanged))
    before = answers(network)
    assert repeat_cells(network) == 2
    onnx.checker.check_model(network)
    assert all(np.array_equal(a, b) for a, b in zip(before, answers(network), strict=True))
    assert not [node for node in network.graph.node if node.op_type == "Resize"]


def test_other_ways_to_enlarge_are_left_as_they_are(unchanged):
    network = onnx.load(str(unchanged))
    for node in network.graph.node:
        for attribute in node.attribute:
            if attribute.name == "nearest_mode":
                attribute.s = b"ceil"
    assert repeat_cells(network) == 0
    assert len([node for node in network.graph.node if node.op_type == "Resize"]) == 2


def test_another_first_convolution_is_left_as_it_is(unchanged):
    network = onnx.load(str(unchanged))
    stem = next(node for node in network.graph.node if node.op_type == "Conv")
    next(a for a in stem.attribute if a.name == "pads").ints[:] = [0, 0, 1, 1]
    content = network.SerializeToString()
    assert not widen_stem(network)
    assert network.SerializeToString() == content


@pytest.mark.parametrize(
    ("width", "multiple", "divides"), [(0, 32, True), (0, 1, False), (300, 1, True), (301, 1, False)]
)
def test_only_widths_of_whole_fours_are_read_by_fours(unchanged, width, multiple, divides):
    network = onnx.load(str(unchanged))
    if width:
        network.graph.input[0].type.tensor_type.shape.dim[2].dim_value = width
    for entry in network.metadata_props:
        entry.value = entry.value.replace('"multiple": 32', f'"multiple": {multiple}')
    assert quantize._width_divides(network) is divides


def test_an_open_batch_answers_the_same_to_the_bit(unchanged):
    network = onnx.load(str(unchanged))
    for value in (*network.graph.input, *network.graph.output):
        value.type.tensor_type.shape.dim[0].dim_value = 1
    before = answers(network)
    assert widen_stem(network)
    assert repeat_cells(network) == 2
    with pytest.raises(onnx.shape_inference.InferenceError):  # noted shapes are those of before
        onnx.checker.check_model(network, full_check=True)
    open_batch(network)
    onnx.checker.check_model(network, full_check=True)
    assert all(np.array_equal(a, b) for a, b in zip(before, answers(network), strict=True))
    for value in (*network.graph.input, *network.graph.output):
        assert value.type.tensor_type.shape.dim[0].dim_param == "batch"
    once = network.SerializeToString()
    open_batch(network)
    assert network.SerializeToString() == once
