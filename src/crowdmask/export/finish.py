"""From trained weights to a usable model file: export, calibrate and choose thresholds on val."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from crowdmask.data.sample import Sample
from crowdmask.errors import DataError
from crowdmask.evaluation.calibration import choose_thresholds, fit_calibration, judge
from crowdmask.evaluation.comparison import FEW_FACES, Comparison, compare
from crowdmask.evaluation.matching import ScoredPicture
from crowdmask.evaluation.measures import SliceMeasures, measure
from crowdmask.evaluation.run import Run, both_views, run_detector
from crowdmask.export.onnx import export_onnx, metadata, rewrite_metadata, with_closer_look, with_farther_look
from crowdmask.inference.detector import Detector
from crowdmask.inference.model_file import ModelInfo
from crowdmask.labels import LABELS
from crowdmask.models.detector import DetectionModel
from crowdmask.progress import Progress, silent

# Minimum precision of each label; among the thresholds that reach it, the best F-score with double weight
# on recall: missing faces are worse for counting crowds. Masks have a far higher precision, so about 88 % of
# all shown faces are right.
_PRECISION, _RECALL_WEIGHT = 0.83, 2.0
# Minimum threshold: a face shown with lower confidence looks like a guess, even if most of them are right on
# val.
_LEAST_THRESHOLD = {"with_mask": 0.4, "without_mask": 0.3, "mask_worn_incorrect": 0.4}
# Minimum number of detections for a label's own table; labels with fewer share one table.
_LEAST_ANSWERS = 100


@dataclass(frozen=True, eq=False)
class Finished:
    """A model file and its measures on the photos that were used for its decisions.

    Attributes:
        path: path of the ONNX file.
        decisions: ``calibration`` and ``threshold``; empty if val was too small.
        measures: the measures on val.
        run: the detections behind them.
        few: labels with too few faces on val, with their number.
        kept: these keep the start model's calibration and threshold.
        comparison: the start model beside this one; None without a start model.
    """

    path: Path
    decisions: dict[str, Any]
    measures: SliceMeasures
    run: Run
    few: dict[str, int] = field(default_factory=dict)
    kept: tuple[str, ...] = ()
    comparison: Comparison | None = None


def finish(
    model: DetectionModel,
    name: str,
    val: Sequence[Sample],
    path: Path,
    progress: Progress = silent,
    closer_look: int | None = None,
    half_weights: bool = False,
    farther_look: int | None = None,
    start: Path | None = None,
) -> Finished:
    """Export a model, calibrate its confidence and choose its thresholds.

    If too little is found on val, the file has the default thresholds and no calibration. A label with fewer
    than `FEW_FACES` faces on val keeps the calibration and the threshold of the start model.

    Args:
        model: trained, on the CPU.
        name: of the weights.
        val: photos that were not used for training.
        path: path of the ONNX file.
        progress: receives the progress.
        closer_look: long side for running a part again, pixels; 0: never; None: the default.
        half_weights: see `export_onnx`.
        farther_look: long side for running a picture with near faces or none again, pixels; 0 or None: never.
        start: path of the model file that the training started from, of the same architecture: the new one
            takes over its input size and its looks; None: there is none.
    Raises:
        UsageError: the model does not support this closer or farther look.
        ModelError: the file's output differs from the model's.
        OutputError: the file cannot be written.
    """
    # Read before the export, which may write over it.
    first = Detector(start) if start else None
    if first is not None:
        # Its calibration belongs to its input and its looks.
        model.input_spec = first.info.input
        closer_look, farther_look = _looks_of(first.info, closer_look, farther_look)
    about = with_farther_look(with_closer_look(metadata(model, name), closer_look), farther_look)
    export_onnx(model, path, about, half_weights)
    raw = run_detector(both_views(Detector(path)), val, progress, "calibrating")
    decisions, kept = _decide(path, about, raw.pictures, val, progress, first.info if first else None)
    final = raw
    if decisions:
        rewrite_metadata(path, {**about, **decisions})
        final = run_detector(both_views(Detector(path)), val, progress)
    comparison = None
    if first is not None:
        before = run_detector(both_views(first), val, progress, "evaluating the start model")
        comparison = compare(first.model_name, before.pictures, name, final.pictures)
    few = few_faces(final.pictures)
    return Finished(path, decisions, measure(final.pictures), final, few, kept, comparison)


def _looks_of(start: ModelInfo, closer: int | None, farther: int | None) -> tuple[int | None, int | None]:
    """Return the looks of the start model, where none are given."""
    if closer is None and start.closer_look is not None:
        closer = start.closer_look.size
    if farther is None and start.farther_look is not None:
        farther = start.farther_look.size
    return closer, farther


def _decide(
    path: Path,
    about: dict[str, Any],
    raw: Sequence[ScoredPicture],
    val: Sequence[Sample],
    progress: Progress,
    start: ModelInfo | None,
) -> tuple[dict[str, Any], tuple[str, ...]]:
    """Return the decisions for a model file, and the labels that keep the start model's."""
    tables = _tables_of(start) if start is not None else {}
    kept = tuple(few_faces(raw)) if tables else ()
    try:
        calibration = {} if len(kept) == len(LABELS) else fit(raw)
    except DataError:
        if not tables:
            return {}, ()
        calibration, kept = {}, LABELS
    calibration |= {label: tables[label] for label in kept}
    threshold = dict(zip(LABELS, start.threshold, strict=True)) if start is not None else {}
    if len(kept) < len(LABELS):
        rewrite_metadata(path, {**about, "calibration": calibration})
        calibrated = run_detector(both_views(Detector(path)), val, progress, "choosing thresholds")
        chosen = thresholds(calibrated.pictures)
        threshold |= {label: chosen[label] for label in LABELS if label not in kept}
    return {"calibration": calibration, "threshold": threshold}, kept


