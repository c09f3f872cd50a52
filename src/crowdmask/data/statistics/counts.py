"""Counts and sizes of a data set, from its annotations only."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from crowdmask.data.manifest import Photo
from crowdmask.labels import LABELS

NO_SPLIT = "no split"
SPLIT_ORDER = ("train", "val", "test", NO_SPLIT)

FACE_WIDTHS: tuple[tuple[str, float], ...] = (
    ("under 8", 8), ("8-16", 16), ("16-32", 32), ("32-64", 64), ("64-128", 128), ("128-256", 256),
    ("256 or more", float("inf")),
)  # fmt: skip
FACES_A_PHOTO: tuple[tuple[str, float], ...] = (
    ("0", 1), ("1", 2), ("2", 3), ("3-5", 6), ("6-10", 11), ("11-20", 21), ("21-50", 51),
    ("more than 50", float("inf")),
)  # fmt: skip
LONG_SIDES: tuple[tuple[str, float], ...] = (
    ("under 320", 320), ("320-640", 640), ("640-1024", 1024), ("1024-2048", 2048), ("2048-4096", 4096),
    ("4096 or more", float("inf")),
)  # fmt: skip


@dataclass
class Counts:
    """Counts of a data set.

    Attributes:
        classes: faces by split and label.
        photos: by split.
        sources: photos, faces, and faces of each label, by source.
        licences: photos by licence.
        face_widths, faces_a_photo, long_sides: by the names of the ranges above.
        ignored: number of ignored regions.
    """

    total: int = 0
    annotated: int = 0
    reviewed: int = 0
    faces: int = 0
    ignored: int = 0
    photos: Counter[str] = field(default_factory=Counter)
    classes: dict[str, Counter[str]] = field(default_factory=dict)
    sources: dict[str, Counter[str]] = field(default_factory=dict)
    licences: Counter[str] = field(default_factory=Counter)
    licence_sources: dict[str, set[str]] = field(default_factory=dict)
    face_widths: dict[str, Counter[str]] = field(default_factory=dict)
    faces_a_photo: Counter[str] = field(default_factory=Counter)
    long_sides: Counter[str] = field(default_factory=Counter)


def count(photos: Sequence[Photo]) -> Counts:
    """Count everything that the report shows."""
    counts = Counts(total=len(photos))
    for photo in photos:
        split = photo.split or NO_SPLIT
        counts.photos[split] += 1
        counts.licences[photo.licence] += 1
        counts.licence_sources.setdefault(photo.licence, set()).add(photo.source)
        counts.long_sides[range_of(max(photo.width, photo.height), LONG_SIDES)] += 1
        source = counts.sources.setdefault(photo.source, Counter())
        source["photos"] += 1
        if photo.faces is None:
            continue
        counts.annotated += 1
        counts.reviewed += photo.reviewed
        judged = [face for face in photo.faces if not face.ignore and face.label is not None]
        counts.ignored += len(photo.faces) - len(judged)
        counts.faces += len(judged)
        counts.faces_a_photo[range_of(len(judged), FACES_A_PHOTO)] += 1
        source["faces"] += len(judged)
        for face in judged:
            label = str(face.label)
            counts.classes.setdefault(split, Counter())[label] += 1
            source[label] += 1
            width = range_of(face.box[2] - face.box[0], FACE_WIDTHS)
            counts.face_widths.setdefault(label, Counter())[width] += 1
    return counts


def range_of(value: float, ranges: Sequence[tuple[str, float]]) -> str:
    """Return the name of a value's range; each range is given with its exclusive upper end."""
    return next(name for name, end in ranges if value < end)


def by_label(counts: Counter[str]) -> list[int]:
    """Return the counts of the labels, in their order."""
    return [counts[label] for label in LABELS]
