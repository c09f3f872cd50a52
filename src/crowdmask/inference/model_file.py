"""The shipped models and the metadata of a model file.

The file is ONNX; everything that decoding needs is in its metadata, in one JSON value.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from itertools import pairwise
from os import PathLike
from pathlib import Path
from typing import Any

from crowdmask.default_boxes import GridSpec
from crowdmask.errors import MissingSupplementError, ModelError
from crowdmask.labels import LABELS
from crowdmask.suggestions import did_you_mean
from crowdmask.supplement import find_supplement

METADATA_KEY = "crowdmask"
FORMAT = 1
DEFAULT_MODEL = "crowd"


@dataclass(frozen=True)
class InputSpec:
    """How a picture is turned into the network's input.

    Attributes:
        resize: "fit" keeps the aspect ratio and pads; "stretch" does neither.
        size: the long side ("fit") or both sides ("stretch"), pixels.
        multiple: "fit" pads right and bottom to a multiple of this.
        pad: grey value of the padding, 0 to 255.
    """

    resize: str
    size: int
    multiple: int
    pad: int = 114


@dataclass(frozen=True)
class Calibration:
    """How often a raw score of one label was right; linear interpolation between the points.

    Attributes:
        raw: increasing scores of the network.
        confidence: the share of right answers at each of them, never decreasing.
    """

    raw: tuple[float, ...]
    confidence: tuple[float, ...]


@dataclass(frozen=True)
class CloserLook:
    """How a part of a picture with small faces is run a second time.

    Attributes:
        size: scale of the second pass, as the long side that the whole picture would have, pixels.
        share: approximate maximum number of pixels of the second input, relative to a square with the side of
            the first.
        small_px: faces under this size are small: square root of the area in the first pass's input, pixels.
            Model files do not state it.
    """

    size: int
    share: float
    small_px: float = 16.0


@dataclass(frozen=True)
class FartherLook:
    """How a picture that shows near faces or none is run a second time, smaller.

    Attributes:
        size: its long side in the second pass, pixels.
        face_px: minimum size of a near face: the square root of its area in the first pass's input, pixels.
    """

    size: int
    face_px: float


@dataclass(frozen=True)
class ModelInfo:
    """The metadata of a model file.

    Attributes:
        labels: in the order of its scores.
        grid: the default boxes that its regression is relative to.
        variances: scale factors of the regressed centre and size.
        nms_iou: boxes with a higher IoU are the same face.
        max_detections: maximum number of faces in a picture.
        threshold: minimum confidence of each label, in the order of `labels`.
        calibration: a table for each label; None: raw scores are shown.
        precision: of the network's arithmetic, "fp32" or "int8".
        closer_look: None: no part of a picture is run again.
        farther_look: None: no picture is run again, smaller.
        weight_bits: bits of an int8 network's weights; None: not stated, so 8.
    """

    name: str
    architecture: str
    input: InputSpec
    grid: GridSpec
    variances: tuple[float, float]
    nms_iou: float
    max_detections: int
    threshold: tuple[float, ...]
    calibration: tuple[Calibration, ...] | None
    precision: str = "fp32"
    closer_look: CloserLook | None = None
    labels: tuple[str, ...] = LABELS
    weight_bits: int | None = None
    farther_look: FartherLook | None = None


def shipped_models() -> list[str]:
    """Return the names of the models that are installed, with the supplement's, the default first."""
    names = sorted({path.stem for folder in _model_folders() for path in folder.glob("*.onnx")})
    return sorted(names, key=lambda name: name != DEFAULT_MODEL)


def models_of_supplement() -> list[str]:
    """Return the names of the shipped models that are not installed, since the supplement is not."""
    there = shipped_models()
    return sorted(path.stem for path in _assets().glob("*.md") if path.stem not in there)


def locate(model: str | PathLike[str]) -> Path:
    """Find a model by the name of a shipped one or by the path of a file.

    Raises:
        ModelError: there is no such model.
        MissingSupplementError: it is in the supplement, which is not installed.
    """
    text = str(model)
    if text == Path(text).name:
        for folder in _model_folders():
            shipped = folder / f"{text}.onnx"
            if shipped.is_file():
                return shipped
    path = Path(model)
    if path.is_file():
        return path
    absent = models_of_supplement()
    if text in absent:
        raise MissingSupplementError(f"the model {text}")
    names = shipped_models() + absent
    near = did_you_mean(text, names)
    listed = ", ".join(names) or "none"
    raise ModelError(
        f"{text}: no such model:{near} give the path of an .onnx file or one of the names: {listed}"
    )


def card_of(path: Path) -> str | None:
    """Return the text of the model card beside a model file; None if there is none.

    The cards of all shipped models are in the package, those of the supplement's models too.
    """
    card = path.with_suffix(".md")
    if card.is_file():
        return card.read_text(encoding="utf-8")
    return shipped_card(path.stem) if path.parent in _model_folders() else None


def shipped_card(name: str) -> str | None:
    """Return the text of a shipped model's card, installed or not; None if there is none."""
    card = _assets() / f"{name}.md"
    return card.read_text(encoding="utf-8") if card.is_file() else None


