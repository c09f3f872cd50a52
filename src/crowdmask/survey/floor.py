"""Determine the confidence above which the records are complete."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from crowdmask.survey.cells import N_CONFIDENCES, SHOWN, confidence_class
from crowdmask.survey.rates import NO_FACE, Rates
from crowdmask.survey.sightings import Sightings

_SURELY_CUT = 0.01


def find_floor(seen: Sightings, rates: Rates) -> tuple[int, list[str]]:
    """Return the first confidence class for which the records are complete, and a note about it.

    Records do not state the minimum confidence that was used; their content shows it.
    """
    confidence = seen.confidence[~np.isnan(seen.confidence)]
    if seen.is_video or not len(confidence):
        return SHOWN, []
    label = seen.label[~np.isnan(seen.confidence)].astype(np.int64)
    judged = label < len(rates.thresholds)
    confidence, label = confidence[judged], label[judged]
    if not len(confidence):
        return SHOWN, []
    least = float(confidence.min())
    classes = confidence_class(label, confidence, rates.edges)
    if (classes < SHOWN).any():
        whole = np.flatnonzero((rates.edges >= least - 1e-4).all(axis=0))
        return int(min(whole.min(initial=SHOWN), SHOWN)), []
    floor = _raised_floor(least, classes, rates)
    if floor == SHOWN:
        return SHOWN, []
    return floor, [
        f"the records hold no confidence under {least:.2f}: only faces from {rates.edges[0, floor]:.2f} on "
        "are counted; make them with `confidence` 0.01 for a narrower interval"
    ]


def _raised_floor(least: float, classes: NDArray[np.int64], rates: Rates) -> int:
    """Return the first remaining class if the user must have cut off lower confidences, otherwise `SHOWN`."""
    found, _ = rates.from_floor(SHOWN)
    by_class = found[:, :NO_FACE].sum(axis=(0, 1, 2, 3))
    starts = rates.edges[:, SHOWN:].max(axis=0)
    # The part of the faces shown that has a lower confidence than the least, within a class by its width.
    shares = by_class / max(float(by_class.sum()), 1.0)
    lower = np.clip((least - starts) / np.diff(starts, append=1.0), 0.0, 1.0)
    if (1 - float((shares * lower).sum())) ** len(classes) >= _SURELY_CUT:
        return SHOWN
    # A class counts as complete if less than half of it was cut off.
    floor = SHOWN + int((starts + np.diff(starts, append=1.0) / 2 <= least).sum())
    whole = floor < N_CONFIDENCES and 2 * int((classes >= floor).sum()) > len(classes)
    return floor if whole else SHOWN
