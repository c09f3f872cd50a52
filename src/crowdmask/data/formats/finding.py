"""How a reader finds its files and its pictures, and names what it cannot read."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice
from pathlib import Path, PurePosixPath

from crowdmask.data.formats.annotation import PICTURE_SUFFIXES
from crowdmask.data.problems import Problems


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


def first_files(folder: Path, pattern: str, most: int = 5) -> list[Path]:
    """Return a few files of a pattern at any depth, to recognise a format by; hidden ones do not count."""
    found = (path for path in folder.rglob(pattern) if not path.name.startswith(".") and is_file(path))
    return list(islice(found, most))


def read_head(path: Path, size: int = 65_536) -> str:
    """Return the beginning of a file as text; empty where it cannot be read."""
    try:
        with path.open("rb") as file:
            return file.read(size).decode("utf-8-sig", "replace")
    except OSError:
        return ""


def first_folder(folder: Path, names: tuple[str, ...]) -> Path:
    """Return the first of some folders that is there; ``.`` always is."""
    return next(folder / name for name in names if (folder / name).is_dir() or name == ".")


def picture_for(folders: Iterable[Path], stem: str, named: str | None) -> Path | None:
    """Find an annotation's picture: by its own stem first, since published file names are often stale."""
    folders = dict.fromkeys(folders)
    for folder in folders:
        for suffix in PICTURE_SUFFIXES:
            for spelt in (suffix, suffix.upper(), f".{suffix[1:].capitalize()}"):
                candidate = folder / f"{stem}{spelt}"
                if is_file(candidate):
                    return candidate
    return named_picture(folders, safe_relative(named).name) if named else None


def named_picture(folders: Iterable[Path], name: str) -> Path | None:
    """Find a picture by its published name, which never leads out of the folders."""
    relative = safe_relative(name)
    candidates = (folder / relative for folder in folders)
    return next((path for path in candidates if is_file(path)), None)


def beside(folder: Path, listed_in: Path, name: str) -> str:
    """Return where a picture lies that a list names: beside the list, or in the folder of the list's split.

    Args:
        folder: of the source.
        listed_in: the list.
        name: of the picture as listed.
    Returns:
        Its path below the folder, or the name where it is in none of these places.
    """
    split = listed_in.stem.split("_")[0].split("-")[0]
    places = [listed_in.parent, *(listed_in.parent / images / split for images in ("images", "Images"))]
    places += [folder / images / split for images in ("images", "Images")]
    found = named_picture(places, name)
    return name if found is None else below(found, folder)


def say_why(error: Exception) -> str:
    """Say what an exception means to who reads the file, not to who wrote the program."""
    if isinstance(error, KeyError):
        return f"it has no {error}"
    if isinstance(error, RecursionError):
        return "nested too deep"
    if isinstance(error, (TypeError, AttributeError)):
        return "a value of another kind than the format has there"
    return str(error)


def below(path: Path, folder: Path) -> str:
    """Return a path as seen from a folder, with forward slashes."""
    return path.relative_to(folder).as_posix()


def find_pictures(folder: Path) -> list[Path]:
    """Return all pictures below a folder, by their suffix."""
    found = (path for path in folder.rglob("*") if path.suffix.lower() in PICTURE_SUFFIXES)
    return sorted(path for path in found if not path.name.startswith("._") and path.is_file())
