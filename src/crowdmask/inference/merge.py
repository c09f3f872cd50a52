"""Merge the faces found in all views of a picture: one box for each face.

If a tile's border cuts a face, the tile shows only a part of it, and the box ends there. If another view
shows the whole face, this box is dropped; otherwise the parts are joined.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from crowdmask import boxes
from crowdmask.detections import Detections
from crowdmask.inference.model_file import ModelInfo
from crowdmask.inference.tiles import TilePlan, View, cut_at_border

# Faces smaller than this are taken from the tiles, which show them better than the whole picture.
_WHOLE_FROM = 0.8
# Minimum part of a box inside another one, if both are of one face and a tile shows only a part of it.
_COVERED = 0.5
_INSIDE = 0.7
# A box that covers a cut one but has a far lower score is not the better one.
_MUCH_LESS_SURE = 0.3
# Two cut boxes are parts of one face if they overlap and nearly fill their common bounding box.
_PARTS_OVERLAP, _HULL_EXCESS = 0.05, 1.25


def merge(plan: TilePlan, found: Sequence[Detections], info: ModelInfo) -> Detections:
    """Merge the faces of all views, one box for each face.

    Args:
        plan: the plan of the views.
        found: the faces of each view, in the plan's order, in pixels of the whole picture.
        info: of the model.
    Returns:
        Faces, highest confidence first.
    """
    if not plan.tiles:
        return found[0]
    xyxy = np.concatenate([each.xyxy for each in found])
    confidence = np.concatenate([each.confidence for each in found])
    class_id = np.concatenate([each.class_id for each in found])
    view = np.repeat(np.arange(len(found)), [len(each) for each in found])
    least = _WHOLE_FROM * plan.overlap_px
    wanted = (view > 0) | ((xyxy[:, 2:] - xyxy[:, :2]).max(axis=1, initial=0) >= least)
    cut = _cut_boxes(plan, xyxy, view)
    wanted &= ~_superseded(plan, xyxy, confidence, view, cut, wanted)
    wanted &= ~_fragments(plan, xyxy, confidence, view, wanted & ~cut)
    xyxy, confidence, class_id = _join_parts(xyxy, confidence, class_id, view, cut & wanted, wanted)
    kept = boxes.suppress(xyxy, confidence, info.nms_iou, info.max_detections * len(plan.tiles))
    return Detections(xyxy[kept], confidence[kept], class_id[kept], found[0].names)


def _cut_boxes(plan: TilePlan, xyxy: NDArray[np.float32], view: NDArray[np.intp]) -> NDArray[np.bool_]:
    """Return whether each box ends at a border of its view that lies inside the picture."""
    cut = np.zeros(len(xyxy), bool)
    for index, each in enumerate(plan.views):
        mine = view == index
        cut[mine] = cut_at_border(each, xyxy[mine], plan.width, plan.height)
    return cut


def _superseded(
    plan: TilePlan,
    xyxy: NDArray[np.float32],
    confidence: NDArray[np.float32],
    view: NDArray[np.intp],
    cut: NDArray[np.bool_],
    wanted: NDArray[np.bool_],
) -> NDArray[np.bool_]:
    """Return which boxes to drop where one view cuts a face and another one shows it whole."""
    worse = np.zeros(len(xyxy), bool)
    for index, tile in enumerate(plan.tiles, 1):
        parts = np.flatnonzero(cut & wanted & (view == index))
        others = np.flatnonzero(~cut & wanted & (view != index) & _reaches(xyxy, tile))
        covered = boxes.ioa(xyxy[parts], xyxy[others]) >= _COVERED
        unsure = confidence[others] < _MUCH_LESS_SURE * confidence[parts][:, None]
        worse[parts] |= (covered & ~unsure).any(axis=1)
        worse[others] |= (covered & unsure).any(axis=0)
    return worse


def _fragments(
    plan: TilePlan,
    xyxy: NDArray[np.float32],
    confidence: NDArray[np.float32],
    view: NDArray[np.intp],
    entire: NDArray[np.bool_],
) -> NDArray[np.bool_]:
    """Return which boxes lie inside a more confident one that does not fit into their own tile.

    If the tile shows the larger one too, it found both faces, and both are kept.
    """
    fragment = np.zeros(len(xyxy), bool)
    for index, tile in enumerate(plan.tiles, 1):
        mine = np.flatnonzero(entire & (view == index))
        from_, to = np.array([tile.x1, tile.y1]), np.array([tile.x2, tile.y2])
        shown = (xyxy[:, :2] >= from_).all(axis=1) & (xyxy[:, 2:] <= to).all(axis=1)
        beyond = np.flatnonzero(entire & (view != index) & ~shown & _reaches(xyxy, tile))
        inside = boxes.ioa(xyxy[mine], xyxy[beyond]) >= _INSIDE
        surer = confidence[beyond] >= confidence[mine][:, None]
        fragment[mine] = (inside & surer).any(axis=1)
    return fragment


def _reaches(xyxy: NDArray[np.float32], tile: View) -> NDArray[np.bool_]:
    """Return which boxes overlap a tile."""
    from_, to = np.array([tile.x1, tile.y1]), np.array([tile.x2, tile.y2])
    return np.asarray(((xyxy[:, :2] < to) & (xyxy[:, 2:] > from_)).all(axis=1))


def _join_parts(
    xyxy: NDArray[np.float32],
    confidence: NDArray[np.float32],
    class_id: NDArray[np.int64],
    view: NDArray[np.intp],
    parts: NDArray[np.bool_],
    wanted: NDArray[np.bool_],
) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.int64]]:
    """Join the parts of a face that no view shows completely.

    Args:
        parts: the boxes that may be such parts.
        wanted: the boxes to return, with parts joined; the most confident part gives confidence and label.
    """
    xyxy, alive = xyxy.copy(), wanted.copy()
    order = np.argsort(-confidence, kind="stable")
    order = order[parts[order]]
    joined = True
    while joined:
        joined = False
        for position, first in enumerate(order):
            later = order[position + 1 :]
            later = later[alive[later] & (view[later] != view[first])] if alive[first] else later[:0]
            later = later[_one_face(xyxy[first], xyxy[later])]
            if later.size:
                hull = np.concatenate([xyxy[later], xyxy[[first]]])
                xyxy[first, :2], xyxy[first, 2:] = hull[:, :2].min(axis=0), hull[:, 2:].max(axis=0)
                alive[later] = False
                joined = True
    return xyxy[alive], confidence[alive], class_id[alive]


def _one_face(part: NDArray[np.float32], others: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Return whether each of the other boxes (N, 4) continues this one (4,)."""
    area, areas = boxes.area(part[None])[0], boxes.area(others)
    shared = boxes.intersection(part[None], others)[0]
    hull = np.maximum(part[2:], others[:, 2:]) - np.minimum(part[:2], others[:, :2])
    overlap = shared > _PARTS_OVERLAP * np.minimum(area, areas)
    return overlap & (hull.prod(axis=1) < _HULL_EXCESS * (area + areas - shared))
