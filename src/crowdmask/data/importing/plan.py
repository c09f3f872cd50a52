"""The plan of an import, and its validation."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, get_args

from crowdmask.data.formats.table import FORMATS, find_format
from crowdmask.data.importing.archive_limits import Limits
from crowdmask.data.importing.presets import Convention
from crowdmask.data.importing.published_splits import Splits
from crowdmask.errors import DataError, OutputError, UsageError

Crops = Literal["detect", "whole"]
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


@dataclass(frozen=True)
class ImportPlan:
    """Everything that an import depends on.

    Attributes:
        source: a zip, a tar, or a folder.
        to: the data set's folder; it is created or added to.
        name: of the source in the data set.
        form: the name of a format, see `crowdmask.data.formats.table`.
        annotations: the annotations, if they are in another place: a zip, a tar, a folder or a file.
        licence: as the publisher states it.
        classes: published name to our label, 'ignore' or 'skip'.
        must_occur: class names given by the user, so that a misspelled one is reported.
        convention: part of a box's size that is trimmed at the left, top, right and bottom.
        first_pixel: 1 where left and top edges count from 1, as in classic Pascal VOC.
        splits: which split each photo gets.
        ignored: files of regions without a box that are faces.
        events: import only these events of WIDER FACE.
        crops: how the box in a crop is found, see `crops.find_faces`.
        limits: limits on archives.
    """

    source: Path
    to: Path
    name: str
    form: str
    annotations: Path | None = None
    licence: str = "not stated"
    classes: dict[str, str] = field(default_factory=dict)
    must_occur: tuple[str, ...] = ()
    convention: Convention = (0, 0, 0, 0)
    first_pixel: int = 0
    splits: Splits = field(default_factory=Splits)
    ignored: tuple[Path, ...] = ()
    events: tuple[str, ...] = ()
    crops: Crops = "detect"
    limits: Limits = field(default_factory=Limits)


AUTO = "auto"
"""Used instead of a format's name: the format that the source looks like."""


def check_plan(plan: ImportPlan) -> None:
    """Check everything that can be checked before reading.

    Raises:
        UsageError: options that do not fit.
        DataError: a path does not exist.
        OutputError: the data set's folder is a file.
    """
    if not _NAME.fullmatch(plan.name):
        raise UsageError(f"`source` {plan.name}: letters, digits, dots, - and _ only, 64 at most")
    if plan.crops not in get_args(Crops):
        raise UsageError(f"`box` {plan.crops}: choose from {', '.join(get_args(Crops))}")
    for path in (plan.source, plan.annotations, *plan.ignored):
        if path is not None and not path.exists():
            raise DataError(f"{path} does not exist")
    if plan.to.exists() and not plan.to.is_dir():
        raise OutputError(f"{plan.to} is not a folder")
    if plan.form != AUTO:
        check_format(plan)
    source, to = plan.source.resolve(), plan.to.resolve()
    if source == to or (plan.source.is_dir() and (to.is_relative_to(source) or source.is_relative_to(to))):
        raise UsageError(f"`to` {plan.to} and {plan.source} lie one in the other: choose another folder")


def check_format(plan: ImportPlan) -> None:
    """Check that the format exists and fits the other options.

    Raises:
        UsageError: it does not.
    """
    form = find_format(plan.form)
    if plan.annotations is not None and not form.lies_apart:
        raise UsageError(
            f"`annotations` goes with the formats {', '.join(f.name for f in FORMATS if f.lies_apart)}; "
            f"for {plan.form} put the photos and their annotations into one folder"
        )


def identity(plan: ImportPlan) -> list[str]:
    """Return a key of this import, so that an interrupted one can continue."""
    parts = [plan.form]
    for path in (plan.source, plan.annotations):
        if path is not None:
            status = path.stat()
            parts.append(f"{path.resolve()} {status.st_size} {status.st_mtime_ns}")
    return parts
