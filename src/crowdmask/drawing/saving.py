"""Save or show a picture with its faces drawn: what `Detections.save` and notebooks call."""

from __future__ import annotations

import os
from io import BytesIO
from os import PathLike
from pathlib import Path
from typing import Any

from PIL import Image

from crowdmask.drawing.draw import Faces, draw_on
from crowdmask.errors import UsageError
from crowdmask.media.annotated import write_annotated
from crowdmask.media.pictures import as_picture

NOTEBOOK_PX = 1280
"""Maximum long side of a picture in a notebook, pixels."""


def draw_anew(picture: Any, faces: Faces) -> Image.Image:
    """Return an upright RGB image of the picture with its faces drawn; the picture stays as it is.

    Args:
        picture: a path, an array, a PIL image, or the bytes of a file.
        faces: in pixels of the upright picture.
    Raises:
        PictureError, TypeError, ValueError: it cannot be read.
    """
    opened = as_picture(picture)
    image = opened.image.copy() if opened.image is picture else opened.image
    draw_on(image, faces, (image.width / opened.width, image.height / opened.height))
    return image


def save_drawing(picture: Any, faces: Faces, to: str | PathLike[str]) -> Path:
    """Write the picture with its faces drawn, see `Detections.save`.

    Raises:
        UsageError: it would replace the picture itself.
        OutputError: another suffix, or a file that cannot be written.
        PictureError, TypeError, ValueError: the picture cannot be read.
    """
    path = Path(to)
    if isinstance(picture, (str, PathLike)) and _is_same(picture, path):
        raise UsageError(f"{path}: this is the photo itself, which would be lost: give another name")
    write_annotated(draw_anew(picture, faces), path, make_parents=True)
    return path


def to_png(picture: Any, faces: Faces) -> bytes:
    """Return the picture with its faces drawn as a PNG file for a notebook, not larger than is shown.

    Raises:
        PictureError, TypeError, ValueError: it cannot be read.
    """
    image = draw_anew(picture, faces)
    image.thumbnail((NOTEBOOK_PX, NOTEBOOK_PX))
    file = BytesIO()
    image.save(file, "PNG", compress_level=3)
    return file.getvalue()


def _is_same(picture: str | PathLike[str], path: Path) -> bool:
    try:
        return os.path.samefile(picture, path)
    except OSError:  # one of them is not there
        return False
