"""Where a run starts from: ImageNet, our shipped weights, or a file."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import resources
from pathlib import Path

import torch
from torch import Tensor

from crowdmask.errors import ModelError
from crowdmask.models.detector import DetectionModel
from crowdmask.models.pretrained import imagenet_weights, load_backbone
from crowdmask.models.registry import build
from crowdmask.paths import expand
from crowdmask.training.checkpoint import load_weights
from crowdmask.training.recipe import Recipe


def starting_model(recipe: Recipe, beside: Path) -> DetectionModel:
    """Return the recipe's model with its starting weights.

    Args:
        recipe: its `start` says which.
        beside: the folder that a relative path in it is seen from.
    Raises:
        ModelError: the weights cannot be had or do not fit.
    """
    torch.manual_seed(recipe.seed)
    model = build(recipe.model)
    if recipe.start == "imagenet":
        load_backbone(model.features, imagenet_weights())
    elif recipe.start == "shipped":
        load_weights(model, shipped_weights(recipe.model))
    elif isinstance(recipe.start, str):
        load_weights(model, beside / expand(recipe.start))
    else:
        _load_mean(model, [beside / expand(start) for start in recipe.start])
    return model


def _load_mean(model: DetectionModel, paths: Sequence[Path]) -> None:
    """Load the mean of several runs' weights, often better than each where one went on from another.

    Source: Wortsman et al., Model soups (2022), section 2.
    """
    if not paths:
        raise ModelError("the recipe's start names no weights")
    total: dict[str, Tensor] = {}
    for path in paths:
        load_weights(model, path)
        for name, value in model.state_dict().items():
            total[name] = total[name] + value if name in total else value.clone()
    own = model.state_dict()
    model.load_state_dict({name: (value / len(paths)).to(own[name].dtype) for name, value in total.items()})


def shipped_weights(name: str) -> Path:
    """Return the path of a shipped model's weights."""
    return Path(str(resources.files("crowdmask"))) / "assets" / f"{name}.safetensors"
