"""Bring one published source into a data set's folder: read, judge, copy, and list it in the manifest."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from crowdmask.data.dataset import find_picture, read_ignored
from crowdmask.data.formats.annotation import PICTURE_SUFFIXES, Annotation, Reader
from crowdmask.data.formats.class_folders import find_pictures, read_folders, read_mafa
from crowdmask.data.formats.readers import READERS
from crowdmask.data.importing.archives import WANTED, Progress, is_archive, unpack
from crowdmask.data.importing.crops import find_faces
from crowdmask.data.importing.judging import Judge, clip_box, picture_size
from crowdmask.data.importing.plan import Plan, check_plan, identity
from crowdmask.data.importing.published_splits import SPELLINGS
from crowdmask.data.importing.workplace import PHOTOS, Workplace
from crowdmask.data.manifest import Face, Photo
from crowdmask.data.problems import Problems, Reason
from crowdmask.errors import DataError, OutputError, UsageError

_CHUNK = 1 << 20


@dataclass(frozen=True)
class Imported:
    """What an import did.

    Attributes:
        photos: as they stand in the manifest.
        problems: what was rejected, each by name.
        notes: counts of what was changed or passed over without being wrong.
        published: boxes of each class as the source names it.
        report: the file with all of this; None where nothing was imported.
    """

    photos: list[Photo]
    problems: Problems
    notes: dict[str, int]
    published: dict[str, int]
    report: Path | None


class NothingImported(DataError):
    """No photo could be used, or one was rejected and none may be."""

    def __init__(self, why: str, result: Imported) -> None:
        super().__init__(why)
        self.result = result


def import_source(plan: Plan, progress: Progress, strict: bool = False) -> Imported:
    """Run an import; the data set appears whole, or stays as it was.

    Args:
        strict: import nothing where anything is rejected.
    Raises:
        NothingImported: no photo is left, or `strict` forbids it.
        DataError, OutputError, UsageError: the plan, the source or the folder cannot be used.
    """
    check_plan(plan)
    with Workplace(plan.to, plan.name, identity(plan)) as workplace:
        run = _Run(plan, workplace, progress)
        photos = run.photos()
        result = Imported(photos, run.problems, run.notes, dict(run.judge.published), workplace.report)
        if not photos:
            raise NothingImported(_why_nothing(run), result)
        if strict and run.problems.lines:
            why = f"{len(run.problems)} were rejected and --strict is given: nothing was imported"
            raise NothingImported(why, result)
        workplace.place(photos, _report(plan, result))
    return result


def count_faces(photos: list[Photo]) -> dict[str, int]:
    """Return the faces of each label, and the regions that are not judged."""
    faces = [face for photo in photos for face in photo.faces or ()]
    labels = Counter(face.label for face in faces if face.label and not face.ignore)
    return {**dict(sorted(labels.items())), "ignore": sum(face.ignore for face in faces)}


class _Run:
    """One import at work."""

    def __init__(self, plan: Plan, workplace: Workplace, progress: Progress) -> None:
        self.plan = plan
        self.work = workplace.work
        self.progress = progress
        self.problems = Problems()
        self.judge = Judge(plan.classes, plan.convention, self.problems)
        self.notes: dict[str, int] = {}

    def photos(self) -> list[Photo]:
        """Return the photos for the manifest; their files lie in the work folder's ``photos``."""
        source, packed = self._open(self.plan.source, "source")
        annotations = source
        if self.plan.annotations is not None:
            annotations, _ = self._open(self.plan.annotations, "annotations")
        items = list(self._annotations(annotations, source))
        self.plan.splits.read_lists(source)
        judged = self._judge(items, source)
        self._check_classes()
        if self.plan.form == "folders" and self.plan.crops == "detect" and judged:
            judged = find_faces(judged, self.notes, self.progress)
        photos = self._place(judged, source, move=packed)
        self._shorten({source: self.plan.source, annotations: self.plan.annotations or self.plan.source})
        if self.judge.cut:
            self.notes["boxes cut at the picture's edge"] = self.judge.cut
        return photos

    def _open(self, path: Path, what: str) -> tuple[Path, bool]:
        """Return a folder with the content of an archive, folder or file, and whether it is ours."""
        if path.is_dir():
            return self._descend(path), False
        folder = self.work / what
        if is_archive(path):
            unpacked = unpack(path, folder, self.problems, self.progress, self.plan.limits)
            self._note("links or devices in the archive, passed over", len(unpacked.links))
            self._note("other files in the archive, passed over", unpacked.others)
            return self._descend(folder), True
        if what == "source":
            raise DataError(f"{path} is no folder, zip or tar")
        folder.mkdir(exist_ok=True)
        shutil.copyfile(path, folder / path.name)
        return folder, True

    def _descend(self, folder: Path) -> Path:
        """Go down where a folder holds nothing but one folder that is not part of a format."""
        known = {"images", "labels", "annotations", "Annotations", "JPEGImages", *SPELLINGS}
        while True:
            inner = [path for path in folder.iterdir() if _counts(path)]
            if len(inner) != 1 or not inner[0].is_dir() or inner[0].is_symlink():
                return folder
            (only,) = inner
            if {only.name, only.name.lower()} & known:
                return folder
            if self.plan.form == "folders" and self._is_class(only.name):
                return folder
            if any(path.suffix.lower() in PICTURE_SUFFIXES for path in only.iterdir()):
                return folder  # a class's folder
            folder = only

    def _is_class(self, name: str) -> bool:
        return self.judge.label_of(name) is not None

    def _annotations(self, folder: Path, source: Path) -> Iterator[Annotation]:
        readers: dict[str, Reader] = {
            **READERS,
            "mafa": read_mafa,
            "folders": lambda place, problems: read_folders(place, problems, self._is_class),
        }
        self.progress("reading annotations", 0, 0)
        events = [_plain(event) for event in self.plan.events]
        left_out, seen = 0, set()
        for annotation in readers[self.plan.form](folder, self.problems):
            event = _event(annotation.picture)
            seen.add(event)
            if events and _plain(event) not in events:
                left_out += 1
                continue
            yield annotation
        unknown = [e for e in self.plan.events if _plain(e) not in {_plain(name) for name in seen}]
        if unknown:
            have = ", ".join(sorted(name for name in seen if name)) or "none"
            raise UsageError(f"--events {unknown[0]}: {self.plan.source} has no such event; it has: {have}")
        self._note("photos of other events, passed over", left_out)

    def _judge(self, items: list[Annotation], source: Path) -> list[tuple[Path, Photo]]:
        regions = read_ignored(list(self.plan.ignored), self.problems)
        judged: dict[Path, Photo] = {}
        annotated: set[Path] = set()
        missing: dict[str, list[str]] = {}
        lists: set[str] = set()
        for number, annotation in enumerate(items, 1):
            self.progress("reading photos", number, len(items))
            picture = find_picture(source, annotation)
            if picture is None:
                missing.setdefault(annotation.listed_in, []).append(annotation.picture)
                continue
            lists.add(annotation.listed_in)
            if picture in annotated:
                why = "has two annotations; the first counts"
                self.problems.add(picture, why, Reason.TWICE)
                continue
            annotated.add(picture)
            size = picture_size(picture, self.problems)
            if size is None:
                continue
            faces = self.judge.faces(annotation, *size, picture)
            if faces is None:
                continue
            names = _names(picture, source, self.plan.name)
            faces += _regions(names, regions, size)
            judged[picture] = Photo(
                photo=_target(picture, source, self.plan.name),
                width=size[0],
                height=size[1],
                source=self.plan.name,
                licence=self.plan.licence,
                faces=faces,
                split=self.plan.splits.of(names),
            )
        self._tell_missing(missing, lists, source)
        broken = self.problems.stems(Reason.BROKEN, Reason.ENTITIES)
        for picture in find_pictures(source):
            event = _plain(_event(picture.relative_to(source).as_posix()))
            chosen = not self.plan.events or event in map(_plain, self.plan.events)
            # What is wrong with its annotation was said already.
            told = picture in annotated or picture.stem in broken or self.plan.form == "folders"
            if chosen and not told:
                self.problems.add(picture, "has no annotation", Reason.NO_ANNOTATION)
        return list(judged.items())

    def _tell_missing(self, missing: dict[str, list[str]], lists: set[str], source: Path) -> None:
        """Report missing pictures by the list that names them; `lists` have pictures that are here."""
        for listed_in, pictures in missing.items():
            if lists and listed_in not in lists:
                # Publishers put the lists of all parts into one archive, and the photos into one a part.
                self._note(f"photos of {listed_in}, none of which is here, passed over", len(pictures))
                continue
            why = "its picture is missing" + (f", which {listed_in} lists" if listed_in else "")
            for name in pictures:
                self.problems.add(source / name, why, Reason.NO_PICTURE)

    def _check_classes(self) -> None:
        strange = sorted(set(self.plan.must_occur) - set(self.judge.published))
        if strange and self.judge.published:
            have = ", ".join(sorted(self.judge.published))
            raise DataError(
                f"--map names the class '{strange[0]}', which {self.plan.source} lacks; it has: {have}"
            )

    def _place(self, judged: list[tuple[Path, Photo]], source: Path, move: bool) -> list[Photo]:
        """Copy, or move out of the unpacked archive, all photos into the work folder."""
        photos: list[Photo] = []
        taken: set[str] = set()
        prefix = f"{PHOTOS}/{self.plan.name}/"
        for number, (picture, photo) in enumerate(judged, 1):
            self.progress("copying photos", number, len(judged))
            name = _free(photo.photo, taken)
            place = self.work / PHOTOS / name.removeprefix(prefix)
            try:
                place.parent.mkdir(parents=True, exist_ok=True)
                digest = _move(picture, place) if move else _copy(picture, place)
            except OSError as error:
                raise OutputError(f"cannot copy {picture}: {error.strerror or error}") from error
            photos.append(photo.model_copy(update={"photo": name, "sha256": digest}))
        return photos

    def _note(self, what: str, count: int) -> None:
        if count:
            self.notes[what] = self.notes.get(what, 0) + count

    def _shorten(self, folders: dict[Path, Path]) -> None:
        """Name problems as the user knows the places, not by where an archive was unpacked."""
        for folder, known in folders.items():
            below = "" if folder.is_relative_to(self.work) else f"{known}/"
            lines = self.problems.lines
            for old, new in ((f"{folder}/", below), (f"{folder}: ", f"{known}: ")):
                lines[:] = [new + line.removeprefix(old) if line.startswith(old) else line for line in lines]


