"""Find the picture inside a frame: bars above and below or at the sides, or a border, as of a screenshot.

Bars are plain, of any colour and with a few signs on them, or they are a blurred part of the picture itself.
What is found is only a guess: a plain sky looks like a bar, too. So the whole picture still counts, and a
guess is verified by comparing it with other pictures.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Part = tuple[float, float, float, float]
Greys = NDArray[np.int16]

MOST_PARTS: Final = 4
"""Maximum number of guesses for one picture."""

_SIDE: Final = 256
# Frames in frames, such as a page with a heading that shows a picture with bars.
_DEPTH: Final = 3
_THINNEST, _THICKEST = 0.012, 0.45
_LEAST_PIXELS: Final = 24
_LEAST_AREA: Final = 0.12
# A line of pixels is plain if at least this part of it has about the colour of the bar.
_PLAIN_PART, _PLAIN_LEVELS = 0.7, 8
# A blurred bar: hardly a pixel differs from its neighbours, and then most differ from one line to the next.
_BLUR_LEVELS, _MOST_SHARP = 8, 0.06
_EDGE_LEVELS, _EDGE_PART, _EDGE_RISE = 8, 0.45, 0.25


def inner_parts(grey: Image.Image) -> list[Part]:
    """Return where the picture inside a frame may lie; nothing if there seems to be no frame.

    Args:
        grey: the whole picture in mode L.
    Returns:
        Left, top, right and bottom as fractions of width and height, at most `MOST_PARTS`.
    """
    scale = _SIDE / max(grey.size)
    if scale < 1:
        size = (max(1, round(grey.width * scale)), max(1, round(grey.height * scale)))
        grey = grey.resize(size, Image.Resampling.BOX)
    pixels = np.asarray(grey).astype(np.int16)
    height, width = pixels.shape
    found: list[tuple[int, int, int, int]] = []
    left, top, right, bottom = 0, 0, width, height
    for _ in range(_DEPTH):
        a, b, c, d = _frame(pixels[top:bottom, left:right])
        inner = (left + a, top + b, right - c, bottom - d)
        if inner == (left, top, right, bottom):
            break
        # One pair of sides may be a mistake, for example a plain wall beside the picture's bars.
        found += [inner, (left, inner[1], right, inner[3]), (inner[0], top, inner[2], bottom)]
        left, top, right, bottom = inner
    whole = (0, 0, width, height)
    large = [part for part in dict.fromkeys(found) if part != whole and _is_large(part, width * height)]
    return [(x / width, y / height, u / width, v / height) for x, y, u, v in large[:MOST_PARTS]]


def _is_large(part: tuple[int, int, int, int], area: int) -> bool:
    width, height = part[2] - part[0], part[3] - part[1]
    return min(width, height) >= _LEAST_PIXELS and width * height >= _LEAST_AREA * area


def _frame(pixels: Greys) -> tuple[int, int, int, int]:
    """Return how thick the frame is at the left, top, right and bottom, in pixels."""
    height, width = pixels.shape
    left = top = right = bottom = 0
    # A bar is seen best without the bars that cross it, so the second time these are left out.
    for _ in range(2):
        middle = pixels[:, left : width - right]
        top_found, bottom_found = _bar(middle), _bar(middle[::-1])
        middle = pixels[top : height - bottom].T
        left, right = _bar(middle), _bar(middle[::-1])
        top, bottom = top_found, bottom_found
    return left, top, right, bottom


def _bar(pixels: Greys) -> int:
    """Return the number of lines at the top that are a bar, 0 for none."""
    height, width = pixels.shape
    if min(height, width) < _LEAST_PIXELS:
        return 0
    least, most = max(2, round(_THINNEST * height)), round(_THICKEST * height)
    outer = pixels[: most + 2]
    plain = (np.abs(outer - np.median(outer[:2])) <= _PLAIN_LEVELS).mean(1) >= _PLAIN_PART
    lines = len(plain) if plain.all() else int(np.argmin(plain))
    # The next line may be mixed with the bar; in a dark picture, the rest of a white bar outweighs all.
    found = lines + 1 if least <= lines <= most else 0
    # A blurred bar may begin with a plain part, such as a blurred sky.
    return max(found, _blurred_bar(outer, least))


def _blurred_bar(outer: Greys, least: int) -> int:
    """Return the number of lines before the straight edge at which a blurred bar ends, 0 for none."""
    bend = np.abs(outer[:, 2:] - 2 * outer[:, 1:-1] + outer[:, :-2]) >= _BLUR_LEVELS
    sharp = np.cumsum(bend.mean(1)) / np.arange(1, len(outer) + 1)
    # Of line i + 1, between lines i and i + 2: scaling may have mixed the line at the edge.
    edge = (np.abs(outer[2:] - outer[:-2]) >= _EDGE_LEVELS).mean(1)
    rise = edge.copy()
    rise[3:] -= edge[:-3]
    good = (edge >= _EDGE_PART) & (rise >= _EDGE_RISE) & (sharp[: len(edge)] <= _MOST_SHARP)
    good[: least - 1] = False
    if not good.any():
        return 0
    return int(np.argmax(np.where(good, edge, 0))) + 2
