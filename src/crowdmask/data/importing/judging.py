"""Judge what a source says of its photos: what is sound becomes faces, the rest is named and counted."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from crowdmask.data.dataset import IGNORE, SKIP
from crowdmask.data.formats.annotation import Annotation, RawBox
from crowdmask.data.importing.presets import Convention
from crowdmask.data.manifest import Box, Face
from crowdmask.data.problems import Problems, Reason
from crowdmask.data.user_photos import guess_label
from crowdmask.errors import PictureError
from crowdmask.labels import LABELS
from crowdmask.media.pictures import open_picture

MIN_SIDE_PX = 0.999
"""A face whose box has less left inside the picture is none: a pixel, but for rounding."""

MIN_INSIDE = 0.5
"""A box with a smaller part of its area inside the picture is rejected; another is cut at the edge."""

# A box this far outside is a rounding of its publisher's and not worth a line.
_ROUNDING_PX = 2.0
_DECODE_PIXELS = 150_000


@dataclass
class Judge:
    """Turns a source's annotations into faces.

    Attributes:
        classes: published name to our label, `IGNORE` or `SKIP`; common spellings are known without it.
        convention: what part of each side of a box is trimmed.
        problems: what was rejected.
        published: how many boxes there were of each published class.
        cut: how many boxes reached beyond the picture and were cut at its edge.
    """

    classes: dict[str, str]
    convention: Convention
    problems: Problems
    published: Counter[str] = field(default_factory=Counter)
    cut: int = 0

    def label_of(self, published: str) -> tuple[str | None, bool] | None:
        """Return our label and whether it is to be ignored; None for a class that nobody knows."""
        found = self.classes.get(published) or guess_label(published)
        if found is not None:
            return (None, True) if found == IGNORE else (found, False)
        # As our own export names them.
        if published == IGNORE:
            return None, True
        label = published.removeprefix(f"{IGNORE}_")
        return (label, label != published) if label in LABELS else None

    def faces(self, annotation: Annotation, width: int, height: int, where: Path) -> list[Face] | None:
        """Return the sound faces of one photo, None where it shows faces but none could be used.

        A photo with faces that nobody may know of would teach that they are none. A box without area, on
        the other hand, is how some publishers say that there is no face.

        Args:
            annotation: the photo's boxes as published.
            width, height: of the upright photo, pixels.
            where: what problems are reported as.
        """
        kept, rejected = [], annotation.unreadable
        for box in annotation.boxes:
            self.published[box.label] += 1
            meaning = self.label_of(box.label)
            if meaning is None:
                self.problems.add(where, f"unknown class '{box.label}'", Reason.CLASS)
                rejected += 1
                continue
            label, ignore = meaning
            if label == SKIP:
                continue
            before = len(self.problems)
            place = self._place(box, annotation.relative, width, height, where)
            if place is None:
                rejected += self.problems.reasons[before] == Reason.OUTSIDE
                continue
            kept.append(Face(box=place, label=label, ignore=ignore or box.ignore))
        if rejected and not kept:
            self.problems.add(where, f"none of its {rejected} boxes could be used", Reason.LEFT_EMPTY)
            return None
        return kept

    def _place(self, box: RawBox, relative: bool, width: int, height: int, where: Path) -> Box | None:
        x1, y1, x2, y2 = box.xyxy
        if relative:
            x1, y1, x2, y2 = x1 * width, y1 * height, x2 * width, y2 * height
        shown = f"({x1:g}, {y1:g}, {x2:g}, {y2:g})"
        if x2 <= x1 or y2 <= y1:
            self.problems.add(where, f"box {shown} has no area", Reason.NO_AREA)
            return None
        across = min(x2, width) - max(x1, 0)
        down = min(y2, height) - max(y1, 0)
        part = max(across, 0) * max(down, 0) / ((x2 - x1) * (y2 - y1))
        if part < MIN_INSIDE:
            why = f"box {shown} lies {1 - part:.0%} outside {width} x {height}".replace("%", " %")
            self.problems.add(where, why, Reason.OUTSIDE)
            return None
        if max(-x1, -y1, x2 - width, y2 - height) > _ROUNDING_PX:
            self.cut += 1
        left, top, right, bottom = self.convention
        w, h = x2 - x1, y2 - y1
        trimmed = (x1 + left * w, y1 + top * h, x2 - right * w, y2 - bottom * h)
        placed = clip_box(trimmed, width, height)
        if min(placed[2] - placed[0], placed[3] - placed[1]) < MIN_SIDE_PX:
            self.problems.add(where, f"box {shown} is less than a pixel wide or high", Reason.NO_AREA)
            return None
        return placed


def clip_box(box: tuple[float, float, float, float], width: int, height: int) -> Box:
    """Return a box cut at the picture's border, to a millionth of a pixel."""
    x1, y1, x2, y2 = box
    return (
        round(min(max(x1, 0.0), width), 6),
        round(min(max(y1, 0.0), height), 6),
        round(min(max(x2, 0.0), width), 6),
        round(min(max(y2, 0.0), height), 6),
    )


def picture_size(path: Path, problems: Problems) -> tuple[int, int] | None:
    """Return width and height of an upright photo that can be decoded; None, and a problem, of another.

    A JPEG is decoded at a lower scale, which finds one that was cut off just as well.
    """
    try:
        picture = open_picture(path, full_scale_pixels=_DECODE_PIXELS)
    except PictureError as error:
        problems.add(path, f"not readable as a picture ({error.reason})", Reason.BROKEN)
        return None
    return picture.width, picture.height
