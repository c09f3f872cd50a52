"""Match detections with annotated faces: the basis of every measure and rate."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from crowdmask import boxes

FALSE, IGNORED = -1, -2
IGNORE_IOA, IGNORE_IOU = 0.5, 0.4


def match(
    detections: NDArray[np.float32],
    confidence: NDArray[np.float32],
    faces: NDArray[np.float32],
    ignored: NDArray[np.float32],
    iou_thresholds: Sequence[float] = (0.5,),
    elsewhere: NDArray[np.float32] | None = None,
) -> NDArray[np.intp]:
    """Assign each detection, highest confidence first, to the unassigned face that it overlaps most.

    Args:
        detections: (D, 4) xyxy.
        confidence: (D,).
        faces: (N, 4) xyxy, each of which can be found once.
        ignored: (K, 4) xyxy; an unassigned detection is not counted if more than half of it lies
            inside one of these, or its IoU with one is above 0.4.
        iou_thresholds: (T,) minimum IoU of a match.
        elsewhere: (E, 4) xyxy of faces that are measured separately (for example of another
            width); an unassigned detection that matches one of them is not counted.
    Returns:
        (T, D): for each threshold and detection the index of its face, `FALSE` or `IGNORED`.
    """
    result = np.full((len(iou_thresholds), len(detections)), FALSE, np.intp)
    if not len(detections):
        return result
    overlap = boxes.iou(detections, faces)
    inside = boxes.ioa(detections, ignored) > IGNORE_IOA
    not_counted = (inside | (boxes.iou(detections, ignored) > IGNORE_IOU)).any(axis=1)
    best_elsewhere = np.zeros(len(detections))
    if elsewhere is not None and len(elsewhere):
        best_elsewhere = boxes.iou(detections, elsewhere).max(axis=1)

    order = np.argsort(-confidence, kind="stable")
    if len(faces):
        # Most of a detector's thousands of low-confidence detections overlap no face: skip them all at once.
        order = order[overlap.max(axis=1)[order] >= min(iou_thresholds)]
        for row, threshold in zip(result, iou_thresholds, strict=True):
            _assign(row, overlap, order, threshold)
    for row, threshold in zip(result, iou_thresholds, strict=True):
        row[(row == FALSE) & (not_counted | (best_elsewhere >= threshold))] = IGNORED
    return result


def _assign(
    row: NDArray[np.intp], overlap: NDArray[np.float32], order: NDArray[np.intp], threshold: float
) -> None:
    """Write into `row` (D,) the face that each detection of `order` is assigned to."""
    free = np.ones(overlap.shape[1], bool)
    for detection in order:
        candidates = np.where(free, overlap[detection], -1.0)
        face = int(candidates.argmax())
        if candidates[face] >= threshold:
            free[face] = False
            row[detection] = face
