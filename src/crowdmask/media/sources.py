"""Turn what a user typed (files, folders, patterns) into a list of photos."""

from __future__ import annotations

import glob
import os
import stat
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from os import PathLike

from crowdmask.errors import SourceError
from crowdmask.media.pictures import FULL_SCALE_PIXELS, SUFFIXES, Picture, open_picture


@dataclass(frozen=True)
class Source:
    """One photo to read.

    Attributes:
        path: as given, or as found inside a given folder.
        relative: path relative to the given folder; the file name for a given file.
        full_scale_pixels: a larger JPEG is decoded at a lower scale.
    """

    path: str
    relative: str
    full_scale_pixels: int = FULL_SCALE_PIXELS

    @property
    def name(self) -> str:
        """Its name in results."""
        return self.path

    def open_picture(self) -> Picture:
        """Read the photo.

        Raises:
            PictureError: it cannot be read.
        """
        return open_picture(self.path, full_scale_pixels=self.full_scale_pixels)


@dataclass
class Found:
    """The result of listing sources.

    Attributes:
        pictures: every photo once, in the order given, folders sorted by path.
        problems: sources without photos, each with its reason.
    """

    pictures: list[Source] = field(default_factory=list)
    problems: list[SourceError] = field(default_factory=list)


def find_pictures(
    given: Sequence[str | PathLike[str]], leave_out: str | PathLike[str] | None = None
) -> Found:
    """List the photos of files, folders (with their subfolders) and glob patterns.

    A file given by name is taken whatever its suffix; folders and patterns yield only files with
    the suffix of a picture, and no hidden files. A photo found twice, also by a symbolic link, counts once.

    Args:
        given: paths and patterns (`*`, `?`, `[a-z]`, `**`).
        leave_out: a folder to skip inside other folders: where results are written.
    """
    found = Found()
    found.problems = each_picture(given, found.pictures.append, leave_out)
    return found


def each_picture(
    given: Sequence[str | PathLike[str]],
    take: Callable[[Source], None],
    leave_out: str | PathLike[str] | None = None,
) -> list[SourceError]:
    """Pass on the photos that `find_pictures` lists one by one, for lists too long to keep in memory.

    Args:
        given, leave_out: see `find_pictures`.
        take: is called once for each photo.
    Returns:
        Sources without photos, each with its reason.
    """
    search = _Search(take, os.path.realpath(leave_out) if leave_out is not None else None)
    for item in given:
        name = os.fspath(item)
        if os.path.lexists(name):
            search.add(name)
        elif glob.has_magic(name):
            search.add_pattern(name)
        else:
            search.problem(f"{name}: no such file or folder")
    return search.problems


class _Search:
    def __init__(self, take: Callable[[Source], None], leave_out: str | None) -> None:
        self.take = take
        self.problems: list[SourceError] = []
        self.leave_out = leave_out
        self.seen: set[str] = set()
        self.said: set[str] = set()

    def add(self, name: str) -> None:
        """Take a file or folder given by name."""
        if os.path.isdir(name):
            self.add_folder(name)
        else:
            self.add_file(name, os.path.basename(name))

    def add_pattern(self, pattern: str) -> None:
        """Take what a pattern matches: pictures, and folders with their subfolders."""
        any_picture = False
        # Sorted by the parts of the path, so that the files of a folder stay together.
        for match in sorted(glob.glob(pattern, recursive=True), key=lambda path: path.split(os.sep)):
            if os.path.isdir(match):
                if os.path.realpath(match) != self.leave_out:
                    any_picture |= self.add_below(match)
            elif has_picture_suffix(match):
                any_picture = True
                self.add_file(match, os.path.basename(match))
        if not any_picture:
            self.problem(f"{pattern}: no picture matches this pattern")

    def add_folder(self, folder: str) -> None:
        """Take a folder given by name, so that an empty one is an error."""
        said = len(self.problems)
        if not self.add_below(folder) and len(self.problems) == said:
            self.problem(f"{folder}: no picture in this folder or below ({', '.join(SUFFIXES)})")

    def add_below(self, folder: str) -> bool:
        """Take all pictures inside a folder; return whether there is any, readable or not."""
        any_picture = False
        for path in self.walk(folder, frozenset()):
            any_picture = True
            self.add_file(path, os.path.relpath(path, folder))
        return any_picture

    def walk(self, folder: str, above: frozenset[str]) -> Iterator[str]:
        """Yield the pictures and broken links inside a folder, sorted; links to folders are followed."""
        real = os.path.realpath(folder)
        if real in above:  # a link back to a folder that is being walked
            return
        try:
            entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
        except OSError as error:
            self.problem(f"{folder}: {(error.strerror or str(error)).lower()}")
            return
        for entry in entries:
            if entry.name.startswith("."):
                continue
            if os.path.isdir(entry.path):
                if os.path.realpath(entry.path) != self.leave_out:
                    yield from self.walk(entry.path, above | {real})
            elif has_picture_suffix(entry.name) or not os.path.exists(entry.path):
                yield entry.path

    def add_file(self, path: str, relative: str) -> None:
        try:
            mode = os.stat(path).st_mode
        except FileNotFoundError:
            link = os.path.islink(path)
            self.problem(
                f"{path}: " + (f"a link to {os.readlink(path)}, which is not there" if link else "gone")
            )
            return
        except OSError as error:
            self.problem(f"{path}: {(error.strerror or str(error)).lower()}")
            return
        if not stat.S_ISREG(mode):
            self.problem(f"{path}: not a regular file")
            return
        real = os.path.realpath(path)
        if real not in self.seen:
            self.seen.add(real)
            self.take(Source(path, relative))

    def problem(self, message: str) -> None:
        if message not in self.said:
            self.said.add(message)
            self.problems.append(SourceError(message))


def has_picture_suffix(name: str) -> bool:
    """Return whether a file name has the suffix of a readable picture."""
    return os.path.splitext(name)[1].lower() in SUFFIXES
