"""The crowd detector: SSDLite heads on MobileNetV2 with a light top-down path, for faces from 8 px.

The smallest boxes of stock SSDLite are 60 px in a 300 px input, too large for crowds. Here the
first level has stride 8, with features of the stride-4 layer, and three nearly square boxes for each cell,
from 8 px. Each box answers two separate questions: is there a face (one logit, trained to predict the IoU of
its box), and how is it masked (three logits, trained on faces only). So rare classes do not cost faces, and
faces of unknown label can train the first question.
"""

from __future__ import annotations

import math
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from crowdmask.default_boxes import GridSpec
from crowdmask.inference.model_file import InputSpec
from crowdmask.models.crowd_loss import CrowdLoss
from crowdmask.models.detector import DetectionModel, Raw, Shared, alone, flatten_level, init_heads
from crowdmask.models.mobilenet_v2 import InvertedResidual, conv_bn_relu6, feature_layers
from crowdmask.models.plan import STOCK, Plan

# A face's width is about four fifths of its height.
_ASPECT = 0.8
_STRIDES = (8, 16, 32)
_LOGITS = 4
# The tapped layers: output of 3 (stride 4), expansions inside 7 (stride 8) and 14 (stride 16), output of 17.
_STRIDE4, _STRIDE32 = 24, 320
_EXPANDED = (7, 14)


def _shape(size: float) -> tuple[float, float]:
    return (round(size * math.sqrt(_ASPECT), 2), round(size / math.sqrt(_ASPECT), 2))


def _grid(plan: Plan) -> GridSpec:
    return GridSpec(_STRIDES, tuple(tuple(_shape(size) for size in level) for level in plan.sizes))


def separable(channels: int, kernel: int = 3) -> nn.Sequential:
    """Return a depthwise and a pointwise convolution."""
    return nn.Sequential(
        conv_bn_relu6(channels, channels, kernel=kernel, groups=channels),
        conv_bn_relu6(channels, channels, kernel=1),
    )


class Crowd(DetectionModel):
    """SSDLite with a top-down path and dense small boxes."""

    name = "crowd"
    input_spec = InputSpec(resize="fit", size=768, multiple=32)
    grid = _grid(STOCK)

    def __init__(self, plan: Plan = STOCK) -> None:
        super().__init__()
        self.plan = plan
        self.grid = _grid(plan)
        channels = plan.neck
        self.features = feature_layers(last=False, hidden=plan.hidden)
        self.lateral4 = nn.Sequential(
            nn.Conv2d(_STRIDE4, channels, 2, 2, bias=False), nn.BatchNorm2d(channels)
        )
        self.lateral = nn.ModuleList(
            nn.Sequential(nn.Conv2d(wide, channels, 1, bias=False), nn.BatchNorm2d(channels))
            for wide in (*(plan.hidden[block - 1] for block in _EXPANDED), _STRIDE32)
        )
        self.merge = nn.ModuleList(separable(channels, kernel) for kernel in (3, 3, 5))
        self.towers = nn.ModuleList(nn.Sequential(separable(channels), separable(channels)) for _ in _STRIDES)
        boxes = [len(level) for level in self.grid.shapes]
        judges = [nn.Conv2d(channels, n * _LOGITS, 1) for n in boxes]
        locates = [nn.Conv2d(channels, n * 4, 1) for n in boxes]
        self.judge, self.locate = nn.ModuleList(judges), nn.ModuleList(locates)
        for part in (self.lateral4, self.lateral, self.merge, self.towers):
            init_heads(part)
        for judge, locate in zip(judges, locates, strict=True):
            for head in (judge, locate):
                nn.init.normal_(head.weight, std=0.01)
                nn.init.zeros_(cast(Tensor, head.bias))
            # Start with a face probability of 1 %; otherwise the many background boxes dominate the loss.
            cast(Tensor, judge.bias).data[::_LOGITS] = -math.log(99)
        self._loss = CrowdLoss(self.grid)

    def backbone(self, x: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Return the stride-4 layer and the taps of strides 8, 16 and 32."""
        taps: list[Tensor] = []
        fine = x
        for index, layer in enumerate(self.features):
            if index in _EXPANDED:
                assert isinstance(layer, InvertedResidual)
                x, expanded = layer.forward_with_expansion(x)
                taps.append(expanded)
            else:
                x = layer(x)
            if index == 3:
                fine = x
        return fine, [*taps, x]

    def forward(self, pictures: Tensor) -> Raw:
        return self.answer(self.maps(pictures)[1])

    def maps(self, pictures: Tensor) -> tuple[list[Tensor], list[Tensor]]:
        """Return the features for distillation: the backbone's finest and coarsest maps, and merged maps."""
        fine, taps = self.backbone(self.normalise(pictures))
        levels = [lateral(tap) for lateral, tap in zip(self.lateral, taps, strict=True)]
        levels[0] = levels[0] + self.lateral4(fine)
        merged = self.merge[2](F.relu6(levels[2]))
        outputs = [merged]
        for i in (1, 0):
            coarser = F.interpolate(merged, scale_factor=2.0, mode="nearest")
            merged = self.merge[i](F.relu6(levels[i] + coarser))
            outputs.insert(0, merged)
        return [fine, taps[-1]], outputs

    def answer(self, outputs: list[Tensor]) -> Raw:
        """Apply the heads to the merged maps of the three levels."""
        towers = [tower(x) for tower, x in zip(self.towers, outputs, strict=True)]
        logits = [flatten_level(judge(x), _LOGITS) for judge, x in zip(self.judge, towers, strict=True)]
        deltas = [flatten_level(locate(x), 4) for locate, x in zip(self.locate, towers, strict=True)]
        return Raw(torch.cat(logits, 1).float(), torch.cat(deltas, 1).float())

    def probabilities(self, logits: Tensor) -> Tensor:
        # Sigmoid times softmax, column by column: runtimes take four times as long for rows of three.
        face, *labels = logits.unbind(-1)
        most = torch.maximum(torch.maximum(labels[0], labels[1]), labels[2])
        parts = [torch.exp(label - most) for label in labels]
        share = torch.sigmoid(face) / (parts[0] + parts[1] + parts[2])
        return torch.stack([share * part for part in parts], -1)

    def loss(
        self,
        raw: Raw,
        targets: list[dict[str, Tensor]],
        size: tuple[int, int],
        shared: Shared = alone,
    ) -> dict[str, Tensor]:
        return self._loss(raw, targets, size, shared)
