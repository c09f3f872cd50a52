"""A training run as one YAML file."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, field_validator

from crowdmask.models.registry import check_name
from crowdmask.settings import StrictModel, read_yaml


def _rising(ends: tuple[float, float]) -> tuple[float, float]:
    if not 0 < ends[0] <= ends[1]:
        raise ValueError("must be two numbers above 0, the smaller first")
    return ends


# Keys that were added to recipes later, by section.
_LATER = {
    "": ("plan", "first_steps", "teacher", "close", "learns"),
    "views": ("texture",),
    "augmentation": ("synthetic", "squeeze", "rotate", "motion", "dark", "blocky"),
}

Range = Annotated[tuple[float, float], AfterValidator(_rising)]
Weight = Annotated[float, Field(ge=0)]


class Views(StrictModel):
    """The kinds of crops, as parts of all crops; they are normalised to a sum of one."""

    use: float = Field(0.5, ge=0, description="at about the scale at which whole photos are detected")
    face: float = Field(0.35, ge=0, description="around a face whose width is drawn log-uniformly")
    whole: float = Field(0.15, ge=0, description="the whole photo in one crop")
    texture: float = Field(
        0.0, ge=0, description="anywhere in a photo, two to six times as large: cloth, hair, hands, walls"
    )
    face_px: Range = Field((8, 220), description="range of that width, pixels of the crop")
    use_scale: Range = Field((0.7, 1.4), description="range around the scale of use")


class Augmentation(StrictModel):
    """Probabilities, 0 to 1, of each change to a crop."""

    flip: float = Field(0.5, ge=0, le=1)
    colour: float = Field(0.8, ge=0, le=1)
    grey: float = Field(0.03, ge=0, le=1)
    blur: float = Field(0.1, ge=0, le=1)
    noise: float = Field(0.08, ge=0, le=1)
    jpeg: float = Field(0.15, ge=0, le=1)
    coarse: float = Field(
        0.08, ge=0, le=1, description="scaled down and up again, like pictures of distant cameras"
    )
    occlude: float = Field(0.1, ge=0, le=1, description="of covering a part of a face")
    aspect: float = Field(0.1, ge=0, lt=1, description="maximum relative stretch of one side")
    squeeze: float = Field(0.0, ge=0, le=1, description="aspect ratio changed by .6 to 1.6 instead")
    rotate: float = Field(0.0, ge=0, le=1, description="rotated by up to 30 degrees")
    motion: float = Field(0.0, ge=0, le=1, description="motion blur, as of a moving head")
    dark: float = Field(0.0, ge=0, le=1, description="a strong gamma, as in poor light")
    blocky: float = Field(
        0.0, ge=0, le=1, description="scaled down a lot and up again, in blocks or smoothly"
    )
    synthetic: float = Field(
        0.0, ge=0, le=1, description="of drawing a mask or another cover on a bare face of 20 px or more"
    )


class Close(StrictModel):
    """Batches of larger crops between the others, for faces that fill the picture."""

    every: int = Field(ge=2, description="one batch in this many is of this kind")
    crop_px: int = Field(gt=0)
    batch_size: int = Field(ge=2)
    views: Views = Views()
    sources: dict[str, Weight] = Field({}, description="as in `sampling`")


class Sampling(StrictModel):
    """How often each source is drawn."""

    sources: dict[str, Weight] = Field({}, description="weight of a source; left out: its number of photos")
    incorrect: float = Field(
        0.0, ge=0, lt=1, description="part of all crops that come from photos with an incorrectly worn mask"
    )
    incorrect_label_weight: float = Field(1.0, gt=0, description="weight of such faces in the label loss")


class Recipe(StrictModel):
    """All settings of a run."""

    name: str = Field(pattern=r"^\w[\w.-]*$", description="of the run and of its weights")
    model: str = Field("crowd", description="architecture, see crowdmask.models.registry")
    data: str | None = Field(None, description="data set YAML, beside the recipe; none: `photos` names it")
    start: str | tuple[str, ...] = Field(
        "imagenet",
        description="'imagenet', 'shipped' (our own weights), or a .safetensors file beside the recipe; "
        "of several such files, the mean of their weights",
    )
    seed: int = Field(0, ge=0)
    steps: int = Field(ge=0, description="optimiser steps; 0: use the weights of `start` unchanged")
    batch_size: int = Field(32, ge=2, description="batch normalisation needs two")
    crop_px: int = Field(320, gt=0, description="side of the square crops; a fixed-size model overrides it")
    learning_rate: float = Field(1e-3, gt=0)
    backbone_rate: float = Field(
        0.5, gt=0, description="learning rate of the backbone, relative to `learning_rate`"
    )
    weight_decay: float = Field(0.02, ge=0)
    warmup_steps: int = Field(200, ge=0)
    final_rate: float = Field(0.01, ge=0, description="final learning rate, relative to the first")
    clip_norm: float = Field(10.0, gt=0)
    frozen_layers: int = Field(
        0, ge=0, description="number of first layers of the backbone whose weights are frozen"
    )
    learns: tuple[str, ...] = Field(
        (),
        description="the only parts that learn, by their names in the weights, such as `towers.2`; "
        "none: all but `frozen_layers`",
    )
    at_once: int = Field(
        0, ge=0, description="crops in one forward pass, 0: the whole batch; 8 suit a CPU's caches"
    )
    frozen_norms: bool = Field(
        False, description="normalisation keeps its statistics: faster, for a start from our weights"
    )
    ema_decay: float = Field(0.998, ge=0, lt=1)
    precision: Literal["auto", "float32", "bfloat16"] = "auto"
    validate_every: int = Field(500, gt=0)
    validation_crops: int = Field(256, gt=0)
    checkpoint_every: int = Field(250, gt=0)
    cache_gib: float = Field(6.0, ge=0, description="memory for decoded photos")
    views: Views = Views()
    augmentation: Augmentation = Augmentation()
    sampling: Sampling = Sampling()
    plan: dict[str, Any] | None = Field(
        None, description="widths to narrow the start's weights to, see crowdmask.models.plan"
    )
    first_steps: int = Field(
        0, ge=0, description="steps in which pruned `frozen_layers` learn from the original ones"
    )
    teacher: str | None = Field(
        None, description="'shipped' or a .safetensors file: a teacher, whose output is learned as well"
    )
    teacher_weight: float = Field(1.0, gt=0, description="weight of the teacher's output in the loss")
    close: Close | None = None
    scores: dict[str, float | str] = Field({}, description="measures of this recipe, for information")

    @field_validator("model")
    @classmethod
    def _is_known(cls, name: str) -> str:
        # Here, so that it is told together with everything else that is wrong.
        check_name(name)
        return name

    @property
    def digest(self) -> str:
        """A short hash of everything that affects the result, to detect another recipe on resume."""
        content = self.model_dump(mode="json", exclude={"scores", "cache_gib", "checkpoint_every"})
        # A key that was added later counts only if it is used, so that older runs can continue.
        for part, keys in _LATER.items():
            place = content[part] if part else content
            for key in keys:
                if not place[key]:
                    del place[key]
        if self.teacher is None:
            del content["teacher_weight"]
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:16]


def load_recipe(path: Path | str) -> Recipe:
    """Read and check a recipe.

    Raises:
        DataError: missing, not YAML, or with options that do not exist or fit.
    """
    return read_yaml(Path(path), Recipe)
