"""Presets: published sources whose format, classes and box convention are known."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Literal

from pydantic import Field

from crowdmask.errors import UsageError
from crowdmask.settings import StrictModel, read_yaml

Convention = tuple[float, float, float, float]
Format = Literal["voc", "yolo", "coco", "wider", "csv", "mafa", "folders"]


class Preset(StrictModel):
    """One published source."""

    summary: str = Field(description="what it holds")
    origin: str = Field(description="where its publisher offers it")
    kaggle: str | None = Field(None, description="its name at Kaggle, owner/name, for `download`")
    licence: str = Field(description="as its publisher states it, or 'not stated'")
    format: Format
    classes: dict[str, str] = Field({}, description="published name: our label, 'ignore' or 'skip'")
    convention: str = Field("none", description="one of the named conventions")
    first_pixel: Literal[0, 1] = Field(0, description="1 where left and top edges count from 1")
    tested: bool = Field(description="read by us from the publisher's own files")
    note: str = Field(description="the layout that is expected, and what is known or guessed")


class _Presets(StrictModel):
    conventions: dict[str, Convention]
    presets: dict[str, Preset]


@cache
def _load() -> _Presets:
    return read_yaml(Path(__file__).with_name("presets.yaml"), _Presets)


def presets() -> dict[str, Preset]:
    """Return all presets by name."""
    return _load().presets


def conventions() -> dict[str, Convention]:
    """Return the named conventions: part of the size that is trimmed at the left, top, right and bottom."""
    return _load().conventions


def find_preset(name: str) -> tuple[str, Preset]:
    """Return a preset and its short name, given the short name or the name at Kaggle.

    Raises:
        UsageError: there is none of this name.
    """
    for short, preset in presets().items():
        if name in (short, preset.kaggle):
            return short, preset
    raise UsageError(f"`preset` {name}: there is no such preset; `list_presets` shows them")


def parse_convention(text: str) -> Convention:
    """Read `convention`: a name, or four parts of the box's own size.

    Raises:
        UsageError: it is neither, or nothing of the box would be left.
    """
    known = conventions()
    if text in known:
        return known[text]
    try:
        left, top, right, bottom = (float(word) for word in text.split(","))
    except ValueError as error:
        raise UsageError(
            f"`convention` {text}: give left,top,right,bottom, like 0,-0.12,0,0.08, "
            f"or one of {', '.join(known)}"
        ) from error
    if not all(-1 <= part <= 1 for part in (left, top, right, bottom)):
        raise UsageError(f"`convention` {text}: the four are parts of the box's size, -1 to 1")
    if left + right >= 1 or top + bottom >= 1:
        raise UsageError(f"`convention` {text}: nothing of a box would be left")
    return left, top, right, bottom
