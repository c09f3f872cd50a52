"""Distillation: learn from a trained detector's output in addition to the labels."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from crowdmask.errors import ModelError
from crowdmask.models.crowd import Crowd
from crowdmask.models.detector import DetectionModel, Raw, alone
from crowdmask.training.processes import Processes

# Weights of the parts of the loss, relative to that of the face logit.
_LABEL_WEIGHT, _BOX_WEIGHT, _MAP_WEIGHT = 1.0, 0.5, 0.5


class Shown(NamedTuple):
    """A crowd detector's feature maps, from fine to coarse, and its output for a batch."""

    maps: list[Tensor]
    raw: Raw


class Learner(nn.Module):
    """Wraps a model so that the forward pass also returns its feature maps, if it has them."""

    def __init__(self, model: DetectionModel) -> None:
        super().__init__()
        self.model = model

    def forward(self, pictures: Tensor) -> Shown:
        """Run the network on (B, 3, H, W) RGB pixels 0 to 255."""
        if not isinstance(self.model, Crowd):
            return Shown([], self.model(pictures))
        backbone, merged = self.model.maps(pictures)
        return Shown([*backbone, *merged], self.model.answer(merged))


class Teacher:
    """A trained crowd detector as the teacher of a student with the same feature maps.

    Source: Hinton et al., Distilling the Knowledge in a Neural Network (2015); Romero et al., FitNets (2015),
    for the maps.
    """

    def __init__(self, model: DetectionModel, student: DetectionModel) -> None:
        """Take a trained model.

        Raises:
            ModelError: the two do not have the same feature maps and default boxes.
        """
        if not isinstance(model, Crowd) or not isinstance(student, Crowd):
            raise ModelError("only crowd detectors teach and are taught")
        assert model.plan is not None
        assert student.plan is not None
        levels = zip(model.grid.shapes, student.grid.shapes, strict=True)
        if model.plan.neck != student.plan.neck or any(b[: len(a)] != a for a, b in levels):
            raise ModelError("the teacher's maps or default boxes are not the student's")
        self._learner = Learner(model).eval().requires_grad_(False)
        self._strides = student.grid.strides
        self._boxes = [(len(a), len(b)) for a, b in zip(model.grid.shapes, student.grid.shapes, strict=True)]

    def to(self, device: torch.device) -> Teacher:
        """Move to a device."""
        self._learner.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        return self

    @torch.no_grad()
    def show(self, pictures: Tensor) -> Shown:
        """Return the teacher's feature maps and output for a batch."""
        shown: Shown = self._learner(pictures)
        return shown

    def loss(
        self, shown: Shown, student: Shown, size: tuple[int, int], processes: Processes | None = None
    ) -> Tensor:
        """Return the distillation loss, a scalar.

        Args:
            shown: the teacher's maps and output.
            student: those of the student for the same batch; default boxes that the teacher lacks are
                ignored.
            size: width and height of the input.
            processes: processes that train together; None: only this one.
        """
        shared = processes.shared if processes else alone
        mean = processes.mean if processes else Tensor.detach
        index = torch.from_numpy(np.flatnonzero(self._shared(size))).to(shown.raw.logits.device)
        logits, deltas = student.raw.logits[:, index].float(), student.raw.deltas[:, index].float()
        theirs = shown.raw.logits.float()
        likely = theirs[..., 0].sigmoid()
        faces = shared(likely.sum())
        mine = logits[..., 0].sigmoid()
        entropy = F.binary_cross_entropy_with_logits(logits[..., 0], likely, reduction="none")
        entropy = entropy - F.binary_cross_entropy(likely, likely, reduction="none")
        face = (entropy * (likely - mine).detach().abs().sqrt()).sum()
        wanted = theirs[..., 1:].softmax(-1)
        label = -(wanted * (logits[..., 1:].log_softmax(-1) - (wanted + 1e-9).log())).sum(-1)
        box = F.smooth_l1_loss(deltas, shown.raw.deltas.float(), reduction="none").sum(-1)
        answers = (face + _LABEL_WEIGHT * (label * likely).sum() + _BOX_WEIGHT * (box * likely).sum()) / faces
        pairs = zip(student.maps, shown.maps, strict=True)
        maps = torch.stack([_unlike(a.float(), b.float(), mean) for a, b in pairs]).mean()
        return answers + _MAP_WEIGHT * maps

    def _shared(self, size: tuple[int, int]) -> np.ndarray:
        width, height = size
        masks = []
        for stride, (theirs, mine) in zip(self._strides, self._boxes, strict=True):
            cells = -(-width // stride) * -(-height // stride)
            masks.append(np.tile(np.arange(mine) < theirs, cells))
        return np.concatenate(masks)


def _unlike(mine: Tensor, theirs: Tensor, mean: Callable[[Tensor], Tensor]) -> Tensor:
    """Return the squared difference of maps, relative to the variance of each of the teacher's channels."""
    centre = mean(theirs.mean((0, 2, 3), keepdim=True))
    spread = mean((theirs - centre).square().mean((0, 2, 3), keepdim=True)).clamp(min=1e-3)
    return ((mine - theirs).square() / spread).mean()
