"""Average precision: how well the ranking by confidence separates faces from the rest.

This is our own implementation, since COCO evaluators support neither our ignore rule (a false
detection inside an ignored region at any IoU threshold) nor widths instead of areas, and limit the number of
detections in a picture. Where both apply, they agree; tests compare them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from crowdmask.evaluation.matching import ANY_FACE, FALSE, IGNORED, ScoredPicture, match

IOU_THRESHOLDS: tuple[float, ...] = tuple(0.5 + 0.05 * i for i in range(10))
RECALL_POINTS = np.linspace(0, 1, 101)
# A false box has no true width, so it counts for a slightly wider range of widths.
FALSE_BELOW, FALSE_ABOVE = 0.8, 1.25


@dataclass(frozen=True, eq=False)
class Ranking:
    """Detections of one class, highest confidence first.

    Attributes:
        confidence: (R,).
        hit: (R,) float, 1 for a found face, 0 for a false detection; without ignored ones.
        picture: (R,) index of the picture of each.
        faces: (P,) number of faces of this class in each picture.
    """

    confidence: NDArray[np.float32]
    hit: NDArray[np.float64]
    picture: NDArray[np.intp]
    faces: NDArray[np.int64]

    def curve(
        self, weights: NDArray[np.float64] | None = None
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return recall and precision, (R,) each, after each detection.

        Args:
            weights: (P,) how often each picture counts; None: once.
        """
        weight = np.ones(len(self.hit)) if weights is None else weights[self.picture]
        total = self.faces.sum() if weights is None else float(weights @ self.faces)
        hits, seen = np.cumsum(self.hit * weight), np.cumsum(weight)
        return hits / max(total, 1e-9), hits / np.maximum(seen, 1e-9)

    def average_precision(self, weights: NDArray[np.float64] | None = None) -> float:
        """Return the area under precision over recall at 101 points, 0 to 1; NaN without faces.

        Source: Lin et al., Microsoft COCO (2014), and its evaluation code.
        """
        total = self.faces.sum() if weights is None else float(weights @ self.faces)
        if not total:
            return float("nan")
        recall, precision = self.curve(weights)
        best_from_here = np.append(np.maximum.accumulate(precision[::-1])[::-1], 0.0)
        return float(best_from_here[np.searchsorted(recall, RECALL_POINTS)].mean())


def rank(
    pictures: Sequence[ScoredPicture],
    protocol: NDArray[np.int64],
    class_index: int,
    iou_thresholds: Sequence[float] = (0.5,),
    width_px: tuple[float, float] = (0.0, np.inf),
) -> list[Ranking]:
    """Match one class in every picture.

    Args:
        pictures: the pictures to measure; `found` is ranked.
        protocol: (3,) the class of each label.
        class_index: a class of the protocol.
        iou_thresholds: (T,).
        width_px: only faces of this width, from (inclusive) to (exclusive), in pixels of the picture.
    Returns:
        One ranking for each threshold.
    """
    low, high = width_px
    confidences, indices, faces = [], [], np.zeros(len(pictures), np.int64)
    results: list[NDArray[np.intp]] = []
    for index, picture in enumerate(pictures):
        of_class = protocol[picture.face_class_id] == class_index
        widths = picture.faces[:, 2] - picture.faces[:, 0]
        within = of_class & (widths >= low) & (widths < high)
        faces[index] = within.sum()
        found = picture.found[protocol[picture.found.class_id] == class_index]
        elsewhere = picture.faces[of_class & ~within]
        result = match(
            found.xyxy, found.confidence, picture.faces[within], picture.ignored, iou_thresholds, elsewhere
        )
        width = found.xyxy[:, 2] - found.xyxy[:, 0]
        misplaced = (width < low * FALSE_BELOW) | (width >= high * FALSE_ABOVE)
        result[(result == FALSE) & misplaced] = IGNORED
        results.append(result)
        confidences.append(found.confidence)
        indices.append(np.full(len(found), index, np.intp))

    confidence = np.concatenate([np.zeros(0, np.float32), *confidences])
    picture_index = np.concatenate([np.zeros(0, np.intp), *indices])
    matched = np.concatenate([np.zeros((len(iou_thresholds), 0), np.intp), *results], axis=1)
    order = np.argsort(-confidence, kind="stable")
    rankings = []
    for row in matched[:, order]:
        counted = row != IGNORED
        kept = order[counted]
        hit = (row[counted] != FALSE).astype(np.float64)
        rankings.append(Ranking(confidence[kept], hit, picture_index[kept], faces))
    return rankings


@dataclass(frozen=True)
class ClassScores:
    """Average precision of each class of a protocol; NaN for a class without faces.

    Attributes:
        ap50: of each class at an IoU of 0.5.
        ap50_95: of each class, averaged over the IoU thresholds 0.5 to 0.95.
        faces: of each class.
    """

    ap50: tuple[float, ...]
    ap50_95: tuple[float, ...]
    faces: tuple[int, ...]

    @property
    def map50(self) -> float:
        """The mean of `ap50` over the classes that have faces."""
        return mean(self.ap50)

    @property
    def map50_95(self) -> float:
        """The mean of `ap50_95` over the classes that have faces."""
        return mean(self.ap50_95)


def class_scores(pictures: Sequence[ScoredPicture], protocol: NDArray[np.int64]) -> ClassScores:
    """Return the average precision of each class of a protocol."""
    ap50, ap50_95, faces = [], [], []
    for class_index in range(int(protocol.max()) + 1):
        rankings = rank(pictures, protocol, class_index, IOU_THRESHOLDS)
        scores = [ranking.average_precision() for ranking in rankings]
        ap50.append(scores[0])
        ap50_95.append(float(np.mean(scores)))
        faces.append(int(rankings[0].faces.sum()))
    return ClassScores(tuple(ap50), tuple(ap50_95), tuple(faces))


def face_ap50(
    pictures: Sequence[ScoredPicture], width_px: tuple[float, float] = (0.0, np.inf)
) -> tuple[float, int]:
    """Return AP50 of faces of any label, and the number of faces of that width."""
    ranking = rank(pictures, ANY_FACE, 0, (0.5,), width_px)[0]
    return ranking.average_precision(), int(ranking.faces.sum())


def mean(values: Sequence[float]) -> float:
    """Return the mean without NaNs; NaN if nothing is left."""
    known = [value for value in values if not np.isnan(value)]
    return float(np.mean(known)) if known else float("nan")
