"""What a photo looks like, in little: a perceptual hash and a small grey picture to compare by.

A copy of a photo that was mirrored, scaled, compressed again, recoloured or slightly cropped has another
SHA-256, but nearly the same looks.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from crowdmask.errors import PictureError
from crowdmask.media.pictures import open_picture

Grey = NDArray[np.uint8]

SIDE: Final = 40
"""Rows and columns of the small picture."""

HASH_SIDE: Final = 16
"""The hash has the square of it in bits."""

# Decoded no larger than needed: a JPEG comes at a half, a quarter or an eighth of its scale.
_ENOUGH_PIXELS: Final = 90_000
_READ_BYTES: Final = 1 << 20


@dataclass(frozen=True, eq=False)
class Fingerprint:
    """A photo in little.

    Attributes:
        sha256: of the file, 64 hexadecimal digits.
        hash: difference hash of 256 bits, 64 hexadecimal digits, the same for the mirrored photo.
        small: (40, 40) uint8 grey, the whole photo squeezed into a square.
    """

    sha256: str
    hash: str
    small: Grey


def fingerprint_of(path: Path) -> Fingerprint:
    """Read a photo and make its looks.

    Raises:
        PictureError: it cannot be read.
    """
    sha256 = hash_file(path)
    grey = open_picture(path, full_scale_pixels=_ENOUGH_PIXELS).image.convert("L")
    return Fingerprint(sha256, difference_hash(grey), small_grey(grey))


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


def difference_hash(image: Image.Image) -> str:
    """Return 256 bits that say where a picture gets brighter to the right, as 64 hexadecimal digits.

    Of the picture's hash and that of its mirror image the lower one is taken, so both have the same.
    The bits are those of the library ImageHash, ``dhash(image, hash_size=16)``.
    """
    grey = image.convert("L").resize((HASH_SIDE + 1, HASH_SIDE), Image.Resampling.LANCZOS)
    pixels = np.asarray(grey).astype(np.int16)
    return min(_bits_to_hex(pixels), _bits_to_hex(pixels[:, ::-1]))


def hamming(first: str, second: str) -> int:
    """Return in how many bits two hashes of one length differ."""
    return (int(first, 16) ^ int(second, 16)).bit_count()


def _bits_to_hex(pixels: NDArray[np.int16]) -> str:
    return np.packbits(pixels[:, 1:] > pixels[:, :-1]).tobytes().hex()
