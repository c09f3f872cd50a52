"""SSD's box regression in torch, and the overlap losses on it."""

from __future__ import annotations

import torch
from torch import Tensor

from crowdmask.default_boxes import VARIANCES


def decode(deltas: Tensor, default_boxes: Tensor) -> Tensor:
    """Turn regression output into boxes.

    Args:
        deltas: (..., 4), offsets of centre and size.
        default_boxes: (..., 4) cx, cy, width, height in input pixels.
    Returns:
        (..., 4) xyxy in input pixels, not clipped.
    Source: Liu et al., SSD (2016), section 2.2.
    """
    centre = default_boxes[..., :2] + deltas[..., :2] * VARIANCES[0] * default_boxes[..., 2:]
    # A wrong size early in training must not overflow.
    half = default_boxes[..., 2:] * torch.exp((deltas[..., 2:] * VARIANCES[1]).clamp(-5, 5)) / 2
    return torch.cat([centre - half, centre + half], -1)


def encode(boxes: Tensor, default_boxes: Tensor) -> Tensor:
    """Encode boxes, (..., 4) xyxy; the inverse of `decode`."""
    centre = (boxes[..., :2] + boxes[..., 2:]) / 2
    sides = (boxes[..., 2:] - boxes[..., :2]).clamp(min=1e-3)
    offset = (centre - default_boxes[..., :2]) / default_boxes[..., 2:] / VARIANCES[0]
    return torch.cat([offset, torch.log(sides / default_boxes[..., 2:]) / VARIANCES[1]], -1)


def to_xyxy(default_boxes: Tensor) -> Tensor:
    """Turn cx, cy, width, height into xyxy."""
    half = default_boxes[..., 2:] / 2
    return torch.cat([default_boxes[..., :2] - half, default_boxes[..., :2] + half], -1)


def pairwise_iou(a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    """Return IoU and the part of `a` inside `b`, both (N, M)."""
    sides = (
        torch.minimum(a[:, None, 2:], b[None, :, 2:]) - torch.maximum(a[:, None, :2], b[None, :, :2])
    ).clamp(min=0)
    shared = sides[..., 0] * sides[..., 1]
    area_a = (a[:, 2:] - a[:, :2]).clamp(min=0).prod(-1)[:, None]
    area_b = (b[:, 2:] - b[:, :2]).clamp(min=0).prod(-1)[None]
    return shared / (area_a + area_b - shared).clamp(min=1e-6), shared / area_a.clamp(min=1e-6)


def iou_and_giou(a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    """Return IoU and generalised IoU of pairs of boxes, both (N,).

    Source: Rezatofighi et al., Generalized Intersection over Union (2019), algorithm 1.
    """
    sides = (torch.minimum(a[:, 2:], b[:, 2:]) - torch.maximum(a[:, :2], b[:, :2])).clamp(min=0)
    shared = sides.prod(-1)
    union = (a[:, 2:] - a[:, :2]).prod(-1) + (b[:, 2:] - b[:, :2]).prod(-1) - shared
    iou = shared / union.clamp(min=1e-6)
    hull = (torch.maximum(a[:, 2:], b[:, 2:]) - torch.minimum(a[:, :2], b[:, :2])).prod(-1)
    return iou, iou - (hull - union) / hull.clamp(min=1e-6)
