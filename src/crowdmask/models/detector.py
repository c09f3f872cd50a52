"""The interface of every architecture: its loss and its exported outputs."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor, nn

from crowdmask.default_boxes import GridSpec
from crowdmask.inference.model_file import InputSpec
from crowdmask.models.plan import Plan

# ImageNet's statistics, for pixels 0 to 255: the backbone's weights were trained with them.
_MEAN = (123.675, 116.28, 103.53)
_STD = (58.395, 57.12, 57.375)


Shared = Callable[[Tensor], Tensor]
"""Turns counts of this process's batch into the divisors of its losses."""


def alone(counts: Tensor) -> Tensor:
    """Return the divisors of the losses in a single process: the counts, at least 1."""
    return counts.clamp(min=1)


class Raw(NamedTuple):
    """A network's raw output for a batch, before probabilities.

    logits: (B, A, K) float32; K depends on the architecture.
    deltas: (B, A, 4) float32, relative to the default boxes.
    """

    logits: Tensor
    deltas: Tensor


class DetectionModel(nn.Module, ABC):
    """Base of the architectures.

    Attributes:
        plan: widths and default boxes, for architectures with several variants.
    """

    name: str
    input_spec: InputSpec
    grid: GridSpec
    features: nn.Sequential
    mean: Tensor
    std: Tensor
    plan: Plan | None = None

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("mean", torch.tensor(_MEAN).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(_STD).view(1, 3, 1, 1), persistent=False)

    def normalise(self, pictures: Tensor) -> Tensor:
        """Normalise (B, 3, H, W) pixels 0 to 255 as ImageNet weights expect."""
        return (pictures.float() - self.mean) / self.std

    @abstractmethod
    def forward(self, pictures: Tensor) -> Raw:
        """Run the network on (B, 3, H, W) RGB pixels 0 to 255."""

    @abstractmethod
    def probabilities(self, logits: Tensor) -> Tensor:
        """Turn logits (B, A, K) into (B, A, 3): the probability of a face with each label."""

    @abstractmethod
    def loss(
        self,
        raw: Raw,
        targets: list[dict[str, Tensor]],
        size: tuple[int, int],
        shared: Shared = alone,
    ) -> dict[str, Tensor]:
        """Return the parts of the loss for a batch.

        Args:
            raw: output of the forward pass.
            targets: for each picture ``boxes`` (N, 4) xyxy input pixels, ``labels`` (N,) int64,
                ``label_weight`` (N,) float32, how much the label of each counts, and ``ignore``
                (M, 4) xyxy, ignored regions.
            size: width and height of the input.
            shared: turns counts of this batch into what the losses are divided by, so that the mean gradient
                of several processes is that of one large batch; called once for each call of this.
        """


def flatten_level(x: Tensor, values: int) -> Tensor:
    """Turn a head's (B, boxes * values, H, W) into (B, H * W * boxes, values), the grid's order."""
    batch = x.shape[0]
    return x.permute(0, 2, 3, 1).reshape(batch, -1, values)


def init_heads(module: nn.Module) -> None:
    """Initialise new convolutions: normal weights scaled by the fan-out (He et al., 2015), zero bias."""
    for layer in module.modules():
        if isinstance(layer, nn.Conv2d):
            nn.init.kaiming_normal_(layer.weight, mode="fan_out", nonlinearity="relu")
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
