"""Arithmetic on boxes: (N, 4) arrays of xyxy in pixels."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]

# Number of boxes that `suppress` compares with each other at once: pairs that turn out not to be needed cost
# less than as many turns of a loop.
_BLOCK = 48


def area(boxes: Array) -> Array:
    """Return the areas, (N,), in square pixels; 0 for an inverted box."""
    sides = np.maximum(boxes[:, 2:] - boxes[:, :2], 0)
    return sides[:, 0] * sides[:, 1]


def intersection(a: Array, b: Array) -> Array:
    """Return the shared area of each pair, (N, M), in square pixels."""
    top_left = np.maximum(a[:, None, :2], b[None, :, :2])
    bottom_right = np.minimum(a[:, None, 2:], b[None, :, 2:])
    sides = np.maximum(bottom_right - top_left, 0)
    return sides[..., 0] * sides[..., 1]


def iou(a: Array, b: Array) -> Array:
    """Return intersection over union of each pair, (N, M), 0 to 1."""
    shared = intersection(a, b)
    union = area(a)[:, None] + area(b)[None] - shared
    return shared / np.maximum(union, 1e-9)


def ioa(a: Array, b: Array) -> Array:
    """Return the part of each box of `a` that lies inside each box of `b`, (N, M), 0 to 1."""
    whole: Array = np.maximum(area(a), np.float32(1e-9))
    return intersection(a, b) / whole[:, None]


def clip(boxes: Array, width: float, height: float) -> Array:
    """Return the boxes clipped to a picture of `width` x `height` pixels."""
    return np.clip(boxes, 0, np.array([width, height, width, height], boxes.dtype))


def trim(boxes: Array, convention: tuple[float, float, float, float]) -> Array:
    """Turn one source's idea of a face box into ours (forehead to chin).

    Args:
        boxes: (N, 4) xyxy.
        convention: left, top, right, bottom: the part of the box's width or height that each side
            loses; negative extends the box.
    Returns:
        (N, 4) xyxy, not clipped.
    """
    left, top, right, bottom = convention
    width = boxes[:, 2] - boxes[:, 0]
    height = boxes[:, 3] - boxes[:, 1]
    return np.stack(
        [
            boxes[:, 0] + left * width,
            boxes[:, 1] + top * height,
            boxes[:, 2] - right * width,
            boxes[:, 3] - bottom * height,
        ],
        axis=1,
    )


def suppress(boxes: Array, confidence: Array, iou_threshold: float, limit: int) -> NDArray[np.intp]:
    """Keep the most confident of the boxes that cover the same face (greedy non-maximum suppression).

    It works across classes: a face has one label, so it gets one box.

    Args:
        boxes: (N, 4) xyxy.
        confidence: (N,).
        iou_threshold: two boxes with a higher IoU are the same face, 0 to 1.
        limit: maximum number of boxes to keep.
    Returns:
        Indices of the kept boxes, highest confidence first.
    """
    order = np.argsort(-confidence, kind="stable")
    # One contiguous array for each edge: arithmetic is fast only where memory is read in order.
    edges = np.ascontiguousarray(boxes[order].T)
    waiting = np.arange(len(order))
    kept = np.zeros(0, np.intp)
    while len(waiting) and len(kept) < limit:
        block, waiting = waiting[:_BLOCK], waiting[_BLOCK:]
        chosen = block[_first_of_each(_covers(edges[:, block], edges[:, block], iou_threshold))]
        kept = np.concatenate([kept, chosen])[:limit]
        if len(waiting):
            waiting = waiting[~_covers(edges[:, chosen], edges[:, waiting], iou_threshold).any(axis=0)]
    return order[kept]


def _covers(a: Array, b: Array, iou_threshold: float) -> NDArray[np.bool_]:
    """Return whether each pair is the same face, (N, M).

    Args:
        a, b: (4, N) and (4, M) left, top, right and bottom edges.
        iou_threshold: see `suppress`.
    """
    left, top, right, bottom = a[:, :, None]
    across = np.minimum(right, b[2]) - np.maximum(left, b[0])
    down = np.minimum(bottom, b[3]) - np.maximum(top, b[1])
    shared = np.maximum(across, 0) * np.maximum(down, 0)
    areas, others = (np.maximum(e[2] - e[0], 0) * np.maximum(e[3] - e[1], 0) for e in (a, b))
    # Not a quotient: boxes without area cover nothing.
    covered: NDArray[np.bool_] = shared > iou_threshold * (areas[:, None] + others - shared)
    return covered


def _first_of_each(covers: NDArray[np.bool_]) -> list[int]:
    """Return the indices of the boxes that no kept one before them covers.

    Args:
        covers: (N, N) whether two boxes are the same face.
    """
    # One whole number holds a row, a bit for each box: a step costs no call into numpy.
    rows = [int.from_bytes(row.tobytes(), "little") for row in np.packbits(covers, axis=1, bitorder="little")]
    kept, covered = [], 0
    for i, row in enumerate(rows):
        if not covered >> i & 1:
            kept.append(i)
            covered |= row
    return kept
