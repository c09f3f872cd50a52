"""One interface to zip and tar: their entries, and the bytes of each."""

from __future__ import annotations

import gzip
import lzma
import re
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Protocol

from crowdmask.data.importing.archive_limits import Member
from crowdmask.errors import DataError


class Opened(Protocol):
    """An open archive."""

    def members(self) -> Iterator[Member]:
        """Yield the headers of all entries."""
        ...

    def read(self, member: Member) -> IO[bytes]:
        """Open one entry."""
        ...


def inside(name: str) -> str | None:
    """Return an archive member's name as a path with forward slashes; None if it leaves the folder."""
    name = name.replace("\\", "/")
    if name.startswith("/") or re.match(r"[A-Za-z]:", name) or "\0" in name:
        return None
    parts = [part for part in name.split("/") if part not in ("", ".")]
    return None if ".." in parts else "/".join(parts)


# OSError is not included: it comes from the disk.
READ_ERRORS = (
    zipfile.BadZipFile,
    zlib.error,
    gzip.BadGzipFile,
    lzma.LZMAError,
    tarfile.TarError,
    EOFError,
    NotImplementedError,
    RuntimeError,
    ValueError,
)


@contextmanager
def open_archive(archive: Path, known: Path) -> Iterator[Opened]:
    """Open a zip or a tar with any compression.

    Args:
        archive: the file.
        known: its name in messages.
    Raises:
        DataError: it is damaged, encrypted, or neither zip nor tar.
    """
    if not zipfile.is_zipfile(archive) and archive.name.lower().endswith(".zip"):
        raise DataError(f"{known} is damaged, or no zip (its end is missing): fetch it again")
    try:
        if zipfile.is_zipfile(archive):
            with zipfile.ZipFile(archive) as packed:
                yield _Zip(packed, known)
        else:
            with tarfile.open(archive) as tar:
                yield _Tar(tar)
    except READ_ERRORS as error:
        # tarfile's message lists every compression that it tried, which does not help the user.
        why = " ".join(str(error).split()).split(": - method")[0] or type(error).__name__
        raise DataError(f"{known} is damaged, or no zip or tar ({why}): fetch it again") from error


@dataclass
class _Zip:
    packed: zipfile.ZipFile
    path: Path

    def members(self) -> Iterator[Member]:
        for info in self.packed.infolist():
            if info.flag_bits & 1:
                raise DataError(f"{self.path} is encrypted: unpack it yourself and import the folder")
            target = None
            if (info.external_attr >> 16) & 0o170000 == 0o120000:
                short = info.file_size < 4096
                target = self.packed.read(info).decode("utf-8", "replace") if short else "/"
            # The name as stored in the file: Python's would hide the part after a zero byte.
            yield Member(
                info.orig_filename, info.file_size, info.compress_size, not info.is_dir(), target, info
            )

    def read(self, member: Member) -> IO[bytes]:
        return self.packed.open(member.handle)


@dataclass
class _Tar:
    tar: tarfile.TarFile

    def members(self) -> Iterator[Member]:
        for info in self.tar:
            target = None
            if info.issym():
                target = info.linkname
            elif info.islnk():
                # The target of a hard link is relative to the top of the archive.
                up = (inside(info.name) or "").count("/")
                target = "../" * up + info.linkname
            elif not info.isfile() and not info.isdir():
                target = "."  # a device or pipe: skipped like a link
            yield Member(info.name, info.size if info.isfile() else 0, None, info.isfile(), target, info)

    def read(self, member: Member) -> IO[bytes]:
        stream = self.tar.extractfile(member.handle)
        if stream is None:
            raise tarfile.TarError("no file")
        return stream
