"""SSD's loss: matching by overlap, softmax with hard negatives, smooth L1 on the offsets."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from crowdmask.default_boxes import GridSpec, default_boxes
from crowdmask.models.box_coding import encode, pairwise_iou, to_xyxy
from crowdmask.models.detector import Raw, Shared, alone

_MATCH_IOU = 0.5
_NEGATIVES_PER_POSITIVE = 3
_UNJUDGED = -1


def match(grid_xyxy: Tensor, faces: Tensor) -> Tensor:
    """Return the index of the face that each default box is assigned to, (A,); -1: none.

    Each face gets its best box, whatever its IoU; then each box with an IoU above 0.5 gets its best face.

    Source: Liu et al., SSD (2016), section 2.2, "Matching strategy".
    """
    iou, _ = pairwise_iou(grid_xyxy, faces)
    best, face = iou.max(1)
    face = torch.where(best >= _MATCH_IOU, face, torch.full_like(face, -1))
    face[iou.argmax(0)] = torch.arange(len(faces), device=face.device)
    return face


class MultiBoxLoss:
    """Label and box loss of a batch."""

    def __init__(self, grid: GridSpec) -> None:
        self.grid = grid

    def __call__(
        self,
        raw: Raw,
        targets: list[dict[str, Tensor]],
        size: tuple[int, int],
        shared: Shared = alone,
    ) -> dict[str, Tensor]:
        """Return ``label`` and ``box``, both divided by the number of matched boxes.

        Args: see `DetectionModel.loss`.
        """
        device = raw.logits.device
        boxes = torch.tensor(default_boxes(self.grid, *size), device=device)
        grid_xyxy = to_xyxy(boxes)
        # Uses all outputs: with several GPUs every parameter must have a gradient in every step.
        label_loss = raw.logits.sum() * 0
        box_loss = raw.deltas.sum() * 0
        matched = 0
        for i, target in enumerate(targets):
            truth = torch.zeros(len(boxes), dtype=torch.long, device=device)
            weight = torch.ones(len(boxes), device=device)
            if len(target["ignore"]):
                iou, part = pairwise_iou(grid_xyxy, target["ignore"])
                truth[((part > 0.5) | (iou > 0.4)).any(1)] = _UNJUDGED
            if len(target["boxes"]):
                face = match(grid_xyxy, target["boxes"])
                positive = face >= 0
                truth[positive] = target["labels"][face[positive]] + 1
                weight[positive] = target["label_weight"][face[positive]]
                goal = encode(target["boxes"][face[positive]], boxes[positive])
                box_loss = box_loss + F.smooth_l1_loss(raw.deltas[i, positive], goal, reduction="sum")
            positive = truth > 0
            number = int(positive.sum())
            matched += number
            entropy = F.cross_entropy(raw.logits[i], truth.clamp(min=0), reduction="none")
            # The many easy background boxes would dominate: only the hardest ones count (hard negative
            # mining).
            mistakes = torch.where(truth == 0, entropy.detach(), torch.full_like(entropy, -1))
            count = min(_NEGATIVES_PER_POSITIVE * max(number, 1), int((truth == 0).sum()))
            hard = mistakes.topk(count).indices
            label_loss = label_loss + (entropy * weight)[positive].sum() + entropy[hard].sum()
        number_matched = shared(label_loss.new_tensor(float(matched)))
        return {"label": label_loss / number_matched, "box": box_loss / number_matched}
