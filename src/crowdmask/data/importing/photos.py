"""Match a source's annotations with its photos, and check both."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from crowdmask.data.dataset import find_picture, read_ignored
from crowdmask.data.formats.annotation import Annotation
from crowdmask.data.formats.box_rules import clip_box
from crowdmask.data.formats.finding import find_pictures
from crowdmask.data.formats.table import find_format
from crowdmask.data.importing.judging import picture_size
from crowdmask.data.importing.reading import is_chosen
from crowdmask.data.importing.state import ImportState
from crowdmask.data.importing.workplace import PHOTOS
from crowdmask.data.manifest import Face, Photo
from crowdmask.data.problems import Reason


def judge_photos(run: ImportState, items: list[Annotation], source: Path) -> list[tuple[Path, Photo]]:
    """Return the usable photos, each with its entry for the manifest; report the rest as problems.

    Args:
        run: the import.
        items: the source's annotations.
        source: the folder of the photos.
    """
    regions = read_ignored(list(run.plan.ignored), run.problems)
    judged: dict[Path, Photo] = {}
    annotated: set[Path] = set()
    missing: dict[str, list[str]] = {}
    lists: set[str] = set()
    form = find_format(run.plan.form)
    for number, annotation in enumerate(items, 1):
        run.progress("reading photos", number, len(items))
        picture = find_picture(source, annotation)
        if picture is None:
            missing.setdefault(annotation.listed_in, []).append(annotation.picture)
            continue
        lists.add(annotation.listed_in)
        if picture in annotated:
            why = "has two annotations; the first counts"
            run.problems.add(picture, why, Reason.TWICE)
            continue
        annotated.add(picture)
        run.note("older annotations of a task that was annotated again; the newest counts", annotation.older)
        size = picture_size(picture, run.problems)
        if size is None:
            continue
        faces = run.judge.faces(annotation, *size, picture)
        if faces is None:
            continue
        names = _names(picture, source, run.plan.name)
        faces += _regions(names, regions, size)
        judged[picture] = Photo(
            photo=_target(picture, source, run.plan.name),
            width=size[0],
            height=size[1],
            source=run.plan.name,
            licence=run.plan.licence,
            faces=faces if form.has_faces else None,
            split=run.plan.splits.of(names),
        )
    _tell_missing(run, missing, lists, source)
    broken = run.problems.stems(Reason.BROKEN, Reason.ENTITIES)
    for picture in find_pictures(source):
        chosen = is_chosen(run, picture.relative_to(source).as_posix())
        # The problem with its annotation was reported already.
        told = picture in annotated or picture.stem in broken or form.has_class_folders
        if chosen and not told:
            run.problems.add(picture, "has no annotation", Reason.NO_ANNOTATION)
    return list(judged.items())


def _tell_missing(run: ImportState, missing: dict[str, list[str]], lists: set[str], source: Path) -> None:
    """Report missing pictures by the list that names them; `lists` have at least one existing picture."""
    for listed_in, pictures in missing.items():
        if lists and listed_in not in lists:
            # Publishers often put the lists of all parts into one archive, and the photos of each part into
            # another.
            run.note(f"photos of {listed_in}, none of which is here, passed over", len(pictures))
            continue
        why = "its picture is missing" + (f", which {listed_in} lists" if listed_in else "")
        for name in pictures:
            run.problems.add(source / name, why, Reason.NO_PICTURE)


def _regions(names: tuple[str, ...], regions: dict[str, Any], size: tuple[int, int]) -> list[Face]:
    rows = (map(float, box) for name in names for box in regions.get(name, ()))
    found = [clip_box((x1, y1, x2, y2), *size) for x1, y1, x2, y2 in rows]
    return [Face(box=box, label=None, ignore=True) for box in found if box[0] < box[2] and box[1] < box[3]]


def _names(picture: Path, source: Path, name: str) -> tuple[str, ...]:
    """Return the names that lists may use for a photo: relative to the source, or with its name in front."""
    relative = picture.relative_to(source).as_posix()
    return tuple(dict.fromkeys((relative, f"{source.name}/{relative}", f"{name}/{relative}")))


def _target(picture: Path, source: Path, name: str) -> str:
    relative = picture.relative_to(source).as_posix().replace("\\", "_")
    # A name that is not valid text cannot be written to a manifest.
    text = relative.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    return f"{PHOTOS}/{name}/{text}"
