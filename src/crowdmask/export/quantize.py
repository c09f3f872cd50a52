"""Convert the network of a model file to int8 arithmetic.

Static QDQ, weights per channel, all operators from the first to the last convolution. Operators
after them stay in float: probabilities and offsets are few and need the precision. The input is handled
differently: pixels are 8-bit numbers already, so the normalisation is moved into the weights of the first
    convolution, which then reads the pixels directly.
"""

from __future__ import annotations

import io
import json
import logging
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crowdmask.errors import MissingExtraError, ModelError
from crowdmask.export.rewrite import TOGETHER, open_batch, repeat_cells, widen_stem
from crowdmask.inference.backends.base import INPUT
from crowdmask.inference.model_file import METADATA_KEY

# Zero point and scale of the pixels as the first convolution reads them: its zero padding is this
# grey, close to the mean of ImageNet's channels, with which the float network pads.
_GREY, _SPREAD = 116, 1 / 57.6


WEIGHT_BITS = 7
"""Two products of a 7-bit weight and an 8-bit number add up to 16 bits, which older processors use."""


class _Photos:
    """The input of ONNX Runtime's calibration, one prepared photo at a time."""

    def __init__(self, tensors: Sequence[Callable[[], NDArray[np.uint8]]]) -> None:
        self._tensors = tensors
        self._from, self._to = 0, len(tensors)

    def __len__(self) -> int:
        return len(self._tensors)

    def set_range(self, start_index: int, end_index: int) -> None:
        self._from, self._to = start_index, end_index

    def get_next(self) -> dict[str, NDArray[np.uint8]] | None:
        if self._from >= self._to:
            return None
        self._from += 1
        return {INPUT: self._tensors[self._from - 1]()}


def quantize_network(
    source: Path,
    to: Path,
    photos: Sequence[Callable[[], NDArray[np.uint8]]],
    percentile: float | None = None,
    weight_bits: int = WEIGHT_BITS,
) -> None:
    """Write the int8 version of a model file; the metadata are copied.

    Args:
        source: one of our float models.
        to: the output file.
        photos: functions that return the network's input for one photo each, uint8 (1, H, W, 3);
            about 64 are enough to measure the ranges of the network's inner values.
        percentile: percentage of those values that the 8-bit range covers; None: all.
        weight_bits: 8 or 7; stored as `weight_bits` in the metadata. With 8 bits, sums overflow on
            processors without VNNI unless the runtime guards them; with 7 bits they cannot overflow.
    Raises:
        MissingExtraError: the package onnx is not installed.
        ModelError: the file has no float convolutions.
    """
    try:
        import onnx
        from onnxruntime import quantization
        from onnxruntime.quantization.preprocess import quant_pre_process
    except ImportError as error:
        raise MissingExtraError("crowdmask quantize", "train") from error
    with tempfile.TemporaryDirectory(prefix="crowdmask-") as folder, _quiet():
        plain, part = Path(folder) / "plain.onnx", Path(folder) / "int8.onnx"
        try:
            quant_pre_process(str(source), str(plain), skip_symbolic_shape=True)
        except Exception as error:
            # Errors of onnx and of the runtime for a file that is not a model have no common base class.
            raise ModelError(f"{source}: cannot be read as a model to quantise ({error})") from error
        network = onnx.load(str(plain))
        normalised = _fold_normalisation(network)
        outer = _outside_convolutions(network.graph)
        if len(outer) == len(network.graph.node) or _operators(network.graph, "QuantizeLinear"):
            raise ModelError(f"{source}: not a network in float that could be quantised")
        onnx.save(network, str(plain))
        quantization.quantize_static(
            str(plain), str(part), _Photos(photos), **_settings(outer, normalised, percentile, weight_bits)
        )
        result = onnx.load(str(part))
        del result.metadata_props[:]
        result.metadata_props.extend(onnx.load(str(source)).metadata_props)
        if normalised:
            _feed_pixels(result, normalised)
        if _width_divides(result):
            widen_stem(result)
        repeat_cells(result)
        open_batch(result)
        to.parent.mkdir(parents=True, exist_ok=True)
        onnx.save(result, str(to))