def hash_of(path: Path) -> str:
    """Return the first 16 hexadecimal digits of the file's SHA-256."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()[:16]
    except OSError as error:
        raise ModelError(f"{path}: {(error.strerror or str(error)).lower()}") from error


def parse_metadata(metadata: Mapping[str, str], origin: str | PathLike[str]) -> ModelInfo:
    """Check and read a model file's metadata.

    Args:
        metadata: all keys of the file.
        origin: the file, for the message.
    Raises:
        ModelError: not one of our models, of a later format, or with invalid values.
    """
    if METADATA_KEY not in metadata:
        raise ModelError(
            f"{origin}: an ONNX file, but not one of crowdmask's: make one with  crowdmask export"
        )
    try:
        value = json.loads(metadata[METADATA_KEY])
        found = value["format"]
        if found != FORMAT:
            raise ModelError(
                f"{origin}: format {found!r} of a model file is not the {FORMAT} that this version reads: "
                "update crowdmask or export the model again"
            )
        return _parse(value)
    except ModelError:
        raise
    except KeyError as error:
        raise ModelError(f"{origin}: its metadata lack {error.args[0]!r}: export the model again") from error
    except (ValueError, TypeError, AttributeError) as error:
        raise ModelError(f"{origin}: its metadata are damaged ({error}): export the model again") from error


def sums_overflow(metadata: Mapping[str, str]) -> bool:
    """Return whether sums of 8-bit products can overflow 16 bits: in int8 models with 8-bit weights.

    Args:
        metadata: all keys of the file, which may be any ONNX file.
    """
    try:
        value = json.loads(metadata.get(METADATA_KEY, "{}"))
        return value.get("precision", "fp32") == "int8" and int(value.get("weight_bits") or 8) > 7
    except (ValueError, TypeError, AttributeError):
        return True


def _model_folders() -> list[Path]:
    """Return the folders of shipped models: of the package, and of the supplement where it is installed."""
    more = find_supplement()
    return [_assets()] if more is None else [_assets(), more / "models"]


def _assets() -> Path:
    return Path(str(resources.files("crowdmask"))) / "assets"


def _parse(value: dict[str, Any]) -> ModelInfo:
    labels = _parse_labels(value)
    size = value["input"]
    spec = InputSpec(str(size["resize"]), int(size["size"]), int(size["multiple"]), int(size["pad"]))
    _require(spec.resize in ("fit", "stretch"), f"resize is {spec.resize!r}, not 'fit' or 'stretch'")
    _require(spec.size > 0 and spec.multiple > 0, "input size and multiple must be above 0")
    _require(0 <= spec.pad <= 255, f"pad is {spec.pad}, not 0 to 255")
    grid = GridSpec.from_dict(value["grid"])
    _require(
        len(grid.strides) == len(grid.shapes) > 0 and min(grid.strides) > 0,
        "the grid needs a stride above 0 and the shapes of its boxes for each level",
    )
    centre, extent = (float(v) for v in value["variances"])
    _require(centre > 0 and extent > 0, "variances must be above 0")
    nms_iou, most = float(value["nms_iou"]), int(value["max_detections"])
    _require(0 < nms_iou <= 1, f"nms_iou is {nms_iou}, not 0 to 1")
    _require(most > 0, "max_detections must be above 0")
    threshold = tuple(float(value["threshold"][label]) for label in labels)
    _require(all(0 <= t <= 1 for t in threshold), f"thresholds are {threshold}, not 0 to 1")
    tables = value["calibration"]
    calibration = None if tables is None else tuple(_parse_table(tables[label], label) for label in labels)
    return ModelInfo(
        name=str(value["name"]),
        architecture=str(value["architecture"]),
        labels=labels,
        input=spec,
        grid=grid,
        variances=(centre, extent),
        nms_iou=nms_iou,
        max_detections=most,
        threshold=threshold,
        calibration=calibration,
        precision=str(value.get("precision", "fp32")),
        closer_look=_parse_closer_look(value.get("closer_look"), spec),
        weight_bits=None if value.get("weight_bits") is None else int(value["weight_bits"]),
        farther_look=_parse_farther_look(value.get("farther_look"), spec),
    )


def _parse_labels(value: dict[str, Any]) -> tuple[str, ...]:
    """Return the labels; thresholds and calibration must have the same ones."""
    labels = tuple(str(label) for label in value["labels"])
    _require(0 < len(labels) == len(set(labels)), f"labels are {labels}, not one or more different ones")
    for key in ("threshold", "calibration"):
        given = set(value[key] or labels)
        _require(not given - set(labels), f"labels are {labels}, but {key} is given for {sorted(given)}")
    return labels


def _parse_closer_look(value: dict[str, Any] | None, spec: InputSpec) -> CloserLook | None:
    if value is None:
        return None
    closer = CloserLook(int(value["size"]), float(value["share"]))
    _require(spec.resize == "fit", "a closer look needs an input that keeps the picture's shape")
    _require(closer.size > 0 and 0 < closer.share <= 4, f"closer_look is out of range: {closer}")
    return closer


def _parse_farther_look(value: dict[str, Any] | None, spec: InputSpec) -> FartherLook | None:
    if value is None:
        return None
    farther = FartherLook(int(value["size"]), float(value["face_px"]))
    _require(spec.resize == "fit", "a farther look needs an input that keeps the picture's shape")
    _require(farther.size > 0 and farther.face_px > 0, f"farther_look is out of range: {farther}")
    return farther


def _parse_table(table: dict[str, Any], label: str) -> Calibration:
    raw = tuple(float(v) for v in table["raw"])
    confidence = tuple(float(v) for v in table["confidence"])
    rising = all(a < b for a, b in pairwise(raw))
    never_falling = all(a <= b for a, b in pairwise(confidence))
    _require(
        len(raw) == len(confidence) > 0, f"the calibration of {label} needs as many scores as confidences"
    )
    _require(
        rising and never_falling and 0 <= confidence[0] <= confidence[-1] <= 1,
        f"the calibration of {label} must map rising scores to confidences that never fall, 0 to 1",
    )
    return Calibration(raw, confidence)


def _require(holds: bool, message: str) -> None:
    if not holds:
        raise ValueError(message)
