"""Read a source's annotations as published."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from crowdmask.data.formats.annotation import Annotation
from crowdmask.data.formats.class_folders import read_folders
from crowdmask.data.formats.foreign import recognise_foreign
from crowdmask.data.formats.table import find_format, names, recognise
from crowdmask.data.importing.plan import ImportPlan
from crowdmask.data.importing.state import ImportState
from crowdmask.errors import UsageError


def read_annotations(run: ImportState, folder: Path) -> Iterator[Annotation]:
    """Yield the annotations of the photos to import.

    Args:
        run: the import.
        folder: of the annotations.
    Raises:
        UsageError: the source does not have one of the events.
    """
    run.progress("reading annotations", 0, 0)
    events = [_plain(event) for event in run.plan.events]
    left_out, seen = 0, set()
    for annotation in _read(run, folder):
        event = _event(annotation.picture)
        seen.add(event)
        if events and _plain(event) not in events:
            left_out += 1
            continue
        yield annotation
    unknown = [e for e in run.plan.events if _plain(e) not in {_plain(name) for name in seen}]
    if unknown:
        have = ", ".join(sorted(name for name in seen if name)) or "none"
        raise UsageError(f"`events` {unknown[0]}: {run.plan.source} has no such event; it has: {have}")
    run.note("photos of other events, passed over", left_out)


def detect_format(plan: ImportPlan, folder: Path) -> str:
    """Return the name of the one format that a source looks like.

    Raises:
        UsageError: it looks like none, or like several.
    """
    found = recognise(folder)
    if len(found) == 1:
        return found[0].name
    if found:
        looks = " and ".join(form.title for form in found)
        choices = " or ".join(form.name for form in found)
        raise UsageError(f"{plan.source} looks like {looks}: say which one is meant, `format` {choices}")
    foreign = recognise_foreign(folder)
    if foreign is not None:
        raise UsageError(f"{plan.source} looks like {foreign.title}, which is not read: {foreign.advice}")
    raise UsageError(
        f"{plan.source} looks like no known format of annotations: name it with `format`, one of "
        f"{', '.join(names())}"
    )


def is_chosen(run: ImportState, picture: str) -> bool:
    """Whether a photo's event is to be imported; without a list of events all are."""
    return not run.plan.events or _plain(_event(picture)) in map(_plain, run.plan.events)


def _read(run: ImportState, folder: Path) -> Iterator[Annotation]:
    form = find_format(run.plan.form)
    if form.has_class_folders:
        return read_folders(folder, run.problems, run.is_class)
    return form.read(folder, run.problems)


def _event(picture: str) -> str:
    """Return the event of a photo of WIDER FACE, named by its folder like ``2--Demonstration``."""
    folder = picture.split("/")[-2] if "/" in picture else ""
    return folder.split("--", 1)[-1]


def _plain(event: str) -> str:
    return "".join(c for c in event.lower() if c.isalnum())
