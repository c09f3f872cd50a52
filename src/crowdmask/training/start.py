"""The starting weights of a run: ImageNet, our shipped weights, or a file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor

from crowdmask.data.sample import Sample
from crowdmask.errors import ModelError
from crowdmask.inference.detector import Detector
from crowdmask.inference.model_file import locate
from crowdmask.labels import LABELS
from crowdmask.models.crowd import Crowd
from crowdmask.models.detector import DetectionModel
from crowdmask.models.plan import Plan
from crowdmask.models.pretrained import imagenet_weights, load_backbone
from crowdmask.models.registry import build
from crowdmask.paths import expand
from crowdmask.supplement import supplement
from crowdmask.training.batches import Batches
from crowdmask.training.checkpoint import load_model, load_weights
from crowdmask.training.prune import narrowed, taught_first_layers
from crowdmask.training.recipe import Augmentation, Recipe

# Number of batches for the importance of channels.
_NARROWING_BATCHES = 4
# Of a shipped model whose main file is int8, the file with the weights as they were trained.
_FLOAT_FILES = {"crowd": "crowd-float"}


def starting_model(recipe: Recipe, beside: Path, train: Sequence[Sample] = ()) -> DetectionModel:
    """Return the recipe's model with its starting weights.

    Args:
        recipe: its `start` names the weights, its `plan` the widths.
        beside: relative paths in the recipe are relative to this folder.
        train: photos for the importance of channels, if the plan is narrower than the weights.
    Raises:
        ModelError: the weights are not available or do not fit.
        MissingSupplementError: see `shipped_weights`.
    """
    torch.manual_seed(recipe.seed)
    if recipe.start == "imagenet":
        model = build(recipe.model, Plan.from_dict(recipe.plan) if recipe.plan else None)
        load_backbone(model.features, imagenet_weights())
        return model
    if isinstance(recipe.start, str):
        model = load_model(recipe.model, _weights(recipe.start, recipe, beside))
    else:
        model = _mean_of(recipe.model, [_weights(start, recipe, beside) for start in recipe.start])
    plan = Plan.from_dict(recipe.plan) if recipe.plan else model.plan
    if plan is None or plan == model.plan:
        return model
    if not isinstance(model, Crowd):
        raise ModelError(f"the architecture '{recipe.model}' comes in one width only")
    if model.plan is not None and plan.hidden == model.plan.hidden:
        return narrowed(model, plan, [])
    if not train:
        raise ModelError("no photos that would show which channels matter")
    # Crops without augmentation: this fit is only the start of training.
    plain = recipe.model_copy(
        update={
            "augmentation": Augmentation(),
            "close": None,
            "cache_gib": 1.0,
            "batch_size": 16,
            "crop_px": 256,
        }
    )
    batches = Batches(list(train), plain, model.input_spec)
    small = narrowed(model, plan, [batches.make(number)[0] for number in range(_NARROWING_BATCHES)])
    if recipe.first_steps:
        few = plain.model_copy(update={"crop_px": 160})
        pictures = (
            batch[0]
            for batch in Batches(list(train), few, model.input_spec).iterate(list(range(recipe.first_steps)))
        )
        taught_first_layers(small, model, recipe.frozen_layers, pictures, steps=recipe.first_steps)
    return small


def start_model_file(recipe: Recipe, beside: Path) -> Path | None:
    """Return the model file of the weights that a recipe starts from.

    Its calibration and thresholds belong to those weights. None: it starts from several weights, from
    ImageNet, changes the widths, or no model file of this kind lies beside the weights.

    Raises:
        MissingSupplementError: see `shipped_weights`.
    """
    if not isinstance(recipe.start, str) or recipe.start == "imagenet" or recipe.plan:
        return None
    if recipe.start == "shipped":
        path = locate(_FLOAT_FILES.get(recipe.model, recipe.model))
    else:
        path = (beside / expand(recipe.start)).with_suffix(".onnx")
    try:
        info = Detector(path, threads=1).info if path.is_file() else None
    except ModelError:
        return None
    fits = info is not None and info.labels == LABELS and info.architecture == recipe.model
    return path if fits else None


def teaching_model(recipe: Recipe, beside: Path) -> DetectionModel | None:
    """Return the teacher model of a recipe; None without one.

    Raises:
        ModelError: the weights are not available or do not fit.
        MissingSupplementError: see `shipped_weights`.
    """
    if recipe.teacher is None:
        return None
    return load_model(recipe.model, _weights(recipe.teacher, recipe, beside))


def _weights(named: str, recipe: Recipe, beside: Path) -> Path:
    return shipped_weights(recipe.model) if named == "shipped" else beside / expand(named)


def _mean_of(architecture: str, paths: Sequence[Path]) -> DetectionModel:
    """Return a model with the mean of several runs' weights, which is often better than each of them.

    Source: Wortsman et al., Model soups (2022), section 2.
    """
    if not paths:
        raise ModelError("the recipe's start names no weights")
    model = load_model(architecture, paths[0])
    total: dict[str, Tensor] = {}
    for path in paths:
        load_weights(model, path)
        for name, value in model.state_dict().items():
            total[name] = total[name] + value if name in total else value.clone()
    own = model.state_dict()
    model.load_state_dict({name: (value / len(paths)).to(own[name].dtype) for name, value in total.items()})
    return model


def shipped_weights(name: str) -> Path:
    """Return the path of a shipped model's weights.

    Raises:
        MissingSupplementError: the package that holds them is not installed.
    """
    return supplement(f"training from the weights of {name}") / "weights" / f"{name}.safetensors"
