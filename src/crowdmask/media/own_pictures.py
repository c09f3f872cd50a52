"""Tell annotated pictures of ours from a user's own photos, so that a run replaces only its own."""

from __future__ import annotations

import os
from typing import IO, Any

from PIL import Image

from crowdmask.media.pictures import identify

SOFTWARE = "crowdmask: annotated picture"
"""What the EXIF field "Software" of our pictures says. An editor puts its own name there."""

_SOFTWARE_TAG = 0x0131
_TIFF, _BMP = "TIFF", "BMP"
# BMP has no metadata, but four reserved bytes, which belong to the program that wrote the file.
_RESERVED_AT, _RESERVED = 6, b"cmsk"


def marked(kind: str, options: dict[str, Any]) -> dict[str, Any]:
    """Return the options that save a picture with our mark.

    Args:
        kind: Pillow's name of the format.
        options: others of it.
    """
    if kind == _BMP:
        return options
    exif = Image.Exif()
    exif[_SOFTWARE_TAG] = SOFTWARE
    return {**options, "exif": exif.tobytes()}


def mark_file(kind: str, file: IO[bytes]) -> None:
    """Mark a written file of a format that takes no metadata; the others bear their mark already."""
    if kind == _BMP:
        file.seek(_RESERVED_AT)
        file.write(_RESERVED)


def may_replace(path: str | os.PathLike[str]) -> bool:
    """Say whether nothing of a user's is lost where this file is written: it is not there, or ours.

    What cannot be read as a picture of ours, a folder or another kind of file, is a user's.
    """
    if not os.path.lexists(path):
        return True
    try:
        with open(path, "rb") as file, identify(file) as image:
            if image.format == _BMP:
                file.seek(_RESERVED_AT)
                return file.read(len(_RESERVED)) == _RESERVED
            if image.format == _TIFF:
                return bool(image.tag_v2.get(_SOFTWARE_TAG) == SOFTWARE)  # type: ignore[attr-defined]
            # `getexif` would decode the pixels of a PNG to look for more behind them.
            exif = Image.Exif()
            exif.load(image.info.get("exif", b""))
            return bool(exif.get(_SOFTWARE_TAG) == SOFTWARE)
    except Exception:
        # What decoders raise on damaged bytes has no end.
        return False
