"""The search space of a study: dotted keys of a recipe, each with bounds or choices, in one YAML file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field, RootModel, ValidationError, model_validator

from crowdmask.errors import DataError
from crowdmask.settings import StrictModel, describe_problems, read_yaml
from crowdmask.training.recipe import Recipe

if TYPE_CHECKING:
    from optuna import Trial

Value = Any
"""The type of a recipe's value: a number, text, a Boolean, or a list of numbers."""

_FIXED = {
    "name": "it names the run",
    "data": "trials on other photos cannot be compared",
    "steps": "trials of other lengths cannot be compared or pruned",
    "validate_every": "trials are compared at the same steps",
    "validation_crops": "trials are compared on the same crops",
    "checkpoint_every": "it does not change the result",
    "cache_gib": "it does not change the result",
    "scores": "they are a result",
}
# These affect the val loss itself.
_SHAPES_LOSS = ("model", "seed", "batch_size", "crop_px", "sampling.incorrect_label_weight")


class Float(StrictModel):
    """A number between two bounds."""

    type: Literal["float"]
    low: float
    high: float
    log: bool = Field(False, description="drawn evenly in orders of magnitude")

    @model_validator(mode="after")
    def _bounds(self) -> Float:
        if not self.low < self.high or (self.log and self.low <= 0):
            raise ValueError("low must lie below high, and above 0 with log")
        return self

    def suggest(self, trial: Trial, key: str) -> Value:
        """Let the study choose a value."""
        return trial.suggest_float(key, self.low, self.high, log=self.log)

    def holds(self, value: Value) -> bool:
        """Whether the value is in this range."""
        return isinstance(value, (int, float)) and self.low <= value <= self.high

    def stored(self, value: Value) -> Value:
        """Return a value as a study stores it."""
        return value

    def ends(self) -> list[Value]:
        """Return test values: if a recipe accepts them, it accepts all."""
        return [self.low, self.high]


class Int(StrictModel):
    """A whole number between two bounds."""

    type: Literal["int"]
    low: int
    high: int
    log: bool = False
    step: int = Field(1, ge=1, description="counted from low; not with log")

    @model_validator(mode="after")
    def _bounds(self) -> Int:
        if not self.low < self.high or (self.log and (self.low <= 0 or self.step != 1)):
            raise ValueError("low must lie below high, and above 0 with log, which takes no step")
        return self

    def suggest(self, trial: Trial, key: str) -> Value:
        """Let the study choose a value."""
        return trial.suggest_int(key, self.low, self.high, step=self.step, log=self.log)

    def holds(self, value: Value) -> bool:
        """Whether the value is in this range."""
        inside = isinstance(value, int) and self.low <= value <= self.high
        return inside and (value - self.low) % self.step == 0

    def stored(self, value: Value) -> Value:
        """Return a value as a study stores it."""
        return value

    def ends(self) -> list[Value]:
        """Return test values: if a recipe accepts them, it accepts all."""
        return [self.low, self.high]


class Choice(StrictModel):
    """One of several values."""

    type: Literal["choice"]
    choices: list[Any] = Field(min_length=2)

    @property
    def _names(self) -> list[Any]:
        # A study stores only plain values.
        return [json.dumps(c) if isinstance(c, (list, dict)) else c for c in self.choices]

    def stored(self, value: Value) -> Value:
        """Return a value as a study stores it: lists as text."""
        return self._names[self.choices.index(value)]

    def suggest(self, trial: Trial, key: str) -> Value:
        """Let the study choose a value."""
        return self.choices[self._names.index(trial.suggest_categorical(key, self._names))]

    def holds(self, value: Value) -> bool:
        """Whether the value is in this range."""
        return value in self.choices

    def ends(self) -> list[Value]:
        """Return test values: if a recipe accepts them, it accepts all."""
        return list(self.choices)


Knob = Annotated[Float | Int | Choice, Field(discriminator="type")]


class Space(RootModel[dict[str, Knob]]):
    """The keys of a recipe that a study may change."""

    def suggest(self, trial: Trial) -> dict[str, Value]:
        """Let the study choose a value for each key."""
        return {key: knob.suggest(trial, key) for key, knob in self.root.items()}

    def own(self, recipe: Recipe) -> dict[str, Value]:
        """Return the recipe's own values as a study stores them."""
        return {key: knob.stored(value_of(recipe, key)) for key, knob in self.root.items()}


def load_space(path: Path, recipe: Recipe, objective: str) -> Space:
    """Read a space and check that it fits the recipe.

    Args:
        path: a YAML file: ``dotted.key: {type: float|int|choice, ...}``.
        recipe: the recipe to tune.
        objective: ``mAP50`` or ``loss``.
    Raises:
        DataError: a key that the recipe lacks or that cannot be tuned, bounds that the recipe does not
            accept, or bounds that exclude its own value.
    """
    space = read_yaml(path, Space)
    if not space.root:
        raise DataError(f"{path} holds no keys: nothing to tune")
    for key, knob in space.root.items():
        top = key.split(".")[0]
        if top in _FIXED:
            raise DataError(f"{path}: {key} cannot be tuned: {_FIXED[top]}")
        if objective == "loss" and key in _SHAPES_LOSS:
            raise DataError(f"{path}: {key} changes the val loss itself: tune it with `objective` mAP50")
        own = value_of(recipe, key, str(path))
        for value in knob.ends():
            changed(recipe, {key: value}, str(path))
        if not knob.holds(own):
            raise DataError(
                f"{path}: {key}: the recipe's own value {own}, the first trial, lies outside: widen it"
            )
    return space


def value_of(recipe: Recipe, key: str, where: str = "the space") -> Value:
    """Return a recipe's value at a dotted key.

    Raises:
        DataError: it has no such key.
    """
    node: Any = recipe.model_dump(mode="json")
    for part in key.split("."):
        place = _place(node, part)
        if place is None:
            hint = _hint(key, node)
            raise DataError(f"{where}: {key}: the recipe has no such key{hint}")
        node = node[place]
    return node


def changed(recipe: Recipe, values: dict[str, Value], where: str = "the space") -> Recipe:
    """Return the recipe with changed values at dotted keys.

    Raises:
        DataError: a key that it lacks, or a value that it does not accept.
    """
    content = recipe.model_dump(mode="json")
    for key, value in values.items():
        value_of(recipe, key, where)
        node: Any = content
        *path, last = key.split(".")
        for part in path:
            node = node[_place(node, part)]
        node[_place(node, last)] = value
    try:
        return Recipe.model_validate(content)
    except ValidationError as error:
        told = "; ".join(describe_problems(error))
        raise DataError(f"{where}: {told} (at an end of the space)") from error


def _place(node: Any, part: str) -> str | int | None:
    """Return the key or index in a node; None if there is none."""
    if isinstance(node, dict):
        return part if part in node else None
    if isinstance(node, list) and part.isdigit() and int(part) < len(node):
        return int(part)
    return None


def _hint(key: str, node: Any) -> str:
    if key.startswith("sampling.sources."):
        return ": give that source a weight in the recipe first"
    return f"; there is: {', '.join(node)}" if isinstance(node, dict) else ""
