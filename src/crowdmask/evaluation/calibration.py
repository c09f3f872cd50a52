"""Whether a confidence of 0.8 is right four times in five, and how to make it so."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from crowdmask.evaluation.matching import IGNORED, TWO_CLASSES, ScoredPicture, match
from crowdmask.labels import LABELS

Floats = NDArray[np.float64]
BINS = 10
# Part of the raw score that is mixed into a table, so that different scores keep different confidences.
_STRICTNESS = 1e-3
# From this raw score on, the minimum that a detector with a closer look keeps, the confidence is at least the
# other number: precision-recall curves go down to that, and would otherwise lose distant faces with the
# lowest scores.
_FAINT_RAW, _FAINT = 0.02, 0.01


@dataclass(frozen=True, eq=False)
class Judged:
    """Detections and whether each is right.

    Attributes:
        confidence: (D,) of the detector.
        right: (D,) bool; there is a face, and its label is right under the 2-class protocol.
        class_id: (D,) the predicted label, index into `LABELS`.
    """

    confidence: NDArray[np.float32]
    right: NDArray[np.bool_]
    class_id: NDArray[np.int64]


def judge(pictures: Sequence[ScoredPicture], minimum: float = 0.0, found: bool = True) -> Judged:
    """Determine whether each detection is right, without those in ignored regions.

    Args:
        pictures: with detections and truth.
        minimum: minimum confidence, 0 to 1.
        found: use all detections; otherwise only those shown to a user.
    """
    confidences, rights, labels = [np.zeros(0, np.float32)], [np.zeros(0, bool)], [np.zeros(0, np.int64)]
    for picture in pictures:
        detections = picture.found if found else picture.shown
        detections = detections[detections.confidence >= minimum]
        matched = match(detections.xyxy, detections.confidence, picture.faces, picture.ignored)[0]
        right = matched >= 0
        said = TWO_CLASSES[detections.class_id[right]]
        right[right] = said == TWO_CLASSES[picture.face_class_id[matched[matched >= 0]]]
        counted = matched != IGNORED
        confidences.append(detections.confidence[counted])
        rights.append(right[counted])
        labels.append(detections.class_id[counted])
    return Judged(np.concatenate(confidences), np.concatenate(rights), np.concatenate(labels))


@dataclass(frozen=True, eq=False)
class Reliability:
    """Reliability in ten bins of equal width.

    Attributes:
        count: (10,) number of detections.
        confidence: (10,) their mean confidence; NaN for an empty bin.
        right: (10,) share of right ones; NaN for an empty bin.
    """

    count: NDArray[np.int64]
    confidence: Floats
    right: Floats

    @property
    def expected_error(self) -> float:
        """The expected calibration error (ECE), 0 to 1; NaN without detections.

        Source: Guo et al., On Calibration of Modern Neural Networks (2017), section 2.
        """
        if not self.count.sum():
            return float("nan")
        distance = np.nan_to_num(np.abs(self.confidence - self.right))
        return float((distance * self.count).sum() / self.count.sum())


def reliability(confidence: NDArray[np.floating], right: NDArray[np.bool_]) -> Reliability:
    """Compare confidences with the share of right detections.

    Args:
        confidence: (D,) 0 to 1; 0.1 belongs to the second bin, 1 to the last.
        right: (D,) bool.
    """
    values, bins = confidence.astype(np.float64), _bins(confidence)
    count = np.bincount(bins, minlength=BINS)
    with np.errstate(invalid="ignore"):
        mean_confidence = np.bincount(bins, values, BINS) / count
        share = np.bincount(bins, right.astype(np.float64), BINS) / count
    return Reliability(count, mean_confidence, share)


def calibration_sums(pictures: Sequence[ScoredPicture], minimum: float = 0.0) -> Floats:
    """Return each picture's sums for `expected_error`, for the bootstrap over pictures.

    Args:
        pictures: P of them.
        minimum: minimum confidence of the detections that count.
    Returns:
        (P, 11): for each bin the sum of confidences minus the number of right detections; last, the number of
        detections.
    """
    rows = np.zeros((len(pictures), BINS + 1))
    for row, picture in zip(rows, pictures, strict=True):
        judged = judge([picture], minimum)
        excess = judged.confidence.astype(np.float64) - judged.right
        row[:BINS] = np.bincount(_bins(judged.confidence), excess, BINS)
        row[BINS] = len(excess)
    return rows


def expected_error(sums: Floats) -> float:
    """Return the expected calibration error of `calibration_sums`, (11,), summed over pictures."""
    return float(np.abs(sums[:BINS]).sum() / sums[BINS]) if sums[BINS] else float("nan")


def _bins(confidence: NDArray[np.floating]) -> NDArray[np.int64]:
    # In 32-bit floating point, a confidence of 0.7 is 6.9999999 tenths.
    return np.minimum((confidence.astype(np.float64) * BINS + 1e-6).astype(np.int64), BINS - 1)


def fit_calibration(
    raw_scores: NDArray[np.floating], right: NDArray[np.bool_], knots: int = 25
) -> dict[str, list[float]]:
    """Fit a table that turns a raw score into the share of right detections with this score.

    Isotonic regression finds the best increasing steps; the steps that differ least are joined until
    few enough are left, and linear interpolation between their centres replaces them, so that the order is
    preserved. The lowest scores get at least 1 %, whatever their share.

    Args:
        raw_scores: (D,) 0 to 1.
        right: (D,) bool.
        knots: maximum number of points in the table, at least 4.
    Returns:
        ``raw`` from 0 to 1 and ``confidence``, both strictly increasing, for `numpy.interp`.
    Raises:
        ValueError: no detections, shapes that differ, scores outside 0 to 1, or too few knots.
    Source: Zadrozny and Elkan, Transforming classifier scores into accurate multiclass probability
        estimates (2002).
    """
    raw = np.asarray(raw_scores, np.float64)
    if raw.ndim != 1 or not len(raw) or raw.shape != np.shape(right):
        raise ValueError(
            f"need as many scores as judgements, at least one, not {raw.shape}, {np.shape(right)}"
        )
    if not ((raw >= 0) & (raw <= 1)).all() or knots < 4:
        raise ValueError("raw scores must lie between 0 and 1, and a table needs at least 4 knots")
    unique, index, count = np.unique(raw, return_inverse=True, return_counts=True)
    share = np.bincount(index, np.asarray(right, np.float64)) / count
    blocks = _pool(unique, share, count.astype(np.float64))
    blocks = _join(blocks, knots - 3)
    # Three right of three are not certainty: add half a right and half a wrong detection to each step.
    shares = (blocks[:, 1] * blocks[:, 2] + 0.5) / (blocks[:, 2] + 1)
    blocks = _pool(blocks[:, 0], shares, blocks[:, 2])

    inner = blocks[(blocks[:, 0] > 0) & (blocks[:, 0] < 1)]
    x = np.concatenate([[0.0], inner[:, 0], [1.0]])
    y = np.concatenate([[0.0], inner[:, 1], [_extend(inner) if len(inner) else 1.0]])
    knots_x = np.union1d(x, [_FAINT_RAW])
    y = (1 - _STRICTNESS) * np.interp(knots_x, x, y) + _STRICTNESS * knots_x
    shown = knots_x >= _FAINT_RAW
    y[shown] = np.maximum(y[shown], _FAINT + _STRICTNESS * (knots_x[shown] - _FAINT_RAW))
    return {"raw": knots_x.tolist(), "confidence": y.tolist()}


def _pool(x: Floats, y: Floats, weight: Floats) -> Floats:
    """Join decreasing neighbours (pool adjacent violators); return (B, 3) rows of mean x, mean y, weight."""
    blocks: list[list[float]] = []
    for row in np.stack([x, y, weight], axis=1).tolist():
        blocks.append(row)
        while len(blocks) > 1 and blocks[-2][1] >= blocks[-1][1]:
            right = blocks.pop()
            blocks[-1] = _merge(blocks[-1], right)
    return np.array(blocks)


def _join(blocks: Floats, limit: int) -> Floats:
    """Join the most similar neighbouring steps until at most `limit` are left (Ward's method)."""
    rows = blocks.tolist()
    while len(rows) > limit:
        array = np.array(rows)
        left, right = array[:-1, 2], array[1:, 2]
        cost = left * right / (left + right) * np.diff(array[:, 1]) ** 2
        at = int(cost.argmin())
        rows[at : at + 2] = [_merge(rows[at], rows[at + 1])]
    return np.array(rows)


def _merge(left: list[float], right: list[float]) -> list[float]:
    weight = left[2] + right[2]
    return [(left[i] * left[2] + right[i] * right[2]) / weight for i in (0, 1)] + [weight]


def _extend(inner: Floats) -> float:
    """Extrapolate from the last step to a raw score of 1 with the same slope, at most to 1."""
    before = inner[-2] if len(inner) > 1 else np.zeros(3)
    rise = (inner[-1, 1] - before[1]) / (inner[-1, 0] - before[0])
    return float(min(1.0, inner[-1, 1] + rise * (1 - inner[-1, 0])))


def choose_threshold(
    confidence: NDArray[np.floating],
    right: NDArray[np.bool_],
    faces: int,
    precision: float = 0.9,
    beta: float = 1.0,
) -> float:
    """Choose the minimum confidence of the shown detections of one label.

    Args:
        confidence: (D,) of the label's detections.
        right: (D,) bool.
        faces: number of faces to find.
        precision: minimum share of right ones among those shown, 0 to 1.
        beta: weight of recall relative to precision.
    Returns:
        The threshold with the best F-beta among those that reach the precision, half-way to the
        next lower confidence; if none reaches it, the closest one. 0.5 without detections.
    """
    if not len(confidence):
        return 0.5
    order = np.argsort(-confidence, kind="stable")
    ranked = confidence[order].astype(np.float64)
    hits = np.cumsum(right[order])
    seen = np.arange(1, len(order) + 1)
    # Detections with equal confidence are shown together or not at all.
    last_of_equals = np.append(ranked[1:] != ranked[:-1], True)
    reached = hits / seen
    recall = hits / max(faces, 1)
    score = (1 + beta**2) * reached * recall / np.maximum(beta**2 * reached + recall, 1e-9)
    allowed = last_of_equals & (reached >= precision)
    if allowed.any():
        best = int(np.where(allowed, score, -1).argmax())
    else:
        best = int(np.where(last_of_equals, reached, -1).argmax())
    below = ranked[best + 1] if best + 1 < len(ranked) else 0.0
    return float((ranked[best] + below) / 2)


def choose_thresholds(
    pictures: Sequence[ScoredPicture], precision: float = 0.9, beta: float = 1.0
) -> dict[str, float]:
    """Choose each label's threshold on pictures that are neither used for training nor reported.

    Args:
        pictures: `found` contains all detections down to a confidence of about 0.01.
        precision, beta: as in `choose_threshold`. A detection is right when there is a face and its
            label is right under the 2-class protocol.
    """
    judged = judge(pictures)
    faces = np.zeros(len(LABELS), np.int64)
    for picture in pictures:
        faces += np.bincount(picture.face_class_id, minlength=len(LABELS))
    result = {}
    for class_id, label in enumerate(LABELS):
        mine = judged.class_id == class_id
        result[label] = choose_threshold(
            judged.confidence[mine], judged.right[mine], int(faces[class_id]), precision, beta
        )
    return result
