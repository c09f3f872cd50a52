"""Make the int8 version of a model file: quantise, calibrate, choose thresholds, check the accuracy."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from crowdmask.data.dataset import load_dataset
from crowdmask.data.sample import Sample
from crowdmask.errors import DataError, ModelError, PictureError, UsageError
from crowdmask.evaluation.measures import SliceMeasures, measure
from crowdmask.evaluation.run import Run, both_views, run_detector
from crowdmask.export.finish import fit, thresholds
from crowdmask.export.onnx import rewrite_metadata, with_closer_look, with_farther_look
from crowdmask.export.quantize import WEIGHT_BITS, quantize_network
from crowdmask.files import whole_path
from crowdmask.inference.backends.onnx_runtime import read_metadata
from crowdmask.inference.detector import Detector
from crowdmask.inference.model_file import METADATA_KEY, locate, parse_metadata
from crowdmask.inference.tiles import View
from crowdmask.media.pictures import open_picture
from crowdmask.progress import Progress, silent

MOST_LOST = 0.01
"""Maximum loss of mAP50 on val; a quantised model that loses more is not written."""

PHOTOS = 64
"""Number of photos for measuring the ranges of the network's inner values."""

Input: TypeAlias = Callable[[], NDArray[np.uint8]]


@dataclass(frozen=True, eq=False)
class Quantized:
    """A quantised model file, with its and the original's measures on val."""

    path: Path
    decisions: dict[str, Any]
    before: SliceMeasures
    after: SliceMeasures


def quantize_model(
    model: str,
    data: Path,
    to: Path,
    *,
    name: str | None = None,
    root: Path | None = None,
    photos: int = PHOTOS,
    percentile: float | None = None,
    input_size: int | None = None,
    closer_look: int | None = None,
    farther_look: int | None = None,
    weight_bits: int = WEIGHT_BITS,
    progress: Progress = silent,
) -> Quantized:
    """Find a model and its data set, and run `finish_int8`.

    Args:
        model: name of a shipped model or path of a model file, in float.
        data: YAML of the data set whose val photos give ranges, calibration and thresholds.
        to: the new model file.
        name: of the new model; None: the file's.
        root: folder of the data; None: the data set's own.
        photos, percentile, input_size, closer_look, farther_look, weight_bits, progress: see `finish_int8`.
    Raises:
        UsageError: `to` is not the name of a new model file; also see `finish_int8`.
        ModelError, DataError: see `finish_int8`.
    """
    source = locate(model)
    if to.suffix != ".onnx":
        raise UsageError(f"`to` must name an .onnx file, not {to}")
    if to.exists() and to.samefile(source):
        raise UsageError(f"`to` is the model itself: give the new one another name, not {to}")
    val = load_dataset(data, root).split("val")
    return finish_int8(
        source,
        name or to.stem,
        val,
        to,
        photos,
        percentile,
        progress,
        input_size=input_size,
        closer_look=closer_look,
        farther_look=farther_look,
        weight_bits=weight_bits,
    )


