"""The closer look: a second, enlarged view of the part of a picture where faces are small.

First the network sees the whole picture at a size that suits near faces and is fast. If it finds small faces,
it sees a part with as many of them as the budget allows again, enlarged; the two results are averaged.
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
"""Minimum score of a small face that triggers a closer look."""

KEPT_SCORE = 0.02
"""Minimum score of a box that is kept, in both passes."""

LEAST_ZOOM = 1.2
"""Minimum enlargement; below it the second pass shows nothing new."""

# Minimum sum of the scores of small faces: one uncertain box is not worth the time.
_LEAST_SUM = 0.3
# Margin around a small face, in its own widths and heights: near one there are usually more.
_AROUND = 2.0
# Weight of the closer look in the average. A face that one pass does not find has the score 0 there.
_WEIGHT = 0.8
# Minimum score of a first-pass box that is averaged with a box of the second pass.
_LEAST_PARTNER = 0.1


def worth_while(info: ModelInfo) -> bool:
    """Return whether this model has a closer look that can show anything new."""
    look, spec = info.closer_look, info.input
    return look is not None and spec.resize == "fit" and look.size >= LEAST_ZOOM * spec.size


def closer_view(found: RawFaces, width: int, height: int, info: ModelInfo) -> View | None:
    """Choose the part of a picture for the closer look.

    Args:
        found: faces of the first pass, one box each, in pixels of the picture.
        width, height: of the picture, pixels.
        info: of the model.
    Returns:
        The part; None if there is nothing to gain.
    """
    look, spec = info.closer_look, info.input
    if look is None or not worth_while(info):
        return None
    side = max(width, height)
    sizes = found.xyxy[:, 2:] - found.xyxy[:, :2]
    small = np.sqrt(sizes.prod(axis=1)) * spec.size / side < look.small_px
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
    """Average the results of both passes inside the part; outside it the first pass stands.

    Args:
        first: faces of the whole picture, one box each.
        second: faces of the part, one box each, also in pixels of the picture.
        view: the part.
        width, height: of the picture, pixels.
        info: of the model.
    """
    second = second[~cut_at_border(view, second.xyxy, width, height)]
    from_, to = np.array([view.x1, view.y1]), np.array([view.x2, view.y2])
    inside = (first.xyxy[:, :2] >= from_).all(axis=1) & (first.xyxy[:, 2:] <= to).all(axis=1)
    # The closer look sees faces at its border incompletely: there the first pass stands.
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
    """Return the scores of the first and second pass below which no box can change a shown face.

    Args:
        shown: minimum score of the shown faces, after `join`.
    """
    second = (shown - (1 - _WEIGHT)) / _WEIGHT - 1e-3
    return (_LEAST_PARTNER if shown > _LEAST_PARTNER else KEPT_SCORE), max(KEPT_SCORE, second)


def _pair(
    first: RawFaces, second: RawFaces, may: NDArray[np.bool_], iou: float
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Match the boxes of both passes and return their indices.

    The highest scores of the second pass choose first.

    Args:
        may: (N,) which boxes of the first pass may be chosen.
    """
    overlap = boxes.iou(first.xyxy, second.xyxy) * may[:, None]
    own, theirs = [], []
    if len(first):
        may_pair = overlap.max(axis=0) >= iou
        for index in (order := np.argsort(-second.best, kind="stable"))[may_pair[order]]:
            nearest = int(overlap[:, index].argmax())
            if overlap[nearest, index] >= iou:
                own.append(nearest)
                theirs.append(int(index))
                overlap[nearest] = 0
    return np.array(own, np.intp), np.array(theirs, np.intp)


def _densest(reach: NDArray[np.float32], scores: NDArray[np.float32], most: float) -> tuple[float, ...]:
    """Shrink the bounding box of some boxes until its area is small enough.

    Boxes with a low score and a large area are dropped first.

    Args:
        reach: (N, 4) xyxy, N above 0.
        scores: (N,) value of each box.
        most: maximum area.
    Returns:
        x1, y1, x2, y2; larger than `most` only if a single box is left.
    """
    # For each side, the boxes ordered from the outside; `at` is the outermost one that is left.
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
