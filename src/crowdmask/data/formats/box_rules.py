"""What a broken box is: one set of rules, for import and for the photos that training reads."""

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
"""A face whose box has less left inside the picture is none: a pixel, but for rounding."""

MIN_INSIDE = 0.5
"""A box with a smaller part of its area inside the picture is rejected; another is cut at the edge."""

# A box this far outside is a rounding of its publisher's and not worth a line.
_ROUNDING_PX = 2.0


@dataclass(frozen=True)
class Face:
    """A sound box with our label, or None for a region of no known class that is not judged."""

    box: Edges
    label: str | None
    ignore: bool


@dataclass(frozen=True)
class Fault:
    """Why a box is rejected: the reason, in words, and in words for many of its kind."""

    reason: Reason
    why: str
    kind: str = ""


@dataclass
class Judged:
    """The boxes of one photo.

    Attributes:
        faces: the sound ones.
        faults: the others, each with its reason.
        published: how many boxes there were of each published class.
        cut: how many reached beyond the picture and were cut at its edge.
        unknown: how many boxes show a face of which not enough is known.
    """

    faces: list[Face] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    published: Counter[str] = field(default_factory=Counter)
    cut: int = 0
    unknown: int = 0

    @property
    def shows_only_unknown(self) -> bool:
        """Whether the photo shows faces but none could be used.

        Such a photo would teach that its faces are none. A box that is a mere point, on the other hand, is
        how some publishers say that there is no face.
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
    """Part the boxes of one photo into sound faces and faults.

    Args:
        annotation: the boxes as published.
        width, height: of the upright photo, pixels.
        convention: what part of each side of a box is trimmed, left, top, right, bottom.
        meaning_of: turns a published class into a label of ours, `IGNORE`, ``ignore_LABEL`` or `SKIP`;
            None for a class that is not known.
        turn_of: gives EXIF's orientation of the photo, see `upright.fit`.
        first_pixel: 1 where left and top edges count from 1, as in classic Pascal VOC, and the annotation
            does not say so itself.
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
    """Say where pixels are expected and a box is written in parts of the picture."""
    if annotation.relative or _is_nothing(box) or min(box.xyxy) < 0 or max(box.xyxy) > 1:
        return None
    x1, y1, x2, y2 = box.xyxy
    why = f"box ({x1:g}, {y1:g}, {x2:g}, {y2:g}) is in parts of the picture, not in pixels"
    return Fault(Reason.NO_AREA, why, "in parts of the picture, not in pixels")


def _is_nothing(box: RawBox) -> bool:
    """Whether a box is a mere point, like 0, 0, 0, 0: so some publishers say that there is no face."""
    return box.xyxy[0] == box.xyxy[2] and box.xyxy[1] == box.xyxy[3]


def place_box(xyxy: Edges, width: int, height: int, convention: Edges = (0, 0, 0, 0)) -> Edges | Fault:
    """Trim a box to our convention and cut it at the picture's edge, or say what is wrong with it.

    Args:
        xyxy: pixels, as published.
        width, height: of the upright photo, pixels.
        convention: what part of each side is trimmed, left, top, right, bottom.
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
    """Return a box cut at the picture's border, to a millionth of a pixel."""
    x1, y1, x2, y2 = box
    return (
        round(min(max(x1, 0.0), width), 6),
        round(min(max(y1, 0.0), height), 6),
        round(min(max(x2, 0.0), width), 6),
        round(min(max(y2, 0.0), height), 6),
    )


def known_spelling(published: str) -> str | None:
    """Return what our own export means by a class: a label, `IGNORE` or ``ignore_LABEL``; None for others."""
    if published == IGNORE or published.removeprefix(f"{IGNORE}_") in LABELS:
        return published
    return None
