"""From trained weights to a usable model file: export, calibrate and choose thresholds on val."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from crowdmask.data.sample import Sample
from crowdmask.errors import DataError
from crowdmask.evaluation.calibration import choose_thresholds, fit_calibration, judge
from crowdmask.evaluation.matching import ScoredPicture
from crowdmask.evaluation.measures import SliceMeasures, measure
from crowdmask.evaluation.run import Run, both_views, run_detector
from crowdmask.export.onnx import export_onnx, metadata, rewrite_metadata, with_closer_look, with_farther_look
from crowdmask.inference.detector import Detector
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
    """

    path: Path
    decisions: dict[str, Any]
    measures: SliceMeasures
    run: Run


def finish(
    model: DetectionModel,
    name: str,
    val: Sequence[Sample],
    path: Path,
    progress: Progress = silent,
    closer_look: int | None = None,
    half_weights: bool = False,
    farther_look: int | None = None,
) -> Finished:
    """Export a model, calibrate its confidence and choose its thresholds.

    If too little is found on val, the file has the default thresholds and no calibration.

    Args:
        model: trained, on the CPU.
        name: of the weights.
        val: photos that were not used for training.
        path: path of the ONNX file.
        progress: receives the progress.
        closer_look: long side for running a part again, pixels; 0: never; None: the default.
        half_weights: see `export_onnx`.
        farther_look: long side for running a picture with near faces or none again, pixels; 0 or None: never.
    Raises:
        UsageError: the model does not support this closer or farther look.
        ModelError: the file's output differs from the model's.
        OutputError: the file cannot be written.
    """
    about = with_farther_look(with_closer_look(metadata(model, name), closer_look), farther_look)
    export_onnx(model, path, about, half_weights)
    raw = run_detector(both_views(Detector(path)), val, progress, "calibrating")
    try:
        calibration = fit(raw.pictures)
    except DataError:
        return Finished(path, {}, measure(raw.pictures), raw)
    rewrite_metadata(path, {**about, "calibration": calibration})
    calibrated = run_detector(both_views(Detector(path)), val, progress, "choosing thresholds")
    threshold = thresholds(calibrated.pictures)
    decisions = {"calibration": calibration, "threshold": threshold}
    rewrite_metadata(path, {**about, **decisions})
    final = run_detector(both_views(Detector(path)), val, progress)
    return Finished(path, decisions, measure(final.pictures), final)


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
    """Return one line with the measures on val."""
    m = finished.measures
    if finished.decisions:
        shown = json.dumps({k: round(v, 3) for k, v in finished.decisions["threshold"].items()})
        decided = f"thresholds {shown}"
    else:
        decided = "not calibrated, usual thresholds: too little was found on val to choose on"
    return (
        f"val: mAP50 {m.two_class.map50:.3f}, recall {m.shown.recall:.3f}, "
        f"precision {m.shown.precision:.3f}, class accuracy {m.shown.class_accuracy:.3f}, "
        f"ECE {m.reliability.expected_error:.3f}, {decided}"
    )
