"""Turn a trained model into the ONNX file that users run."""

from __future__ import annotations

import json
import logging
import math
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from crowdmask.default_boxes import VARIANCES
from crowdmask.errors import MissingExtraError, ModelError, UsageError
from crowdmask.export.halves import store_halves
from crowdmask.export.rewrite import open_batch
from crowdmask.files import whole_path
from crowdmask.inference.closer import LEAST_ZOOM
from crowdmask.inference.model_file import FORMAT, METADATA_KEY, InputSpec
from crowdmask.labels import LABELS
from crowdmask.models.detector import DetectionModel

OPSET = 17
MAX_DETECTIONS = 500
# Chosen on val, see docs/experiments.md: enlargement of the closer look, and its maximum size relative to a
# square input.
CLOSER_ZOOM, CLOSER_SHARE = 1.8, 0.85
# Size of a near face, for the farther look, as a part of the input's long side.
NEAR_FACE = 0.22
# Maximum difference of scores and deltas: float32 sums in a different order. A delta of 0.01 is a
# thousandth of a box's width.
PARITY_TOLERANCE = 2e-3
DELTA_TOLERANCE = 1e-2
PARITY_BATCHES = (1, 3)
# Maximum difference of scores with 16-bit weights; for deltas the limit is the same.
HALVES_TOLERANCE = 1e-3


class _Exported(nn.Module):
    """The exported graph: pixels in, probabilities and deltas out."""

    def __init__(self, model: DetectionModel) -> None:
        super().__init__()
        self.model = model

    def forward(self, picture: Tensor) -> tuple[Tensor, Tensor]:
        raw = self.model(picture.permute(0, 3, 1, 2))
        return self.model.probabilities(raw.logits), raw.deltas