def _tables_of(start: ModelInfo) -> dict[str, dict[str, list[float]]]:
    if start.calibration is None:
        return {}
    return {
        label: {"raw": list(table.raw), "confidence": list(table.confidence)}
        for label, table in zip(LABELS, start.calibration, strict=True)
    }


def few_faces(pictures: Sequence[ScoredPicture]) -> dict[str, int]:
    """Return the labels with fewer than `FEW_FACES` faces, and how many they have."""
    faces = np.zeros(len(LABELS), np.int64)
    for picture in pictures:
        faces += np.bincount(picture.face_class_id, minlength=len(LABELS))
    return {label: int(n) for label, n in zip(LABELS, faces, strict=True) if n < FEW_FACES}


def fit(pictures: Sequence[ScoredPicture]) -> dict[str, dict[str, list[float]]]:
    """Fit a calibration table for each label to uncalibrated detections.

    Raises:
        DataError: too few detections.
    """
    judged = judge(pictures)
    if len(judged.confidence) < _LEAST_ANSWERS:
        raise DataError(
            f"only {len(judged.confidence)} detections on the val photos: too few to calibrate on; "
            "train longer or add photos"
        )
    tables = {}
    for class_id, label in enumerate(LABELS):
        mine = judged.class_id == class_id
        if mine.sum() < _LEAST_ANSWERS:
            mine[:] = True
        tables[label] = fit_calibration(judged.confidence[mine], judged.right[mine])
    return tables


def thresholds(pictures: Sequence[ScoredPicture]) -> dict[str, float]:
    """Choose each label's threshold on calibrated detections."""
    chosen = choose_thresholds(pictures, _PRECISION, _RECALL_WEIGHT)
    return {label: max(least, chosen[label]) for label, least in _LEAST_THRESHOLD.items()}


def describe(finished: Finished) -> str:
    """Return the measures on val in one line, and below it what comes from the start model, if anything."""
    m = finished.measures
    if finished.decisions:
        shown = json.dumps({k: round(v, 3) for k, v in finished.decisions["threshold"].items()})
        decided = f"thresholds {shown}"
    else:
        decided = "not calibrated, usual thresholds: too little was found on val to choose on"
    line = (
        f"val: mAP50 {m.two_class.map50:.3f}, recall {m.shown.recall:.3f}, "
        f"precision {m.shown.precision:.3f}, class accuracy {m.shown.class_accuracy:.3f}, "
        f"ECE {m.reliability.expected_error:.3f}, {decided}"
    )
    parts = [line]
    if finished.decisions and (finished.kept or finished.few):
        few = ", ".join(f"{label} {faces}" for label, faces in finished.few.items())
        why = f"few faces on val to calibrate on (fewer than {FEW_FACES}: {few})"
        if not finished.kept:
            parts.append(f"{why}: its confidences are rough for these labels; add photos to val")
        elif len(finished.kept) == len(LABELS):
            parts.append(f"too {why}: calibration and thresholds stay those of the start model")
        else:
            labels = ", ".join(finished.kept)
            parts.append(f"too {why}: {labels} keep the start model's calibration and threshold")
    if finished.comparison is not None:
        parts.append(finished.comparison.to_text())
    return "\n".join(parts)
