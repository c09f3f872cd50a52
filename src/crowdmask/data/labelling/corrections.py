"""Corrections from a labelling tool, and how they are applied to the manifest."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Literal

import numpy as np

from crowdmask.data.labelling.drafts import IGNORE, TOOL_LABELS
from crowdmask.data.manifest import Box, Face, Manifest, Photo

_SAME_SHAPE = 0.01
"""Maximum relative difference in aspect ratio: a tool may show a smaller copy, but not a rotated one."""

# Label Studio adds eight hexadecimal digits in front of an uploaded file's name.
_UPLOADED = re.compile(r"^[0-9a-f]{8}-(?=.)")


@dataclass(frozen=True)
class Shape:
    """A rectangle as exported by the tool.

    Attributes:
        label: the label in the tool.
        xywh: left, top, width, height before the rotation.
        rotation: degrees clockwise.
        about: the centre of the rotation.
    """

    label: str
    xywh: tuple[float, float, float, float]
    rotation: float = 0.0
    about: Literal["corner", "centre"] = "corner"


@dataclass(frozen=True)
class Correction:
    """One photo as exported by the tool.

    Attributes:
        names: possible names of the photo, the most reliable first.
        shapes: its faces.
        size: width and height of the picture in the tool; None: not stated.
        relative: `xywh` are relative to this size, not pixels.
        problems: everything that is not a rectangle with one label.
    """

    names: tuple[str, ...]
    shapes: tuple[Shape, ...]
    size: tuple[float, float] | None = None
    relative: bool = False
    problems: tuple[str, ...] = ()


@dataclass
class ReviewSummary:
    """The result of an import.

    Attributes:
        reviewed: photos whose faces now come from a person.
        faces: number of their faces, by label of the tool.
        turned: number of rotated rectangles, replaced by the upright one around them.
        again: photos that were annotated more than once; the newest annotation counts.
        waiting: photos that are not finished in the tool.
        problems: photos that stay unchanged, and why.
    """

    reviewed: int = 0
    faces: Counter[str] = field(default_factory=Counter)
    turned: int = 0
    again: int = 0
    waiting: int = 0
    problems: list[str] = field(default_factory=list)


def apply_corrections(
    manifest: Manifest, corrections: Iterable[Correction], labels: dict[str, str], summary: ReviewSummary
) -> Manifest:
    """Return the manifest with the corrected photos' faces, marked as reviewed.

    A photo with anything unusable stays unchanged: a part of its faces would be worse than none.

    Args:
        labels: maps further label names to one of ours, "ignore" or "skip".
        summary: filled in here.
    """
    index = PhotoIndex(manifest.photos)
    changed: dict[str, Photo] = {}
    for correction in corrections:
        name = correction.names[0] if correction.names else "an entry without a photo"
        photo = index.find(correction.names)
        if photo is None:
            summary.problems.append(f"{name}: no such photo in the manifest")
            continue
        if photo.photo in changed:
            summary.problems.append(f"{photo.photo}: there twice; the first time counts")
            continue
        problems = list(correction.problems)
        faces = [_face(shape, correction, photo, labels, problems) for shape in correction.shapes]
        if problems:
            summary.problems.extend(f"{photo.photo}: {problem}" for problem in problems)
            continue
        kept = [face for face in faces if face is not None]
        changed[photo.photo] = photo.model_copy(update={"faces": kept, "reviewed": True})
        summary.reviewed += 1
        summary.turned += sum(shape.rotation % 360 != 0 for shape in correction.shapes)
        summary.faces.update(face.label or IGNORE for face in kept)
    return manifest.with_photos([changed.get(photo.photo, photo) for photo in manifest.photos])


class PhotoIndex:
    """Finds a photo by its path, or by the end of its path if that is unique."""

    def __init__(self, photos: Iterable[Photo]) -> None:
        """Index every end of every path."""
        self._exact: dict[str, Photo] = {}
        self._ends: dict[tuple[str, ...], Photo | None] = {}
        for photo in photos:
            self._exact[photo.photo] = photo
            parts = PurePosixPath(photo.photo).parts
            for start in range(len(parts)):
                end = parts[start:]
                self._ends[end] = None if end in self._ends else photo

    def find(self, names: Iterable[str]) -> Photo | None:
        """Return the photo of the first matching name.

        A tool may remove or add folders in front of a name, but may not replace one by another.
        """
        for name in names:
            parts = PurePosixPath(name.replace("\\", "/")).parts
            if not parts:
                continue
            whole = ("/".join(parts[start:]) for start in range(len(parts)))
            photo = next((self._exact[path] for path in whole if path in self._exact), None)
            photo = photo or self._ends.get(parts)
            if photo is None and _UPLOADED.match(parts[-1]):
                photo = self._ends.get((_UPLOADED.sub("", parts[-1]),))
            if photo is not None:
                return photo
        return None


def _face(
    shape: Shape, correction: Correction, photo: Photo, labels: dict[str, str], problems: list[str]
) -> Face | None:
    label = labels.get(shape.label, shape.label)
    if label == "skip":
        return None
    if label not in TOOL_LABELS:
        problems.append(f"unknown label '{shape.label}'; map it with `map` '{shape.label}=LABEL'")
        return None
    try:
        box = upright_box(shape, photo, correction.size, correction.relative)
    except ValueError as error:
        problems.append(str(error))
        return None
    if label == IGNORE:
        return Face(box=box, label=None, ignore=True)
    return Face.model_validate({"box": box, "label": label})


def upright_box(shape: Shape, photo: Photo, size: tuple[float, float] | None, relative: bool) -> Box:
    """Return the upright rectangle around a shape, in pixels of the photo and inside it.

    Raises:
        ValueError: nothing of it lies inside, it is not a number, or the picture in the tool has another
            aspect ratio.
    """
    width, height = size or (photo.width, photo.height)
    if not (width > 0 and height > 0):
        raise ValueError(f"the tool says its size is {width:g} x {height:g}")
    if abs(width / height / (photo.width / photo.height) - 1) > _SAME_SHAPE:
        raise ValueError(
            f"the tool saw {width:g} x {height:g} pixels, but the photo has {photo.width} x {photo.height}"
        )
    x, y, w, h = np.array(shape.xywh, float) * ((width, height, width, height) if relative else 1)
    if not np.isfinite([x, y, w, h, shape.rotation]).all():
        raise ValueError(f"a box {shape.xywh} is not a number")
    corners = np.array([[x, y], [x + w, y], [x + w, y + h], [x, y + h]])
    pivot = corners[0] if shape.about == "corner" else corners.mean(axis=0)
    angle = np.radians(shape.rotation)
    # The y axis points down, so this rotates clockwise.
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    turned = (corners - pivot) @ turn.T + pivot if shape.rotation % 360 else corners
    scale = (photo.width / width, photo.height / height)
    inside = np.clip(turned * scale, 0, (photo.width, photo.height))
    (x1, y1), (x2, y2) = inside.min(axis=0), inside.max(axis=0)
    if x2 - x1 < 1 or y2 - y1 < 1:
        raise ValueError(f"a '{shape.label}' box without area inside the photo")
    return (round(float(x1), 2), round(float(y1), 2), round(float(x2), 2), round(float(y2), 2))
