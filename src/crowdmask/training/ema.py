"""The moving average of the weights, which is validated and shipped."""

from __future__ import annotations

import copy
from typing import Generic, TypeVar

import torch
from torch import nn

_Model = TypeVar("_Model", bound=nn.Module)


class AverageModel(Generic[_Model]):
    """Exponential moving average of a model's weights and statistics."""

    def __init__(self, model: _Model, decay: float) -> None:
        self.model = copy.deepcopy(model).eval().requires_grad_(False)
        self.decay = decay

    @torch.no_grad()
    def update(self, model: nn.Module, step: int) -> None:
        """Update with the weights after optimiser step `step`, counted from 1."""
        # At the beginning a long memory would contain the untrained weights.
        decay = min(self.decay, (1 + step) / (10 + step))
        own = self.model.state_dict()
        for name, value in model.state_dict().items():
            if value.is_floating_point():
                own[name].lerp_(value.detach(), 1 - decay)
            else:
                own[name].copy_(value)
