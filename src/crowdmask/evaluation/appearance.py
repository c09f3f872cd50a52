"""Whether a detector is worse for faces that look dark, or that are in the dark.

Faces are grouped by the colour and the lightness of their pixels. This is a rough proxy of the apparent
skin tone: light, white balance and exposure affect it as much as skin does, and it says nothing about any
person. Only counts of many faces leave this module.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crowdmask.data.sample import Sample
from crowdmask.data.statistics.appearance import SKIN_BANDS, face_light, skin_band, skin_ita, skin_region
from crowdmask.evaluation.bootstrap import Weights, bootstrap_intervals
from crowdmask.evaluation.matching import TWO_CLASSES, ScoredPicture, match
from crowdmask.evaluation.slices import ALL, MASKS, slices
from crowdmask.labels import WITHOUT_MASK
from crowdmask.media.pictures import open_picture

MIN_WIDTH_PX = 24
"""Minimum width of a face; narrower ones have too few pixels of skin."""

MIN_FACES = 50
"""Minimum number of faces in a group; smaller groups are joined with a neighbour."""

NOTE = (
    "Groups are by the colour and lightness of the faces' pixels: a rough proxy of apparent skin tone that "
    "depends on light, white balance and exposure as much as on skin. It says nothing about any person."
)

TONE, LIGHT = "skin tone", "light"
LIGHT_BANDS = ("dark", "medium", "bright")
_LIGHT_EDGES = (40.0, 60.0)
UNKNOWN = -1
# Columns of the counts of each group: faces, found, found with the right label of two, with any mask.
_FACES, _FOUND, _RIGHT, _MASKED = range(4)
RATES = ("recall", "class_accuracy")

Indices = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class FaceAppearance:
    """The appearance of the faces of one picture, in the order of `ScoredPicture.faces`.

    Attributes:
        tone: (M,) index into `SKIN_BANDS`; `UNKNOWN` if the face is narrow or shows too little skin.
        light: (M,) index into `LIGHT_BANDS`; `UNKNOWN` if the face is narrow.
    """

    tone: Indices
    light: Indices


@dataclass(frozen=True)
class Group:
    """The measures of the faces of one group.

    Attributes:
        name: one of the bands, or the first and the last of joined bands.
        faces: number of faces.
        masked: share of them with any mask, 0 to 1.
        median_width_px: median width of the faces; groups differ in this, too.
        rates: each of `RATES` at the default thresholds; NaN if there is nothing to measure.
        intervals: their 95 % bootstrap intervals, if requested.
    """

    name: str
    faces: int
    masked: float
    median_width_px: float
    rates: dict[str, float]
    intervals: dict[str, tuple[float, float]]


@dataclass(frozen=True)
class Gap:
    """The difference between the best and the worst group, with its interval."""

    best: str
    worst: str
    value: float
    interval: tuple[float, float] | None


@dataclass(frozen=True)
class Grouping:
    """All groups by one property, from dark to light.

    Attributes:
        by: `TONE` or `LIGHT`.
        unknown: number of faces that are wide enough but could not be assigned to a band.
        gaps: of each of `RATES`; empty if fewer than two groups can be measured.
    """

    by: str
    groups: tuple[Group, ...]
    unknown: int
    gaps: dict[str, Gap]

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON; NaN if there is nothing to measure."""
        groups = [
            {
                "name": group.name,
                "faces": group.faces,
                "masked": group.masked,
                "median_width_px": group.median_width_px,
                **group.rates,
                "intervals_95": {name: list(ends) for name, ends in group.intervals.items()},
            }
            for group in self.groups
        ]
        gaps = {
            name: {
                "best": gap.best,
                "worst": gap.worst,
                "value": gap.value,
                "interval_95": list(gap.interval) if gap.interval else None,
            }
            for name, gap in self.gaps.items()
        }
        return {"groups": groups, "unknown": self.unknown, "gaps": gaps}


@dataclass(frozen=True)
class Appearance:
    """Groups by apparent skin tone and by light, for each slice with enough faces."""

    slices: dict[str, tuple[Grouping, ...]]

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        slices = {
            name: {grouping.by: grouping.to_dict() for grouping in groupings}
            for name, groupings in self.slices.items()
        }
        return {"note": NOTE, "minimum_width_px": MIN_WIDTH_PX, "slices": slices}


