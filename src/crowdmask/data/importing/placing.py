"""Copy photos into an import's work folder, or move them there if they were unpacked."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from crowdmask.data.importing.state import ImportState
from crowdmask.data.importing.workplace import PHOTOS
from crowdmask.data.manifest import Photo
from crowdmask.errors import OutputError
from crowdmask.files import whole_path

_CHUNK = 1 << 20


def place_photos(run: ImportState, judged: list[tuple[Path, Photo]], source: Path, move: bool) -> list[Photo]:
    """Copy all photos into the work folder, or move them out of the unpacked archive."""
    photos: list[Photo] = []
    taken: set[str] = set()
    prefix = f"{PHOTOS}/{run.plan.name}/"
    for number, (picture, photo) in enumerate(judged, 1):
        run.progress("copying photos", number, len(judged))
        name = _free(photo.photo, taken)
        place = run.work / PHOTOS / name.removeprefix(prefix)
        try:
            place.parent.mkdir(parents=True, exist_ok=True)
            digest = _move(picture, place) if move else _copy(picture, place)
        except OSError as error:
            raise OutputError(f"cannot copy {picture}: {error.strerror or error}") from error
        photos.append(photo.model_copy(update={"photo": name, "sha256": digest}))
    return photos


def _free(name: str, taken: set[str]) -> str:
    """Return the name, with a number added if it would exist twice on a file system that ignores case."""
    path = Path(name)
    number, free = 2, name
    while free.casefold() in taken:
        free = path.with_name(f"{path.stem}-{number}{path.suffix}").as_posix()
        number += 1
    taken.add(free.casefold())
    return free


def _copy(picture: Path, place: Path) -> str:
    digest = hashlib.sha256()
    status = picture.stat()
    there = place.stat() if place.is_file() else None
    whole = there is not None and (there.st_size, there.st_mtime_ns) == (status.st_size, status.st_mtime_ns)
    with picture.open("rb") as file:
        if whole:
            _read(file.read, digest.update)
        else:
            with whole_path(place) as temporary:
                with temporary.open("xb") as out:
                    _read(file.read, digest.update, out.write)
                os.utime(temporary, ns=(status.st_atime_ns, status.st_mtime_ns))
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
