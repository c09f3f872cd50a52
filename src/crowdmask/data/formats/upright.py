"""Convert an annotation's boxes to the upright photo: rotate or scale them according to the stated size."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PIL import Image

Edges = tuple[float, float, float, float]
Size = tuple[float, float]
Place = Callable[[Edges], Edges]

_ORIENTATION_TAG = 0x0112
_SIDEWAYS = (5, 6, 7, 8)
_ROUNDING_PX = 1.0


def read_turn(picture: Path) -> int:
    """Return the EXIF orientation of a picture, 1 to 8; 1 if it is missing or cannot be read."""
    try:
        with Image.open(picture) as opened:
            turn = int(opened.getexif().get(_ORIENTATION_TAG, 1))
    except Exception:  # damaged EXIF raises many kinds of errors, and says nothing about the pixels
        return 1
    return turn if 1 <= turn <= 8 else 1


def fit(stated: Size | None, width: int, height: int, turn_of: Callable[[], int]) -> Place | None:
    """Return a function that converts a box from the annotation's stated size to the upright photo.

    Args:
        stated: width and height as stated in the annotation; None: not stated.
        width, height: of the upright photo, pixels.
        turn_of: returns the EXIF orientation of the photo; called only if the stated size differs from the
            photo's.
    Returns:
        The function; None if neither the EXIF rotation nor one scale factor explains the stated size.
    """
    if stated is None or stated == (width, height):
        return lambda box: box
    if _is_scale(stated, (width, height)):
        return _scaled(stated, (width, height))
    turn = turn_of()
    if turn in _SIDEWAYS and _is_scale(stated, (height, width)):
        scaled = _scaled(stated, (height, width))
        return lambda box: _turned(scaled(box), width, height, turn)
    return None


def _is_scale(stated: Size, size: Size) -> bool:
    """Whether two sizes have the same aspect ratio, with a tolerance of one pixel of the smaller one."""
    small, large = sorted((stated, size))
    return (
        abs(small[0] - large[0] * small[1] / large[1]) <= _ROUNDING_PX
        and abs(small[1] - large[1] * small[0] / large[0]) <= _ROUNDING_PX
    )


def _scaled(stated: Size, size: Size) -> Place:
    x, y = size[0] / stated[0], size[1] / stated[1]
    return lambda box: (box[0] * x, box[1] * y, box[2] * x, box[3] * y)


def _turned(box: Edges, width: int, height: int, turn: int) -> Edges:
    """Rotate a box of the stored picture; `width` and `height` are those of the upright picture."""
    x1, y1, x2, y2 = box
    return {
        5: (y1, x1, y2, x2),
        6: (width - y2, x1, width - y1, x2),
        7: (width - y2, height - x2, width - y1, height - x1),
        8: (y1, height - x2, y2, height - x1),
    }[turn]
