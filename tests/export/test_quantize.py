from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from numpy.typing import NDArray

from crowdmask.errors import ModelError
from crowdmask.export.quantize import _fold_normalisation, quantize_network
from crowdmask.inference.backends.onnx_runtime import OnnxRuntimeBackend, read_metadata


def photo(seed: int, height: int = 96, width: int = 64) -> NDArray[np.uint8]:
    """Smooth colours and noise, as the network takes them."""
    random = np.random.default_rng(seed)
    coarse = random.integers(0, 256, (1, height // 32, width // 32, 3)).repeat(32, 1).repeat(32, 2)
    return np.clip(coarse + random.normal(0, 20, coarse.shape), 0, 255).astype(np.uint8)


def inputs(count: int) -> list[Callable[[], NDArray[np.uint8]]]:
    """Photos of two shapes."""
    return [lambda i=i: photo(i, *((96, 64), (64, 96))[i % 2]) for i in range(count)]


@pytest.fixture(scope="module")
def int8(small_model, tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("int8") / "new" / "int8.onnx"
    quantize_network(small_model, path, inputs(6))
    return path


@pytest.mark.parametrize("shape", [(96, 64), (64, 96), (32, 96), (160, 128)])
def test_answers_are_close_to_those_in_float(small_model, int8, shape):
    scores, deltas = OnnxRuntimeBackend(small_model, 1).run(photo(20, *shape))
    quantised_scores, quantised_deltas = OnnxRuntimeBackend(int8, 1).run(photo(20, *shape))
    assert quantised_scores.shape == scores.shape
    assert np.abs(quantised_scores - scores).mean() < 0.02
    assert np.corrcoef(scores.ravel(), quantised_scores.ravel())[0, 1] > 0.98
    assert np.corrcoef(deltas.ravel(), quantised_deltas.ravel())[0, 1] > 0.98


def test_what_the_file_says_of_itself_is_copied_and_it_is_smaller(small_model, int8):
    assert read_metadata(int8) == read_metadata(small_model)
    assert int8.stat().st_size < 0.5 * small_model.stat().st_size


def test_every_convolution_reads_8_bit_numbers_and_the_probabilities_do_not(int8):
    graph = onnx.load(str(int8)).graph
    made_by = {name: node for node in graph.node for name in node.output}
    convolutions = [node for node in graph.node if node.op_type == "Conv"]
    assert len(convolutions) > 50
    for node in convolutions:
        assert made_by[node.input[0]].op_type == "DequantizeLinear"
        assert made_by[node.input[1]].op_type == "DequantizeLinear"
    quantised = {node.input[0] for node in graph.node if node.op_type == "QuantizeLinear"}
    for kind in ("Sigmoid", "Exp", "Concat"):
        outputs = {name for node in graph.node if node.op_type == kind for name in node.output}
        assert outputs
        assert not outputs & quantised


def test_pixels_go_into_the_first_convolution_as_they_are(int8):
    graph = onnx.load(str(int8)).graph
    readers = {name: node for node in reversed(graph.node) for name in node.input}
    kinds, name = [], "picture"
    for _ in range(4):
        kinds.append(readers[name].op_type)
        name = readers[name].output[0]
    assert kinds == ["Reshape", "Transpose", "DequantizeLinear", "Conv"]


def test_folding_the_normalisation_changes_no_more_than_the_border(small_model, tmp_path):
    from onnxruntime.quantization.preprocess import quant_pre_process

    plain = tmp_path / "plain.onnx"
    quant_pre_process(str(small_model), str(plain), skip_symbolic_shape=True)
    network = onnx.load(str(plain))
    answers = []
    for folded in (False, True):
        if folded:
            assert _fold_normalisation(network)
        first = next(node for node in network.graph.node if node.op_type == "Conv")
        if not folded:
            network.graph.output.append(onnx.helper.make_empty_tensor_value_info(first.output[0]))
        session = onnxruntime.InferenceSession(
            network.SerializeToString(), providers=["CPUExecutionProvider"]
        )
        answers.append(session.run([first.output[0]], {"picture": photo(3)})[0])
    before, after = answers
    assert after[..., 1:-1, 1:-1] == pytest.approx(before[..., 1:-1, 1:-1], abs=1e-3)
    assert np.abs(after - before).max() < 0.2 * np.abs(before).max()


def test_a_percentile_spans_less_than_all(small_model, int8, tmp_path):
    path = tmp_path / "percentile.onnx"
    quantize_network(small_model, path, inputs(2), percentile=99.0)
    scales = [
        {
            v.name: onnx.numpy_helper.to_array(v)
            for v in onnx.load(str(p)).graph.initializer
            if "_scale" in v.name
        }
        for p in (int8, path)
    ]
    common = [name for name in scales[0] if name in scales[1] and scales[0][name].size == 1]
    assert len(common) > 20
    assert np.mean([scales[1][name] < scales[0][name] for name in common]) > 0.6


@pytest.mark.parametrize(("bits", "most"), [(7, 64), (8, 127)])
def test_weights_keep_to_their_bits_and_what_they_multiply_has_all_eight(small_model, tmp_path, bits, most):
    path = tmp_path / "int8.onnx"
    quantize_network(small_model, path, inputs(3), weight_bits=bits)
    graph = onnx.load(str(path)).graph
    constants = {value.name: onnx.numpy_helper.to_array(value) for value in graph.initializer}
    made_by = {name: node for node in graph.node for name in node.output}
    convolutions = [node for node in graph.node if node.op_type == "Conv"]
    weights = [constants[made_by[node.input[1]].input[0]] for node in convolutions]
    assert {weight.dtype for weight in weights} == {np.dtype(np.int8)}
    assert max(int(np.abs(weight.astype(int)).max()) for weight in weights) == most
    # Two products of a weight and an 8-bit number have to fit into 16 bits, signs and all.
    assert (2 * 255 * most < 2**15) is (bits == 7)
    zeros = [constants[node.input[2]] for node in graph.node if node.op_type == "QuantizeLinear"]
    assert {zero.dtype for zero in zeros} == {np.dtype(np.uint8)}
    assert max(int(zero.max()) for zero in zeros) > 64


def test_what_cannot_be_quantised_is_refused(int8, tmp_path):
    with pytest.raises(ModelError, match="not a network in float"):
        quantize_network(int8, tmp_path / "twice.onnx", inputs(2))
    text = tmp_path / "text.onnx"
    text.write_text("no model")
    with pytest.raises(ModelError, match=r"text\.onnx"):
        quantize_network(text, tmp_path / "out.onnx", inputs(2))
    assert not list(tmp_path.glob("twice*")) + list(tmp_path.glob("out*"))
