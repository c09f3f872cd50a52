"""Check whether a group is similar to the photos that the rates were measured on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from crowdmask.survey.cells import N_CONFIDENCES, SHOWN, Floats
from crowdmask.survey.rates import NO_FACE
from crowdmask.survey.uncertainty import Knowledge
from crowdmask.survey.words import percent

# Minimum number of faces of one label and width for a usable rate.
_FEW_FACES = 10
_THIN_SHARE = 0.2
_NARROW_SHARE = 0.5
# Confidences count as different from the measured photos' if the share of nearly certain ones differs by at
# least this much and by this many standard errors of the group's photos.
_SURE_LESS, _STANDARD_ERRORS = 0.1, 3.0
OTHER_KIND = 2.0
"""Factor by which the miss rates vary more for photos that differ from the measured ones."""


@dataclass(frozen=True)
class Likeness:
    """How a group differs from the measured photos.

    Attributes:
        kind_scale: factor by which its miss rates may vary more than usual.
        notes: one sentence each.
    """

    kind_scale: float
    notes: tuple[str, ...]


def compare(photos: Floats, narrow: float, known: Knowledge) -> Likeness:
    """Compare a group's detections with those that the rates were measured on.

    Args:
        photos: (P, 3, 4, 6) of the group.
        narrow: amounts of faces that are too narrow.
        known: the rates.
    """
    notes, scale = [], 1.0
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
            f"{_FEW_FACES} faces: the interval was widened"
        )
    if narrow > _NARROW_SHARE * (narrow + total):
        scale = OTHER_KIND
        notes.append(
            f"{percent(narrow / (narrow + total))} of the faces are narrower than 8 px and left "
            f"out: the people surveyed "
            "are those near the camera, and the interval was widened"
        )
    if _less_sure(photos, found):
        scale = OTHER_KIND
        notes.append(
            "the detector is less sure than on the photos its rates were measured on (other light, "
            "blur or angle): "
            "the interval was widened; an audit (`audit`) would measure the rates here"
        )
    return Likeness(scale, tuple(notes))


def _less_sure(photos: Floats, found: Floats) -> bool:
    """Compare the share of nearly certain detections with its variation between photos."""
    measured = found.sum(axis=(0, 1))[..., -(N_CONFIDENCES - SHOWN) :]
    shown = measured.sum(axis=-1)
    usual = measured[..., -1] / np.maximum(shown, 1)
    mine = photos[..., SHOWN:]
    counted = mine.sum(axis=-1) * (shown >= _FEW_FACES)
    rest = (mine[..., -1] * (shown >= _FEW_FACES) - counted * usual).sum(axis=(1, 2))
    number = float(counted.sum())
    if number <= 0:
        return False
    error = float(np.sqrt((rest**2).sum()))
    return bool(rest.sum() < -_STANDARD_ERRORS * error and rest.sum() < -_SURE_LESS * number)
