"""MobileNetV2's feature layers, with torchvision's parameter names so that its weights load.

Source: Sandler et al., MobileNetV2: Inverted Residuals and Linear Bottlenecks (2018), table 2.
"""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional as F

# expansion, channels, blocks, stride of the first block
_STAGES = (
    (1, 16, 1, 1),
    (6, 24, 2, 2),
    (6, 32, 3, 2),
    (6, 64, 4, 2),
    (6, 96, 3, 1),
    (6, 160, 3, 2),
    (6, 320, 1, 1),
)
LAST_CHANNELS = 1280


class _HalvingDepthwise(nn.Conv2d):
    """A depthwise convolution of stride 2.

    On CPUs its gradient takes many times as long as with stride 1 (201 against 25 ms for 144 channels
    of 80x80, bfloat16), so there training computes every position and keeps every second one.
    """

    def forward(self, x: Tensor) -> Tensor:
        if self.training and x.device.type == "cpu":
            return F.conv2d(x, self.weight, None, 1, self.padding, 1, self.groups)[:, :, ::2, ::2]
        return super().forward(x)


def conv_bn_relu6(
    in_channels: int, out_channels: int, kernel: int = 3, stride: int = 1, groups: int = 1
) -> nn.Sequential:
    """Return convolution, batch normalisation and ReLU6, padded to keep the size at stride 1."""
    kind = _HalvingDepthwise if stride == 2 and groups == in_channels else nn.Conv2d
    return nn.Sequential(
        kind(in_channels, out_channels, kernel, stride, kernel // 2, groups=groups, bias=False),
        nn.BatchNorm2d(out_channels),
        nn.ReLU6(inplace=True),
    )


class InvertedResidual(nn.Module):
    """Expand, filter depthwise, project; add the input where shapes allow.

    `expanded` is the intermediate, widest feature map, to which SSDLite attaches its heads.
    """

    def __init__(self, in_channels: int, out_channels: int, stride: int, hidden: int, expands: bool) -> None:
        super().__init__()
        self.residual = stride == 1 and in_channels == out_channels
        layers: list[nn.Module] = []
        if expands:
            layers.append(conv_bn_relu6(in_channels, hidden, kernel=1))
        layers += [
            conv_bn_relu6(hidden, hidden, stride=stride, groups=hidden),
            nn.Conv2d(hidden, out_channels, 1, bias=False),
            nn.BatchNorm2d(out_channels),
        ]
        self.conv = nn.Sequential(*layers)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.conv(x) if self.residual else self.conv(x)

    def forward_with_expansion(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return the block's output and its expanded input (before the depthwise filter)."""
        expand, *rest = self.conv
        expanded = expand(x)
        out = expanded
        for layer in rest:
            out = layer(out)
        return (x + out if self.residual else out), expanded


def feature_layers(last: bool, hidden: tuple[int, ...] | None = None) -> nn.Sequential:
    """Return layers 0 to 17 (320 channels, stride 32), with `last` also 18 (1,280 channels).

    Args:
        last: see above.
        hidden: channels inside each of the 17 blocks, the first being the stem's; None: as published.
    """
    channels = hidden[0] if hidden else 32
    layers: list[nn.Module] = [conv_bn_relu6(3, channels, stride=2)]
    for expansion, out_channels, blocks, first_stride in _STAGES:
        for block in range(blocks):
            stride = first_stride if block == 0 else 1
            wide = hidden[len(layers) - 1] if hidden else channels * expansion
            layers.append(InvertedResidual(channels, out_channels, stride, wide, expands=expansion != 1))
            channels = out_channels
    if last:
        layers.append(conv_bn_relu6(channels, LAST_CHANNELS, kernel=1))
    return nn.Sequential(*layers)
