"""One photo of a large run: where it lies, and how a worker opens it."""

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
    """A photo that is listed, small enough that a million of them are no matter.

    Attributes:
        name: the source column of its row; no two photos of a run share one.
        where: path or URL of its file, or of the archive that holds it.
        member: its name within a zip archive.
        start, size: where it lies in a tar archive once that is decompressed, bytes; -1: in none.
        further: values of the user's own columns.
    """

    name: str
    where: str
    member: str = ""
    start: int = -1
    size: int = -1
    further: dict[str, Any] | None = None

    @property
    def is_local_file(self) -> bool:
        """Whether it is a file of its own on this machine."""
        return not self.member and self.start < 0 and not is_url(self.where)


@dataclass(frozen=True)
class EntrySource:
    """An entry as a `crowdmask.batch.items.PhotoSource`.

    Attributes:
        entry: which photo.
        full_scale_pixels: a JPEG of more is decoded at a lower scale.
    """

    entry: Entry
    full_scale_pixels: int = FULL_SCALE_PIXELS

    @property
    def name(self) -> str:
        """What results call it."""
        return self.entry.name

    @property
    def relative(self) -> str:
        """Where an annotated picture of it goes: the whole name, so that no two photos share one."""
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
    """Return the bytes of a photo in an archive or a store; each store and codec fails in its own classes."""
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
    """Open a path or URL for reading in any order."""
    if is_url(where):
        system, path = file_system(where)
        file: IO[bytes] = system.open(path, "rb")
        return file
    return open(where, "rb")


def open_plain(where: str) -> IO[bytes]:
    """Open a path or URL, decompressed where it is a gzip, bzip2 or xz file."""
    file = open_file(where)
    head = file.read(6)
    file.seek(0)
    for mark, opener in _OPENERS:
        if head.startswith(mark):
            if not is_url(where):
                file.close()  # it would not be closed with what reads it
            plain: IO[bytes] = opener(file if is_url(where) else where, "rb")
            return plain
    return file


# A directory of a large zip takes long to read, and a compressed tar is read forwards: they stay open.
@lru_cache(maxsize=4)
def _zip(where: str) -> zipfile.ZipFile:
    return zipfile.ZipFile(open_file(where))


@lru_cache(maxsize=4)
def _tar(where: str) -> IO[bytes]:
    return open_plain(where)
