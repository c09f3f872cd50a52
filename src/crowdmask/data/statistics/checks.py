"""Annotations that are probably wrong, for a person to look at."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from crowdmask import boxes as box_arithmetic
from crowdmask.data.manifest import Box, Photo
from crowdmask.detections import Detections
from crowdmask.labels import DISPLAY_NAMES, LABELS

NEARLY_EQUAL_IOU = 0.85
ASPECT = (0.4, 1.6)
"""Range of a face's width divided by its height: in the training data 1 in 200 lies outside."""

MIN_ASPECT_PX = 8
"""Minimum box size for this check: in smaller boxes one pixel changes the aspect ratio too much."""

_TOLERANCE_PX = 0.5
_SAME_FACE_IOU = 0.5


class Kind(StrEnum):
    """Kinds of suspicious annotations, the most certain mistakes first."""

    UNREADABLE = "The photo is missing or cannot be read"
    SIZE = "The photo has another size than its annotation says"
    OUTSIDE = "A box reaches outside the picture"
    NO_AREA = "A box without area"
    EQUAL = "Two boxes are nearly equal"
    LABEL = "Our model is sure of another label"
    MISSED = "Our model is sure of a face that is not annotated"
    ASPECT = "An unlikely width for the height"


@dataclass(frozen=True)
class Finding:
    """One suspicion.

    Attributes:
        index: of the photo, in the order of the data set.
        text: the details.
        boxes: the boxes to draw, in pixels of the photo; empty: the whole photo.
    """

    kind: Kind
    index: int
    text: str
    boxes: tuple[Box, ...] = ()


def check_boxes(index: int, photo: Photo) -> list[Finding]:
    """Return the suspicions about a photo's boxes, without reading its pixels."""
    faces = photo.faces or []
    if not faces:
        return []
    xyxy = np.array([face.box for face in faces], np.float64)
    sides = xyxy[:, 2:] - xyxy[:, :2]
    found = []
    for number, face in enumerate(faces):
        x1, y1, x2, y2 = face.box
        width, height = (float(side) for side in sides[number])
        where = f"{x1:g}, {y1:g}, {x2:g}, {y2:g} in {photo.width} x {photo.height}"
        if not np.isfinite(face.box).all() or width < 1 or height < 1:
            found.append(Finding(Kind.NO_AREA, index, where, (face.box,)))
            continue
        past = max(-x1, -y1, x2 - photo.width, y2 - photo.height)
        if past > _TOLERANCE_PX:
            found.append(Finding(Kind.OUTSIDE, index, f"by {past:.0f} px: {where}", (face.box,)))
        # A face that is cut by the picture's border may have any shape.
        cut = min(x1, y1, photo.width - x2, photo.height - y2) < 1
        judged = not face.ignore and not cut and min(width, height) >= MIN_ASPECT_PX
        if judged and not ASPECT[0] <= width / height <= ASPECT[1]:
            found.append(Finding(Kind.ASPECT, index, f"{width:.0f} x {height:.0f} px", (face.box,)))
    overlap = np.triu(box_arithmetic.iou(xyxy.astype(np.float32), xyxy.astype(np.float32)), 1)
    for a, b in zip(*np.nonzero(overlap > NEARLY_EQUAL_IOU), strict=True):
        if faces[a].ignore and faces[b].ignore:
            continue
        labels = {str(faces[i].label or "ignored") for i in (a, b)}
        text = f"overlap {overlap[a, b]:.2f}, {' and '.join(sorted(labels))}"
        found.append(Finding(Kind.EQUAL, index, text, (faces[a].box, faces[b].box)))
    return found


def check_against(index: int, photo: Photo, seen: Detections, sure: float) -> list[Finding]:
    """Return where a confident detection contradicts the annotation.

    Args:
        sure: minimum confidence, 0 to 1.
    """
    faces = photo.faces or []
    boxes = np.array([face.box for face in faces], np.float32).reshape(-1, 4)
    seen = seen[seen.confidence >= sure]
    overlap = box_arithmetic.iou(seen.xyxy, boxes)
    covered = box_arithmetic.ioa(seen.xyxy, boxes)
    found = []
    for number in range(len(seen)):
        x1, y1, x2, y2 = (float(edge) for edge in seen.xyxy[number])
        box, label = (x1, y1, x2, y2), LABELS[int(seen.class_id[number])]
        confidence = f"{seen.confidence[number]:.2f}"
        match = int(overlap[number].argmax()) if len(faces) else -1
        if match >= 0 and overlap[number, match] >= _SAME_FACE_IOU:
            face = faces[match]
            if not face.ignore and face.label is not None and face.label != label:
                text = f"annotated {DISPLAY_NAMES[face.label]}; model: {DISPLAY_NAMES[label]} {confidence}"
                found.append(Finding(Kind.LABEL, index, text, (face.box,)))
        elif not len(faces) or covered[number].max() < _SAME_FACE_IOU:
            found.append(Finding(Kind.MISSED, index, f"model: {DISPLAY_NAMES[label]} {confidence}", (box,)))
    return found
