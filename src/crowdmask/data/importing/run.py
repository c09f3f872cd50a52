"""Import one published source into a data set: read, check, copy, and add it to the manifest."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from crowdmask.data.formats.table import find_format, hint
from crowdmask.data.importing.crops import find_faces
from crowdmask.data.importing.opening import open_place
from crowdmask.data.importing.photos import judge_photos
from crowdmask.data.importing.placing import place_photos
from crowdmask.data.importing.plan import AUTO, ImportPlan, check_format, check_plan, identity
from crowdmask.data.importing.reading import detect_format, read_annotations
from crowdmask.data.importing.state import ImportState
from crowdmask.data.importing.workplace import Workplace
from crowdmask.data.manifest import Photo
from crowdmask.data.problems import Problems
from crowdmask.errors import DataError
from crowdmask.progress import Progress

# With this many boxes of unknown classes, and this part of all boxes, it is not a single annotator's mistake.
_MANY = 10
_MANY_PART = 0.01


@dataclass(frozen=True)
class Imported:
    """The result of an import.

    Attributes:
        photos: as in the manifest.
        problems: what was rejected, each with its name.
        notes: counts of what was changed or skipped without being wrong.
        published: number of boxes of each published class.
        report: the file with all of this; None if nothing was imported.
    """

    photos: list[Photo]
    problems: Problems
    notes: dict[str, int]
    published: dict[str, int]
    report: Path | None


class NothingImported(DataError):
    """No photo could be used, or something was rejected with `strict`."""

    def __init__(self, why: str, result: Imported) -> None:
        super().__init__(why)
        self.result = result


def import_source(plan: ImportPlan, progress: Progress, strict: bool = False) -> Imported:
    """Run an import; either everything is imported, or the data set stays as it was.

    Args:
        strict: import nothing if anything is rejected.
    Raises:
        NothingImported: no photo is left, or `strict` forbids it.
        DataError, OutputError, UsageError: the plan, the source or the folder cannot be used.
    """
    check_plan(plan)
    with Workplace(plan.to, plan.name, identity(plan)) as workplace:
        run = ImportState(plan, workplace.work, progress)
        photos = _import(run)
        result = Imported(photos, run.problems, run.notes, dict(run.judge.published), workplace.report)
        if not photos:
            raise NothingImported(_why_nothing(run), result)
        if why := _many_unknown(run):
            raise NothingImported(why, result)
        if strict and run.problems.lines:
            why = f"{len(run.problems)} were rejected and `strict` is given: nothing was imported"
            raise NothingImported(why, result)
        workplace.place(photos, _report(run.plan, result))
    return result


def count_faces(photos: list[Photo]) -> dict[str, int]:
    """Return the number of faces of each label, and of ignored regions."""
    faces = [face for photo in photos for face in photo.faces or ()]
    labels = Counter(face.label for face in faces if face.label and not face.ignore)
    return {**dict(sorted(labels.items())), "ignore": sum(face.ignore for face in faces)}


def _import(run: ImportState) -> list[Photo]:
    """Return the photos for the manifest; their files lie in the work folder's ``photos``."""
    plan = run.plan
    source, packed = open_place(run, plan.source, "source")
    annotations = source
    if plan.annotations is not None:
        annotations, _ = open_place(run, plan.annotations, "annotations")
    run.folder = annotations
    if plan.form == AUTO:
        plan = run.plan = replace(plan, form=detect_format(plan, annotations))
        check_format(plan)
    items = list(read_annotations(run, annotations))
    plan.splits.read_lists(source)
    judged = judge_photos(run, items, source)
    _check_classes(run)
    if find_format(plan.form).has_class_folders and plan.crops == "detect" and judged:
        judged = find_faces(judged, run.notes, run.progress)
    photos = place_photos(run, judged, source, move=packed)
    _shorten(run, {source: plan.source, annotations: plan.annotations or plan.source})
    run.note("boxes cut at the picture's edge", run.judge.cut)
    return photos


def _check_classes(run: ImportState) -> None:
    strange = sorted(set(run.plan.must_occur) - set(run.judge.published))
    if strange and run.judge.published:
        have = ", ".join(sorted(run.judge.published))
        raise DataError(
            f"`map` names the class '{strange[0]}', which {run.plan.source} lacks; it has: {have}"
        )


def _shorten(run: ImportState, folders: dict[Path, Path]) -> None:
    """Rename the places in problems to what the user knows, instead of the folder of an unpacked archive."""
    for folder, known in folders.items():
        below = "" if folder.is_relative_to(run.work) else f"{known}/"
        lines = run.problems.lines
        for old, new in ((f"{folder}/", below), (f"{folder}: ", f"{known}: ")):
            lines[:] = [new + line.removeprefix(old) if line.startswith(old) else line for line in lines]


def _why_nothing(run: ImportState) -> str:
    unknown = {name: count for name, count in run.judge.published.items() if not run.is_class(name)}
    if unknown:
        listed = ", ".join(f"'{name}' ({count:,} boxes)" for name, count in sorted(unknown.items()))
        return (
            f"{run.plan.source}: no photo could be imported; its classes {listed} are not known: "
            f"map each with `map` '{min(unknown)}=LABEL'"
        )
    looks = hint(run.folder, run.plan.form) if run.folder is not None else ""
    first = f" (first problem: {run.problems.lines[0]})" if run.problems.lines else ""
    return (
        f"{run.plan.source} holds no photo in the format {run.plan.form} that can be imported{first}{looks}"
    )


def _many_unknown(run: ImportState) -> str:
    """Return an error text if unknown classes would leave many faces without a box; else an empty one."""
    unknown = {name: count for name, count in run.judge.published.items() if not run.is_class(name)}
    lost, boxes = sum(unknown.values()), sum(run.judge.published.values())
    if lost < _MANY or lost < _MANY_PART * boxes:
        return ""
    listed = ", ".join(f"'{name}' ({count:,})" for name, count in sorted(unknown.items()))
    return (
        f"{run.plan.source}: {lost:,} of {boxes:,} boxes are of classes that are not known, {listed}: "
        f"nothing was imported; map each with `map` '{min(unknown)}=LABEL', or with =skip if it is not a face"
    )


def _report(plan: ImportPlan, result: Imported) -> dict[str, Any]:
    return {
        "source": plan.name,
        "from": str(plan.source),
        "format": plan.form,
        "licence": plan.licence,
        "convention": list(plan.convention),
        "first_pixel": plan.first_pixel,
        "classes": plan.classes,
        "published_classes": result.published,
        "photos": len(result.photos),
        "faces": count_faces(result.photos),
        "notes": result.notes,
        "rejected": result.problems.counts(),
        "problems": [
            {"reason": reason.value, "what": line}
            for reason, line in zip(result.problems.reasons, result.problems.lines, strict=True)
        ],
        "limits": asdict(plan.limits),
    }
