"""The composition of a data set: sources, classes, face sizes and crowd sizes, for splits and weights."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Final

from crowdmask.data.manifest import Face, Photo
from crowdmask.labels import LABELS

SOURCE, LABEL, FACE_WIDTH, CROWD = "source", "class", "face width, px", "faces in a photo"

_WIDTH_EDGES: Final = (16, 32, 64, 128)
FACE_WIDTHS: Final = ("under 16", "16-31", "32-63", "64-127", "128 or more")

_CROWD_EDGES: Final = (1, 2, 6, 21)
CROWDS: Final = ("0", "1", "2-5", "6-20", "21 or more")

Stratum = tuple[str, str]
"""The kind, one of the four above, and its value."""


def judged_faces(photo: Photo) -> list[Face]:
    """Return the faces that have a label and are not ignored."""
    return [face for face in photo.faces or () if face.label is not None and not face.ignore]


def width_name(width_px: float) -> str:
    """Return the range of a face's width, one of `FACE_WIDTHS`."""
    return FACE_WIDTHS[bisect_right(_WIDTH_EDGES, width_px)]


def crowd_name(faces: int) -> str:
    """Return the range of a number of faces, one of `CROWDS`."""
    return CROWDS[bisect_right(_CROWD_EDGES, faces)]


def strata_of(photo: Photo) -> Counter[Stratum]:
    """Count what a photo and its faces add to each stratum."""
    faces = judged_faces(photo)
    count: Counter[Stratum] = Counter({(SOURCE, photo.source): 1})
    if photo.faces is not None:
        count[CROWD, crowd_name(len(faces))] = 1
    for face in faces:
        count[LABEL, str(face.label)] += 1
        count[FACE_WIDTH, width_name(face.box[2] - face.box[0])] += 1
    return count


def total_strata(photos: Iterable[Photo]) -> Counter[Stratum]:
    """Return the sum of `strata_of` of all photos."""
    total: Counter[Stratum] = Counter()
    for photo in photos:
        total.update(strata_of(photo))
    return total


def in_order(strata: Iterable[Stratum]) -> list[Stratum]:
    """Sort strata by kind, then classes and sizes in their own order and sources by name."""
    kinds = (SOURCE, LABEL, FACE_WIDTH, CROWD)
    known: dict[str, Sequence[str]] = {LABEL: LABELS, FACE_WIDTH: FACE_WIDTHS, CROWD: CROWDS}

    def rank(stratum: Stratum) -> tuple[int, int, str]:
        kind, value = stratum
        values = known.get(kind, ())
        return kinds.index(kind), values.index(value) if value in values else 0, value

    return sorted(strata, key=rank)
