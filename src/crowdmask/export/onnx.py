"""Turn a trained model into the ONNX file that users run."""

from __future__ import annotations

import json
import logging
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from crowdmask.default_boxes import VARIANCES
from crowdmask.errors import MissingExtraError, ModelError
from crowdmask.inference.model_file import FORMAT, METADATA_KEY
from crowdmask.labels import LABELS
from crowdmask.models.detector import DetectionModel

OPSET = 17
MAX_DETECTIONS = 500
# How far two answers may differ: float32 summed in another order.
PARITY_TOLERANCE = 2e-3


class _Exported(nn.Module):
    """The graph as shipped: pixels in, probabilities and deltas out."""

    def __init__(self, model: DetectionModel) -> None:
        super().__init__()
        self.model = model

    def forward(self, picture: Tensor) -> tuple[Tensor, Tensor]:
        raw = self.model(picture.permute(0, 3, 1, 2))
        return self.model.probabilities(raw.logits), raw.deltas


def metadata(model: DetectionModel, name: str, decisions: dict[str, Any] | None = None) -> dict[str, Any]:
    """Return what a model file says of itself; see `crowdmask.inference.model_file`.

    Args:
        model: gives input and grid.
        name: of the weights.
        decisions: ``threshold``, ``calibration`` and ``nms_iou`` where they were chosen on val.
    """
    spec = model.input_spec
    content: dict[str, Any] = {
        "format": FORMAT,
        "name": name,
        "architecture": model.name,
        "labels": list(LABELS),
        "input": {"resize": spec.resize, "size": spec.size, "multiple": spec.multiple, "pad": spec.pad},
        "grid": model.grid.to_dict(),
        "variances": list(VARIANCES),
        "nms_iou": 0.45,
        "max_detections": MAX_DETECTIONS,
        "threshold": {label: 0.4 for label in LABELS},
        "calibration": None,
    }
    return {**content, **(decisions or {})}


def export_onnx(model: DetectionModel, path: Path, about: dict[str, Any]) -> None:
    """Write the ONNX file and check that it answers as the model does.

    Args:
        model: trained, on the CPU.
        path: where to.
        about: from `metadata`.
    Raises:
        ModelError: the file's answers differ from the model's.
    """
    size = model.input_spec.size
    example = torch.zeros(1, size, size, 3, dtype=torch.uint8)
    free = model.input_spec.resize == "fit"
    dynamic = {"picture": {1: "height", 2: "width"}, "scores": {1: "boxes"}, "deltas": {1: "boxes"}}
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            _Exported(model).eval(),
            (example,),
            str(part),
            dynamo=False,
            opset_version=OPSET,
            input_names=["picture"],
            output_names=["scores", "deltas"],
            dynamic_axes=dynamic if free else None,
        )
    rewrite_metadata(part, about)
    difference = parity(model, part)
    if difference > PARITY_TOLERANCE:
        part.unlink()
        raise ModelError(f"the exported file answers differently from the model, by up to {difference:.4f}")
    part.replace(path)


def rewrite_metadata(path: Path, about: dict[str, Any]) -> None:
    """Replace what a model file says of itself; the network stays as it is.

    Raises:
        MissingExtraError: the package onnx is not installed.
    """
    try:
        import onnx
    except ImportError as error:
        raise MissingExtraError("writing a model file", "train") from error
    content = onnx.load(str(path))
    del content.metadata_props[:]
    entry = content.metadata_props.add()
    entry.key, entry.value = METADATA_KEY, json.dumps(about)
    part = path.with_name(path.name + ".part")
    onnx.save(content, str(part))
    part.replace(path)


def parity(model: DetectionModel, path: Path) -> float:
    """Return the largest difference of scores between a model and its file, on random pictures."""
    import onnxruntime

    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    size = model.input_spec.size
    shapes = [(size, size)] if model.input_spec.resize == "stretch" else [(192, 256), (320, 224)]
    exported = _Exported(model).eval()
    worst = 0.0
    for seed, (height, width) in enumerate(shapes):
        picture = np.random.default_rng(seed).integers(0, 256, (1, height, width, 3), dtype=np.uint8)
        with torch.no_grad():
            expected = exported(torch.from_numpy(picture))[0].numpy()
        scores = session.run(["scores"], {"picture": picture})[0]
        worst = max(worst, float(np.abs(scores - expected).max()))
    return worst