def metadata(model: DetectionModel, name: str, decisions: dict[str, Any] | None = None) -> dict[str, Any]:
    """Return the metadata of a model file; see `crowdmask.inference.model_file`.

    Args:
        model: provides input and grid.
        name: of the weights.
        decisions: ``threshold``, ``calibration`` and ``nms_iou``, if they were chosen on val.
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
        "threshold": dict.fromkeys(LABELS, 0.4),
        "calibration": None,
        "closer_look": _closer_look(spec),
    }
    return {**content, **(decisions or {})}


def _closer_look(spec: InputSpec) -> dict[str, Any] | None:
    """Return the closer look that suits the crowd detector at 704 pixels, scaled for other sizes."""
    if spec.resize != "fit":
        return None
    return {"size": round(CLOSER_ZOOM * spec.size / spec.multiple) * spec.multiple, "share": CLOSER_SHARE}


def with_closer_look(about: dict[str, Any], size: int | None) -> dict[str, Any]:
    """Return metadata with another closer look.

    Args:
        about: the result of `metadata`.
        size: its long side, pixels; 0: no closer look; None: unchanged.
    Raises:
        UsageError: the model does not keep the aspect ratio of pictures, or the size is hardly larger than
            the input.
    """
    if size is None:
        return about
    if size and about["input"]["resize"] != "fit":
        raise UsageError(f"{about['architecture']} sees every picture in one shape: no closer look at a part")
    least = math.ceil(LEAST_ZOOM * about["input"]["size"])
    if 0 < size < least:
        raise UsageError(
            f"a closer look at {size} pixels shows nothing new: give {least} or more, or 0 for none"
        )
    return {**about, "closer_look": {"size": size, "share": CLOSER_SHARE} if size else None}


def with_farther_look(about: dict[str, Any], size: int | None) -> dict[str, Any]:
    """Return metadata with another farther look.

    Args:
        about: the result of `metadata`.
        size: its long side, pixels; 0: no farther look; None: the one it has, if any.
    Raises:
        UsageError: the model does not keep the aspect ratio of pictures, or the size is hardly smaller than
            the input.
    """
    if size is None:
        size = (about.get("farther_look") or {"size": 0})["size"]
    spec = about["input"]
    if size and spec["resize"] != "fit":
        raise UsageError(f"{about['architecture']} sees every picture in one shape: no farther look")
    most = math.floor(spec["size"] / LEAST_ZOOM)
    if size > most:
        raise UsageError(
            f"a farther look at {size} pixels shows nothing new: give {most} or less, or 0 for none"
        )
    # A near face is one of a part of the picture's side, at every input size.
    near = round(NEAR_FACE * spec["size"], 1)
    return {**about, "farther_look": {"size": size, "face_px": near} if size else None}


def export_onnx(model: DetectionModel, path: Path, about: dict[str, Any], half_weights: bool = False) -> None:
    """Write the ONNX file and check that its output is the model's.

    Args:
        model: trained, on the CPU.
        path: the output file.
        about: the result of `metadata`.
        half_weights: store weights as 16-bit floats.
    Raises:
        ModelError: the file's output differs from the model's.
        MissingExtraError: a package that writes model files is not installed.
        OutputError: the file cannot be written.
    """
    onnx = _require_onnx()
    size = model.input_spec.size
    example = torch.zeros(1, size, size, 3, dtype=torch.uint8)
    dynamic = {"picture": {0: "batch"}, "scores": {0: "batch"}, "deltas": {0: "batch"}}
    if model.input_spec.resize == "fit":
        dynamic["picture"] |= {1: "height", 2: "width"}
        dynamic["scores"][1] = dynamic["deltas"][1] = "boxes"
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    with whole_path(path, what="the model", make_parents=True) as temporary:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            torch.onnx.export(
                _Exported(model).eval(),
                (example,),
                str(temporary),
                dynamo=False,
                opset_version=OPSET,
                input_names=["picture"],
                output_names=["scores", "deltas"],
                dynamic_axes=dynamic,
            )
        network = onnx.load(str(temporary))
        open_batch(network)
        if half_weights:
            store_halves(network)
        onnx.save(network, str(temporary))
        rewrite_metadata(temporary, about)
        scores, deltas = parity(model, temporary)
        if not (
            scores <= (HALVES_TOLERANCE if half_weights else PARITY_TOLERANCE) and deltas <= DELTA_TOLERANCE
        ):
            raise ModelError(
                "the exported file answers differently from the model, "
                f"by up to {scores:.4f} in scores and {deltas:.4f} in deltas; it is not written"
            )


def rewrite_metadata(path: Path, about: dict[str, Any]) -> None:
    """Replace a model file's metadata; the network stays unchanged.

    Raises:
        MissingExtraError: the package onnx is not installed.
        OutputError: the file cannot be written.
    """
    onnx = _require_onnx()
    content = onnx.load(str(path))
    del content.metadata_props[:]
    entry = content.metadata_props.add()
    entry.key, entry.value = METADATA_KEY, json.dumps(about)
    with whole_path(path, what="the model") as temporary:
        onnx.save(content, str(temporary))


def parity(model: DetectionModel, path: Path) -> tuple[float, float]:
    """Return the largest differences of scores and of deltas between a model and its file.

    Both process random pictures, in batches of one and three, with two sizes if the model accepts any.
    """
    import onnxruntime

    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    size = model.input_spec.size
    sides = [(size, size)] * 2 if model.input_spec.resize == "stretch" else [(192, 256), (320, 224)]
    exported = _Exported(model).eval()
    worst = np.zeros(2)
    for seed, (batch, (height, width)) in enumerate(zip(PARITY_BATCHES, sides, strict=True)):
        picture = np.random.default_rng(seed).integers(0, 256, (batch, height, width, 3), dtype=np.uint8)
        with torch.no_grad():
            expected = [answer.numpy() for answer in exported(torch.from_numpy(picture))]
        answers = session.run(["scores", "deltas"], {"picture": picture})
        # A NaN on either side stays NaN and fails every limit.
        worst = np.maximum(worst, [np.abs(a - b).max() for a, b in zip(answers, expected, strict=True)])
    return float(worst[0]), float(worst[1])


def _require_onnx() -> Any:
    try:
        import onnx
    except ImportError as error:
        raise MissingExtraError("writing a model file", "train") from error
    return onnx
