"""Turn what a user typed (files, folders, patterns) into a list of photos."""

from __future__ import annotations

import glob
import os
import stat
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from os import PathLike
from typing import TypeAlias

from crowdmask.errors import SourceError
from crowdmask.media.arriving import STANDARD_INPUT, PipedPhoto, WebPhoto, is_address, require_piped
from crowdmask.media.decoders import SUFFIXES
from crowdmask.media.pictures import FULL_SCALE_PIXELS, Picture, open_picture
from crowdmask.media.zipped import SUFFIX as ZIP
from crowdmask.media.zipped import ZipOfPhotos, ZippedPhoto

NO_SUFFIX = "without suffix"


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


AnySource: TypeAlias = Source | ZippedPhoto | WebPhoto | PipedPhoto
"""A file, a photo in a zip, at a web address, or on standard input."""


@dataclass
class Found:
    """The result of listing sources.

    Attributes:
        pictures: every photo once, in the order given, folders sorted by path.
        problems: sources without photos, each with its reason.
        passed_over: how many files of folders, patterns and archives are no photos, by their suffix.
    """

    pictures: list[AnySource] = field(default_factory=list)
    problems: list[SourceError] = field(default_factory=list)
    passed_over: Counter[str] = field(default_factory=Counter)


def find_pictures(
    given: Sequence[str | PathLike[str]], leave_out: str | PathLike[str] | None = None
) -> Found:
    """List the photos of files, folders (with their subfolders), patterns, zips, and web addresses.

    A file given by name is taken whatever its suffix; folders and patterns yield only files with
    the suffix of a picture, and no hidden files. A photo found twice, also by a symbolic link, counts once.

    Args:
        given: paths and patterns (`*`, `?`, `[a-z]`, `**`), zips, `https://` addresses, "-" (standard input).
        leave_out: a folder to skip inside other folders: where results are written.
    """
    found = Found()
    search = _Search(found.pictures.append, leave_out)
    for item in given:
        name = os.fspath(item)
        if name == STANDARD_INPUT:
            search.add_standard_input()
        elif is_address(name):
            search.add_once(name, WebPhoto(name))
        elif name.lower().endswith(ZIP) and os.path.isfile(name):
            search.add_zip(name)
        else:
            search.add_given(name)
    found.problems, found.passed_over = search.problems, search.passed_over
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
    search = _Search(take, leave_out)
    for item in given:
        search.add_given(os.fspath(item))
    return search.problems


class _Search:
    def __init__(self, take: Callable[..., None], leave_out: str | PathLike[str] | None) -> None:
        self.take = take
        self.problems: list[SourceError] = []
        self.passed_over: Counter[str] = Counter()
        self.leave_out = os.path.realpath(leave_out) if leave_out is not None else None
        self.seen: set[str] = set()
        self.said: set[str] = set()

    def add_given(self, name: str) -> None:
        """Take a file, a folder, or what a pattern matches."""
        if os.path.isdir(name):
            self.add_folder(name)
        elif os.path.lexists(name):
            self.add_file(name, os.path.basename(name))
        elif glob.has_magic(name):
            self.add_pattern(name)
        else:
            self.problem(f"{name}: no such file or folder")

    def add_standard_input(self) -> None:
        """Take the photo that is piped in."""
        try:
            require_piped()
        except SourceError as error:
            self.problem(str(error))
        else:
            self.add_once(STANDARD_INPUT, PipedPhoto())

    def add_zip(self, name: str) -> None:
        """Take the photos in an archive."""
        any_picture = False
        try:
            archive = ZipOfPhotos(name)
        except SourceError as error:
            self.problem(str(error))
            return
        for member in archive.names():
            key = f"{os.path.realpath(name)}/{member}"
            if has_picture_suffix(member):
                any_picture = True
                self.add_once(key, ZippedPhoto(archive, member))
            else:
                self.pass_over(key)
        if not any_picture:
            self.problem(f"{name}: no picture in this archive")

    def add_once(self, key: str, source: AnySource) -> None:
        """Take a photo that no other source has named."""
        if key not in self.seen:
            self.seen.add(key)
            self.take(source)

    def pass_over(self, path: str) -> None:
        """Count a file that is no photo."""
        real = os.path.realpath(path)
        if real not in self.seen:
            self.seen.add(real)
            self.passed_over[os.path.splitext(path)[1].lower() or NO_SUFFIX] += 1

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
            else:
                self.pass_over(match)
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
            else:
                self.pass_over(entry.path)

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
        self.add_once(os.path.realpath(path), Source(path, relative))

    def problem(self, message: str) -> None:
        if message not in self.said:
            self.said.add(message)
            self.problems.append(SourceError(message))


def has_picture_suffix(name: str) -> bool:
    """Return whether a file name has the suffix of a readable picture."""
    return os.path.splitext(name)[1].lower() in SUFFIXES