def _counts(path: Path) -> bool:
    """Whether something in a source's folder may be part of it, not a readme or an archive."""
    if path.name.startswith((".", "__MACOSX")):
        return False
    return path.is_dir() or (path.suffix.lower() in WANTED and not is_archive(path))


def _regions(names: tuple[str, ...], regions: dict[str, Any], size: tuple[int, int]) -> list[Face]:
    rows = (map(float, box) for name in names for box in regions.get(name, ()))
    found = [clip_box((x1, y1, x2, y2), *size) for x1, y1, x2, y2 in rows]
    return [Face(box=box, label=None, ignore=True) for box in found if box[0] < box[2] and box[1] < box[3]]


def _names(picture: Path, source: Path, name: str) -> tuple[str, ...]:
    """Return how lists may call a photo: below the source, or with its folder's or its own name before."""
    relative = picture.relative_to(source).as_posix()
    return tuple(dict.fromkeys((relative, f"{source.name}/{relative}", f"{name}/{relative}")))


def _target(picture: Path, source: Path, name: str) -> str:
    relative = picture.relative_to(source).as_posix().replace("\\", "_")
    # A name whose bytes are no text has no place in a manifest.
    text = relative.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    return f"{PHOTOS}/{name}/{text}"


def _free(name: str, taken: set[str]) -> str:
    """Return the name, or with a number where a file system that ignores case would have it twice."""
    path = Path(name)
    number, free = 2, name
    while free.casefold() in taken:
        free = path.with_name(f"{path.stem}-{number}{path.suffix}").as_posix()
        number += 1
    taken.add(free.casefold())
    return free


