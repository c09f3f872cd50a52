"""Write annotated pictures, marked as ours, so that a run replaces its own and never a user's photo."""

from __future__ import annotations

import os
from pathlib import Path
from typing import IO, Any

from PIL import Image

from crowdmask.errors import OutputError
from crowdmask.files import whole_file
from crowdmask.media.decoders import identify

SOFTWARE = "crowdmask: annotated picture"
"""What the EXIF field "Software" of our pictures says. An editor puts its own name there."""

# How each suffix is written.
_KINDS: dict[str, tuple[str, dict[str, Any]]] = {
    ".jpg": ("JPEG", {"quality": 92}),
    ".jpeg": ("JPEG", {"quality": 92}),
    ".png": ("PNG", {"compress_level": 3}),
    ".webp": ("WEBP", {"quality": 90, "method": 2}),
    ".bmp": ("BMP", {}),
    ".tif": ("TIFF", {"compression": "tiff_lzw"}),
    ".tiff": ("TIFF", {"compression": "tiff_lzw"}),
}
SUFFIXES = tuple(_KINDS)
"""Of the files that can be written."""

_SOFTWARE_TAG = 0x0131
_TIFF, _BMP = "TIFF", "BMP"
# BMP has no metadata, but four reserved bytes, which belong to the program that wrote the file.
_RESERVED_AT, _RESERVED = 6, b"cmsk"


def write_annotated(image: Image.Image, path: Path, *, make_parents: bool = False) -> None:
    """Write a picture in the format of its suffix, completely or not at all, with our mark.

    Args:
        image: RGB; its colour profile is kept, but no other metadata.
        path: with a suffix of `SUFFIXES` in any case; an older file is replaced.
        make_parents: create missing parent folders.
    Raises:
        OutputError: another suffix, a full disk, or a file that cannot be written.
    """
    if path.suffix.lower() not in _KINDS:
        raise OutputError(f"{path}: name a picture to write {', '.join(SUFFIXES)}")
    kind, options = _KINDS[path.suffix.lower()]
    options = dict(options)
    if kind != _BMP:
        profile = image.info.get("icc_profile")
        options |= {"exif": _mark()} | ({"icc_profile": profile} if profile else {})
    try:
        with whole_file(path, make_parents=make_parents) as file:
            image.save(file, kind, **options)
            if kind == _BMP:
                file.seek(_RESERVED_AT)
                file.write(_RESERVED)
    except ValueError as error:  # Pillow: the format takes no picture of this size
        raise OutputError(f"cannot write {path}: {error}") from error


def may_replace(path: str | os.PathLike[str]) -> bool:
    """Return whether writing this file loses nothing of the user's: it does not exist, or is ours.

    What cannot be read as a picture of ours, a folder or another kind of file, is a user's.
    """
    if not os.path.lexists(path):
        return True
    try:
        with open(path, "rb") as file:
            return _is_ours(file)
    except Exception:
        # Decoders raise many kinds of errors on damaged data.
        return False


def _is_ours(file: IO[bytes]) -> bool:
    with identify(file) as image:
        if image.format == _BMP:
            file.seek(_RESERVED_AT)
            return file.read(len(_RESERVED)) == _RESERVED
        if image.format == _TIFF:
            return bool(image.tag_v2.get(_SOFTWARE_TAG) == SOFTWARE)  # type: ignore[attr-defined]
        # `getexif` would decode the pixels of a PNG to look for more behind them.
        exif = Image.Exif()
        exif.load(image.info.get("exif", b""))
        return bool(exif.get(_SOFTWARE_TAG) == SOFTWARE)


def _mark() -> bytes:
    exif = Image.Exif()
    exif[_SOFTWARE_TAG] = SOFTWARE
    return exif.tobytes()