def appearance_of(pixels: NDArray[np.uint8], faces: NDArray[np.float32]) -> FaceAppearance:
    """Determine the bands of the faces of one picture from their pixels.

    The same upper part of every face is used, with or without a mask, so that groups do not differ in this.

    Args:
        pixels: RGB uint8 (H, W, 3).
        faces: (M, 4) xyxy in its pixels.
    """
    tone, light = (np.full(len(faces), UNKNOWN, np.int64) for _ in range(2))
    for index, box in enumerate(faces.tolist()):
        x1, y1, x2, y2 = (round(value) for value in box)
        part = pixels[max(y1, 0) : y2, max(x1, 0) : x2]
        if box[2] - box[0] < MIN_WIDTH_PX or not part.size:
            continue
        light[index] = np.searchsorted(_LIGHT_EDGES, face_light(part), side="right")
        band = skin_band(skin_ita(skin_region(pixels, (box[0], box[1], box[2], box[3]), covered=True)))
        if band is not None:
            tone[index] = SKIN_BANDS.index(band)
    return FaceAppearance(tone, light)


def appearance_of_samples(samples: Iterable[Sample]) -> list[FaceAppearance]:
    """Read the photos again and determine the bands of their faces.

    Raises:
        PictureError: one of them can no longer be read.
    """
    result = []
    for sample in samples:
        picture = open_picture(sample.path)
        # A huge JPEG is decoded at a lower scale; widths are in pixels of the decoded picture.
        scale = np.array([picture.image.width / picture.width, picture.image.height / picture.height] * 2)
        faces = (sample.boxes[~sample.ignore] * scale).astype(np.float32)
        result.append(appearance_of(np.asarray(picture.image), faces))
    return result


def measure_appearance(
    pictures: Sequence[ScoredPicture], looks: Sequence[FaceAppearance], bootstrap: int = 0, seed: int = 0
) -> Appearance:
    """Measure recall and label accuracy by the faces' appearance.

    Args:
        pictures: with detections; a face counts as found at the detector's own thresholds.
        looks: one for each picture, see `appearance_of_samples`.
        bootstrap: number of bootstrap samples for the intervals; 0: none.
        seed: random seed of the bootstrap.
    """
    look_of = {id(picture): look for picture, look in zip(pictures, looks, strict=True)}
    result: dict[str, tuple[Grouping, ...]] = {}
    for name, group in slices(pictures).items():
        if name not in (ALL, MASKS):
            continue
        mine = [look_of[id(picture)] for picture in group]
        counts = [_judge_faces(picture) for picture in group]
        widths = [picture.faces[:, 2] - picture.faces[:, 0] for picture in group]
        result[name] = (
            _grouping(TONE, SKIN_BANDS, [look.tone for look in mine], counts, widths, bootstrap, seed),
            _grouping(LIGHT, LIGHT_BANDS, [look.light for look in mine], counts, widths, bootstrap, seed),
        )
    return Appearance(result)


def join_bands(faces: Sequence[int], least: int = MIN_FACES) -> list[tuple[int, int]]:
    """Join neighbouring bands until each group has enough faces, or one is left.

    The smallest group is repeatedly joined with its smaller neighbour.

    Args:
        faces: number of faces of each band, in order.
        least: minimum number of faces of a group.
    Returns:
        First and last band of each group, in order.
    """
    groups = [(index, index, count) for index, count in enumerate(faces)]
    while len(groups) > 1:
        at = min(range(len(groups)), key=lambda index: groups[index][2])
        if groups[at][2] >= least:
            break
        beside = [index for index in (at - 1, at + 1) if 0 <= index < len(groups)]
        other = min(beside, key=lambda index: groups[index][2])
        low, high = min(at, other), max(at, other)
        joined = (groups[low][0], groups[high][1], groups[low][2] + groups[high][2])
        groups[low : high + 1] = [joined]
    return [(first, last) for first, last, _ in groups]


