"""What published annotations are read into, and how a reader finds its files and pictures."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from crowdmask.data.problems import Problems

PICTURE_SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff")


@dataclass(frozen=True)
class RawBox:
    """One box as published: a label's own name and xyxy, in pixels or in parts of the picture.

    Raises:
        ValueError: an edge is not a finite number.
    """

    label: str
    xyxy: tuple[float, float, float, float]
    ignore: bool = False

    def __post_init__(self) -> None:
        if not all(math.isfinite(edge) for edge in self.xyxy):
            raise ValueError(f"edges {self.xyxy}")


@dataclass(frozen=True)
class Annotation:
    """All boxes of one picture as published.

    Attributes:
        picture: path relative to the source's folder.
        boxes: as in the file.
        relative: the boxes are parts of the width and height (YOLO), not pixels.
        unreadable: further boxes in the file that are none: the picture shows more than is known.
        listed_in: the file that lists it with others; empty where each picture has a file of its own.
    """

    picture: str
    boxes: tuple[RawBox, ...]
    relative: bool = False
    unreadable: int = 0
    listed_in: str = ""


Reader = Callable[[Path, Problems], Iterator[Annotation]]


def safe_relative(name: str) -> PurePosixPath:
    """Turn a picture's published name into a path that stays below the folder it is joined to."""
    path = PurePosixPath(name.replace("\\", "/"))
    # A path of its publisher's machine says nothing here but the file's own name.
    return PurePosixPath(path.name) if path.is_absolute() or ".." in path.parts else path


def is_file(path: Path) -> bool:
    """Whether a file is there; a name that no file can have is not."""
    try:
        return path.is_file()
    except OSError:
        return False


def find_files(folder: Path, pattern: str, problems: Problems) -> list[Path]:
    """Return the files of a pattern at any depth; that there is none is a problem."""
    found = sorted(path for path in folder.rglob(pattern) if path.is_file())
    if not found:
        problems.add(folder, f"no {pattern} in it")
    return found


def first_folder(folder: Path, names: tuple[str, ...]) -> Path:
    """Return the first of some folders that is there; ``.`` always is."""
    return next(folder / name for name in names if (folder / name).is_dir() or name == ".")


def picture_for(folders: Iterable[Path], stem: str, named: str | None) -> Path | None:
    """Find an annotation's picture: by its own stem first, since published file names are often stale."""
    folders = dict.fromkeys(folders)
    for folder in folders:
        for suffix in PICTURE_SUFFIXES:
            for candidate in (folder / f"{stem}{suffix}", folder / f"{stem}{suffix.upper()}"):
                if is_file(candidate):
                    return candidate
    return named_picture(folders, safe_relative(named).name) if named else None


def named_picture(folders: Iterable[Path], name: str) -> Path | None:
    """Find a picture by its published name, which never leads out of the folders."""
    relative = safe_relative(name)
    candidates = (folder / relative for folder in folders)
    return next((path for path in candidates if is_file(path)), None)


def say_why(error: Exception) -> str:
    """Say what an exception means to who reads the file, not to who wrote the program."""
    if isinstance(error, KeyError):
        return f"it has no {error}"
    if isinstance(error, RecursionError):
        return "nested too deep"
    if isinstance(error, (TypeError, AttributeError)):
        return "a value of another kind than the format has there"
    return str(error)
