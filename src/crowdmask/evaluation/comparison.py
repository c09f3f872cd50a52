"""Compare two models on the same pictures: is one better, or are they too few to tell?"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from crowdmask.evaluation.average_precision import mean, rank
from crowdmask.evaluation.bootstrap import Weights, bootstrap_interval
from crowdmask.evaluation.matching import TWO_CLASSES, ScoredPicture
from crowdmask.evaluation.measures import SliceMeasures, measure

FEW_FACES = 200
"""Fewer faces say too little: of 200 shown faces some 85 % are right, and the 95 % interval of that share is
.05 to either side, which is as much as the whole calibration error (ECE) of our shipped models on new photos.
What is fitted to fewer faces is more chance than calibration."""

_SAMPLES = 500


@dataclass(frozen=True, eq=False)
class Comparison:
    """A model beside the one that it started from, on the same pictures.

    Attributes:
        start: name of the start model.
        result: name of the trained model.
        before: measures of the start model.
        after: measures of the trained model.
        gain: 95 % bootstrap interval of the trained model's mAP50 minus the start model's.
    """

    start: str
    result: str
    before: SliceMeasures
    after: SliceMeasures
    gain: tuple[float, float]

    @property
    def is_clear(self) -> bool:
        """Return whether the pictures suffice to say which model is better."""
        low, high = self.gain
        return sum(self.after.two_class.faces) >= FEW_FACES and (low > 0 or high < 0)

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON; None if there was nothing to measure."""
        return {
            "start": {"model": self.start, **_scores(self.before)},
            "result": {"model": self.result, **_scores(self.after)},
            "mAP50_gain_95": [None if math.isnan(end) else end for end in self.gain],
            "clear": self.is_clear,
        }

    def to_text(self) -> str:
        """Return a table of both models, and what it says."""
        rows = {"start": _scores(self.before), "result": _scores(self.after)}
        names = {"start": f"start: {self.start}", "result": f"result: {self.result}"}
        wide = max(len("the same val photos"), *map(len, names.values()))
        lines = ["  ".join(["the same val photos".ljust(wide), *(name.rjust(9) for name in rows["start"])])]
        for key, scores in rows.items():
            cells = ("-" if value is None else f"{value:.3f}" for value in scores.values())
            lines.append("  ".join([names[key].ljust(wide), *(cell.rjust(9) for cell in cells)]))
        return "\n".join([*lines, self._verdict()])

    def _verdict(self) -> str:
        faces = sum(self.after.two_class.faces)
        photos = self.after.pictures
        if self.is_clear:
            better = "better" if self.gain[0] > 0 else "worse"
            return f"(mAP50: {better} than the start by {_span(self.gain)}, 95 % interval)"
        of = f"{faces} {'face' if faces == 1 else 'faces'} in {photos} {'photo' if photos == 1 else 'photos'}"
        return f"(val is too small to tell the two apart: {of}; add photos to val before you choose)"


def compare(
    start: str, before: Sequence[ScoredPicture], result: str, after: Sequence[ScoredPicture]
) -> Comparison:
    """Measure two models on the same pictures.

    Args:
        start: name of the start model.
        before: (P,) the pictures with the start model's detections.
        result: name of the trained model.
        after: (P,) the same pictures in the same order with the trained model's.
    Raises:
        ValueError: the pictures differ.
    """
    if [picture.name for picture in before] != [picture.name for picture in after]:
        raise ValueError("two models can only be compared on the same pictures")
    first, second = ([rank(run, TWO_CLASSES, label)[0] for label in (0, 1)] for run in (before, after))

    def gain(weights: Weights) -> float:
        return mean([ranking.average_precision(weights) for ranking in second]) - mean(
            [ranking.average_precision(weights) for ranking in first]
        )

    ends = bootstrap_interval(gain, len(after), _SAMPLES)
    return Comparison(start, result, measure(before), measure(after), ends)


def _scores(measures: SliceMeasures) -> dict[str, float | None]:
    shown = measures.shown
    scores = {
        "mAP50": measures.two_class.map50,
        "recall": shown.recall,
        "precision": shown.precision,
        "class acc": shown.class_accuracy,
        "ECE": measures.reliability.expected_error,
    }
    return {name: None if math.isnan(score) else float(score) for name, score in scores.items()}


def _span(ends: tuple[float, float]) -> str:
    low, high = sorted(abs(end) for end in ends)
    return f"{low:.3f} to {high:.3f}"
