"""SSDLite on MobileNetV2 as published: the baseline.

Six maps of a 300x300 input, 1,917 default boxes from 60 px up.
Source: Sandler et al., MobileNetV2 (2018), section 6.2; Liu et al., SSD (2016), section 2; sizes
as in the prototxt ``ssdlite`` of chuanqi305/MobileNetv2-SSDLite.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from crowdmask.default_boxes import GridSpec
from crowdmask.inference.model_file import InputSpec
from crowdmask.models.detector import DetectionModel, Raw, Shared, alone, flatten_level, init_heads
from crowdmask.models.mobilenet_v2 import LAST_CHANNELS, InvertedResidual, conv_bn_relu6, feature_layers
from crowdmask.models.multibox_loss import MultiBoxLoss

_STRIDES = (16, 32, 64, 128, 256, 512)
_MIN_SIZES = (60, 105, 150, 195, 240, 285)
_MAX_SIZES = (None, 150, 195, 240, 285, 300)
# channels of each additional map and of the 1x1 convolution before it
_EXTRAS = ((512, 256), (256, 128), (256, 128), (128, 64))
_LOGITS = 4  # background, then the three labels


def _shapes(low: float, high: float | None) -> tuple[tuple[float, float], ...]:
    """Return the boxes of a cell: the square, the larger square, then the aspects in pairs."""
    shapes = [(low, low)]
    aspects: tuple[int, ...] = (2,)
    if high is not None:
        between = math.sqrt(low * high)
        shapes.append((between, between))
        aspects = (2, 3)
    for aspect in aspects:
        root = math.sqrt(aspect)
        shapes += [(low * root, low / root), (low / root, low * root)]
    return tuple((round(w, 3), round(h, 3)) for w, h in shapes)


def _head(in_channels: int, out_channels: int) -> nn.Sequential:
    """Return SSDLite's predictor: a depthwise 3x3, then a plain 1x1 convolution."""
    return nn.Sequential(
        conv_bn_relu6(in_channels, in_channels, groups=in_channels), nn.Conv2d(in_channels, out_channels, 1)
    )


class SsdLite(DetectionModel):
    """SSDLite-MobileNetV2 at 300x300."""

    name = "ssdlite"
    input_spec = InputSpec(resize="stretch", size=300, multiple=1)
    grid = GridSpec(_STRIDES, tuple(_shapes(a, b) for a, b in zip(_MIN_SIZES, _MAX_SIZES, strict=True)))

    def __init__(self) -> None:
        super().__init__()
        self.features = feature_layers(last=True)
        maps = [576, LAST_CHANNELS]
        self.extras = nn.ModuleList()
        for out_channels, between in _EXTRAS:
            self.extras.append(
                nn.Sequential(
                    conv_bn_relu6(maps[-1], between, kernel=1),
                    conv_bn_relu6(between, between, stride=2, groups=between),
                    conv_bn_relu6(between, out_channels, kernel=1),
                )
            )
            maps.append(out_channels)
        number = [len(level) for level in self.grid.shapes]
        self.judge = nn.ModuleList(_head(c, n * _LOGITS) for c, n in zip(maps, number, strict=True))
        self.locate = nn.ModuleList(_head(c, n * 4) for c, n in zip(maps, number, strict=True))
        for part in (self.extras, self.judge, self.locate):
            init_heads(part)
        for head in (*self.judge, *self.locate):
            nn.init.normal_(head[-1].weight, std=0.01)
        self._loss = MultiBoxLoss(self.grid)

    def forward(self, pictures: Tensor) -> Raw:
        x = self.normalise(pictures)
        maps: list[Tensor] = []
        for index, layer in enumerate(self.features):
            if index == 14:
                assert isinstance(layer, InvertedResidual)
                x, expanded = layer.forward_with_expansion(x)
                maps.append(expanded)
            else:
                x = layer(x)
        maps.append(x)
        for extra in self.extras:
            maps.append(extra(maps[-1]))
        logits = [flatten_level(head(m), _LOGITS) for head, m in zip(self.judge, maps, strict=True)]
        deltas = [flatten_level(head(m), 4) for head, m in zip(self.locate, maps, strict=True)]
        return Raw(torch.cat(logits, 1).float(), torch.cat(deltas, 1).float())

    def probabilities(self, logits: Tensor) -> Tensor:
        return torch.softmax(logits, -1)[..., 1:]

    def loss(
        self,
        raw: Raw,
        targets: list[dict[str, Tensor]],
        size: tuple[int, int],
        shared: Shared = alone,
    ) -> dict[str, Tensor]:
        return self._loss(raw, targets, size, shared)
