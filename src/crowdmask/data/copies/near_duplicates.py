"""Find pairs of photos that show the same picture, in nearly linear time.

First come candidates: the signs of a few dozen low frequencies describe roughly what a photo
looks like (a perceptual hash). They are computed for the whole photo, for windows that a slight crop would
leave, for the mirror images of all, and for the whole photo turned by quarters, and are looked up in several
hash tables, each of which uses some of the signs. Then each candidate is verified: the small pictures are
aligned and must be similar. If there are very many copies of one picture, not every pair is compared, but all
of them get linked.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from crowdmask.data.copies.alignment import likeness
from crowdmask.data.copies.groups import UnionFind
from crowdmask.data.copies.orientation import BETWEEN, ORIENTATIONS, quarter_turns, turned

Pictures = NDArray[np.uint8]
Codes = NDArray[np.uint64]
Indices = NDArray[np.int64]

ALIKE: Final = 0.972
"""Minimum correlation, after alignment, of photos that count as copies.

On photos of the training data, copies that were mirrored, scaled, compressed or cropped reached .985 and
more, the most strongly recoloured .971. Other pairs that reach it were taken shortly one after the
other: for example selfies of the same person in front of the same wall.
"""

_CROP: Final = 0.05
# Left, top, right and bottom parts that a crop may have removed, as fractions of the side.
_WINDOWS: Final = _CROP * np.array(
    [
        (0, 0, 0, 0), (1, 0, 0, 0), (0, 0, 1, 0), (0, 1, 0, 0), (0, 0, 0, 1), (1, 1, 0, 0),
        (0, 1, 1, 0), (1, 0, 0, 1), (0, 0, 1, 1), (1, 1, 1, 1), (0.5, 0.5, 0.5, 0.5),
    ]
)  # fmt: skip
# Index of the mirror image of each window.
_MIRRORED: Final = np.array([0, 2, 1, 3, 4, 6, 5, 8, 7, 9, 10])
_CELLS: Final = 24
_HIGHEST: Final = 8
_FREQUENCIES: Final = [
    (u, v) for u in range(_HIGHEST + 1) for v in range(_HIGHEST + 1) if 0 < u * u + v * v <= _HIGHEST**2
]
_TABLES: Final = 32
# Number of signs that a table uses: it grows with the number of photos, so that about as many share an entry
# by chance.
_FEWEST_SIGNS, _MOST_SIGNS = 16, 32
# Maximum number of signs that may differ.
_MOST_DIFFERENT: Final = 10
# In a larger bucket, each entry is compared with a few that follow, not with all.
_NEIGHBOURS: Final = 48
_FEW_NEIGHBOURS: Final = 4
# In joined sets of this many photos or more, not all links are searched.
_CROWD: Final = 64
_MOST_ASPECT: Final = 0.35
_LEAST_SPREAD: Final = 2.0
_CHUNK: Final = 4096


@dataclass(frozen=True, eq=False)
class Pairs:
    """Pairs of photos that are copies.

    Attributes:
        first, second: (P,) indices, first < second.
        orientation: (P,) of the second, in which it is like the first, see `orientation`.
        likeness: (P,) correlation, `ALIKE` to 1.
    """

    first: Indices
    second: Indices
    orientation: Indices
    likeness: NDArray[np.float32]

    @property
    def mirrored(self) -> NDArray[np.bool_]:
        """Whether one is the mirror image of the other, perhaps turned, (P,)."""
        return self.orientation % 2 == 1

    def __len__(self) -> int:
        return len(self.first)


def find_pairs(
    small: Pictures,
    aspect: NDArray[np.float64] | None = None,
    alike: float = ALIKE,
    progress: Callable[[float], None] = lambda part: None,
    owner: Indices | None = None,
) -> Pairs:
    """Find the photos that are copies of one another, also mirrored and turned by quarters.

    Args:
        small: (N, S, S) uint8 grey, see `hashing.small_grey`.
        aspect: (N,) width divided by height; copies cannot differ much in it. None: not compared.
        alike: minimum correlation of copies.
        progress: receives the completed part from time to time, 0 to 1.
        owner: (N,) which photo each picture is of; those of one are not compared. None: each of another.
    """
    number = len(small)
    union = UnionFind(number)
    crowd = np.zeros(number, bool)
    home = np.arange(number)
    seen = np.zeros(0, np.int64)
    kept_pairs, kept_likeness = [], []
    for table, found in enumerate(_tables(small)):
        new = np.setdiff1d(found, seen, assume_unique=True)
        seen = np.union1d(seen, new)
        first, second, orientation = _decode(new, number)
        # If very many are joined already, another link between them adds nothing.
        open_ = ~(crowd[first] & (home[first] == home[second]))
        if owner is not None:
            open_ &= owner[first] != owner[second]
        if aspect is not None:
            open_ &= _same_shape(aspect[first], aspect[second], orientation)
        first, second, orientation, new = first[open_], second[open_], orientation[open_], new[open_]
        for start in range(0, len(new), _CHUNK):
            part = slice(start, start + _CHUNK)
            values = compare(small, first[part], second[part], orientation[part], alike)
            good = values >= alike
            kept_pairs.append(new[part][good])
            kept_likeness.append(values[good])
            for one, two in zip(first[part][good].tolist(), second[part][good].tolist(), strict=True):
                union.join(one, two)
            progress((table + min(1.0, (start + _CHUNK) / len(new))) / _TABLES)
        home = np.array([union.find(i) for i in range(number)], np.int64)
        crowd = np.bincount(home, minlength=number)[home] >= _CROWD
        progress((table + 1) / _TABLES)
    pairs = np.concatenate(kept_pairs) if kept_pairs else np.zeros(0, np.int64)
    values = np.concatenate(kept_likeness) if kept_likeness else np.zeros(0, np.float32)
    # A symmetrical picture is similar to its copy in several orientations: the best match counts.
    pairs, values = _best_way(pairs, values)
    return Pairs(*_decode(pairs, number), values)


def compare(
    small: Pictures, first: Indices, second: Indices, orientation: Indices, least: float = -1.0
) -> NDArray[np.float32]:
    """Return the similarity of each pair, the second in an orientation, (P,), see `alignment.likeness`."""
    return likeness(small[first], turned(small[second], orientation), least)


def _same_shape(
    first: NDArray[np.float64], second: NDArray[np.float64], orientation: Indices
) -> NDArray[np.bool_]:
    across = np.where(quarter_turns(orientation) % 2 == 1, 1 / second, second)
    return np.abs(np.log(first / across)) <= _MOST_ASPECT


def _tables(small: Pictures) -> Iterator[Indices]:
    """Yield, for each table, the pairs in the same bucket, see `_decode`, sorted and without repetition."""
    number = len(small)
    codes, owner, whole = _entries(small)
    signs = int(np.ceil(np.log2(max(len(codes), 2))))
    signs = min(max(signs, _FEWEST_SIGNS), _MOST_SIGNS)
    rng = np.random.default_rng(0)
    for _ in range(_TABLES):
        chosen = rng.choice(len(_FREQUENCIES), signs, replace=False)
        first, second = _share_a_place(codes, owner, whole, chosen, rng.permutation(ORIENTATIONS * number))
        low, high = np.minimum(first, second), np.maximum(first, second)
        # If both are mirrored, it is the same pair as if none is.
        between = BETWEEN[low % ORIENTATIONS, high % ORIENTATIONS]
        yield np.unique((low // ORIENTATIONS * number + high // ORIENTATIONS) * ORIENTATIONS + between)


def _decode(pairs: Indices, number: int) -> tuple[Indices, Indices, Indices]:
    """Decode pairs, one number each, into first, second (first < second), and the second's orientation."""
    both, orientation = np.divmod(pairs, ORIENTATIONS)
    first, second = np.divmod(both, max(number, 1))
    return first, second, orientation


