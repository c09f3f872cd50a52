"""A second, closer look at the part of a picture where faces are small.

Whole pictures are seen at a size that suits near faces and costs little. Where that shows small faces, a part
with as many of them as the work allows is seen once more, larger; what both say of a face is averaged.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from crowdmask import boxes
from crowdmask.inference.decode import RawFaces
from crowdmask.inference.model_file import ModelInfo
from crowdmask.inference.tiles import View, cut_at_border

LEAST_SCORE = 0.15
"""What calls for a closer look may be a face by at least this score."""

KEPT_SCORE = 0.02
"""Of either look fainter boxes are dropped."""

LEAST_ZOOM = 1.2
"""A second look less than so much larger shows nothing new."""

# So large a face, in input pixels, gains nothing from being seen larger.
_SMALL_PX = 16.0
# The scores of the small faces must sum up to this: one faint box is not worth the time.
_LEAST_SUM = 0.3
# So many of its own widths and heights around a small face belong to the part: where one is, there are more.
_AROUND = 2.0
# What the closer look weighs in the average. What one look does not see has the score 0 there.
_WEIGHT = 0.8
# A fainter box of the first look moves no box of the second.
_LEAST_PARTNER = 0.1


def worth_while(info: ModelInfo) -> bool:
    """Say whether a closer look of this model would show anything new."""
    look, spec = info.closer_look, info.input
    return look is not None and spec.resize == "fit" and look.size >= LEAST_ZOOM * spec.size


def closer_view(found: RawFaces, width: int, height: int, info: ModelInfo) -> View | None:
    """Choose the part of a picture to be looked at more closely.

    Args:
        found: of the first look, one box a face, in pixels of the picture.
        width, height: of the picture, pixels.
        info: of the model.
    Returns:
        None where there is nothing to gain.
    """
    look, spec = info.closer_look, info.input
    if look is None or not worth_while(info):
        return None
    side = max(width, height)
    sizes = found.xyxy[:, 2:] - found.xyxy[:, :2]
    small = np.sqrt(sizes.prod(axis=1)) * spec.size / side < _SMALL_PX
    small &= found.best >= LEAST_SCORE
    if not small.any() or found.best[small].sum() < _LEAST_SUM:
        return None
    around = np.concatenate([-sizes, sizes], axis=1)[small] * _AROUND
    reach = boxes.clip(found.xyxy[small] + around, width, height)
    scale = look.size / side
    x1, y1, x2, y2 = _densest(reach, found.best[small], look.share * spec.size**2 / scale**2)
    left, top, right, bottom = math.floor(x1), math.floor(y1), math.ceil(x2), math.ceil(y2)
    longest = max(right - left, bottom - top)
    view = View(left, top, right, bottom, max(1, round(longest * scale / spec.multiple)) * spec.multiple)
    return view if view.scale > LEAST_ZOOM * spec.size / side else None


def join(first: RawFaces, second: RawFaces, view: View, width: int, height: int, info: ModelInfo) -> RawFaces:
    """Average what two looks say: of the faces that lie inside the part, the rest is the first's.

    Args:
        first: of the whole picture, one box a face.
        second: of the part, one box a face, in pixels of the picture too.
        view: the part.
        width, height: of the picture, pixels.
        info: of the model.
    """
    second = second[~cut_at_border(view, second.xyxy, width, height)]
    from_, to = np.array([view.x1, view.y1]), np.array([view.x2, view.y2])
    inside = (first.xyxy[:, :2] >= from_).all(axis=1) & (first.xyxy[:, 2:] <= to).all(axis=1)
    # Of a face at the border the closer look shows a part, or hardly less than all: the first look's stands.
    inside &= ~cut_at_border(view, first.xyxy, width, height)
    own, theirs = _pair(first, second, inside & (first.best >= _LEAST_PARTNER), info.nms_iou)
    weight = np.where(inside, 1 - _WEIGHT, 1.0).astype(np.float32)[:, None]
    xyxy, scores = first.xyxy.copy(), first.scores * weight
    xyxy[own] += _WEIGHT * (second.xyxy[theirs] - xyxy[own])
    scores[own] = first.scores[own] + _WEIGHT * (second.scores[theirs] - first.scores[own])
    new = np.ones(len(second), bool)
    new[theirs] = False
    everyone = RawFaces(
        np.concatenate([xyxy, second.xyxy[new]]), np.concatenate([scores, _WEIGHT * second.scores[new]])
    )
    return everyone[boxes.suppress(everyone.xyxy, everyone.best, info.nms_iou, info.max_detections)]


def least_scores(shown: float) -> tuple[float, float]:
    """Return the scores, of the first and of the second look, below which no box alters a face that is shown.

    Args:
        shown: the least score of those faces, after `join`.
    """
    second = (shown - (1 - _WEIGHT)) / _WEIGHT - 1e-3
    return (_LEAST_PARTNER if shown > _LEAST_PARTNER else KEPT_SCORE), max(KEPT_SCORE, second)


def _pair(
    first: RawFaces, second: RawFaces, may: NDArray[np.bool_], iou: float
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return the indices of the boxes of one face, the surest of the second look's choosing first.

    Args:
        may: (N,) which boxes of the first look may be chosen.
    """
    overlap = boxes.iou(first.xyxy, second.xyxy) * may[:, None]
    own, theirs = [], []
    if len(first):
        for index in np.argsort(-second.best, kind="stable"):
            nearest = int(overlap[:, index].argmax())
            if overlap[nearest, index] >= iou:
                own.append(nearest)
                theirs.append(int(index))
                overlap[nearest] = 0
    return np.array(own, np.intp), np.array(theirs, np.intp)


def _densest(reach: NDArray[np.float32], scores: NDArray[np.float32], most: float) -> tuple[float, ...]:
    """Shrink the hull of some boxes until its area is small enough, leaving out the least for the most area.

    Args:
        reach: (N, 4) xyxy, N above 0.
        scores: (N,) what a box is worth.
        most: area.
    Returns:
        x1, y1, x2, y2; of a single box if that is larger.
    """
    # Towards each side the boxes in their order from outside; `at` is the outermost that is left.
    sides = reach * np.array([1, 1, -1, -1], np.float32)
    orders = np.argsort(sides, axis=0, kind="stable").T.tolist()
    values, worth = reach.tolist(), scores.tolist()
    alive = [True] * len(values)
    at = [0, 0, 0, 0]
    left = len(values)
    while True:
        for side, order in enumerate(orders):
            while not alive[order[at[side]]]:
                at[side] += 1
        hull = [values[orders[side][at[side]]][side] for side in range(4)]
        area = (hull[2] - hull[0]) * (hull[3] - hull[1])
        if area <= most or left == 1:
            return tuple(hull)
        best, dropped = -1.0, -1
        for side, order in enumerate(orders):
            outermost = order[at[side]]
            following = next(i for i in order[at[side] + 1 :] if alive[i])
            smaller = hull.copy()
            smaller[side] = values[following][side]
            freed = area - (smaller[2] - smaller[0]) * (smaller[3] - smaller[1])
            gain = freed / (worth[outermost] + 0.05)
            if gain > best:
                best, dropped = gain, outermost
        alive[dropped] = False
        left -= 1
