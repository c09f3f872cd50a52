"""Read photos from a zip without unpacking it."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from threading import Lock

from crowdmask.errors import PictureError, PictureFault, SourceError
from crowdmask.media.pictures import FULL_SCALE_PIXELS, Picture, read_picture, too_many_bytes

SUFFIX = ".zip"

MAX_MEMBER_BYTES = 256_000_000
"""A photo that is larger when unpacked is refused before it is read."""

_ENCRYPTED = 1


class ZipOfPhotos:
    """A zip that stays open, since its directory may be large."""

    def __init__(self, path: str) -> None:
        """Read its directory.

        Raises:
            SourceError: it is missing, damaged or no zip.
        """
        self.path = path
        self._turns = Lock()
        try:
            self._zip = zipfile.ZipFile(path)
        except zipfile.BadZipFile as error:
            raise SourceError(f"{path}: a damaged archive, or no zip") from error
        except (OSError, NotImplementedError, ValueError) as error:
            why = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
            raise SourceError(f"{path}: {why.lower()}") from error

    def names(self) -> Iterator[str]:
        """Yield the names of its files in order, without hidden ones and those that macOS adds."""
        for info in self._zip.infolist():
            parts = PurePosixPath(info.filename).parts
            if not info.is_dir() and not any(part.startswith((".", "__MACOSX")) for part in parts):
                yield info.filename

    def read(self, name: str) -> bytes:
        """Return a file's content.

        Raises:
            PictureError: it is damaged, encrypted, too large, or compressed in an unknown way.
        """
        info = self._zip.getinfo(name)
        if info.flag_bits & _ENCRYPTED:
            raise PictureError("encrypted: unpack the archive first")
        if info.file_size > MAX_MEMBER_BYTES:
            raise too_many_bytes(MAX_MEMBER_BYTES, "unpack the archive first")
        try:
            with self._turns:
                return self._zip.read(info)
        except NotImplementedError as error:
            raise PictureError(f"{error}: unpack the archive first") from error
        except Exception as error:
            # Codecs raise many kinds of errors on damaged data.
            raise PictureError(f"damaged in its archive ({error})", kind=PictureFault.DAMAGED) from error


@dataclass(frozen=True)
class ZippedPhoto:
    """A photo inside a zip.

    Attributes:
        archive: the zip.
        member: its name in there.
        full_scale_pixels: a larger JPEG is decoded at a lower scale.
    """

    archive: ZipOfPhotos = field(compare=False)
    member: str
    full_scale_pixels: int = FULL_SCALE_PIXELS

    @property
    def name(self) -> str:
        """Its name in results."""
        return f"{self.archive.path}/{self.member}"

    @property
    def relative(self) -> str:
        """Path of its annotated picture: as in the archive."""
        return self.member

    def open_picture(self) -> Picture:
        """Read the photo.

        Raises:
            PictureError: it cannot be read.
        """
        try:
            data = self.archive.read(self.member)
        except PictureError as error:
            raise PictureError(error.reason, self.name, error.kind) from error
        return read_picture(data, self.name, full_scale_pixels=self.full_scale_pixels)
