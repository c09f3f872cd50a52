"""Split a data set into train, val and test with similar content, keeping copies together."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from crowdmask.data.copies.groups import UnionFind
from crowdmask.data.manifest import SPLITS, Photo
from crowdmask.data.sampling.strata import FACE_WIDTH, LABEL, Stratum, strata_of
from crowdmask.errors import DataError, UsageError

# Number of passes in which each unit may move to a split where it fits better.
_SWEEPS: Final = 2
_SHOWN: Final = 3


@dataclass(frozen=True)
class Leak:
    """Photos of one group that lie in several splits.

    Attributes:
        group: its name, or a photo's SHA-256 if the same file exists twice.
        photos: path of one photo by split.
    """

    group: str
    photos: dict[str, str]

    def __str__(self) -> str:
        where = ", ".join(f"{split}: {photo}" for split, photo in self.photos.items())
        return f"{self.group} lies in {len(self.photos)} splits ({where})"


def parse_fractions(text: str) -> dict[str, float]:
    """Parse the part of the photos for each split, such as ``train=.8,val=.1,test=.1``.

    Raises:
        UsageError: an unknown split, one given twice, not a number, or they do not add up to 1.
    """
    fractions: dict[str, float] = {}
    for item in text.split(","):
        name, sign, value = (part.strip() for part in item.partition("="))
        if not sign or name not in SPLITS or name in fractions:
            raise UsageError(f"`fractions`: {item!r} should be one of {', '.join(SPLITS)}, =, and a number")
        try:
            fractions[name] = float(value)
        except ValueError:
            raise UsageError(f"`fractions`: {value!r} is not a number") from None
        if not 0 <= fractions[name] <= 1:
            raise UsageError(f"`fractions`: {item!r} must be 0 to 1")
    if not math.isclose(sum(fractions.values()), 1, abs_tol=1e-6):
        raise UsageError(f"`fractions` must add up to 1, not {sum(fractions.values()):g}")
    return fractions


def find_leaks(photos: Sequence[Photo]) -> list[Leak]:
    """Return groups, or identical files, that lie in several splits.

    Groups that share a file count as one.
    """
    leaks = []
    for unit in _units(photos):
        found: dict[str, str] = {}
        for photo in (photos[i] for i in unit):
            if photo.split is not None:
                found.setdefault(photo.split, photo.photo)
        if len(found) > 1:
            first = photos[unit[0]]
            leaks.append(Leak(first.group or str(first.sha256), found))
    return leaks


def refuse_leaks(photos: Sequence[Photo]) -> None:
    """Raise an error if a group lies in several splits.

    Raises:
        DataError: it does; the message names the first few.
    """
    leaks = find_leaks(photos)
    if leaks:
        more = f" and {len(leaks) - _SHOWN} more" if len(leaks) > _SHOWN else ""
        raise DataError(
            f"the split leaks: {'; '.join(map(str, leaks[:_SHOWN]))}{more}: drop the copies "
            "(`crowdmask data dedup` with `drop`), or split again (`crowdmask data split` with `again`)"
        )


def split_photos(
    photos: Sequence[Photo],
    fractions: Mapping[str, float],
    seed: int = 0,
    again: bool = False,
    unannotated: bool = False,
) -> list[Photo]:
    """Give every annotated photo a split.

    Photos of one group, and identical files, stay together. A photo that has a split keeps it, and
    photos of its group follow it. The others go to the split whose sources, classes, face sizes and crowd
    sizes are furthest below their share.

    Args:
        photos: of one manifest.
        fractions: part of the photos that each split should have, 0 to 1.
        seed: decides between equally good splits.
        again: ignore existing splits.
        unannotated: photos that are not annotated yet get a split, too.
    Raises:
        DataError: the existing splits leak, or there is nothing to split.
    """
    if again:
        photos = [photo.model_copy(update={"split": None}) for photo in photos]
    refuse_leaks(photos)
    units = [
        unit
        for unit in _units(photos)
        if unannotated or any(photos[i].faces is not None or photos[i].split for i in unit)
    ]
    if not units:
        raise DataError(
            "no photo is annotated: run `crowdmask data label`, or split them all the same with `unannotated`"
        )
    names = [name for name in SPLITS if fractions.get(name) or any(p.split == name for p in photos)]
    chosen = _Stratifier(photos, units, names, fractions, seed).run()
    result = list(photos)
    for unit, split in zip(units, chosen, strict=True):
        for i in unit:
            if unannotated or photos[i].faces is not None:
                result[i] = photos[i].model_copy(update={"split": names[split]})
    refuse_leaks(result)
    return result


def _units(photos: Sequence[Photo]) -> list[list[int]]:
    """Return the sets of photos that must stay together, each photo once."""
    union = UnionFind(len(photos))
    first: dict[str, int] = {}
    for index, photo in enumerate(photos):
        for key in (photo.group, photo.sha256):
            if key is not None:
                union.join(first.setdefault(key, index), index)
    members: dict[int, list[int]] = defaultdict(list)
    for index in range(len(photos)):
        members[union.find(index)].append(index)
    return list(members.values())


class _Stratifier:
    """Assigns units to splits one by one, each to the split where all strata get closest to their share.

    The distance of a split is the sum of (count - share)² / share over the strata, as in a chi-square test.
    Source: after Sechidis, Tsoumakas and Vlahavas, On the stratification of multi-label data (2011):
        the rarest strata are dealt out first.
    """

    def __init__(
        self,
        photos: Sequence[Photo],
        units: Sequence[Sequence[int]],
        names: Sequence[str],
        fractions: Mapping[str, float],
        seed: int,
    ) -> None:
        self._rng = np.random.default_rng(seed)
        self._kept = [
            next((names.index(split) for i in unit if (split := photos[i].split) is not None), None)
            for unit in units
        ]
        counts = [_count(photos, unit) for unit in units]
        total: Counter[Stratum] = Counter()
        for count in counts:
            total.update(count)
        place = {stratum: i for i, stratum in enumerate(total)}
        # The many faces of a crowd must not dominate: face counts are scaled to the number of photos.
        worth = {
            kind: len(units) / max(sum(n for (k, _), n in total.items() if k == kind), 1)
            for kind in (LABEL, FACE_WIDTH)
        }
        amount = np.array([n * worth.get(kind, 1.0) for (kind, _), n in total.items()])
        part = np.array([fractions.get(name, 0.0) for name in names])
        self._open = np.flatnonzero(part > 0)
        self._share = np.maximum(part[:, None] * amount[None], 1e-9)
        self._have = np.zeros_like(self._share)
        self._strata = [np.array([place[s] for s in count], np.int64) for count in counts]
        self._amounts = [
            np.array([n * worth.get(kind, 1.0) for (kind, _), n in count.items()]) for count in counts
        ]
        units_with = np.bincount(np.concatenate(self._strata), minlength=len(total))
        self._rarest = np.array([units_with[strata].min() for strata in self._strata])

    def run(self) -> list[int]:
        """Return the split of each unit, an index into the names."""
        chosen = np.full(len(self._strata), -1)
        for unit, kept in enumerate(self._kept):
            if kept is not None:
                chosen[unit] = kept
                self._put(unit, kept, 1)
        free = np.flatnonzero(chosen < 0)
        self._rng.shuffle(free)
        size = np.array([self._amounts[unit].sum() for unit in free])
        for unit in free[np.lexsort((-size, self._rarest[free]))].tolist():
            chosen[unit] = self._best(unit)
            self._put(unit, chosen[unit], 1)
        for _ in range(_SWEEPS):
            self._rng.shuffle(free)
            for unit in free.tolist():
                self._put(unit, chosen[unit], -1)
                chosen[unit] = self._best(unit)
                self._put(unit, chosen[unit], 1)
        return [int(split) for split in chosen]

    def _best(self, unit: int) -> int:
        strata, amounts = self._strata[unit], self._amounts[unit]
        have, share = self._have[:, strata], self._share[:, strata]
        worse: NDArray[np.float64] = ((2 * (have - share) + amounts) * amounts / share).sum(1)
        return int(self._open[np.argmin(worse[self._open])])

    def _put(self, unit: int, split: int, sign: int) -> None:
        self._have[split, self._strata[unit]] += sign * self._amounts[unit]


def _count(photos: Sequence[Photo], unit: Sequence[int]) -> Counter[Stratum]:
    """Count a unit's strata and its photos, so that the number of photos is balanced, too."""
    count: Counter[Stratum] = Counter()
    for index in unit:
        count.update(strata_of(photos[index]))
    count["photos", "all"] = len(unit)
    return count
