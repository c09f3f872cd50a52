"""Read photos from a web address or standard input, with limits of size and time."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from threading import Event
from urllib.parse import SplitResult, unquote, urlsplit, urlunsplit

from crowdmask.errors import PictureError, SourceError
from crowdmask.media.pictures import (
    FULL_SCALE_PIXELS,
    SCALE_IT_DOWN,
    Picture,
    read_picture,
    too_many_bytes,
)

STANDARD_INPUT = "-"
MAX_BYTES = 100_000_000
"""A larger file is refused."""
_SCHEMES = ("https://", "http://")


def is_address(name: str) -> bool:
    """Return whether a source is the web address of a photo."""
    return name.lower().startswith(_SCHEMES)


@dataclass(frozen=True)
class WebPhoto:
    """A photo at a web address, fetched when it is opened.

    Attributes:
        address: as given.
        full_scale_pixels: a larger JPEG is decoded at a lower scale.
        give_up: set, it is not waited for any longer.
    """

    address: str
    full_scale_pixels: int = FULL_SCALE_PIXELS
    give_up: Event = field(default_factory=Event, compare=False, repr=False)

    @property
    def name(self) -> str:
        """Its name in results: the address without a user's name and password."""
        parts = self._parts
        return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))

    @property
    def relative(self) -> str:
        """File name of its annotated picture."""
        return PurePosixPath(unquote(self._parts.path)).name or "photo"

    @property
    def _parts(self) -> SplitResult:
        try:
            return urlsplit(self.address)
        except ValueError:  # brackets without an IPv6 address
            return SplitResult("", "", self.address.rpartition("@")[2], "", "")

    def open_picture(self) -> Picture:
        """Fetch and read the photo.

        Raises:
            PictureError: it cannot be fetched or read.
        """
        # Imported here: the standard library's client takes long to load.
        from crowdmask.media.fetching import fetch

        try:
            data = fetch(self.address, MAX_BYTES, self.give_up)
        except PictureError as error:
            raise PictureError(error.reason, self.name, error.kind) from error
        return read_picture(data, self.name, full_scale_pixels=self.full_scale_pixels)


@dataclass(frozen=True)
class PipedPhoto:
    """The photo on standard input, read when it is opened.

    Attributes:
        full_scale_pixels: a larger JPEG is decoded at a lower scale.
    """

    full_scale_pixels: int = FULL_SCALE_PIXELS
    name = STANDARD_INPUT
    relative = "standard-input"

    def open_picture(self) -> Picture:
        """Read the photo.

        Raises:
            PictureError: it cannot be read.
        """
        shown = "standard input"
        try:
            data = sys.stdin.buffer.read(MAX_BYTES + 1)
        except OSError as error:
            raise PictureError((error.strerror or str(error)).lower(), shown) from error
        if len(data) > MAX_BYTES:
            raise too_many_bytes(MAX_BYTES, SCALE_IT_DOWN, shown)
        return read_picture(data, shown, full_scale_pixels=self.full_scale_pixels)


def require_piped() -> None:
    """Refuse a terminal as the source of a photo.

    Raises:
        SourceError: standard input is a terminal, or closed.
    """
    if sys.stdin is None or sys.stdin.closed or sys.stdin.isatty():
        raise SourceError("standard input: no photo is piped into it: crowdmask detect - < photo.jpg")
