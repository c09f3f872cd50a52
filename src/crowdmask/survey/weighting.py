"""Weigh the measured photos, so that one crowded photo does not decide a rate."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from crowdmask.survey.cells import Floats
from crowdmask.survey.rates import NO_FACE

CLUSTERING = 0.15
"""Intraclass correlation of misses among the faces of one photo and width, as measured on `val`
(0.12 to 0.27 below 64 px)."""


@dataclass(frozen=True, eq=False)
class Measured:
    """The counts of photos, each photo weighted by how much it tells.

    Attributes:
        found: (P, 4, 3, 4, C): see `PhotoCounts`.
        hits, missed: (P, 3, 4): faces found and missed, by true label and width.
    """

    found: Floats
    hits: Floats
    missed: Floats

    def total(self, photos: NDArray[np.intp] | slice = slice(None)) -> Measured:
        """Add up the photos, or some of them."""
        return Measured(
            self.found[photos].sum(axis=0), self.hits[photos].sum(axis=0), self.missed[photos].sum(axis=0)
        )

    def resampled(self, weights: Floats) -> Measured:
        """Add up the photos with each row of weights, (draws, P)."""
        return Measured(*(np.tensordot(weights, each, 1) for each in (self.found, self.hits, self.missed)))


def weigh(found: Floats, missed: Floats) -> Measured:
    """Weigh photos by their effective number of faces.

    In a photo with n faces of a width, errors resemble each other: the photo tells as much as
    n / (1 + (n - 1) c) independent faces, where c is `CLUSTERING`. The weights are scaled so that all faces
    together count as many as there are.

    Args:
        found, missed: (P, 4, 3, 4, C) and (P, 3, 4), as from `Rates.from_floor`.
    Source: Kish, Survey sampling (1965), section 5.4 (design effect of clusters).
    """
    hits = found[:, :NO_FACE].sum(axis=(2, 4))
    of_faces = _weights((hits + missed).sum(axis=1))
    of_detections = _weights(found.sum(axis=(1, 2, 4)))
    return Measured(
        found * of_detections[:, None, None, :, None], hits * of_faces[:, None], missed * of_faces[:, None]
    )


def _weights(number: Floats) -> Floats:
    """Return the weight of each photo and width, (P, 4), from its number of faces."""
    weight = 1 / (1 + CLUSTERING * np.maximum(number - 1, 0.0))
    counted = float((number * weight).sum())
    return weight * (float(number.sum()) / counted) if counted > 0 else weight
