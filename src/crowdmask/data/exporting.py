"""Write a data set in the layout that other tools read, completely or not at all."""

from __future__ import annotations

import hashlib
import os
import shutil
from dataclasses import dataclass, field
from pathlib import Path

from crowdmask.data.formats.item import Item
from crowdmask.data.formats.table import Layout, find_layout
from crowdmask.data.manifest import Manifest, Photo, manifest_lines, read_manifest
from crowdmask.data.problems import Problems, Reason
from crowdmask.data.sampling.split import refuse_leaks
from crowdmask.errors import DataError, UsageError
from crowdmask.files import whole_folder, whole_path
from crowdmask.progress import Progress

_NAME_CHARS = 180


@dataclass
class Exported:
    """The result of an export.

    Attributes:
        items: the exported photos.
        not_annotated: photos left out because they are not annotated yet.
        problems: photos left out because something is wrong with them.
    """

    items: list[Item] = field(default_factory=list)
    not_annotated: int = 0
    problems: Problems = field(default_factory=Problems)


def export(
    place: Path, to: Path, form: str, splits: set[str], link: bool, progress: Progress, first_pixel: int = 0
) -> Exported:
    """Export a data set.

    Args:
        place: its folder or manifest.
        to: the folder to create; it may exist if it is empty.
        form: the name of a format that can be written, see `crowdmask.data.formats.table`.
        splits: only photos of these; empty: all, including those without a split.
        link: use hard links instead of copies of the photos, if the file system supports them.
        progress: receives every photo.
        first_pixel: 0 or 1: what left and top edges count from; 1 as in classic Pascal VOC.
    Raises:
        UsageError, DataError: the format, the manifest or the folder cannot be used, no photo is left, or
            a group lies in two of the splits.
        OutputError: the disk is full or the folder cannot be written; nothing is left behind.
    """
    layout = find_layout(form)
    if first_pixel not in (0, 1):
        raise UsageError(f"`origin` {first_pixel}: choose 0 or 1")
    if first_pixel and not layout.in_pixels:
        raise UsageError(
            f"`origin` {first_pixel}: boxes in {form} are in parts of the picture, so they count from 0"
        )
    manifest = read_manifest(place)
    if to.resolve() == manifest.folder.resolve() or manifest.folder.resolve().is_relative_to(to.resolve()):
        raise UsageError(f"`to` {to} holds the data set itself: choose another folder")
    if to.exists() and (not to.is_dir() or any(to.iterdir())):
        raise DataError(f"{to} is there and not empty: choose another folder, or remove it")
    result = _choose(manifest, splits, first_pixel)
    refuse_leaks([item.photo for item in result.items])
    if not result.items:
        raise DataError(f"{place} has no annotated photo to export" + _of(splits))
    key = _identity(result.items, manifest, f"{form}\0{first_pixel}", link)
    with whole_folder(to, key=key) as work:
        _copy_photos(result.items, manifest, work, layout, link, progress)
        progress("writing annotations", 0, 0)
        layout.write(work, result.items)
    return result


def file_names(photos: list[Photo]) -> list[str]:
    """Return a file name for each photo, made of its path; unique even without the suffix."""
    taken: set[str] = set()
    names = []
    for photo in photos:
        path = photo.photo.removeprefix("photos/")
        flat = "".join(c if c.isalnum() or c in "._-" else "_" for c in path.replace("/", "__"))
        stem, dot, suffix = flat.rpartition(".")
        stem = (stem or suffix).lstrip("._") or "photo"
        if len(stem.encode()) > _NAME_CHARS:
            stem = hashlib.sha256(path.encode()).hexdigest()[:32]
        free, number = stem, 2
        while free.casefold() in taken:
            free = f"{stem}-{number}"
            number += 1
        taken.add(free.casefold())
        names.append(f"{free}{dot}{suffix}" if dot else free)
    return names


def _choose(manifest: Manifest, splits: set[str], first_pixel: int) -> Exported:
    result = Exported()
    chosen = []
    for photo in manifest.photos:
        if splits and photo.split not in splits:
            continue
        if photo.faces is None:
            result.not_annotated += 1
        elif any(face.label is None and not face.ignore for face in photo.faces):
            result.problems.add(photo.photo, "a face has no label", Reason.UNUSABLE)
        elif not manifest.path(photo).is_file():
            result.problems.add(photo.photo, "the photo is missing", Reason.NO_PICTURE)
        else:
            chosen.append(photo)
    pairs = zip(chosen, file_names(chosen), strict=True)
    result.items.extend(Item(photo, name, first_pixel) for photo, name in pairs)
    return result


def _identity(items: list[Item], manifest: Manifest, form: str, link: bool) -> str:
    """Return a key of this export, so that an interrupted one can continue."""
    digest = hashlib.sha256(f"{manifest.folder.resolve()}\0{form}\0{link}\0".encode("utf-8", "replace"))
    for line in manifest_lines(item.photo for item in items):
        digest.update(line.encode())
    return digest.hexdigest()


def _copy_photos(
    items: list[Item], manifest: Manifest, work: Path, layout: Layout, link: bool, progress: Progress
) -> None:
    for number, item in enumerate(items, 1):
        progress("linking photos" if link else "copying photos", number, len(items))
        source, place = manifest.path(item.photo), work / layout.place_of(item)
        place.parent.mkdir(parents=True, exist_ok=True)
        if not _same(source, place):
            with whole_path(place) as temporary:
                if not (link and _link(source, temporary)):
                    shutil.copy2(source, temporary)


def _same(source: Path, place: Path) -> bool:
    if not place.is_file():
        return False
    a, b = source.stat(), place.stat()
    return (a.st_size, a.st_mtime_ns) == (b.st_size, b.st_mtime_ns)


def _link(source: Path, place: Path) -> bool:
    try:
        os.link(source, place)
    except OSError:  # another file system, or one without links
        return False
    return True


def _of(splits: set[str]) -> str:
    return f" in {', '.join(sorted(splits))}" if splits else ""