def _best_way(pairs: Indices, values: NDArray[np.float32]) -> tuple[Indices, NDArray[np.float32]]:
    """Keep the best match if a pair is similar in several orientations; sort the pairs."""
    order = np.lexsort((-values, pairs // ORIENTATIONS))
    pairs, values = pairs[order], values[order]
    new = np.ones(len(pairs), bool)
    new[1:] = np.diff(pairs // ORIENTATIONS) != 0
    return pairs[new], values[new]


def _entries(small: Pictures) -> tuple[Codes, Indices, NDArray[np.bool_]]:
    """Return the codes of the windows of all photos; a photo without contrast has none.

    Returns:
        The codes; the photo of each code as `ORIENTATIONS` times the index, plus its orientation; whether it
        is of the whole photo.
    """
    all_codes, all_owners, all_whole = [], [], []
    odd = sum(1 << i for i, (u, _) in enumerate(_FREQUENCIES) if u % 2)
    for start in range(0, len(small), _CHUNK):
        pictures = small[start : start + _CHUNK].astype(np.float32)
        textured = np.flatnonzero(pictures.std((1, 2)) >= _LEAST_SPREAD)
        codes = _codes(pictures[textured])
        one = (textured + start) * ORIENTATIONS
        owner = np.repeat(one, len(_WINDOWS))
        all_codes += [codes.ravel(), (codes[:, _MIRRORED] ^ np.uint64(odd)).ravel()]
        all_owners += [owner, owner + 1]
        all_whole += [np.arange(len(owner)) % len(_WINDOWS) == 0] * 2
        # Turned and mirrored is the mirror image of a photo beside the turned other one.
        for turn in (2, 4, 6):
            way = np.full(len(textured), turn)
            all_codes.append(_codes(turned(pictures[textured], way), _WINDOWS[:1])[:, 0])
            all_owners.append(one + turn)
            all_whole.append(np.ones(len(textured), bool))
    if not all_codes:
        return np.zeros(0, np.uint64), np.zeros(0, np.int64), np.zeros(0, bool)
    codes, owner = np.concatenate(all_codes), np.concatenate(all_owners).astype(np.int64)
    return codes, owner, np.concatenate(all_whole)


def _codes(pictures: NDArray[np.float32], windows: NDArray[np.float64] = _WINDOWS) -> Codes:
    """Return the signs of the low frequencies of each window, (N, W), one bit for each frequency."""
    side = pictures.shape[1]
    waves = np.cos(np.pi * (np.arange(_CELLS) + 0.5) * np.arange(_HIGHEST + 1)[:, None] / _CELLS)
    codes = np.zeros((len(pictures), len(windows)), np.uint64)
    for number, (left, top, right, bottom) in enumerate(windows):
        across = (waves @ _cells(left, 1 - right, side)).astype(np.float32)
        down = (waves @ _cells(top, 1 - bottom, side)).astype(np.float32)
        spectrum = down @ pictures @ across.T
        for bit, (u, v) in enumerate(_FREQUENCIES):
            codes[:, number] |= (spectrum[:, v, u] > 0).astype(np.uint64) << np.uint64(bit)
    return codes


def _cells(low: float, high: float, side: int) -> NDArray[np.float64]:
    """Return the matrix, (C, S), that averages pixels into equal cells from `low` to `high`, 0 to 1."""
    width = (high - low) * side / _CELLS
    centre = low * side + (np.arange(_CELLS) + 0.5) * width - 0.5
    matrix = np.maximum(0, 1 - np.abs(centre[:, None] - np.arange(side)) / max(width, 1))
    return matrix / matrix.sum(1, keepdims=True)


def _share_a_place(
    codes: Codes,
    owner: Indices,
    whole: NDArray[np.bool_],
    signs: NDArray[np.int64],
    shuffle: NDArray[np.int64],
) -> tuple[Indices, Indices]:
    """Return pairs whose codes agree in the signs of one table and nearly agree in all signs."""
    place = np.zeros(len(codes), np.uint64)
    for bit, sign in enumerate(signs):
        place |= ((codes >> np.uint64(sign)) & np.uint64(1)) << np.uint64(bit)
    # Shuffled, so that in a large bucket each table compares different pairs.
    sort_by = place * np.uint64(max(len(shuffle), 1)) + shuffle[owner].astype(np.uint64)
    at = np.unique(sort_by, return_index=True)[1]
    # In very large buckets only whole photos are compared, not their windows.
    crowded = _run_length(place[at]) > _NEIGHBOURS
    at, crowded = at[~crowded | whole[at]], crowded[~crowded | whole[at]]
    place, codes, owner = place[at], codes[at], owner[at]
    pairs: list[tuple[Indices, Indices]] = []
    for step in range(1, _NEIGHBOURS + 1):
        alike = place[step:] == place[:-step]
        if step > _FEW_NEIGHBOURS:
            alike &= ~crowded[step:]
        here = np.flatnonzero(alike)
        there = here + step
        others = owner[here] // ORIENTATIONS != owner[there] // ORIENTATIONS
        here, there = here[others], there[others]
        near = _bit_count(codes[here] ^ codes[there]) <= _MOST_DIFFERENT
        pairs.append((owner[here[near]], owner[there[near]]))
    return np.concatenate([one for one, _ in pairs]), np.concatenate([two for _, two in pairs])


def _run_length(values: Codes) -> Indices:
    """Return how often each value of a sorted array occurs, (N,)."""
    new = np.ones(len(values), bool)
    new[1:] = values[1:] != values[:-1]
    lengths = np.diff(np.append(np.flatnonzero(new), len(values)))
    return np.repeat(lengths, lengths).astype(np.int64)


def _bit_count(values: Codes) -> NDArray[np.uint8]:
    """Return the number of set bits of each value; numpy has this only since version 2."""
    v = values - ((values >> np.uint64(1)) & np.uint64(0x5555555555555555))
    v = (v & np.uint64(0x3333333333333333)) + ((v >> np.uint64(2)) & np.uint64(0x3333333333333333))
    v = (v + (v >> np.uint64(4))) & np.uint64(0x0F0F0F0F0F0F0F0F)
    with np.errstate(over="ignore"):
        return ((v * np.uint64(0x0101010101010101)) >> np.uint64(56)).astype(np.uint8)