def _event(picture: str) -> str:
    """Return the event of a photo of WIDER FACE, named by its folder like ``2--Demonstration``."""
    folder = picture.split("/")[-2] if "/" in picture else ""
    return folder.split("--", 1)[-1]


def _plain(event: str) -> str:
    return "".join(c for c in event.lower() if c.isalnum())


def _copy(picture: Path, place: Path) -> str:
    digest = hashlib.sha256()
    part = place.with_name(f"{place.name}.part")
    status = picture.stat()
    there = place.stat() if place.is_file() else None
    whole = there is not None and (there.st_size, there.st_mtime_ns) == (status.st_size, status.st_mtime_ns)
    with picture.open("rb") as file:
        if whole:
            _read(file.read, digest.update)
        else:
            with part.open("wb") as out:
                _read(file.read, digest.update, out.write)
            os.utime(part, ns=(status.st_atime_ns, status.st_mtime_ns))
            part.replace(place)
    return digest.hexdigest()


def _move(picture: Path, place: Path) -> str:
    with picture.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    picture.replace(place)
    return digest


def _read(read: Callable[[int], bytes], *into: Callable[[bytes], Any]) -> None:
    while chunk := read(_CHUNK):
        for take in into:
            take(chunk)


def _why_nothing(run: _Run) -> str:
    unknown = {name: count for name, count in run.judge.published.items() if run.judge.label_of(name) is None}
    if unknown:
        listed = ", ".join(f"'{name}' ({count:,} boxes)" for name, count in sorted(unknown.items()))
        return (
            f"{run.plan.source}: no photo could be imported; its classes {listed} are not known: "
            f"map each with  --map '{min(unknown)}=LABEL'"
        )
    first = f" (first problem: {run.problems.lines[0]})" if run.problems.lines else ""
    return f"{run.plan.source} holds no photo in the format {run.plan.form} that can be imported{first}"


def _report(plan: Plan, result: Imported) -> dict[str, Any]:
    return {
        "source": plan.name,
        "from": str(plan.source),
        "format": plan.form,
        "licence": plan.licence,
        "convention": list(plan.convention),
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
