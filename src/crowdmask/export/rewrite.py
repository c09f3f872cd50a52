"""Rewrite networks without changing a bit of their output.

In a quantised network, two operators that are slow in the runtime are replaced by equivalent ones: the
same integers are multiplied and copied. Each of the two took about a tenth of the network's time before.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from crowdmask.inference.backends.base import OUTPUTS

_TO_NCHW, _TO_NHWC = [0, 3, 1, 2], [0, 2, 3, 1]
TOGETHER = 4
"""Pixels that the first convolution reads as one; runtimes are fast if channels are a multiple of 4."""


def widen_stem(network: Any) -> bool:
    """Let the first convolution, 3x3 of stride 2, read four pixels of three colours as one of twelve.

    Each position then produces two: twice as many output channels, which a reshape places side by side.

    Args:
        network: QDQ; the input, (B, H, W, 3) with W a multiple of 4, goes through a Transpose and a
            DequantizeLinear into the convolution. Changed in place.
    Returns:
        Whether the network begins like this and was changed.
    """
    from onnx import helper, numpy_helper

    graph = network.graph
    constants = {value.name: value for value in graph.initializer}
    makers = {name: node for node in graph.node for name in node.output}
    chain = _follow(graph, ("Transpose", "DequantizeLinear", "Conv", "QuantizeLinear"))
    if chain is None:
        return False
    transpose, _, convolution, quantise = chain
    given = {a.name: helper.get_attribute_value(a) for a in convolution.attribute}
    usual = {"kernel_shape": [3, 3], "strides": [2, 2], "pads": [1, 1, 1, 1]}
    parts = [makers.get(name) for name in convolution.input[1:]]
    if any(given.get(k) != v for k, v in usual.items()) or len(parts) != 2:
        return False
    weight, bias = parts
    if weight is None or bias is None:
        return False
    values = [*weight.input, *bias.input]
    if any(name not in constants for name in values):
        return False
    for name in values:
        before = numpy_helper.to_array(constants[name])
        after = _for_two_places(before) if name == weight.input[0] else np.tile(before, 2)
        constants[name].CopyFrom(numpy_helper.from_array(np.ascontiguousarray(after), name))
    channels = len(numpy_helper.to_array(constants[weight.input[1]])) // 2
    changed = {"kernel_shape": [3, 2], "strides": [2, 1], "pads": [1, 1, 1, 0]}
    del convolution.attribute[:]
    convolution.attribute.extend(
        helper.make_attribute(k, v) for k, v in {**given, **changed}.items() if k != "auto_pad"
    )
    source, output = graph.input[0].name, quantise.output[0]
    wide = _shape(graph, "stem_wide", [0, 0, -1, 3 * TOGETHER])
    narrow = _shape(graph, "stem_narrow", [0, 0, -1, channels])
    transpose.input[0] = "stem_pixels"
    quantise.output[0] = "stem_two"
    _insert_before(graph, transpose, [helper.make_node("Reshape", [source, wide], ["stem_pixels"])])
    _insert_after(
        graph,
        quantise,
        [
            helper.make_node("Transpose", ["stem_two"], ["stem_rows"], perm=_TO_NHWC),
            helper.make_node("Reshape", ["stem_rows", narrow], ["stem_places"]),
            helper.make_node("Transpose", ["stem_places"], [output], perm=_TO_NCHW),
        ],
    )
    return True


def _follow(graph: Any, kinds: Sequence[str]) -> list[Any] | None:
    """Return the nodes after the input, if they are of these kinds and form a chain."""
    readers = _readers(graph)
    chain, name = [], graph.input[0].name
    for kind in kinds:
        found = readers.get(name, [])
        if len(found) != 1 or found[0].op_type != kind:
            return None
        chain.append(found[0])
        name = found[0].output[0]
    return chain


def repeat_cells(network: Any) -> int:
    """Double feature maps by copying each cell instead of a general Resize.

    Args:
        network: QDQ; Resize operators that double with nearest neighbours, between two values of the
            same scale, are replaced. Changed in place.
    Returns:
        The number of replaced operators.
    """
    from onnx import helper, numpy_helper

    graph = network.graph
    constants = {value.name: numpy_helper.to_array(value) for value in graph.initializer}
    makers = {name: node for node in graph.node for name in node.output}
    readers = _readers(graph)
    done = 0
    for resize in [node for node in graph.node if node.op_type == "Resize"]:
        before, after = makers.get(resize.input[0]), readers.get(resize.output[0], [])
        if before is None or before.op_type != "DequantizeLinear":
            continue
        if [node.op_type for node in after] != ["QuantizeLinear"] or not _doubles(resize, constants):
            continue
        if any(
            not np.array_equal(constants[a], constants[b])
            for a, b in zip(before.input[1:], after[0].input[1:], strict=True)
        ):
            continue
        mark = f"double{done}"
        axes, twice = f"{mark}_axes", f"{mark}_twice"
        sizes = _shape(graph, f"{mark}_factors", [1, 2, 2, 1])
        graph.initializer.append(numpy_helper.from_array(np.array([2, 4], np.int64), axes))
        graph.initializer.append(numpy_helper.from_array(np.array([1, 1, 2, 1, 2, 1], np.int64), twice))
        _insert_before(
            graph,
            resize,
            [
                helper.make_node("Transpose", [before.input[0]], [f"{mark}_cells"], perm=_TO_NHWC),
                helper.make_node("Shape", [f"{mark}_cells"], [f"{mark}_shape"]),
                helper.make_node("Mul", [f"{mark}_shape", sizes], [f"{mark}_doubled"]),
                helper.make_node("Unsqueeze", [f"{mark}_cells", axes], [f"{mark}_apart"]),
                helper.make_node("Expand", [f"{mark}_apart", twice], [f"{mark}_copies"]),
                helper.make_node("Reshape", [f"{mark}_copies", f"{mark}_doubled"], [f"{mark}_rows"]),
                helper.make_node("Transpose", [f"{mark}_rows"], [after[0].output[0]], perm=_TO_NCHW),
            ],
        )
        graph.node.remove(resize)
        graph.node.remove(after[0])
        if not any(before.output[0] in node.input for node in graph.node):
            graph.node.remove(before)
        done += 1
    return done


def open_batch(network: Any) -> None:
    """Let a network accept batches of any size, and remove the stored shapes of its inner values.

    These shapes are wrong after operators were replaced; strict readers, like ONNX Runtime in browsers,
    refuse a network whose stored shapes differ from the inferred ones.

    Args:
        network: one of ours, for one picture or any number. Changed in place.
    """
    from onnx import numpy_helper

    graph = network.graph
    del graph.value_info[:]
    for value in (*graph.input, *graph.output):
        first = value.type.tensor_type.shape.dim[0]
        first.Clear()
        first.dim_param = "batch"
    for name, last in ((OUTPUTS[0], None), (OUTPUTS[1], 4)):
        sides = next(value for value in graph.output if value.name == name).type.tensor_type.shape.dim
        if not sides[1].dim_value:
            sides[1].dim_param = "boxes"
        if last and not sides[2].dim_value:
            sides[2].Clear()
            sides[2].dim_value = last
    # A shape that begins with 1 is for one picture; 0 means: the same as the input.
    made_by = {name: node for node in graph.node for name in node.output}
    constants = {value.name: value for value in graph.initializer}
    for node in graph.node:
        if node.op_type != "Reshape":
            continue
        maker = made_by.get(node.input[1])
        if maker is not None and maker.op_type == "Constant":
            stored = next(each.t for each in maker.attribute if each.name == "value")
        elif maker is None and node.input[1] in constants:
            stored = constants[node.input[1]]
        else:
            continue
        shape = numpy_helper.to_array(stored)
        if shape.tolist() == [1, -1, 4]:
            stored.CopyFrom(numpy_helper.from_array(np.array([0, -1, 4], np.int64), stored.name))


def _for_two_places(weight: np.ndarray) -> np.ndarray:
    """Turn filters (O, 3, 3, 3) of one position into (2 O, 12, 3, 2) of two, over groups of four pixels.

    The current group has pixels 0 to 3, the previous one -4 to -1. The first position's filter
    is centred on pixel 0, the second's on pixel 2.
    """
    filters, colours, rows, columns = weight.shape
    result = np.zeros((2, filters, TOGETHER, colours, rows, 2), weight.dtype)
    for place, centre in enumerate((0, 2)):
        for column in range(columns):
            pixel = centre + column - 1
            result[place, :, pixel % TOGETHER, :, :, 1 + pixel // TOGETHER] = weight[..., column]
    return result.reshape(2 * filters, TOGETHER * colours, rows, 2)


def _doubles(resize: Any, constants: dict[str, np.ndarray]) -> bool:
    from onnx import helper

    given = {a.name: helper.get_attribute_value(a) for a in resize.attribute}
    scales = constants.get(resize.input[2]) if len(resize.input) > 2 else None
    return (
        given.get("mode") == b"nearest"
        and given.get("coordinate_transformation_mode") == b"asymmetric"
        and given.get("nearest_mode") == b"floor"
        and scales is not None
        and scales.tolist() == [1, 1, 2, 2]
    )


def _readers(graph: Any) -> dict[str, list[Any]]:
    readers: dict[str, list[Any]] = {}
    for node in graph.node:
        for name in node.input:
            readers.setdefault(name, []).append(node)
    return readers


def _shape(graph: Any, name: str, values: list[int]) -> str:
    from onnx import numpy_helper

    graph.initializer.append(numpy_helper.from_array(np.array(values, np.int64), name))
    return name


def _insert_before(graph: Any, node: Any, new: list[Any]) -> None:
    place = list(graph.node).index(node)
    for offset, each in enumerate(new):
        graph.node.insert(place + offset, each)


def _insert_after(graph: Any, node: Any, new: list[Any]) -> None:
    place = list(graph.node).index(node) + 1
    for offset, each in enumerate(new):
        graph.node.insert(place + offset, each)
