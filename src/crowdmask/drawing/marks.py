"""What is drawn on a picture: rings around faces, plates with text, lines of zones; and how it gets there.

The same marks go on an RGB picture and straight into the planes of a video's frame, so both look alike.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from crowdmask.drawing.palette import Colour

if TYPE_CHECKING:  # it needs the extra for video, photos do not
    from crowdmask.media.planes import Colours, Planes

_KEPT_LINES = 16
Yuv: TypeAlias = tuple[int, NDArray[np.uint16]]


@dataclass(frozen=True)
class Ring:
    """The frame of a rectangle.

    Attributes:
        xyxy: its outer edges, pixels; right and bottom are the first ones outside.
        width: of the line, pixels.
    """

    xyxy: tuple[int, int, int, int]
    width: int
    colour: Colour


class Stamp:
    """An opaque little RGB picture, for example a text on its ground; never changed, so frames share it."""

    def __init__(self, image: Image.Image) -> None:
        """Keep the picture."""
        self.image = image
        self._luma: dict[Colours, NDArray[np.uint8]] = {}
        self._chroma: dict[tuple[Colours, int, int], tuple[NDArray[np.uint16], NDArray[np.uint16]]] = {}

    def luma(self, colours: Colours) -> NDArray[np.uint8]:
        """Return its brightness (h, w)."""
        if colours not in self._luma:
            self._luma[colours] = np.rint(colours.of_rgb(np.asarray(self.image))[..., 0]).astype(np.uint8)
        return self._luma[colours]

    def chroma(
        self, colours: Colours, odd_x: int, odd_y: int
    ) -> tuple[NDArray[np.uint16], NDArray[np.uint16]]:
        """Return its colour times four, plus 2 (2, h', w'), and the quarters that it leaves free (h', w').

        Args:
            odd_x, odd_y: whether it begins in the second half of a point of colour.
        """
        key = (colours, odd_x, odd_y)
        if key not in self._chroma:
            width, height = self.image.size
            down, across = (height + odd_y + 1) // 2, (width + odd_x + 1) // 2
            padded = np.zeros((2 * down, 2 * across, 3), np.float32)
            there = padded[odd_y : odd_y + height, odd_x : odd_x + width]
            there[..., :2] = colours.of_rgb(np.asarray(self.image))[..., 1:]
            there[..., 2] = 1
            whole = np.rint(padded.reshape(down, 2, across, 2, 3).sum(axis=(1, 3))).astype(np.uint16)
            chroma = np.ascontiguousarray(whole[..., :2].transpose(2, 0, 1)) + np.uint16(2)  # to round
            self._chroma[key] = chroma, 4 - whole[..., 2]
        return self._chroma[key]


@dataclass(frozen=True)
class Plate:
    """A stamp at its place.

    Attributes:
        x, y: its upper left corner; it lies within the picture.
    """

    x: int
    y: int
    stamp: Stamp


@dataclass(frozen=True)
class Line:
    """A line through points, which may lie outside of the picture."""

    points: tuple[tuple[float, float], ...]
    width: int
    colour: Colour


Mark: TypeAlias = Ring | Plate | Line


def draw_marks(image: Image.Image, marks: Iterable[Mark]) -> None:
    """Draw on an RGB image, in place; later marks cover earlier ones."""
    pen = ImageDraw.Draw(image)
    for mark in marks:
        match mark:
            case Ring(xyxy=(x1, y1, x2, y2)):
                pen.rectangle((x1, y1, x2 - 1, y2 - 1), outline=mark.colour, width=mark.width)
            case Plate():
                image.paste(mark.stamp.image, (mark.x, mark.y))
            case Line():
                pen.line(mark.points, fill=mark.colour, width=mark.width)


def draw_in_planes(planes: Planes, marks: Iterable[Mark]) -> None:
    """Draw in the planes of a frame, in place; later marks cover earlier ones."""
    for mark in marks:
        match mark:
            case Ring():
                _ring(planes, mark)
            case Plate():
                _plate(planes, mark)
            case Line():
                _line(planes, mark)


def _ring(planes: Planes, ring: Ring) -> None:
    x1, y1, x2, y2 = ring.xyxy
    width, colour = ring.width, _yuv(planes.colours, ring.colour)
    if 2 * width >= min(x2 - x1, y2 - y1):
        _across(planes, (x1, y1, x2, y2), colour)
        return
    _across(planes, (x1, y1, x2, y1 + width), colour)
    _across(planes, (x1, y2 - width, x2, y2), colour)
    _down(planes, (x1, y1 + width, x1 + width, y2 - width), colour)
    _down(planes, (x2 - width, y1 + width, x2, y2 - width), colour)


def _across(planes: Planes, xyxy: tuple[int, int, int, int], colour: Yuv) -> None:
    """Fill a horizontal bar; a row of colour that it covers by half becomes a mixture."""
    x1, y1, x2, y2 = _clipped(xyxy, planes.size)
    if x1 >= x2 or y1 >= y2:
        return
    luma, chroma = colour
    planes.luma[y1:y2, x1:x2] = luma
    columns = planes.chroma[:, :, x1 // 2 : (x2 + 1) // 2]
    if y1 % 2:
        _mix(columns[:, y1 // 2], chroma[..., 0])
    if y2 % 2:
        _mix(columns[:, y2 // 2], chroma[..., 0])
    columns[:, (y1 + 1) // 2 : y2 // 2] = chroma


def _down(planes: Planes, xyxy: tuple[int, int, int, int], colour: Yuv) -> None:
    """Fill a vertical bar; a column of colour that it covers by half becomes a mixture."""
    x1, y1, x2, y2 = _clipped(xyxy, planes.size)
    if x1 >= x2 or y1 >= y2:
        return
    luma, chroma = colour
    planes.luma[y1:y2, x1:x2] = luma
    rows = planes.chroma[:, y1 // 2 : (y2 + 1) // 2]
    if x1 % 2:
        _mix(rows[..., x1 // 2], chroma[..., 0])
    if x2 % 2:
        _mix(rows[..., x2 // 2], chroma[..., 0])
    rows[..., (x1 + 1) // 2 : x2 // 2] = chroma


def _mix(part: NDArray[np.uint8], colour: NDArray[np.uint16]) -> None:
    part[...] = (part + colour) >> 1


def _clipped(xyxy: tuple[int, int, int, int], size: tuple[int, int]) -> tuple[int, int, int, int]:
    x1, y1, x2, y2 = xyxy
    return max(x1, 0), max(y1, 0), min(x2, size[0]), min(y2, size[1])


def _plate(planes: Planes, plate: Plate) -> None:
    luma = plate.stamp.luma(planes.colours)
    chroma, free = plate.stamp.chroma(planes.colours, plate.x % 2, plate.y % 2)
    planes.luma[plate.y : plate.y + luma.shape[0], plate.x : plate.x + luma.shape[1]] = luma
    left, top = plate.x // 2, plate.y // 2
    there = planes.chroma[:, top : top + free.shape[0], left : left + free.shape[1]]
    there[...] = (there * free + chroma) >> 2


def _line(planes: Planes, line: Line) -> None:
    rows, columns, colour_rows, colour_columns, covered = _line_pixels(line, planes.size)
    luma, chroma = _yuv(planes.colours, line.colour)
    planes.luma[rows, columns] = luma
    there = planes.chroma[:, colour_rows, colour_columns]
    planes.chroma[:, colour_rows, colour_columns] = there + (chroma[..., 0] - there) * covered + 0.5


@lru_cache(maxsize=_KEPT_LINES)
def _line_pixels(
    line: Line, size: tuple[int, int]
) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.intp], NDArray[np.intp], NDArray[np.float32]]:
    """Return rows and columns of a line's pixels, of its points of colour, and how far it covers those."""
    mask = Image.new("L", size)
    ImageDraw.Draw(mask).line(line.points, fill=1, width=line.width)
    pixels = np.asarray(mask)
    width, height = size
    covered = pixels.reshape(height // 2, 2, width // 2, 2).sum(axis=(1, 3))
    where = np.nonzero(covered)
    return *np.nonzero(pixels), *where, covered[where].astype(np.float32) / 4


@lru_cache(maxsize=64)
def _yuv(colours: Colours, colour: Colour) -> Yuv:
    """Return one colour's brightness, and its colour for both planes (2, 1, 1)."""
    luma, blue, red = np.rint(colours.of_rgb(np.array(colour, np.uint8)))
    return int(luma), np.array([blue, red], np.uint16).reshape(2, 1, 1)
