"""Results at the detector's own thresholds: faces found, missed, falsely detected and mislabelled."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crowdmask.evaluation.matching import FALSE, TWO_CLASSES, ScoredPicture, match
from crowdmask.labels import LABELS

CLASSES = len(LABELS)


@dataclass(frozen=True, eq=False)
class ConfusionCounts:
    """Counts of faces and detections.

    Attributes:
        confusion: (3, 3) found faces, true label by row, predicted label by column.
        missed: (3,) faces not found, by true label.
        false: (3,) false detections, by predicted label.
    """

    confusion: NDArray[np.int64]
    missed: NDArray[np.int64]
    false: NDArray[np.int64]

    def to_vector(self) -> NDArray[np.int64]:
        """Return all counts as (15,), which can be summed over pictures."""
        return np.concatenate([self.confusion.ravel(), self.missed, self.false])

    @classmethod
    def from_vector(cls, vector: NDArray[Any]) -> ConfusionCounts:
        """Read what `to_vector` wrote."""
        return cls(vector[:9].reshape(CLASSES, CLASSES), vector[9:12], vector[12:])

    @property
    def two_class_confusion(self) -> NDArray[np.int64]:
        """The confusion matrix with an incorrectly worn mask counted as none, (2, 2)."""
        result = np.zeros((2, 2), self.confusion.dtype)
        np.add.at(result, (TWO_CLASSES[:, None], TWO_CLASSES[None, :]), self.confusion)
        return result

    @property
    def recall(self) -> float:
        """The share of faces that were found, with any label."""
        found = self.confusion.sum()
        return _share(found, found + self.missed.sum())

    @property
    def precision(self) -> float:
        """The share of detections that are a face, with any label."""
        found = self.confusion.sum()
        return _share(found, found + self.false.sum())

    @property
    def class_accuracy(self) -> float:
        """The share of found faces whose label is right under the 2-class protocol."""
        return _share(np.trace(self.two_class_confusion), self.confusion.sum())

    @property
    def balanced_accuracy(self) -> float:
        """The mean over the two classes of the share of found faces with the right label."""
        return _balanced(self.two_class_confusion)

    @property
    def class_accuracy_3(self) -> float:
        """The share of found faces whose label of three is right."""
        return _share(np.trace(self.confusion), self.confusion.sum())

    @property
    def balanced_accuracy_3(self) -> float:
        """The mean over the three labels of the share of found faces with the right label."""
        return _balanced(self.confusion)

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {
            "recall": self.recall,
            "precision": self.precision,
            "class_accuracy": self.class_accuracy,
            "balanced_accuracy": self.balanced_accuracy,
            "class_accuracy_3": self.class_accuracy_3,
            "balanced_accuracy_3": self.balanced_accuracy_3,
            "recall_by_label": {
                label: _share(row.sum(), row.sum() + missed)
                for label, row, missed in zip(LABELS, self.confusion, self.missed, strict=True)
            },
            "confusion": self.confusion.tolist(),
            "missed": self.missed.tolist(),
            "false": self.false.tolist(),
        }


def judge_picture(picture: ScoredPicture) -> ConfusionCounts:
    """Count one picture's `shown` detections against its faces, at an IoU of 0.5."""
    shown = picture.shown
    matched = match(shown.xyxy, shown.confidence, picture.faces, picture.ignored)[0]
    found = matched[matched >= 0]
    confusion = np.zeros((CLASSES, CLASSES), np.int64)
    np.add.at(confusion, (picture.face_class_id[found], shown.class_id[matched >= 0]), 1)
    missed = np.bincount(np.delete(picture.face_class_id, found), minlength=CLASSES)
    false = np.bincount(shown.class_id[matched == FALSE], minlength=CLASSES)
    return ConfusionCounts(confusion, missed, false)


def tallies(pictures: Sequence[ScoredPicture]) -> NDArray[np.int64]:
    """Return the counts of each picture, (P, 15), see `ConfusionCounts.to_vector`."""
    rows = [judge_picture(picture).to_vector() for picture in pictures]
    return np.array(rows, np.int64).reshape(len(pictures), 15)


def count_confusion(pictures: Sequence[ScoredPicture]) -> ConfusionCounts:
    """Count the `shown` detections of all pictures."""
    return ConfusionCounts.from_vector(tallies(pictures).sum(axis=0))


def _share(part: Any, whole: Any) -> float:
    return float(part / whole) if whole else float("nan")


def _balanced(confusion: NDArray[Any]) -> float:
    shares = [row[i] / row.sum() for i, row in enumerate(confusion) if row.sum()]
    return float(np.mean(shares)) if shares else float("nan")
