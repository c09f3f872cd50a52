"""What every architecture gives: the loss it learns by and the outputs it is exported with."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor, nn

from crowdmask.default_boxes import GridSpec
from crowdmask.inference.model_file import InputSpec
from crowdmask.models.plan import Plan

# ImageNet's statistics, of pixels 0 to 255: the backbone's weights were learnt with them.
_MEAN = (123.675, 116.28, 103.53)
_STD = (58.395, 57.12, 57.375)


Shared = Callable[[Tensor], Tensor]
"""Turns counts of this process's batch into what its losses are divided by."""


def alone(counts: Tensor) -> Tensor:
    """Return what a loss is divided by in a process that trains alone: the counts, 1 at least."""
    return counts.clamp(min=1)


class Raw(NamedTuple):
    """A network's answer for a batch, before any probability is made of it.

    logits: (B, A, K) float32, K as the architecture's loss reads it.
    deltas: (B, A, 4) float32, relative to the default boxes.
    """

    logits: Tensor
    deltas: Tensor


class DetectionModel(nn.Module, ABC):
    """Base of the architectures.

    Attributes:
        plan: widths and default boxes, of an architecture that comes in several.
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
        """Turn (B, 3, H, W) pixels 0 to 255 into what ImageNet weights expect."""
        return (pictures.float() - self.mean) / self.std

    @abstractmethod
    def forward(self, pictures: Tensor) -> Raw:
        """Run the network on (B, 3, H, W) RGB pixels 0 to 255."""

    @abstractmethod
    def probabilities(self, logits: Tensor) -> Tensor:
        """Turn logits (B, A, K) into (B, A, 3): how likely a face with each label is there."""

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
            raw: the forward pass's answer.
            targets: for each picture ``boxes`` (N, 4) xyxy input pixels, ``labels`` (N,) int64,
                ``label_weight`` (N,) float32, how much the label of each counts, and ``ignore``
                (M, 4) xyxy, regions that are not judged.
            size: width and height of the input.
            shared: turns counts of this batch into what the losses are divided by, so that the mean gradient
                of several processes is that of one large batch; called once for each call of this.
        """


def flatten_level(x: Tensor, values: int) -> Tensor:
    """Turn a head's (B, boxes * values, H, W) into (B, H * W * boxes, values), the grid's order."""
    batch = x.shape[0]
    return x.permute(0, 2, 3, 1).reshape(batch, -1, values)


def init_heads(module: nn.Module) -> None:
    """Initialise new convolutions: normal weights of the fan-out's scale (He et al., 2015), no bias."""
    for layer in module.modules():
        if isinstance(layer, nn.Conv2d):
            nn.init.kaiming_normal_(layer.weight, mode="fan_out", nonlinearity="relu")
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
