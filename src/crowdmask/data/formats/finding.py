"""How readers find their files and pictures, and report what they cannot read."""

from __future__ import annotations

import codecs
from collections.abc import Iterable
from itertools import islice
from pathlib import Path, PurePosixPath

from crowdmask.data.formats.annotation import PICTURE_SUFFIXES
from crowdmask.data.problems import Problems


def safe_relative(name: str) -> PurePosixPath:
    """Turn a picture's published name into a path that stays inside the folder it is joined to."""
    path = PurePosixPath(name.replace("\\", "/"))
    # Of a path on the publisher's machine only the file name is useful.
    return PurePosixPath(path.name) if path.is_absolute() or ".." in path.parts else path


def is_file(path: Path) -> bool:
    """Whether a file exists; False for an invalid name."""
    try:
        return path.is_file()
    except OSError:
        return False


def find_files(folder: Path, patterns: str | tuple[str, ...], problems: Problems) -> list[Path]:
    """Return the files that match a pattern, at any depth; report a problem if there is none.

    Args:
        patterns: one, or several of which one is enough; the files of the first come first.
    """
    patterns = (patterns,) if isinstance(patterns, str) else patterns
    found = [path for each in patterns for path in sorted(folder.rglob(each)) if path.is_file()]
    if not found:
        problems.add(folder, f"no {' and no '.join(patterns)} in it")
    return found


def first_files(folder: Path, pattern: str, most: int = 5) -> list[Path]:
    """Return a few files that match a pattern, at any depth, to recognise a format; without hidden files."""
    found = (path for path in folder.rglob(pattern) if not path.name.startswith(".") and is_file(path))
    return list(islice(found, most))


def read_head(path: Path, size: int = 65_536) -> str:
    """Return the beginning of a file as text; empty if it cannot be read."""
    try:
        with path.open("rb") as file:
            data = file.read(size)
            return data.decode(_encoding(data), "replace")
    except OSError:
        return ""


def encoding_of(path: Path) -> str:
    """Return the encoding of a text file: UTF-16 where it begins so, as some spreadsheets write it, or UTF-8.

    Raises:
        OSError: it cannot be read.
    """
    with path.open("rb") as file:
        return _encoding(file.read(2))


def _encoding(data: bytes) -> str:
    return "utf-16" if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) else "utf-8-sig"


def first_folder(folder: Path, names: tuple[str, ...]) -> Path:
    """Return the first of some folders that exists; ``.`` always does."""
    return next(folder / name for name in names if (folder / name).is_dir() or name == ".")


def picture_for(folders: Iterable[Path], stem: str, named: str | None) -> Path | None:
    """Find an annotation's picture, first by the annotation file's name: stated names are often outdated."""
    folders = dict.fromkeys(folders)
    for folder in folders:
        for suffix in PICTURE_SUFFIXES:
            for spelt in (suffix, suffix.upper(), f".{suffix[1:].capitalize()}"):
                candidate = folder / f"{stem}{spelt}"
                if is_file(candidate):
                    return candidate
    return named_picture(folders, safe_relative(named).name) if named else None


def named_picture(folders: Iterable[Path], name: str) -> Path | None:
    """Find a picture by its published name, never outside the folders."""
    relative = safe_relative(name)
    candidates = (folder / relative for folder in folders)
    return next((path for path in candidates if is_file(path)), None)


def beside(folder: Path, listed_in: Path, name: str) -> str:
    """Return the path of a picture in a list: beside the list, or in the folder of the list's split.

    Args:
        folder: of the source.
        listed_in: the list.
        name: of the picture as listed.
    Returns:
        Its path relative to the folder, or its name if it is in none of these places.
    """
    split = listed_in.stem.split("_")[0].split("-")[0]
    places = [listed_in.parent, *(listed_in.parent / images / split for images in ("images", "Images"))]
    places += [folder / images / split for images in ("images", "Images")]
    found = named_picture(places, name)
    return name if found is None else below(found, folder)


def say_why(error: Exception) -> str:
    """Return what an exception means for the user, not for the programmer."""
    if isinstance(error, KeyError):
        return f"it has no {error}"
    if isinstance(error, RecursionError):
        return "nested too deep"
    if isinstance(error, (TypeError, AttributeError)):
        return "a value of another kind than the format has there"
    return str(error)


def below(path: Path, folder: Path) -> str:
    """Return a path relative to a folder, with forward slashes."""
    return path.relative_to(folder).as_posix()


def find_pictures(folder: Path) -> list[Path]:
    """Return all pictures inside a folder, by their suffix."""
    found = (path for path in folder.rglob("*") if path.suffix.lower() in PICTURE_SUFFIXES)
    return sorted(path for path in found if not path.name.startswith("._") and path.is_file())
