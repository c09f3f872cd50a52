"""A photo that a writer puts into another tool's layout.

No format has a word for a region that is not judged. COCO's is ``iscrowd``; Pascal VOC gets ``difficult`` and
our own ``ignore``; YOLO gets classes of its own, ``ignore`` and ``ignore_LABEL``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from crowdmask.data.manifest import Face, Photo

UNSPLIT = "default"


@dataclass(frozen=True)
class Item:
    """One photo to write.

    Attributes:
        photo: from the manifest, annotated.
        name: of its file in the export, unlike any other, also without its suffix.
    """

    photo: Photo
    name: str

    @property
    def split(self) -> str:
        """The split's name, as folders and files are called by it."""
        return self.photo.split or UNSPLIT

    @property
    def stem(self) -> str:
        """The name without its suffix."""
        return self.name.rsplit(".", 1)[0]


Writer = Callable[[Path, list[Item]], None]
"""Writes the annotations of photos into a folder."""


def by_split(items: list[Item]) -> dict[str, list[Item]]:
    """Return the photos of each split, in their order."""
    result: dict[str, list[Item]] = {}
    for item in items:
        result.setdefault(item.split, []).append(item)
    return result


def place_by_split(item: Item) -> str:
    """Return where a photo lies in a layout with one folder of photos a split."""
    return f"images/{item.split}/{item.name}"


def faces_of(items: list[Item]) -> list[Face]:
    """Return the faces of all photos."""
    return [face for item in items for face in item.photo.faces or ()]


def write_text(path: Path, text: str) -> None:
    """Write one file of an export, whose folder is renamed into place as a whole."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
