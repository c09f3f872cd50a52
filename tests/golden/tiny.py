"""A network of a few thousand weights with everything that a model file of ours may hold."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from crowdmask.default_boxes import GridSpec
from crowdmask.models.detector import DetectionModel, Raw, Shared, alone, flatten_level

LABELS = ("with_mask", "without_mask", "mask_worn_incorrect")
DECISIONS: dict[str, Any] = {
    "nms_iou": 0.4,
    "max_detections": 40,
    "threshold": {"with_mask": 0.45, "without_mask": 0.5, "mask_worn_incorrect": 0.3},
    "calibration": {
        "with_mask": {"raw": [0.0, 0.2, 0.5, 1.0], "confidence": [0.0, 0.1, 0.55, 0.95]},
        "without_mask": {"raw": [0.1, 0.6, 0.9], "confidence": [0.05, 0.6, 0.9]},
        "mask_worn_incorrect": {"raw": [0.0, 1.0], "confidence": [0.0, 0.8]},
    },
    "closer_look": {"size": 192, "share": 0.85},
}


class Tiny(DetectionModel):
    """Three convolutions down, one way up again, and the crowd detector's two questions."""

    name = "tiny"
    grid = GridSpec((8, 16), (((8.0, 10.0), (14.0, 17.0)), ((24.0, 30.0),)))

    def __init__(self, input_spec: Any) -> None:
        super().__init__()
        self.input_spec = input_spec
        self.stem = nn.Sequential(nn.Conv2d(3, 8, 3, 2, 1), nn.ReLU6())
        self.fine = nn.Sequential(nn.Conv2d(8, 8, 3, 4, 1), nn.ReLU6())
        self.coarse = nn.Sequential(nn.Conv2d(8, 8, 3, 2, 1), nn.ReLU6())
        self.merge = nn.Sequential(nn.Conv2d(8, 8, 3, 1, 1), nn.ReLU6())
        number = [len(level) for level in self.grid.shapes]
        self.judge = nn.ModuleList(nn.Conv2d(8, n * 4, 1) for n in number)
        self.locate = nn.ModuleList(nn.Conv2d(8, n * 4, 1) for n in number)

    def forward(self, pictures: Tensor) -> Raw:
        fine = self.fine(self.stem(self.normalise(pictures)))
        coarse = self.coarse(fine)
        levels = (self.merge(fine + F.interpolate(coarse, scale_factor=2.0, mode="nearest")), coarse)
        logits = [flatten_level(judge(x), 4) for judge, x in zip(self.judge, levels, strict=True)]
        deltas = [flatten_level(locate(x), 4) for locate, x in zip(self.locate, levels, strict=True)]
        return Raw(torch.cat(logits, 1), torch.cat(deltas, 1))

    def probabilities(self, logits: Tensor) -> Tensor:
        return torch.sigmoid(logits[..., :1]) * torch.softmax(logits[..., 1:], -1)

    def loss(
        self,
        raw: Raw,
        targets: list[dict[str, Tensor]],
        size: tuple[int, int],
        shared: Shared = alone,
    ) -> dict[str, Tensor]:
        raise NotImplementedError("this network is not trained")


def tiny(input_spec: Any) -> Tiny:
    """Return the network with weights that make its answers differ from box to box."""
    torch.manual_seed(7)
    model = Tiny(input_spec)
    pixels = torch.randint(0, 256, (1, 3, 12, 12)).float()
    pixels = F.interpolate(pixels, size=(96, 96), mode="nearest")
    with torch.no_grad():
        logits = model.forward(pixels).logits
        spread = torch.tensor([3.0, 2.0, 2.0, 2.0])
        wanted = torch.tensor([-2.5, 0.0, 0.0, 0.0])
        for head in model.judge:
            assert isinstance(head, nn.Conv2d)
            scale = (spread / logits.std((0, 1))).repeat(head.out_channels // 4)
            shift = (wanted - logits.mean((0, 1)) * spread / logits.std((0, 1))).repeat(
                head.out_channels // 4
            )
            head.weight *= scale.view(-1, 1, 1, 1)
            head.bias *= scale
            head.bias += shift
        for head in model.locate:
            assert isinstance(head, nn.Conv2d)
            nn.init.normal_(head.weight, std=0.8)
    return model.eval()
