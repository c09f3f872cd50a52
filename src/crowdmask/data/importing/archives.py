"""Unpack an untrusted zip or tar: nothing outside the folder, no links, no bombs, nothing twice.

A hostile archive is refused completely, before anything is unpacked. Files are written under a
temporary name and renamed, so that an interrupted unpacking can continue.
"""

from __future__ import annotations

import os
import re
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from crowdmask.data.formats.annotation import PICTURE_SUFFIXES
from crowdmask.data.importing.archive_kinds import READ_ERRORS, Opened, inside, open_archive
from crowdmask.data.importing.archive_limits import Budget, Limits, Member
from crowdmask.data.problems import Problems, Reason
from crowdmask.errors import DataError, OutputError
from crowdmask.files import whole_file
from crowdmask.progress import Progress

WANTED = (*PICTURE_SUFFIXES, ".xml", ".txt", ".json", ".csv", ".yaml", ".yml", ".mat", ".names")
"""Only files with these suffixes are unpacked, and archives in the archive."""

ARCHIVES = (".zip", ".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tar.xz", ".txz")
NESTED_DEPTH = 2
_CHUNK = 1 << 20
_NAME_BYTES = 240


@dataclass
class Unpacked:
    """The result of unpacking an archive.

    Attributes:
        folder: the folder with its content.
        links: number of skipped links and devices.
        others: number of skipped files that a data set does not need.
    """

    folder: Path
    links: list[str] = field(default_factory=list)
    others: int = 0


def is_archive(path: Path) -> bool:
    """Whether a file has the suffix of an archive that can be unpacked."""
    return path.name.lower().endswith(ARCHIVES)


def unpack(
    archive: Path, folder: Path, problems: Problems, progress: Progress, limits: Limits | None = None
) -> Unpacked:
    """Unpack an archive and the archives in it.

    Args:
        archive: a zip, or a tar, compressed with gzip, bzip2, xz or not at all.
        folder: created even if nothing is unpacked; complete files in it are kept.
        problems: files that cannot be read are added here.
    Raises:
        DataError: not an archive, damaged, encrypted, a bomb, or with paths or links that leave the folder.
        OutputError: the disk is full, or the folder cannot be written.
    """
    result = Unpacked(folder)
    budget = Budget(archive, limits or Limits(), max(archive.stat().st_size, 1))
    _unpack_into(archive, archive, folder, budget, problems, progress, result, NESTED_DEPTH)
    return result


def _unpack_into(
    archive: Path,
    known: Path,
    folder: Path,
    budget: Budget,
    problems: Problems,
    progress: Progress,
    result: Unpacked,
    depth: int,
) -> None:
    """Unpack one archive; `known` is its name in messages, since a nested one is in a work folder."""
    nested = []
    with open_archive(archive, known) as opened:
        members = _inspect(opened, known, budget, problems, result)
        _require_space(known, folder, sum(member.size for _, member in members))
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OutputError(f"cannot write {folder}: {error.strerror or error}") from error
        for number, (name, member) in enumerate(members, 1):
            progress(f"unpacking {archive.name}", number, len(members))
            place = folder / name
            if _unpack_one(opened, member, place, archive, problems) and is_archive(place):
                nested.append((place, known / name))
    for place, shown in nested:
        if depth:
            inner = place.with_name(place.name.split(".")[0] or "archive")
            inner = inner if not inner.exists() or inner.is_dir() else place.with_name(place.name + ".d")
            _unpack_into(place, shown, inner, budget, problems, progress, result, depth - 1)


def _inspect(
    opened: Opened, archive: Path, budget: Budget, problems: Problems, result: Unpacked
) -> list[tuple[str, Member]]:
    """Check the headers of all members and return those to unpack, by their cleaned names."""
    wanted: dict[str, Member] = {}
    leaving: list[str] = []
    for member in opened.members():
        budget.spend(member)
        name = inside(member.name)
        if name is None or (member.target is not None and _leaves(name, member.target)):
            leaving.append(member.name if member.target is None else f"{member.name} -> {member.target}")
        elif member.target is not None:
            result.links.append(member.name)
        elif member.is_file and name:
            hidden = any(part.startswith("._") or part == "__MACOSX" for part in name.split("/"))
            if hidden or not name.lower().endswith((*WANTED, *ARCHIVES)):
                result.others += 1
            elif any(len(os.fsencode(part)) > _NAME_BYTES for part in name.split("/")):
                problems.add(f"{archive.name}/{name[:60]}…", "its name is too long", Reason.BROKEN)
            else:
                # If two have the same name, the last one counts, as with any unpacker.
                wanted[name] = member
    if leaving:
        some = ", ".join(leaving[:3]) + (" …" if len(leaving) > 3 else "")
        raise DataError(
            f"{archive}: refused: {len(leaving)} of its paths leave the folder: {some}; "
            "nothing of it was unpacked"
        )
    return list(wanted.items())


def _leaves(name: str, target: str) -> bool:
    """Whether a link of this name points outside the folder."""
    if target.startswith("/") or re.match(r"[A-Za-z]:", target):
        return True
    parts: list[str] = name.split("/")[:-1]
    for part in target.replace("\\", "/").split("/"):
        if part == "..":
            if not parts:
                return True
            parts.pop()
        elif part not in ("", "."):
            parts.append(part)
    return False


def _require_space(archive: Path, folder: Path, needed: int) -> None:
    existing = next(place for place in (folder, *folder.parents) if place.exists())
    free = shutil.disk_usage(existing).free
    if needed > free:
        raise OutputError(
            f"{archive} unpacks to {needed / 1e9:.1f} GB, but {folder} has {free / 1e9:.1f} GB free"
        )


def _unpack_one(opened: Opened, member: Member, place: Path, archive: Path, problems: Problems) -> bool:
    """Write one file, unless it already exists completely; return whether it exists now."""
    where = f"{archive.name}/{member.name}"
    if place.is_file() and place.stat().st_size == member.size:
        return True
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        clash = place.is_dir()
    except (FileExistsError, NotADirectoryError):
        clash = True
    except OSError as error:
        raise OutputError(f"cannot write {place}: {error.strerror or error}") from error
    if clash:
        problems.add(where, "both a file and a folder", Reason.BROKEN)
        return False
    try:
        with whole_file(place) as out:
            _copy(opened, member, out)
    except _Damaged as error:
        problems.add(where, f"damaged in the archive ({error})", Reason.BROKEN)
        return False
    return True


class _Damaged(Exception):
    """The bytes of one member cannot be read."""


def _copy(opened: Opened, member: Member, out: IO[bytes]) -> None:
    try:
        stream = opened.read(member)
    except READ_ERRORS as error:
        raise _Damaged(" ".join(str(error).split())) from error
    with stream:
        left = member.size
        while left >= 0:
            try:
                chunk = stream.read(_CHUNK)
            except READ_ERRORS as error:
                raise _Damaged(" ".join(str(error).split())) from error
            if not chunk:
                return
            left -= len(chunk)
            out.write(chunk)
    raise _Damaged("longer than its header says")
