"""Write int8-sums.onnx and int8-sums.json: additions of bytes that runtimes round differently.

    python tests/golden/int8_sums.py

The scales are those of additions of a shipped model. What ONNX Runtime answers on x86 is what counts.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from numpy.typing import NDArray
from onnx import TensorProto, helper

GOLDEN = Path(__file__).parent
# Scale and zero point of both terms and of the sum; the first one is rounded alike everywhere.
ADDITIONS = (
    ((0.0530000776052475, 123), (0.03540858253836632, 128), (0.06270192563533783, 122)),
    ((0.05287130922079086, 116), (0.043497875332832336, 125), (0.06017345190048218, 117)),
    ((0.08743256330490112, 124), (0.09343953430652618, 105), (0.13538360595703125, 123)),
)


def every_pair() -> dict[str, NDArray[np.uint8]]:
    """Return all pairs of bytes, the first one changing slowest."""
    byte = np.arange(256, dtype=np.uint8)
    return {"a": np.repeat(byte, 256), "b": np.tile(byte, 256)}


def make() -> onnx.ModelProto:
    """Return a network that adds two rows of bytes with each of the quantizations."""
    nodes, constants, outputs = [], [], []
    for number, quantizations in enumerate(ADDITIONS):
        for part, (scale, zero) in zip("abs", quantizations, strict=True):
            constants.append(helper.make_tensor(f"{part}{number}_scale", TensorProto.FLOAT, [], [scale]))
            constants.append(helper.make_tensor(f"{part}{number}_zero", TensorProto.UINT8, [], [zero]))
        names = {part: [f"{part}{number}_scale", f"{part}{number}_zero"] for part in "abs"}
        nodes += [
            helper.make_node("DequantizeLinear", ["a", *names["a"]], [f"a{number}"]),
            helper.make_node("DequantizeLinear", ["b", *names["b"]], [f"b{number}"]),
            helper.make_node("Add", [f"a{number}", f"b{number}"], [f"both{number}"]),
            helper.make_node("QuantizeLinear", [f"both{number}", *names["s"]], [f"sum{number}"]),
        ]
        outputs.append(helper.make_tensor_value_info(f"sum{number}", TensorProto.UINT8, [65536]))
    inputs = [helper.make_tensor_value_info(name, TensorProto.UINT8, [65536]) for name in "ab"]
    graph = helper.make_graph(nodes, "int8-sums", inputs, outputs, constants)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def digests(file: bytes) -> dict[str, str]:
    """Return the SHA-256 of each row of sums, as this machine's ONNX Runtime computes them."""
    session = onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    found = zip(names, session.run(names, every_pair()), strict=True)
    return {name: hashlib.sha256(row.tobytes()).hexdigest() for name, row in found}


if __name__ == "__main__":
    content = make().SerializeToString(deterministic=True)
    (GOLDEN / "int8-sums.onnx").write_bytes(content)
    cases = [{"sum": name, "sha256": digest} for name, digest in digests(content).items()]
    written = {"format": 1, "model": "int8-sums.onnx", "cases": cases}
    (GOLDEN / "int8-sums.json").write_text(json.dumps(written, indent=1) + "\n", encoding="utf-8")