def _judge_faces(picture: ScoredPicture) -> Indices:
    """Return a row of counts for each face of the picture, (M, 4)."""
    shown = picture.shown
    matched = match(shown.xyxy, shown.confidence, picture.faces, picture.ignored)[0]
    rows = np.zeros((len(picture.faces), 4), np.int64)
    rows[:, _FACES] = 1
    rows[:, _MASKED] = picture.face_class_id != WITHOUT_MASK
    found = matched[matched >= 0]
    rows[found, _FOUND] = 1
    said = TWO_CLASSES[shown.class_id[matched >= 0]]
    rows[found, _RIGHT] = said == TWO_CLASSES[picture.face_class_id[found]]
    return rows


def _grouping(
    by: str,
    bands: Sequence[str],
    looks: list[Indices],
    counts: list[Indices],
    widths: list[NDArray[np.float32]],
    bootstrap: int,
    seed: int,
) -> Grouping:
    every = np.concatenate([np.zeros(0, np.int64), *looks])
    width = np.concatenate([np.zeros(0, np.float32), *widths])
    ranges = join_bands(np.bincount(every[every != UNKNOWN], minlength=len(bands)).tolist())
    # (P, G, 4), for the bootstrap over pictures.
    sums = np.zeros((len(looks), len(ranges), 4))
    for index, (look, rows) in enumerate(zip(looks, counts, strict=True)):
        for group, (first, last) in enumerate(ranges):
            sums[index, group] = rows[(look >= first) & (look <= last)].sum(axis=0)
    total = _rates(sums.sum(axis=0))
    gaps = {rate: ends for column, rate in enumerate(RATES) if (ends := _ends(total[:, column]))}
    intervals = _intervals(sums, gaps, bootstrap, seed)

    names = [bands[a] if a == b else f"{bands[a]} to {bands[b]}" for a, b in ranges]
    groups = []
    for group, (first, last) in enumerate(ranges):
        faces, _, _, masked = sums[:, group].sum(axis=0)
        mine = width[(every >= first) & (every <= last)]
        groups.append(
            Group(
                name=names[group],
                faces=int(faces),
                masked=float(masked / faces) if faces else float("nan"),
                median_width_px=float(np.median(mine)) if len(mine) else float("nan"),
                rates=dict(zip(RATES, map(float, total[group]), strict=True)),
                intervals={rate: intervals[f"{rate} {group}"] for rate in RATES if intervals},
            )
        )
    found_gaps = {
        rate: Gap(
            names[best],
            names[worst],
            float(total[best, RATES.index(rate)] - total[worst, RATES.index(rate)]),
            intervals.get(rate),
        )
        for rate, (best, worst) in gaps.items()
    }
    return Grouping(by, tuple(groups), int(((every == UNKNOWN) & (width >= MIN_WIDTH_PX)).sum()), found_gaps)


def _rates(sums: NDArray[np.float64]) -> NDArray[np.float64]:
    """Turn counts of groups, (G, 4), into `RATES`, (G, 2)."""
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.stack([sums[:, _FOUND] / sums[:, _FACES], sums[:, _RIGHT] / sums[:, _FOUND]], axis=1)


def _ends(rates: NDArray[np.float64]) -> tuple[int, int] | None:
    """Return the best and the worst group; None if there are fewer than two."""
    if (~np.isnan(rates)).sum() < 2:
        return None
    return int(np.nanargmax(rates)), int(np.nanargmin(rates))


def _intervals(
    sums: NDArray[np.float64], gaps: dict[str, tuple[int, int]], samples: int, seed: int
) -> dict[str, tuple[float, float]]:
    """Return intervals of each rate of each group, as ``rate group``, and of the gap of each ``rate``."""
    if not samples:
        return {}
    pictures, groups, _ = sums.shape
    names = [f"{rate} {group}" for rate in RATES for group in range(groups)] + list(gaps)

    def measure(weights: Weights) -> list[float]:
        rates = _rates(np.tensordot(weights, sums, axes=1))
        distances = [
            rates[best, RATES.index(rate)] - rates[worst, RATES.index(rate)]
            for rate, (best, worst) in gaps.items()
        ]
        return [*rates[:, 0].tolist(), *rates[:, 1].tolist(), *distances]

    return bootstrap_intervals(measure, names, pictures, samples, seed=seed)
