"""What published annotations are read into, and how a reader finds its files and pictures."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from crowdmask.data.problems import Problems

PICTURE_SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff")


@dataclass(frozen=True)
class RawBox:
    """One box as published: a label's own name and xyxy, in pixels or in parts of the picture.

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
        unreadable: further boxes in the file that are none: the picture shows more than is known.
        listed_in: the file that lists it with others; empty where each picture has a file of its own.
    """

    picture: str
    boxes: tuple[RawBox, ...]
    relative: bool = False
    unreadable: int = 0
    listed_in: str = ""


Reader = Callable[[Path, Problems], Iterator[Annotation]]
