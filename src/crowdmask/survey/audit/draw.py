"""Draw whole photos for a person to label, with known probabilities."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from crowdmask.errors import UsageError
from crowdmask.survey.cells import Floats

# Photos without detected faces can be drawn, too, since faces may have been missed.
_EMPTY_PHOTO = 0.5


@dataclass(frozen=True, eq=False)
class Draw:
    """The drawn photos.

    Attributes:
        looks: (n,) their indices, in the order of the draw.
        probability: (n,) probability of each to be drawn, above 0 and up to 1.
    """

    looks: NDArray[np.intp]
    probability: Floats


def draw_photos(faces: NDArray[np.integer], wanted: int, seed: int = 0) -> Draw:
    """Draw photos with about the wanted number of faces.

    Photos are drawn systematically from a random order, each with a probability in proportion to its faces
    (and
    half a face more), so crowded photos are drawn more often and weigh less.

    Args:
        faces: (L,) number of faces found in each photo.
        wanted: approximate number of faces to label.
        seed: random seed of the draw.
    Raises:
        UsageError: less than one face is wanted.

    Source: Särndal, Swensson and Wretman, Model assisted survey sampling (1992), section 3.6.
    """
    if wanted < 1:
        raise UsageError(f"`audit` must be at least 1, not {wanted}")
    size = np.sqrt(np.asarray(faces, np.float64) + _EMPTY_PHOTO)
    probability = _probabilities(size, np.asarray(faces, np.float64), wanted)
    random = np.random.default_rng([seed, 7])
    order = random.permutation(len(size))
    ends = np.cumsum(probability[order])
    marks = np.arange(random.random(), float(ends[-1]) if len(ends) else 0.0, 1.0)
    hit = np.searchsorted(ends, marks, side="right")
    looks = order[np.unique(np.minimum(hit, len(order) - 1))] if len(marks) else order[:0]
    return Draw(looks, probability[looks])


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
