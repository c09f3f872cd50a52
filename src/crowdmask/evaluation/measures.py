"""All measures of one slice of a data set, and of each slice, as plain values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from crowdmask.evaluation.average_precision import (
    ClassScores,
    Ranking,
    class_scores,
    face_ap50,
    mean,
    rank,
)
from crowdmask.evaluation.bootstrap import Weights, bootstrap_intervals
from crowdmask.evaluation.calibration import (
    Reliability,
    calibration_sums,
    expected_error,
    judge,
    reliability,
)
from crowdmask.evaluation.classification import ConfusionCounts, count_confusion, tallies
from crowdmask.evaluation.matching import ANY_FACE, THREE_CLASSES, TWO_CLASSES, ScoredPicture
from crowdmask.evaluation.slices import FACE_WIDTHS_PX, slices
from crowdmask.labels import LABELS

# Detections of lower confidence are only for the precision-recall curve; nobody uses their confidence.
CALIBRATION_MINIMUM = 0.1
TWO_CLASS_NAMES = ("with_mask", "without_mask")
OUTCOMES = ("recall", "precision", "class_accuracy", "balanced_accuracy")


@dataclass(frozen=True, eq=False)
class SliceMeasures:
    """The measures of one slice.

    Attributes:
        pictures: number of pictures.
        two_class: with an incorrectly worn mask counted as none.
        three_class: with the three labels.
        face_ap50: of faces with any label.
        by_width: for each range of face widths, AP50 of faces with any label, and their number.
        shown: counts at the detector's own thresholds.
        reliability: of all detections of at least `CALIBRATION_MINIMUM`.
        reliability_shown: of the detections at the detector's own thresholds.
        intervals: 95 % bootstrap intervals by measure.
    """

    pictures: int
    two_class: ClassScores
    three_class: ClassScores
    face_ap50: float
    by_width: dict[str, tuple[float, int]]
    shown: ConfusionCounts
    reliability: Reliability
    reliability_shown: Reliability
    intervals: dict[str, tuple[float, float]]

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON; NaN if there is nothing to measure."""
        return {
            "pictures": self.pictures,
            "faces": dict(zip(LABELS, self.three_class.faces, strict=True)),
            "mAP50": self.two_class.map50,
            "mAP50_95": self.two_class.map50_95,
            "AP50": dict(zip(TWO_CLASS_NAMES, self.two_class.ap50, strict=True)),
            "AP50_95": dict(zip(TWO_CLASS_NAMES, self.two_class.ap50_95, strict=True)),
            "mAP50_3class": self.three_class.map50,
            "mAP50_95_3class": self.three_class.map50_95,
            "AP50_3class": dict(zip(LABELS, self.three_class.ap50, strict=True)),
            "AP50_95_3class": dict(zip(LABELS, self.three_class.ap50_95, strict=True)),
            "face_AP50": self.face_ap50,
            "face_AP50_by_width_px": {
                name: {"AP50": score, "faces": faces} for name, (score, faces) in self.by_width.items()
            },
            "at_default": {**self.shown.to_dict(), "ece": self.reliability_shown.expected_error},
            "calibration": {
                "minimum": CALIBRATION_MINIMUM,
                "ece": self.reliability.expected_error,
                "bins": {
                    "count": self.reliability.count.tolist(),
                    "confidence": self.reliability.confidence.tolist(),
                    "right": self.reliability.right.tolist(),
                },
            },
            "intervals_95": {name: list(ends) for name, ends in self.intervals.items()},
        }


def measure(pictures: Sequence[ScoredPicture], bootstrap: int = 0, seed: int = 0) -> SliceMeasures:
    """Compute all measures of the pictures.

    Args:
        pictures: one slice.
        bootstrap: number of bootstrap samples for the intervals; 0: none.
        seed: random seed of the bootstrap.
    """
    judged, judged_shown = judge(pictures, CALIBRATION_MINIMUM), judge(pictures, found=False)
    return SliceMeasures(
        pictures=len(pictures),
        two_class=class_scores(pictures, TWO_CLASSES),
        three_class=class_scores(pictures, THREE_CLASSES),
        face_ap50=face_ap50(pictures)[0],
        by_width={name: face_ap50(pictures, width) for name, width in FACE_WIDTHS_PX.items()},
        shown=count_confusion(pictures),
        reliability=reliability(judged.confidence, judged.right),
        reliability_shown=reliability(judged_shown.confidence, judged_shown.right),
        intervals=intervals(pictures, bootstrap, seed) if bootstrap else {},
    )


def measure_slices(
    pictures: Sequence[ScoredPicture], bootstrap: int = 0, seed: int = 0
) -> dict[str, SliceMeasures]:
    """Compute all measures of each slice; see `slices` for their order."""
    return {name: measure(group, bootstrap, seed) for name, group in slices(pictures).items()}


def intervals(
    pictures: Sequence[ScoredPicture], samples: int, seed: int = 0
) -> dict[str, tuple[float, float]]:
    """Return the 95 % bootstrap intervals of the main measures.

    ``AP50_with_mask`` and ``AP50_without_mask`` are of two classes, ``AP50_mask_worn_incorrect`` of three.
    """
    two = {name: rank(pictures, TWO_CLASSES, index)[0] for index, name in enumerate(TWO_CLASS_NAMES)}
    others = {
        f"AP50_{LABELS[2]}": rank(pictures, THREE_CLASSES, 2)[0],
        "face_AP50": rank(pictures, ANY_FACE, 0)[0],
    }
    for name, width in FACE_WIDTHS_PX.items():
        others[f"face_AP50_{name}"] = rank(pictures, ANY_FACE, 0, (0.5,), width)[0]
    counts, sums = tallies(pictures), calibration_sums(pictures, CALIBRATION_MINIMUM)
    names = ["mAP50", *(f"AP50_{name}" for name in two), *others, *OUTCOMES, "ece"]

    def measures(weights: Weights) -> list[float]:
        of_two = [ranking.average_precision(weights) for ranking in two.values()]
        of_others = [ranking.average_precision(weights) for ranking in others.values()]
        seen = ConfusionCounts.from_vector(weights @ counts)
        outcomes = [float(getattr(seen, name)) for name in OUTCOMES]
        return [mean(of_two), *of_two, *of_others, *outcomes, expected_error(weights @ sums)]

    return bootstrap_intervals(measures, names, len(pictures), samples, seed=seed)


def precision_recall(pictures: Sequence[ScoredPicture]) -> dict[str, Ranking]:
    """Return the rankings behind the precision-recall curves: each label, and any face."""
    rankings = {label: rank(pictures, THREE_CLASSES, class_id)[0] for class_id, label in enumerate(LABELS)}
    return rankings | {"any face": rank(pictures, ANY_FACE, 0)[0]}