def _settings(
    outer: list[str], normalised: str | None, percentile: float | None, weight_bits: int
) -> dict[str, Any]:
    """Return the options for quantising all nodes between the convolutions, with an exact input scale."""
    from onnxruntime import quantization

    exact = {
        "quant_type": quantization.QuantType.QUInt8,
        "scale": np.array(_SPREAD, np.float32),
        "zero_point": np.array(_GREY, np.uint8),
    }
    return {
        "quant_format": quantization.QuantFormat.QDQ,
        "per_channel": True,
        "reduce_range": weight_bits < 8,
        "activation_type": quantization.QuantType.QUInt8,
        "weight_type": quantization.QuantType.QInt8,
        "nodes_to_exclude": outer,
        "calibrate_method": quantization.CalibrationMethod["MinMax" if percentile is None else "Percentile"],
        "extra_options": {
            # One photo at a time: they differ in shape, and together they would fill the memory.
            "CalibStridedMinMax": 1,
            "CalibPercentile": percentile,
            "TensorQuantOverrides": {normalised: [exact]} if normalised else {},
        },
    }


def _operators(graph: Any, kind: str) -> list[Any]:
    return [node for node in graph.node if node.op_type == kind]


def _outside_convolutions(graph: Any) -> list[str]:
    """Return the names of the nodes without a convolution before them, or without one after them."""
    before: dict[str, bool] = {}  # value: computed, directly or indirectly, from a convolution
    inside = set()
    for node in graph.node:
        fed = any(before.get(name, False) for name in node.input)
        convolution = node.op_type == "Conv"
        if fed or convolution:
            inside.add(node.name)
        before.update(dict.fromkeys(node.output, fed or convolution))
    needed: set[str] = set()  # values that a convolution reads, directly or indirectly
    for node in reversed(graph.node):
        if node.op_type == "Conv" or needed.intersection(node.output):
            needed.update(node.input)
        else:
            inside.discard(node.name)
    return [node.name for node in graph.node if node.name not in inside]


def _fold_normalisation(network: Any) -> str | None:
    """Move the mean and the standard deviation of each colour into the first convolution.

    Afterwards that convolution reads ``(pixel - _GREY) * _SPREAD``, one scale for all colours, which
    8-bit numbers represent exactly. Only the padding, and so the outermost pixels, change.

    Args:
        network: Transpose, Cast, Sub, Div, Conv are its first operators; changed in place.
    Returns:
        The value that the convolution reads; None if the network begins differently.
    """
    from onnx import numpy_helper

    graph = network.graph
    constants = {value.name: value for value in graph.initializer}
    readers = {name: node for node in reversed(graph.node) for name in node.input}
    chain, name = [], INPUT
    for kind in ("Transpose", "Cast", "Sub", "Div", "Conv"):
        node = readers.get(name)
        if node is None or node.op_type != kind:
            return None
        chain.append(node)
        name = node.output[0]
    _, _, shift, scale, convolution = chain
    names = (shift.input[1], scale.input[1], *convolution.input[1:])
    if len(names) != 4 or any(name not in constants for name in names):
        return None
    mean, spread, weight, bias = (numpy_helper.to_array(constants[name]).astype(np.float64) for name in names)
    if mean.size != 3 or spread.size != 3:
        return None
    mean, spread = mean.reshape(1, 3, 1, 1), spread.reshape(1, 3, 1, 1)
    values = (
        np.array(_GREY),
        np.array(1 / _SPREAD),
        weight / (spread * _SPREAD),
        bias + (weight * (_GREY - mean) / spread).sum(axis=(1, 2, 3)),
    )
    for name, value in zip(names, values, strict=True):
        constants[name].CopyFrom(numpy_helper.from_array(value.astype(np.float32), name))
    return str(scale.output[0])


def _feed_pixels(network: Any, normalised: str) -> None:
    """Connect the pixels directly to the operator with their scale, without the normalisation."""
    graph = network.graph
    made_by = {name: node for node in graph.node for name in node.output}
    scale = made_by[normalised]
    shift = made_by[scale.input[0]]
    cast = made_by[shift.input[0]]
    quantise = next(
        node for node in graph.node if node.op_type == "QuantizeLinear" and node.input[0] == normalised
    )
    for node in graph.node:
        node.input[:] = [cast.input[0] if name == quantise.output[0] else name for name in node.input]
    for node in (quantise, scale, shift, cast):
        graph.node.remove(node)


def _width_divides(network: Any) -> bool:
    """Return whether the width of every input is valid for `widen_stem`."""
    width = network.graph.input[0].type.tensor_type.shape.dim[2].dim_value
    if width:
        return bool(width % TOGETHER == 0)
    stated = {value.key: value.value for value in network.metadata_props}.get(METADATA_KEY, "{}")
    return bool(json.loads(stated).get("input", {}).get("multiple", 1) % TOGETHER == 0)


@contextmanager
def _quiet() -> Iterator[None]:
    """Hide the quantiser's messages for programmers."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with redirect_stdout(io.StringIO()):
            yield
    finally:
        logging.disable(before)
