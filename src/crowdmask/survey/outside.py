"""Check whether a group is similar to the photos that the rates were measured on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from crowdmask.survey.cells import N_CONFIDENCES, SHOWN, Floats
from crowdmask.survey.quantify import RECALL
from crowdmask.survey.rates import NO_FACE
from crowdmask.survey.uncertainty import Knowledge
from crowdmask.survey.words import percent

# Minimum number of faces of one label and width for a usable rate.
_FEW_FACES = 10
_THIN_SHARE = 0.2
_NARROW_SHARE = 0.5
# Chosen on `val` alone, with rates from one half, groups from the other, as they are and blurred, darkened,
# fogged and reduced (benchmarks/survey_other_photos.py): by how much the share of nearly certain detections
# must differ for the miss rates to vary twice as much (in variance), and how many standard errors of the
# group's photos and of those measured may be chance.
_DIFFERENCE, _CHANCE_ERRORS = 0.012, 3**0.5
_MOST = 6.0
OTHER_KIND = 2.0
"""Factor by which the miss rates vary more for photos that differ from the measured ones."""

_LESS_SURE = (
    "the detector is less sure than on the photos its rates were measured on (other light, blur or angle)"
)
_SURER = "the detector is surer than on the photos its rates were measured on (other photos or faces)"
_MEASURE = "; an audit (`audit`) would measure the rates here"
_WIDENED = "the interval was widened"
_NOT_WIDENED = "the interval was not widened, as missed faces are not corrected"


@dataclass(frozen=True)
class Likeness:
    """How a group differs from the measured photos.

    Attributes:
        kind_scale: factor by which its miss rates may vary more than usual.
        notes: one sentence each.
    """

    kind_scale: float
    notes: tuple[str, ...]


def compare(photos: Floats, narrow: float, known: Knowledge, video: bool = False) -> Likeness:
    """Compare a group's detections with those that the rates were measured on.

    Args:
        photos: (P, 3, 4, 6) of the group.
        narrow: amounts of faces that are too narrow.
        known: the rates.
        video: whether the confidences are those of followed faces, or unknown: these may well be surer.
    """
    notes, scale = [], 1.0
    widened = _WIDENED if RECALL in known.corrections else _NOT_WIDENED
    seen = photos.sum(axis=0)
    total = float(seen.sum())
    if total <= 0:
        return Likeness(scale, ())
    found, missed = known.rates.from_floor(known.floor)
    there = found[:, :NO_FACE].sum(axis=(0, 2, 4)) + missed.sum(axis=0)
    thin = float(seen.sum(axis=-1)[there < _FEW_FACES].sum()) / total
    if thin > _THIN_SHARE:
        scale = OTHER_KIND
        notes.append(
            f"{percent(thin)} of the faces are of a label and width of which the rates were "
            f"measured on fewer than "
            f"{_FEW_FACES} faces: {widened}"
        )
    if narrow > _NARROW_SHARE * (narrow + total):
        scale = OTHER_KIND
        notes.append(
            f"{percent(narrow / (narrow + total))} of the faces are narrower than 8 px and left "
            f"out: the people surveyed "
            f"are those near the camera, and {widened}"
        )
    excess = _other_confidences(photos, found)
    if video:
        scale, excess = OTHER_KIND, min(excess, 0.0)
    by_confidence = min(float(np.sqrt(1 + (excess / _DIFFERENCE) ** 2)), _MOST)
    if by_confidence >= OTHER_KIND:
        notes.append(f"{_LESS_SURE if excess < 0 else _SURER}: {widened}{_MEASURE}")
    return Likeness(max(scale, by_confidence), tuple(notes))


def _other_confidences(photos: Floats, found: Floats) -> float:
    """Compare the share of nearly certain detections with that of the measured photos, by label and width.

    Returns:
        By how much it differs beyond chance, as it varies between the group's photos and between those
        measured; negative: the detector is less sure here.
    """
    each = found.sum(axis=1)[..., -(N_CONFIDENCES - SHOWN) :]
    shown = each.sum(axis=(0, -1))
    usual = each[..., -1].sum(axis=0) / np.maximum(shown, 1)
    mine = photos[..., SHOWN:]
    counted = mine.sum(axis=-1) * (shown >= _FEW_FACES)
    rest = (mine[..., -1] * (shown >= _FEW_FACES) - counted * usual).sum(axis=(1, 2))
    number = float(counted.sum())
    if number <= 0:
        return 0.0
    difference = float(rest.sum()) / number
    # What one more detection of each label and width among the measured ones would change.
    weight = counted.sum(axis=0) / np.maximum(shown, 1)
    measured = ((each[..., -1] - each.sum(axis=-1) * usual) * weight).sum(axis=(1, 2))
    chance = _CHANCE_ERRORS * float(np.sqrt((rest**2).sum() + (measured**2).sum())) / number
    return float(np.sign(difference) * np.sqrt(max(difference**2 - chance**2, 0.0)))
