"""A photo's fingerprint: a perceptual hash and a small grey picture for comparison.

A mirrored, scaled, recompressed, recoloured or slightly cropped copy of a photo has another SHA-256, but
nearly the same fingerprint. Where a photo seems to have a frame, the picture inside it is a part of the
fingerprint, too.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from crowdmask.data.copies.frames import Part, inner_parts
from crowdmask.errors import PictureError
from crowdmask.media.pictures import open_picture

Grey = NDArray[np.uint8]

SIDE: Final = 40
"""Rows and columns of the small picture."""

HASH_SIDE: Final = 16
"""The hash has this number squared of bits."""

# Decoded no larger than needed: a JPEG can be decoded at a half, a quarter or an eighth of its size.
_ENOUGH_PIXELS: Final = 90_000
_READ_BYTES: Final = 1 << 20


@dataclass(frozen=True, eq=False)
class Inner:
    """A part of a photo that may be a picture inside a frame.

    Attributes:
        part: left, top, right and bottom as fractions of the photo's width and height.
        small: (40, 40) uint8 grey, this part squeezed into a square.
    """

    part: Part
    small: Grey


@dataclass(frozen=True, eq=False)
class Fingerprint:
    """The fingerprint of a photo.

    Attributes:
        sha256: of the file, 64 hexadecimal digits.
        hash: difference hash of 256 bits, 64 hexadecimal digits, the same for the mirrored photo.
        small: (40, 40) uint8 grey, the whole photo squeezed into a square.
        inner: the parts that may be a picture inside a frame; most photos have none.
    """

    sha256: str
    hash: str
    small: Grey
    inner: tuple[Inner, ...] = ()


def fingerprint_of(path: Path) -> Fingerprint:
    """Read a photo and compute its fingerprint.

    Raises:
        PictureError: it cannot be read.
    """
    sha256 = hash_file(path)
    grey = open_picture(path, full_scale_pixels=_ENOUGH_PIXELS).image.convert("L")
    return Fingerprint(sha256, difference_hash(grey), small_grey(grey), inner_pictures(grey))


def hash_file(path: Path) -> str:
    """Return the SHA-256 of a file, 64 hexadecimal digits.

    Raises:
        PictureError: it cannot be read.
    """
    digest = hashlib.sha256()
    try:
        with path.open("rb") as file:
            while block := file.read(_READ_BYTES):
                digest.update(block)
    except OSError as error:
        raise PictureError((error.strerror or str(error)).lower(), path) from error
    return digest.hexdigest()


def small_grey(grey: Image.Image) -> Grey:
    """Squeeze a picture into 40 x 40 pixels of grey."""
    return np.asarray(grey.convert("L").resize((SIDE, SIDE), Image.Resampling.HAMMING))


def inner_pictures(grey: Image.Image) -> tuple[Inner, ...]:
    """Return the parts of a grey picture that may be a picture inside a frame."""
    width, height = grey.size
    parts = inner_parts(grey)
    boxes = [(x * width, y * height, u * width, v * height) for x, y, u, v in parts]
    size = (SIDE, SIDE)
    return tuple(
        Inner(part, np.asarray(grey.resize(size, Image.Resampling.HAMMING, box)))
        for part, box in zip(parts, boxes, strict=True)
    )


def difference_hash(image: Image.Image) -> str:
    """Return the difference hash, 64 hexadecimal digits: 1 where a picture gets brighter to the right.

    It is the lower one of the hashes of the picture and its mirror image, so both have the same. The
    bits are those of the library ImageHash, ``dhash(image, hash_size=16)``.
    """
    grey = image.convert("L").resize((HASH_SIDE + 1, HASH_SIDE), Image.Resampling.LANCZOS)
    pixels = np.asarray(grey).astype(np.int16)
    return min(_bits_to_hex(pixels), _bits_to_hex(pixels[:, ::-1]))


def hamming(first: str, second: str) -> int:
    """Return the number of bits in which two hashes of the same length differ (Hamming distance)."""
    return (int(first, 16) ^ int(second, 16)).bit_count()


def _bits_to_hex(pixels: NDArray[np.int16]) -> str:
    return np.packbits(pixels[:, 1:] > pixels[:, :-1]).tobytes().hex()
