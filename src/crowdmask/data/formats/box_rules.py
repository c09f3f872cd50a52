"""The rules that say which boxes are usable, the same for import and for training."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from crowdmask.data.formats.annotation import Annotation, RawBox
from crowdmask.data.formats.upright import Edges, fit
from crowdmask.data.problems import Reason
from crowdmask.labels import LABELS

IGNORE = "ignore"
SKIP = "skip"

MIN_SIDE_PX = 0.999
"""Minimum side of a box inside the picture: one pixel, with a tolerance for rounding."""

MIN_INSIDE = 0.5
"""Minimum part of a box's area inside the picture; with less it is rejected, with more it is clipped."""

# A box this far outside is a rounding error of the publisher and is not reported.
_ROUNDING_PX = 2.0


@dataclass(frozen=True)
class Face:
    """A usable box with our label; None for a region whose class is unknown and that is not evaluated."""

    box: Edges
    label: str | None
    ignore: bool


@dataclass(frozen=True)
class Fault:
    """Why a box is rejected: the reason, its description, and a shorter description to summarise many."""

    reason: Reason
    why: str
    kind: str = ""


@dataclass
class Judged:
    """The boxes of one photo.

    Attributes:
        faces: the usable ones.
        faults: the others, each with its reason.
        published: number of boxes of each published class.
        cut: how many extended beyond the picture and were clipped.
        unknown: how many boxes show a face that cannot be used.
    """

    faces: list[Face] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    published: Counter[str] = field(default_factory=Counter)
    cut: int = 0
    unknown: int = 0

    @property
    def shows_only_unknown(self) -> bool:
        """Whether the photo shows faces but none of them is usable.

        Such a photo would teach that its faces are background. A box that is only a point, however, is how
        some publishers mark a photo without faces.
        """
        return self.unknown > 0 and not self.faces


def judge_boxes(
    annotation: Annotation,
    width: int,
    height: int,
    convention: Edges,
    meaning_of: Callable[[str], str | None],
    *,
    turn_of: Callable[[], int] = lambda: 1,
    first_pixel: int = 0,
) -> Judged:
    """Divide the boxes of one photo into usable faces and faults.

    Args:
        annotation: the boxes as published.
        width, height: of the upright photo, pixels.
        convention: part of a box's size that is trimmed at the left, top, right and bottom.
        meaning_of: turns a published class into one of our labels, `IGNORE`, ``ignore_LABEL`` or
            `SKIP`; None for an unknown class.
        turn_of: returns the EXIF orientation of the photo, see `upright.fit`.
        first_pixel: 1 if left and top edges count from 1, as in classic Pascal VOC; used if the
            annotation does not state it.
    """
    result = Judged(unknown=annotation.unreadable)
    fitted = fit(annotation.size, width, height, turn_of)
    if fitted is None and annotation.size is not None and annotation.boxes:
        return _of_another_size(result, annotation, width, height)
    origin = first_pixel if annotation.first_pixel is None else annotation.first_pixel
    for box in annotation.boxes:
        result.published[box.label] += 1
        meaning = meaning_of(box.label)
        if meaning is None:
            result.faults.append(Fault(Reason.CLASS, f"unknown class '{box.label}'"))
            result.unknown += 1
            continue
        if meaning == SKIP:
            continue
        xyxy = box.xyxy
        if annotation.relative:
            xyxy = (xyxy[0] * width, xyxy[1] * height, xyxy[2] * width, xyxy[3] * height)
        elif fitted is not None:
            xyxy = fitted((xyxy[0] - origin, xyxy[1] - origin, xyxy[2], xyxy[3]))
        placed = _fault_of_parts(box, annotation) or place_box(xyxy, width, height, convention)
        if isinstance(placed, Fault):
            result.faults.append(placed)
            result.unknown += placed.reason == Reason.OUTSIDE or not (box.ignore or _is_nothing(box))
            continue
        result.cut += max(-xyxy[0], -xyxy[1], xyxy[2] - width, xyxy[3] - height) > _ROUNDING_PX
        label = None if meaning == IGNORE else meaning.removeprefix(f"{IGNORE}_")
        result.faces.append(Face(placed, label, box.ignore or label != meaning))
    return result


def _of_another_size(result: Judged, annotation: Annotation, width: int, height: int) -> Judged:
    stated = annotation.size or (0, 0)
    why = (
        f"its annotation is of a picture of {stated[0]:g} x {stated[1]:g}, but this one has "
        f"{width} x {height}"
    )
    result.faults.append(Fault(Reason.SIZE, why))
    result.published.update(box.label for box in annotation.boxes)
    result.unknown += len(annotation.boxes)
    return result


def _fault_of_parts(box: RawBox, annotation: Annotation) -> Fault | None:
    """Return a fault if pixels are expected and the box is in parts of the picture's size."""
    if annotation.relative or _is_nothing(box) or min(box.xyxy) < 0 or max(box.xyxy) > 1:
        return None
    x1, y1, x2, y2 = box.xyxy
    why = f"box ({x1:g}, {y1:g}, {x2:g}, {y2:g}) is in parts of the picture, not in pixels"
    return Fault(Reason.NO_AREA, why, "in parts of the picture, not in pixels")


def _is_nothing(box: RawBox) -> bool:
    """Whether a box is only a point, like 0, 0, 0, 0: some publishers mark photos without faces like this."""
    return box.xyxy[0] == box.xyxy[2] and box.xyxy[1] == box.xyxy[3]


def place_box(xyxy: Edges, width: int, height: int, convention: Edges = (0, 0, 0, 0)) -> Edges | Fault:
    """Trim a box to our convention and clip it to the picture, or return what is wrong with it.

    Args:
        xyxy: pixels, as published.
        width, height: of the upright photo, pixels.
        convention: part of the box's size that is trimmed at the left, top, right and bottom.
    """
    x1, y1, x2, y2 = xyxy
    shown = f"box ({x1:g}, {y1:g}, {x2:g}, {y2:g})"
    empty = "without area inside the picture"
    if x2 <= x1 or y2 <= y1:
        return Fault(Reason.NO_AREA, f"{shown} has no area", empty)
    across = min(x2, width) - max(x1, 0)
    down = min(y2, height) - max(y1, 0)
    part = max(across, 0) * max(down, 0) / ((x2 - x1) * (y2 - y1))
    if part < MIN_INSIDE:
        why = f"{shown} lies {1 - part:.0%} outside {width} x {height}".replace("%", " %")
        return Fault(Reason.OUTSIDE, why, "more than half outside the picture" if part else empty)
    left, top, right, bottom = convention
    w, h = x2 - x1, y2 - y1
    placed = clip_box((x1 + left * w, y1 + top * h, x2 - right * w, y2 - bottom * h), width, height)
    if min(placed[2] - placed[0], placed[3] - placed[1]) < MIN_SIDE_PX:
        return Fault(Reason.NO_AREA, f"{shown} is less than a pixel wide or high", empty)
    return placed


def clip_box(box: Edges, width: int, height: int) -> Edges:
    """Return a box clipped to the picture, rounded to a millionth of a pixel."""
    x1, y1, x2, y2 = box
    return (
        round(min(max(x1, 0.0), width), 6),
        round(min(max(y1, 0.0), height), 6),
        round(min(max(x2, 0.0), width), 6),
        round(min(max(y2, 0.0), height), 6),
    )


def known_spelling(published: str) -> str | None:
    """Return the meaning of a class of our export: a label, `IGNORE`, ``ignore_LABEL``; None for others."""
    if published == IGNORE or published.removeprefix(f"{IGNORE}_") in LABELS:
        return published
    return None
