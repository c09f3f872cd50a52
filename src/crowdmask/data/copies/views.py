"""Compare photos by all their views: the whole photo and what may be a picture inside a frame."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from crowdmask.data.copies.hashing import Fingerprint
from crowdmask.data.copies.near_duplicates import Pairs, compare
from crowdmask.data.copies.orientation import ORIENTATIONS

Indices = NDArray[np.int64]
Floats = NDArray[np.float32]

# Whole photos, and those mirrored, are compared first: most copies are no more than that.
_USUAL: Final = 2
# A part of a photo must be more similar than a whole photo: without the plain wall around them, two photos of
# one person, taken a moment apart, are much alike. The distance from 1 is this part of what it is elsewhere.
_STRICTER: Final = 0.4


@dataclass(frozen=True, eq=False)
class Views:
    """The views of some photos, those of one photo in a row, the whole photo first.

    Attributes:
        small: (V, S, S) uint8 grey.
        aspect: (V,) width divided by height.
        owner: (V,) which photo each is of.
        start: (N + 1,) where the views of each photo begin, and where the last one's end.
    """

    small: NDArray[np.uint8]
    aspect: NDArray[np.float64]
    owner: Indices
    start: Indices

    def links(self, pairs: Pairs, alike: float) -> tuple[Indices, Indices, Floats]:
        """Return which photos have similar views: first, second (first < second) and the highest likeness."""
        good = pairs.likeness >= self._least(pairs.first, pairs.second, alike)
        values = pairs.likeness[good]
        one, two = self.owner[pairs.first[good]], self.owner[pairs.second[good]]
        key = np.minimum(one, two) * len(self.start) + np.maximum(one, two)
        order = np.lexsort((-values, key))
        keys, at = np.unique(key[order], return_index=True)
        first, second = np.divmod(keys, len(self.start))
        return first, second, values[order][at]

    def likeness(self, first: Indices, second: Indices, enough: float) -> Floats:
        """Return the similarity of each pair of photos, (P,), in those views in which it is highest.

        Args:
            first, second: (P,) photos.
            enough: a pair as similar as this as whole photos, mirrored or not, is not compared further.
        """
        best = np.full(len(first), -1, np.float32)
        for orientation in range(_USUAL):
            self._improve(best, np.arange(len(first)), self.start[first], self.start[second], orientation)
        pair, one, two = self._combined(first, second, np.flatnonzero(best < enough))
        for orientation in range(ORIENTATIONS):
            self._improve(best, pair, one, two, orientation, enough)
        return best

    def _improve(
        self, best: Floats, pair: Indices, one: Indices, two: Indices, orientation: int, least: float = -1.0
    ) -> None:
        """Raise the best value of each pair to that of two views, if it is higher and high enough."""
        if len(pair):
            found = compare(self.small, one, two, np.full(len(pair), orientation), least)
            good = found >= self._least(one, two, least)
            np.maximum.at(best, pair[good], found[good])

    def _least(self, one: Indices, two: Indices, alike: float) -> NDArray[np.float64]:
        """Return how similar each pair of views must be at least, (P,)."""
        whole = (self.start[self.owner[one]] == one) & (self.start[self.owner[two]] == two)
        return np.where(whole, alike, 1 - (1 - alike) * _STRICTER)

    def _combined(self, first: Indices, second: Indices, pairs: Indices) -> tuple[Indices, Indices, Indices]:
        """Return each view of one photo with each of the other: the pair's number and the two views."""
        every = [
            (pair, one, two)
            for pair in pairs.tolist()
            for one in range(self.start[first[pair]], self.start[first[pair] + 1])
            for two in range(self.start[second[pair]], self.start[second[pair] + 1])
        ]
        table = np.array(every, np.int64).reshape(-1, 3)
        return table[:, 0], table[:, 1], table[:, 2]


def views_of(looks: Sequence[Fingerprint], aspect: Sequence[float]) -> Views:
    """Return all views of photos.

    Args:
        looks: fingerprint of each photo, at least one.
        aspect: width divided by height of each photo.
    """
    small, shapes, owner = [], [], []
    for index, (found, shape) in enumerate(zip(looks, aspect, strict=True)):
        small.append(found.small)
        shapes.append(shape)
        for inner in found.inner:
            left, top, right, bottom = inner.part
            small.append(inner.small)
            shapes.append(shape * (right - left) / (bottom - top))
        owner += [index] * (1 + len(found.inner))
    numbers = np.array(owner, np.int64)
    start = np.searchsorted(numbers, np.arange(len(looks) + 1)).astype(np.int64)
    return Views(np.stack(small), np.array(shapes), numbers, start)
