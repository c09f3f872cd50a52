"""Where a run starts from: ImageNet, our shipped weights, or a file."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

import torch

from crowdmask.models.detector import DetectionModel
from crowdmask.models.pretrained import imagenet_weights, load_backbone
from crowdmask.models.registry import build
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
    else:
        load_weights(model, beside / Path(recipe.start).expanduser())
    return model


def shipped_weights(name: str) -> Path:
    """Return the path of a shipped model's weights."""
    return Path(str(resources.files("crowdmask"))) / "assets" / f"{name}.safetensors"
