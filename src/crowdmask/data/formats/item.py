"""A photo in an export to another tool's layout.

No format has an exact equivalent of an ignored region. COCO gets ``iscrowd``; Pascal VOC gets ``difficult``
and our own ``ignore``; both get the attribute ``ignore``, which Datumaro keeps when it writes the set again;
YOLO gets extra classes, ``ignore`` and ``ignore_LABEL``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from crowdmask.data.manifest import Box, Face, Photo

UNSPLIT = "default"
# Attributes that mark an ignored region: ours, and Datumaro's for COCO's ``iscrowd``.
_IGNORING = ("ignore", "is_crowd")


@dataclass(frozen=True)
class Item:
    """One photo to write.

    Attributes:
        photo: from the manifest, annotated.
        name: of its file in the export; unique even without the suffix.
        first_pixel: 1 if left and top edges are to count from 1, in formats whose boxes are in pixels.
    """

    photo: Photo
    name: str
    first_pixel: int = 0

    @property
    def split(self) -> str:
        """The split's name in folder and file names."""
        return self.photo.split or UNSPLIT

    def edges_of(self, face: Face) -> Box:
        """Return a face's box in pixels, counted as the export counts them."""
        x1, y1, x2, y2 = face.box
        return x1 + self.first_pixel, y1 + self.first_pixel, x2, y2

    @property
    def stem(self) -> str:
        """The name without its suffix."""
        return self.name.rsplit(".", 1)[0]


Writer = Callable[[Path, list[Item]], None]
"""Writes the annotations of photos into a folder."""


def is_ignored(attributes: Mapping[str, object]) -> bool:
    """Whether the attributes of a box, as Datumaro and CVAT write them, mark an ignored region."""
    return any(str(attributes.get(name)).strip().lower() in ("1", "true") for name in _IGNORING)


def by_split(items: list[Item]) -> dict[str, list[Item]]:
    """Return the photos of each split, in order."""
    result: dict[str, list[Item]] = {}
    for item in items:
        result.setdefault(item.split, []).append(item)
    return result


def place_by_split(item: Item) -> str:
    """Return a photo's path in a layout with one folder for each split."""
    return f"images/{item.split}/{item.name}"


def faces_of(items: list[Item]) -> list[Face]:
    """Return the faces of all photos."""
    return [face for item in items for face in item.photo.faces or ()]


def write_text(path: Path, text: str) -> None:
    """Write one file of an export; the whole folder is renamed at the end."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
