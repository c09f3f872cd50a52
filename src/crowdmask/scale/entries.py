"""One photo of a large run: its location, and how a worker opens it."""

from __future__ import annotations

import bz2
import gzip
import lzma
import zipfile
from dataclasses import dataclass
from functools import lru_cache
from typing import IO, Any

from crowdmask.errors import PictureError, PictureFault
from crowdmask.media.pictures import FULL_SCALE_PIXELS, Picture, open_picture, read_picture
from crowdmask.scale.remote import file_system, is_url, why

_OPENERS: tuple[tuple[bytes, Any], ...] = (
    (b"\x1f\x8b", gzip.open),
    (b"BZh", bz2.open),
    (b"\xfd7zXZ\x00", lzma.open),
)


@dataclass(frozen=True, slots=True)
class Entry:
    """A listed photo; small, so that there can be a million of them.

    Attributes:
        name: value of its row's source column; unique within a run.
        where: path or URL of its file, or of its archive.
        member: its name within a zip archive.
        start, size: its position in the decompressed tar archive, bytes; -1: not in a tar.
        further: values of the user's columns.
    """

    name: str
    where: str
    member: str = ""
    start: int = -1
    size: int = -1
    further: dict[str, Any] | None = None

    @property
    def is_local_file(self) -> bool:
        """Whether it is a single file on this machine."""
        return not self.member and self.start < 0 and not is_url(self.where)


@dataclass(frozen=True)
class EntrySource:
    """An entry as a `crowdmask.batch.items.PhotoSource`.

    Attributes:
        entry: the listed photo.
        full_scale_pixels: a larger JPEG is decoded at a lower scale.
    """

    entry: Entry
    full_scale_pixels: int = FULL_SCALE_PIXELS

    @property
    def name(self) -> str:
        """Its name in results."""
        return self.entry.name

    @property
    def relative(self) -> str:
        """Path of its annotated picture: the whole name, so that it is unique."""
        return self.entry.name.replace("://", "/")

    def open_picture(self) -> Picture:
        """Read the photo.

        Raises:
            PictureError: it cannot be read.
        """
        entry = self.entry
        if entry.is_local_file:
            return _named(entry, open_picture, entry.where, full_scale_pixels=self.full_scale_pixels)
        data = _read(entry)
        return _named(entry, read_picture, data, entry.name, full_scale_pixels=self.full_scale_pixels)


def _named(entry: Entry, read: Any, *arguments: Any, **options: Any) -> Picture:
    try:
        picture: Picture = read(*arguments, **options)
        return picture
    except PictureError as error:
        raise PictureError(error.reason, entry.name, error.kind) from error


def _read(entry: Entry) -> bytes:
    """Return the bytes of a photo in an archive or a store, whose errors have many classes."""
    try:
        if entry.member:
            return _zip(entry.where).read(entry.member)
        if entry.start >= 0:
            file = _tar(entry.where)
            file.seek(entry.start)
            data = file.read(entry.size)
            if len(data) < entry.size:
                raise EOFError("the archive ends within it")
            return data
        system, path = file_system(entry.where)
        content: bytes = system.cat_file(path)
        return content
    except PictureError:
        raise
    except Exception as error:
        missing = isinstance(error, FileNotFoundError | KeyError)
        kind = PictureFault.MISSING if missing else PictureFault.UNREADABLE
        raise PictureError(why(error), entry.name, kind) from error


def open_file(where: str) -> IO[bytes]:
    """Open a path or URL for random access."""
    if is_url(where):
        system, path = file_system(where)
        file: IO[bytes] = system.open(path, "rb")
        return file
    return open(where, "rb")


def open_plain(where: str) -> IO[bytes]:
    """Open a path or URL, and decompress a gzip, bzip2 or xz file."""
    file = open_file(where)
    head = file.read(6)
    file.seek(0)
    for mark, opener in _OPENERS:
        if head.startswith(mark):
            if not is_url(where):
                file.close()  # otherwise it would not be closed together with the reader
            plain: IO[bytes] = opener(file if is_url(where) else where, "rb")
            return plain
    return file


# The directory of a large zip takes long to read, and a compressed tar is read sequentially, so they stay
# open.
@lru_cache(maxsize=4)
def _zip(where: str) -> zipfile.ZipFile:
    return zipfile.ZipFile(open_file(where))


@lru_cache(maxsize=4)
def _tar(where: str) -> IO[bytes]:
    return open_plain(where)
