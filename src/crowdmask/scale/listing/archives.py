"""List the photos of zip and tar archives, including WebDataset shards, without unpacking them."""

from __future__ import annotations

import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import PurePosixPath

from crowdmask.errors import SourceError
from crowdmask.media.sources import has_picture_suffix
from crowdmask.scale.entries import Entry, open_file, open_plain
from crowdmask.scale.remote import why

ZIPS = (".zip",)
TARS = (".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tbz", ".tar.xz", ".txz")


def is_archive(name: str) -> bool:
    """Return whether a name has the suffix of an archive of photos."""
    return name.lower().endswith((*ZIPS, *TARS))


def list_archive(where: str) -> Iterator[Entry]:
    """Yield the photos of an archive in order.

    Args:
        where: path or URL.
    Raises:
        SourceError: it is missing, damaged, or contains no photo; photos yielded before stay valid.
    """
    found = False
    try:
        for entry in _zip(where) if where.lower().endswith(ZIPS) else _tar(where):
            found = True
            yield entry
    except SourceError:
        raise
    except (tarfile.TarError, zipfile.BadZipFile, EOFError) as error:
        raise SourceError(f"{where}: a damaged archive ({why(error)})") from error
    except ValueError as error:
        if not where.lower().startswith(("http://", "https://")):
            raise SourceError(f"{where}: {why(error)}") from error
        told = "the server gives no parts of a file, which an archive needs: download it, and give the file"
        raise SourceError(f"{where}: {told} ({why(error)})") from error
    except Exception as error:  # stores and codecs have their own error classes
        raise SourceError(f"{where}: {why(error)}") from error
    if not found:
        raise SourceError(f"{where}: no picture in this archive")


def _zip(where: str) -> Iterator[Entry]:
    with open_file(where) as file, zipfile.ZipFile(file) as archive:
        for info in archive.infolist():
            if not info.is_dir() and _is_photo(info.filename):
                yield Entry(f"{where}/{info.filename}", where, member=info.filename)


def _tar(where: str) -> Iterator[Entry]:
    # Positions refer to the decompressed bytes, so that a worker needs no list of the members.
    with open_plain(where) as file, tarfile.open(fileobj=file, mode="r:") as archive:
        for info in archive:
            if info.isreg() and _is_photo(info.name):
                yield Entry(f"{where}/{info.name}", where, start=info.offset_data, size=info.size)
            setattr(archive, "members", [])  # noqa: B010 (it would keep all)


def _is_photo(name: str) -> bool:
    parts = PurePosixPath(name).parts
    hidden = any(part.startswith((".", "__MACOSX")) and part != ".." for part in parts)
    return has_picture_suffix(name) and not hidden
