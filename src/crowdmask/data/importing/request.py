"""Make an import's plan from a user's request, completed by a preset."""

from __future__ import annotations

import re
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from crowdmask.data.importing.download import download, download_folder
from crowdmask.data.importing.plan import ImportPlan
from crowdmask.data.importing.presets import Preset, find_preset, parse_convention
from crowdmask.data.importing.published_splits import parse_split
from crowdmask.data.user_photos import parse_map
from crowdmask.errors import UsageError


@dataclass(frozen=True, kw_only=True)
class Request:
    """What to import, as given by the user; None or empty values come from the preset.

    Attributes:
        to: the data set's folder.
        preset: name of a known source.
        form: name of the annotation format.
        name: name of the source.
        licence: as the publisher states it.
        class_map: OLD=NEW each: a published class and our label, 'ignore' or 'skip'.
        convention: a name, or the part of its size that each side of a box is trimmed: left,top,right,bottom.
        annotations: their place, if it differs from the photos'.
        events: of WIDER FACE, each a name or several with commas between.
        split: train, val or test for all photos, or as-published.
        split_list: SPLIT=FILE each: a list of photos.
        ignored: files of faces without a box.
        crops: how the box of a crop is found.
        first_pixel: 0 or 1: what left and top edges count from.
    """

    to: Path
    preset: str | None = None
    form: str | None = None
    name: str | None = None
    licence: str | None = None
    class_map: Sequence[str] = ()
    convention: str | None = None
    annotations: Path | None = None
    events: Sequence[str] = ()
    split: str | None = None
    split_list: Sequence[str] = ()
    ignored: Sequence[Path] = ()
    crops: str = "detect"
    first_pixel: int | None = None


def make_plan(request: Request, source: Path) -> ImportPlan:
    """Return the plan of an import.

    Args:
        request: the user's request.
        source: the archive or folder.
    Raises:
        UsageError: the options do not fit together.
    """
    if request.preset is None and request.form is None:
        raise UsageError("say what the annotations are: `format` NAME, or `preset` NAME for a known source")
    known = None if request.preset is None else find_preset(request.preset)
    if known is not None and request.form not in (None, known[1].format):
        raise UsageError(f"the preset {known[0]} has the format {known[1].format}: leave `format` out")
    preset = known[1] if known else None
    mapped = parse_map(list(request.class_map))
    try:
        splits = parse_split(request.split, list(request.split_list))
    except ValueError as error:
        raise UsageError(str(error)) from error
    events = (event.strip() for text in request.events for event in text.split(","))
    return ImportPlan(
        source=source,
        to=request.to,
        name=request.name or (known[0] if known else name_of(source)),
        form=request.form or (preset.format if preset else ""),
        annotations=request.annotations,
        licence=request.licence or (preset.licence if preset else "not stated"),
        classes={**(preset.classes if preset else {}), **mapped},
        must_occur=tuple(mapped),
        convention=parse_convention(request.convention or (preset.convention if preset else "none")),
        first_pixel=_first_pixel(request, preset),
        splits=splits,
        ignored=tuple(request.ignored),
        events=tuple(event for event in events if event),
        crops=request.crops,  # type: ignore[arg-type]  # checked with the rest of the plan
    )


def _first_pixel(request: Request, preset: Preset | None) -> int:
    if request.first_pixel is None:
        return preset.first_pixel if preset else 0
    if request.first_pixel not in (0, 1):
        raise UsageError(f"`origin` {request.first_pixel}: choose 0 or 1")
    return request.first_pixel


def downloadable(name: str | None) -> Preset:
    """Return a preset whose archive can be downloaded.

    Raises:
        UsageError: there is none of this name, or its publisher offers no download of this kind.
    """
    preset = None if name is None else find_preset(name)[1]
    if preset is None or preset.kaggle is None:
        where = f"; fetch it from {preset.origin}" if preset else ""
        raise UsageError(f"`download` goes with the presets that are at Kaggle{where}")
    return preset


def fetch(preset: Preset, to: Path) -> Path:
    """Download the archive of a `downloadable` preset and return it; see `download.download`."""
    if preset.kaggle is None:
        raise UsageError("this preset is not at Kaggle")
    return download(preset.kaggle, to)


def drop_archive(source: Path, to: Path) -> None:
    """Delete the download after the import is done."""
    folder = download_folder(to)
    if source.is_relative_to(folder):
        shutil.rmtree(folder, ignore_errors=True)


def name_of(source: Path) -> str:
    """Return a source's name, made from its file name."""
    plain = re.sub(r"[^A-Za-z0-9_-]+", "-", source.resolve().name.split(".")[0]).strip("-_")
    return plain[:64] or "source"
