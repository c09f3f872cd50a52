"""Arithmetic on boxes: (N, 4) arrays of xyxy in pixels."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]


def area(boxes: Array) -> Array:
    """Return the areas, (N,), in square pixels; 0 for an inverted box."""
    sides = np.clip(boxes[:, 2:] - boxes[:, :2], 0, None)
    return sides[:, 0] * sides[:, 1]


def intersection(a: Array, b: Array) -> Array:
    """Return the shared area of each pair, (N, M), in square pixels."""
    top_left = np.maximum(a[:, None, :2], b[None, :, :2])
    bottom_right = np.minimum(a[:, None, 2:], b[None, :, 2:])
    sides = np.clip(bottom_right - top_left, 0, None)
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
    # One contiguous array for each edge: the loop is fast only where memory is read in order.
    left, top, right, bottom = np.ascontiguousarray(boxes[order].T)
    areas = np.maximum(right - left, 0) * np.maximum(bottom - top, 0)
    alive = np.ones(len(order), bool)
    kept: list[int] = []
    for i in range(len(order)):
        if len(kept) >= limit:
            break
        if not alive[i]:
            continue
        kept.append(i)
        rest = slice(i + 1, None)
        across = np.minimum(right[i], right[rest]) - np.maximum(left[i], left[rest])
        down = np.minimum(bottom[i], bottom[rest]) - np.maximum(top[i], top[rest])
        shared = np.maximum(across, 0) * np.maximum(down, 0)
        alive[rest] &= shared <= iou_threshold * (areas[i] + areas[rest] - shared)
    return order[kept]