def finish_int8(
    source: Path,
    name: str,
    val: Sequence[Sample],
    to: Path,
    photos: int = PHOTOS,
    percentile: float | None = None,
    progress: Progress = silent,
    input_size: int | None = None,
    closer_look: int | None = None,
    farther_look: int | None = None,
    weight_bits: int = WEIGHT_BITS,
) -> Quantized:
    """Quantise a model, calibrate its confidence again and choose its thresholds.

    Args:
        source: one of our model files in float.
        name: of the new model.
        val: photos that were not used for training.
        to: the new model file, written only if it is good enough.
        photos: number of photos of `val` for measuring the ranges.
        percentile: see `quantize_network`.
        progress: receives the progress.
        input_size: long side of the new model's input, pixels; None: the source's. Both are compared at this
            size.
        closer_look: long side for running a part again, pixels; 0: never; None: as in the source.
        farther_look: long side for running a picture with near faces or none again, pixels; 0: never; None:
            as in the source. The original is measured without it if it has none.
        weight_bits: see `quantize_network`.
    Raises:
        UsageError: the model does not support the size, the closer or the farther look.
        ModelError: the source is not one of our float models, or int8 loses more than `MOST_LOST`.
        DataError: none of the photos can be read, or too little is found on them.
    """
    metadata = read_metadata(source)
    parse_metadata(metadata, source)
    about = {**json.loads(metadata[METADATA_KEY]), "name": name, "precision": "int8", "calibration": None}
    about["weight_bits"] = weight_bits
    detector = Detector(source, input_size=input_size)
    about["input"] = {**about["input"], "size": detector.info.input.size}
    about = with_farther_look(with_closer_look(about, closer_look), farther_look)
    looked = parse_metadata({METADATA_KEY: json.dumps(about)}, source).closer_look
    detector = detector.with_options(closer_look=looked or False)
    inputs = calibration_inputs(detector, val, photos)
    with whole_path(to, what="the model", make_parents=True) as part:
        quantize_network(source, part, _counted(inputs, progress), percentile, weight_bits)
        before = measure(run_detector(both_views(detector), val, progress, "measuring the original").pictures)
        calibration = fit(_look(part, about, val, progress, "calibrating").pictures)
        about["calibration"] = calibration
        about["threshold"] = thresholds(_look(part, about, val, progress, "choosing thresholds").pictures)
        after = measure(_look(part, about, val, progress, "measuring int8").pictures)
        require_accuracy(before.two_class.map50, after.two_class.map50)
    return Quantized(to, {"calibration": calibration, "threshold": about["threshold"]}, before, after)


def require_accuracy(before: float, after: float) -> None:
    """Refuse a quantised model that is clearly worse.

    Args:
        before, after: mAP50 on val of the float and of the quantised model.
    Raises:
        ModelError: more than `MOST_LOST` is lost.
    """
    if not before - after <= MOST_LOST:  # also refused if one of them is NaN
        raise ModelError(
            f"refused: int8 costs {before - after:.3f} mAP50 on val ({before:.3f} to {after:.3f}), more than "
            f"{MOST_LOST}; nothing is written: try more `photos`, another `percentile`, or train longer"
        )


def calibration_inputs(detector: Detector, val: Sequence[Sample], photos: int) -> list[Input]:
    """Return functions that make the network's inputs of some evenly chosen photos, including closer looks.

    Raises:
        DataError: none of them can be read.
    """
    chosen = np.unique(np.linspace(0, len(val) - 1, max(1, min(photos, len(val)))).round().astype(int))
    inputs: list[Input] = []
    for index in chosen:
        path = val[index].path
        try:
            answers = detector.run_network(open_picture(path))
        except PictureError:
            continue
        inputs.append(partial(_prepared, detector, path))
        if answers.closer is not None:
            inputs.append(partial(_prepared, detector, path, answers.closer))
    if not inputs:
        raise DataError(f"none of {len(chosen)} photos of val can be read, the first being {val[0].path}")
    return inputs


def describe(finished: Quantized) -> str:
    """Return one line with the measures on val, compared with the float model."""
    before, after = finished.before, finished.after
    shown = json.dumps({label: round(least, 3) for label, least in finished.decisions["threshold"].items()})
    return (
        f"val: mAP50 {after.two_class.map50:.3f} (float {before.two_class.map50:.3f}), "
        f"recall {after.shown.recall:.3f} ({before.shown.recall:.3f}), "
        f"precision {after.shown.precision:.3f} ({before.shown.precision:.3f}), "
        f"ECE {after.reliability.expected_error:.3f} ({before.reliability.expected_error:.3f}), "
        f"thresholds {shown}"
    )


def _prepared(detector: Detector, path: Path, part: View | None = None) -> NDArray[np.uint8]:
    picture = open_picture(path)
    return (detector.prepare_view(picture, part) if part else detector.prepare(picture)).tensor


def _counted(inputs: Sequence[Input], progress: Progress) -> list[Input]:
    """Return the same inputs; each is reported when it is used."""

    def make(number: int, made: Input) -> NDArray[np.uint8]:
        progress("measuring ranges", number, len(inputs))
        return made()

    return [partial(make, number, made) for number, made in enumerate(inputs, 1)]


def _look(path: Path, about: dict[str, Any], val: Sequence[Sample], progress: Progress, stage: str) -> Run:
    rewrite_metadata(path, about)
    return run_detector(both_views(Detector(path)), val, progress, stage)
