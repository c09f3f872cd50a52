"""Draw whole photos for a person to label, with known probabilities."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from crowdmask.errors import UsageError
from crowdmask.survey.cells import Floats

FEWEST_PHOTOS = 5
"""Minimum number of labelled photos of a group, to know how photos differ."""

# Chosen on `val` (benchmarks/survey_simulated.py). Without rates: faces added to each photo, since photos,
# not faces, are what an audit learns from. With rates: how the expected squared error of a photo grows with
# the number of faces in doubt, u, as 1 + u + .1 u², and faces added to its cost.
_EMPTY_PHOTO = 30.0
_DOUBT, _COST = (1.0, 1.0, 0.1), 1.0
# Photos show how much photos differ, so crowds are drawn less often where otherwise fewer would be drawn.
_FEW_PHOTOS, _LESS_OFTEN = 8.0, (1.0, 0.5, 0.0, -0.5)


@dataclass(frozen=True, eq=False)
class Draw:
    """The drawn photos.

    Attributes:
        looks: (n,) their indices, in the order of the draw.
        probability: (n,) probability of each to be drawn, above 0 and up to 1.
    """

    looks: NDArray[np.intp]
    probability: Floats


def draw_photos(
    faces: NDArray[np.integer],
    wanted: int,
    seed: int = 0,
    masked: NDArray[np.integer] | None = None,
    doubt: Floats | None = None,
) -> Draw:
    """Draw photos with about the wanted number of faces.

    Photos are drawn systematically, each with a probability in proportion to the error expected in it,
    divided by the root of the faces to label (optimal allocation); without rates, in proportion to the root
    of its faces (and 30 more). Fewer than `FEWEST_PHOTOS` would tell nothing, so of crowds more faces than
    wanted are drawn. The photos are ordered by their share of masks and by chance, so that photos of every
    share are drawn.

    Args:
        faces: (L,) number of faces found in each photo.
        wanted: approximate number of faces to label.
        seed: random seed of the draw.
        masked: (L,) number of those with a mask; None: the order is by chance alone.
        doubt: (L,) number of faces in doubt in each photo: those expected to be missed, and the variance of
            those found; None: there are no rates.
    Raises:
        UsageError: less than one face is wanted.

    Source: Särndal, Swensson and Wretman, Model assisted survey sampling (1992), sections 3.6 and 12.2.
    """
    if wanted < 1:
        raise UsageError(f"`audit` must be at least 1, not {wanted}")
    number = np.asarray(faces, np.float64)
    if doubt is None:
        size = np.sqrt(number + _EMPTY_PHOTO)
    else:
        error = _DOUBT[0] + _DOUBT[1] * doubt + _DOUBT[2] * doubt**2
        size = np.sqrt(error / (number + _COST))
    probability = (_probabilities if doubt is None else _enough_photos)(size, number, wanted)
    if probability.sum() < FEWEST_PHOTOS:
        probability = _probabilities(size, np.ones(len(size)), FEWEST_PHOTOS)
    random = np.random.default_rng([seed, 7])
    share = np.zeros(len(size)) if masked is None else (masked + 0.2) / (np.asarray(faces) + 0.6)
    order = np.lexsort((random.random(len(size)), share))
    ends = np.cumsum(probability[order])
    marks = np.arange(random.random(), float(ends[-1]) if len(ends) else 0.0, 1.0)
    hit = np.searchsorted(ends, marks, side="right")
    looks = order[np.unique(np.minimum(hit, len(order) - 1))] if len(marks) else order[:0]
    return Draw(looks, probability[looks])


def _enough_photos(size: Floats, faces: Floats, wanted: int) -> Floats:
    """Return probabilities for about `_FEW_PHOTOS` photos or more, as near to `size` as that goes."""
    for power in _LESS_OFTEN:
        shaped = size**power if power > 0 else (faces + 1) ** power
        probability = _probabilities(shaped, faces, wanted)
        if probability.sum() >= _FEW_PHOTOS:
            break
    return probability


def _probabilities(size: Floats, faces: Floats, wanted: int) -> Floats:
    """Return probabilities proportional to `size`, at most 1, so that `wanted` faces are expected."""
    if faces.sum() <= wanted:
        return np.ones(len(size))
    low, high = 0.0, 1.0 / float(size.min())
    for _ in range(60):
        middle = (low + high) / 2
        expected = float((np.minimum(size * middle, 1.0) * faces).sum())
        low, high = (middle, high) if expected < wanted else (low, middle)
    return np.minimum(size * high, 1.0)
