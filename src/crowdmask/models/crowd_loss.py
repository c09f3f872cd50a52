"""The loss of the crowd detector: adaptive assignment, quality focal loss, GIoU, label cross-entropy."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from crowdmask.default_boxes import GridSpec, default_boxes
from crowdmask.models.box_coding import decode, iou_and_giou, pairwise_iou, to_xyxy
from crowdmask.models.detector import Raw, Shared, alone

_NEAREST_CELLS = 9
_BOX_WEIGHT = 2.0
_LABEL_WEIGHT = 1.0
_LABEL_SMOOTHING = 0.02


def assign(
    grid_xyxy: Tensor, level_sizes: list[int], shapes: list[int], faces: Tensor
) -> tuple[Tensor, Tensor]:
    """Assign default boxes to faces.

    For each face the boxes of the nearest cells of each level are candidates; those whose IoU is
    above the mean plus the standard deviation, and whose centre is in the face, are chosen. A face without
    any, such as a tiny one that contains no cell's centre, gets its best candidate.

    Args:
        grid_xyxy: (A, 4) default boxes.
        level_sizes: number of boxes of each level, A in total.
        shapes: number of boxes for each cell of each level.
        faces: (N, 4) xyxy, N > 0.
    Returns:
        Indices of default boxes, (P,), and of the face of each, (P,); no box twice.
    Source: Zhang et al., Bridging the Gap Between Anchor-based and Anchor-free Detection (2020).
    """
    n = len(faces)
    centres = (grid_xyxy[:, :2] + grid_xyxy[:, 2:]) / 2
    face_centres = (faces[:, :2] + faces[:, 2:]) / 2
    distance = torch.cdist(face_centres, centres)
    candidates, start = [], 0
    for size, per_cell in zip(level_sizes, shapes, strict=True):
        # Boxes of one cell share their centre, so the nearest ones come in cells, all shapes together.
        count = min(_NEAREST_CELLS * per_cell, size)
        nearest = distance[:, start : start + size].topk(count, largest=False, sorted=False).indices
        candidates.append(nearest + start)
        start += size
    index = torch.cat(candidates, 1)
    boxes = grid_xyxy[index]
    expanded = faces[:, None, :].expand_as(boxes)
    overlap, _ = iou_and_giou(boxes.reshape(-1, 4), expanded.reshape(-1, 4))
    overlap = overlap.view(n, -1)
    threshold = overlap.mean(1, keepdim=True) + overlap.std(1, keepdim=True)
    centre = centres[index]
    inside = ((centre > expanded[..., :2]) & (centre < expanded[..., 2:])).all(-1)
    chosen = (overlap >= threshold) & inside
    lonely = ~chosen.any(1)
    chosen[lonely, overlap[lonely].argmax(1)] = True
    rows, columns = chosen.nonzero(as_tuple=True)
    box_index, face_index, quality = index[rows, columns], rows, overlap[rows, columns]
    # A box chosen for two faces is assigned to the one with the higher IoU.
    best = torch.full((len(grid_xyxy),), -1.0, device=faces.device)
    best = best.scatter_reduce(0, box_index, quality, "amax")
    wins = quality == best[box_index]
    owner = torch.full((len(grid_xyxy),), -1, dtype=torch.long, device=faces.device)
    owner[box_index[wins]] = face_index[wins]
    chosen_boxes = (owner >= 0).nonzero(as_tuple=True)[0]
    return chosen_boxes, owner[chosen_boxes]


class CrowdLoss:
    """Face, box and label loss of a batch."""

    def __init__(self, grid: GridSpec) -> None:
        self.grid = grid

    def __call__(
        self,
        raw: Raw,
        targets: list[dict[str, Tensor]],
        size: tuple[int, int],
        shared: Shared = alone,
    ) -> dict[str, Tensor]:
        """Return ``face``, ``box`` and ``label``, each already weighted and normalised.

        Args: see `DetectionModel.loss`.
        """
        device = raw.logits.device
        boxes = torch.tensor(default_boxes(self.grid, *size), device=device)
        grid_xyxy = to_xyxy(boxes)
        levels = _level_sizes(self.grid, size)
        shapes = [len(level) for level in self.grid.shapes]
        face_logits = raw.logits[..., 0]
        quality = torch.zeros_like(face_logits)
        weight = torch.ones_like(face_logits)
        box_losses, label_losses, weights = [], [], []
        for i, target in enumerate(targets):
            if len(target["ignore"]):
                iou, part = pairwise_iou(grid_xyxy, target["ignore"])
                weight[i, ((part > 0.5) | (iou > 0.3)).any(1)] = 0
            if not len(target["boxes"]):
                continue
            index, face = assign(grid_xyxy, levels, shapes, target["boxes"])
            predicted = decode(raw.deltas[i, index], boxes[index])
            iou, giou = iou_and_giou(predicted, target["boxes"][face])
            quality[i, index] = iou.detach().clamp(0, 1)
            weight[i, index] = 1
            # Boxes with a high IoU have the largest weight; none has the weight 0, or a bad start would stay
            # bad.
            weights.append(iou.detach().clamp(min=0.2))
            box_losses.append(1 - giou)
            label_losses.append(
                F.cross_entropy(
                    raw.logits[i, index, 1:],
                    target["labels"][face],
                    reduction="none",
                    label_smoothing=_LABEL_SMOOTHING,
                )
                * target["label_weight"][face]
            )
        # Quality focal loss: Li et al., Generalized Focal Loss (2020), equation 1, beta 2.
        probability = face_logits.sigmoid()
        entropy = F.binary_cross_entropy_with_logits(face_logits, quality, reduction="none")
        face_loss = (entropy * (quality - probability).abs().square() * weight).sum()
        # Uses all outputs: with several GPUs every parameter must have a gradient in every step.
        zero = (raw.logits.sum() + raw.deltas.sum()) * 0
        share = torch.cat(weights) if weights else zero.new_zeros(0)
        # With several processes all must take part, even with a batch without faces.
        total, count = shared(torch.stack([share.sum(), share.new_tensor(float(len(share)))]))
        if not box_losses:
            return {"face": face_loss / count, "box": zero, "label": zero}
        return {
            "face": face_loss / count,
            "box": _BOX_WEIGHT * (torch.cat(box_losses) * share).sum() / total,
            "label": _LABEL_WEIGHT * (torch.cat(label_losses) * share).sum() / total,
        }


def _level_sizes(grid: GridSpec, size: tuple[int, int]) -> list[int]:
    width, height = size
    return [
        -(-width // stride) * -(-height // stride) * len(shapes)
        for stride, shapes in zip(grid.strides, grid.shapes, strict=True)
    ]
