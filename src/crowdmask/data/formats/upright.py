"""Where an annotation's boxes lie in the upright photo: turned or scaled as its stated size says."""

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
    """Return EXIF's orientation of a picture, 1 to 8; 1 where it says nothing or cannot be read."""
    try:
        with Image.open(picture) as opened:
            turn = int(opened.getexif().get(_ORIENTATION_TAG, 1))
    except Exception:  # what damaged EXIF raises has no end, and says nothing about the pixels
        return 1
    return turn if 1 <= turn <= 8 else 1


def fit(stated: Size | None, width: int, height: int, turn_of: Callable[[], int]) -> Place | None:
    """Return what moves a box from the size that its annotation states into the upright photo.

    Args:
        stated: width and height as the annotation says; None where it does not.
        width, height: of the upright photo, pixels.
        turn_of: gives EXIF's orientation of the photo; asked only where the size is not that of the photo.
    Returns:
        None where neither EXIF's turn nor one scale for both sides explains the size.
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
    """Whether two sizes have one shape, but for the pixel that the smaller one was rounded by."""
    small, large = sorted((stated, size))
    return (
        abs(small[0] - large[0] * small[1] / large[1]) <= _ROUNDING_PX
        and abs(small[1] - large[1] * small[0] / large[0]) <= _ROUNDING_PX
    )


def _scaled(stated: Size, size: Size) -> Place:
    x, y = size[0] / stated[0], size[1] / stated[1]
    return lambda box: (box[0] * x, box[1] * y, box[2] * x, box[3] * y)


def _turned(box: Edges, width: int, height: int, turn: int) -> Edges:
    """Turn a box of the stored picture upright; `width` and `height` are those of the upright one."""
    x1, y1, x2, y2 = box
    return {
        5: (y1, x1, y2, x2),
        6: (width - y2, x1, width - y1, x2),
        7: (width - y2, height - x2, width - y1, height - x1),
        8: (y1, height - x2, y2, height - x1),
    }[turn]
