"""The values that published annotations are read into."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from crowdmask.data.problems import Problems
from crowdmask.media.decoders import SUFFIXES

PICTURE_SUFFIXES = SUFFIXES


@dataclass(frozen=True)
class RawBox:
    """One box as published: the original label, and xyxy in pixels or in parts of the picture's size.

    Raises:
        ValueError: an edge is not a finite number.
    """

    label: str
    xyxy: tuple[float, float, float, float]
    ignore: bool = False

    def __post_init__(self) -> None:
        if not all(math.isfinite(edge) for edge in self.xyxy):
            raise ValueError(f"edges {self.xyxy}")


@dataclass(frozen=True)
class Annotation:
    """All boxes of one picture as published.

    Attributes:
        picture: path relative to the source's folder.
        boxes: as in the file.
        relative: the boxes are parts of the width and height (YOLO), not pixels.
        unreadable: number of further entries in the file that could not be read: faces of unknown place or
            label.
        listed_in: the file that lists it with others; empty if each picture has its own file.
        size: width and height of the picture as stated in the file; None: not stated.
        first_pixel: 1 if the file says that its left and top edges count from 1; None: not
            stated.
        older: number of further annotations of this picture in the same file, set aside because they are
            older.
    """

    picture: str
    boxes: tuple[RawBox, ...]
    relative: bool = False
    unreadable: int = 0
    listed_in: str = ""
    size: tuple[float, float] | None = None
    first_pixel: int | None = None
    older: int = 0


def stated_size(width: object, height: object) -> tuple[float, float] | None:
    """Return a picture's size as a file states it; None if it is invalid, like 0 x 0."""
    try:
        size = (float(str(width)), float(str(height)))
    except ValueError:
        return None
    return size if all(math.isfinite(side) and side > 0 for side in size) else None


Reader = Callable[[Path, Problems], Iterator[Annotation]]
