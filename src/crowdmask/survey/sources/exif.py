"""The time when a photo was taken, from its EXIF."""

from __future__ import annotations

import os
from datetime import UTC, datetime

from PIL import Image

_EXIF_PART, _ORIGINAL, _CHANGED = 0x8769, 0x9003, 0x0132


def taken_at(path: str) -> float:
    """Return the local time in a photo's EXIF, seconds since 1970; NaN if there is none."""
    if not os.path.isfile(path):
        return float("nan")
    try:
        with Image.open(path, formats=("JPEG", "TIFF", "PNG", "WEBP")) as image:
            exif = image.getexif()
            text = exif.get_ifd(_EXIF_PART).get(_ORIGINAL) or exif.get(_CHANGED)
        return datetime.strptime(str(text)[:19], "%Y:%m:%d %H:%M:%S").replace(tzinfo=UTC).timestamp()
    except (OSError, ValueError, SyntaxError, KeyError, TypeError, Image.DecompressionBombError):
        # A damaged time is ignored; the photo itself may be intact.
        return float("nan")
