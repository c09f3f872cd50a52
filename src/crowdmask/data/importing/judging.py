"""Check a source's annotations: usable boxes become faces, the rest is reported and counted."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from crowdmask.data.formats.annotation import Annotation
from crowdmask.data.formats.box_rules import judge_boxes, known_spelling
from crowdmask.data.formats.upright import read_turn
from crowdmask.data.importing.presets import Convention
from crowdmask.data.manifest import Face
from crowdmask.data.problems import Problems, Reason
from crowdmask.data.user_photos import guess_label
from crowdmask.errors import PictureError
from crowdmask.media.pictures import open_picture

_DECODE_PIXELS = 150_000


@dataclass
class Judge:
    """Turns a source's annotations into faces, by the rules of `crowdmask.data.formats.box_rules`.

    Attributes:
        classes: published name to our label, 'ignore' or 'skip'; common spellings are known without it.
        convention: part of a box's size that is trimmed at each side.
        problems: what was rejected.
        published: number of boxes of each published class.
        cut: how many boxes extended beyond the picture and were clipped.
        first_pixel: 1 if left and top edges count from 1.
    """

    classes: dict[str, str]
    convention: Convention
    problems: Problems
    published: Counter[str] = field(default_factory=Counter)
    cut: int = 0
    first_pixel: int = 0

    def knows(self, published: str) -> bool:
        """Whether a published class is known."""
        return self._meaning(published) is not None

    def faces(self, annotation: Annotation, width: int, height: int, where: Path) -> list[Face] | None:
        """Return the usable faces of one photo; None if it shows faces but none of them is usable.

        Args:
            annotation: the photo's boxes as published.
            width, height: of the upright photo, pixels.
            where: the photo's name in problems.
        """
        judged = judge_boxes(
            annotation, width, height, self.convention, self._meaning,
            turn_of=lambda: read_turn(where), first_pixel=self.first_pixel,
        )  # fmt: skip
        self.published.update(judged.published)
        self.cut += judged.cut
        for fault in judged.faults:
            self.problems.add(where, fault.why, fault.reason)
        if judged.shows_only_unknown:
            why = f"none of its {judged.unknown} boxes could be used"
            self.problems.add(where, why, Reason.LEFT_EMPTY)
            return None
        return [Face(box=face.box, label=face.label, ignore=face.ignore) for face in judged.faces]

    def _meaning(self, published: str) -> str | None:
        return self.classes.get(published) or guess_label(published) or known_spelling(published)


def picture_size(path: Path, problems: Problems) -> tuple[int, int] | None:
    """Return width and height of an upright photo; None, and report a problem, if it cannot be decoded.

    A JPEG is decoded at a lower scale, which also detects a truncated file.
    """
    try:
        picture = open_picture(path, full_scale_pixels=_DECODE_PIXELS)
    except PictureError as error:
        problems.add(path, f"not readable as a picture ({error.reason})", Reason.BROKEN)
        return None
    return picture.width, picture.height
