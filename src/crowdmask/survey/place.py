"""Generalise from the observed clusters to the place and time from which they were drawn."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from crowdmask.survey.cells import Floats
from crowdmask.survey.quantify import Corrected, correct
from crowdmask.survey.uncertainty import Knowledge, kind_effect

FEWEST, FEW = 3, 10
"""Minimum number of clusters for a figure, and for a figure without a warning."""


@dataclass(frozen=True, eq=False)
class Sample:
    """The clusters of one group.

    Attributes:
        cells: (G, 3, 4, 6) of each cluster.
        weight: (G,) how many each represents.
        stratum: (G,) number of its stratum.
    """

    cells: Floats
    weight: Floats
    stratum: NDArray[np.intp]

    @property
    def clusters(self) -> int:
        """How many there are."""
        return len(self.weight)

    @property
    def freedom(self) -> int:
        """Clusters minus strata: degrees of freedom of the variation between clusters."""
        return self.clusters - len(np.unique(self.stratum))


def make_sample(
    cells: Floats, cluster: Sequence[str], stratum: dict[str, str], weight: dict[str, float]
) -> tuple[Sample, list[str]]:
    """Sum looks to clusters.

    Args:
        cells: (L, 3, 4, 6) of each look.
        cluster: L names; looks with an empty one are left out.
        stratum, weight: by name of the cluster.
    Returns:
        The sample, and notes about changes: a stratum with one cluster is joined to another one, since the
        variation between its clusters is unknown.
    """
    names = sorted({name for name in cluster if name})
    place = {name: index for index, name in enumerate(names)}
    inside = np.array([place.get(name, -1) for name in cluster], np.intp)
    summed = np.zeros((len(names), *cells.shape[1:]))
    np.add.at(summed, inside[inside >= 0], cells[inside >= 0])
    strata = [stratum.get(name, "") for name in names]
    joined, notes = _join_single(strata)
    weights = np.array([weight.get(name, 1.0) for name in names])
    return Sample(summed, weights, joined), notes


def draw_place(
    sample: Sample, known: Knowledge, seed: int = 0, kind_scale: float = 1.0, is_video: bool = False
) -> tuple[Corrected, Floats]:
    """Draw possible numbers of people of the place: clusters and rates are resampled.

    In each stratum of n clusters, n - 1 are drawn with replacement and weighted by n / (n - 1), so that the
    variation of few clusters is not underestimated.

    Args:
        sample: the clusters, at least two in each stratum.
        known: the rates.
        seed: random seed of the group.
        kind_scale: see `draw_people`.
        is_video: see `kind_effect`.
    Returns:
        The corrected counts, and draws of people by label, (draws, 3).

    Source: Rao and Wu, Resampling inference with complex survey data (1988).
    """
    random = np.random.default_rng([known.seed, 3, seed])
    best = correct(np.tensordot(sample.weight, sample.cells, 1), known.best)
    times = np.zeros((known.draws, sample.clusters))
    for stratum in np.unique(sample.stratum):
        mine = np.flatnonzero(sample.stratum == stratum)
        n = len(mine)
        drawn = random.multinomial(n - 1, np.full(n, 1 / n), size=known.draws)
        times[:, mine] = drawn * (n / (n - 1))
    corrected = correct(np.tensordot(times * sample.weight, sample.cells, 1), known.drawn)
    effect = kind_effect(known, random, kind_scale, is_video)
    people = corrected.found.sum(axis=-1) + corrected.missed.sum(axis=-1) * effect
    return best, np.maximum(people, 1e-9)


def widen(interval: tuple[float, float], centre: float, freedom: int) -> tuple[float, float]:
    """Widen an interval of a share for a small number of clusters (Student's t).

    Args:
        interval, centre: 0 to 1.
        freedom: degrees of freedom, at least 1.
    """
    factor = student_975(freedom) / 1.959964
    middle = _logit(centre)
    low, high = (_logistic(middle + (_logit(end) - middle) * factor) for end in interval)
    return min(low, interval[0]), max(high, interval[1])


def student_975(freedom: int) -> float:
    """Return the 97.5 % quantile of Student's distribution, exact to about 0.1 % from 3 degrees of freedom.

    Source: Abramowitz and Stegun, Handbook of Mathematical Functions (1964), 26.7.5; 1 and 2 are exact.
    """
    if freedom < 1:
        raise ValueError(f"need at least one degree of freedom, not {freedom}")
    if freedom <= 2:
        return (12.7062, 4.3027)[freedom - 1]
    z = 1.959964
    terms = (
        (z**3 + z) / 4,
        (5 * z**5 + 16 * z**3 + 3 * z) / 96,
        (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384,
        (79 * z**9 + 776 * z**7 + 1482 * z**5 - 1920 * z**3 - 945 * z) / 92160,
    )
    return z + sum(term / freedom**power for power, term in enumerate(terms, 1))


def _join_single(strata: Sequence[str]) -> tuple[NDArray[np.intp], list[str]]:
    names = sorted(set(strata))
    number = {name: index for index, name in enumerate(names)}
    joined = np.array([number[name] for name in strata], np.intp)
    sizes = np.bincount(joined, minlength=len(names))
    single = np.flatnonzero(sizes == 1)
    if not len(single) or len(names) == 1:
        return joined, []
    others = np.flatnonzero(sizes > 1)
    if len(single) == 1 and len(others):
        joined[joined == single[0]] = others[sizes[others].argmin()]
    else:
        joined[np.isin(joined, single)] = single[0]
    told = ", ".join(names[index] or "without a name" for index in single)
    return joined, [f"strata of one cluster were joined to another for the interval: {told}"]


def _logit(share: float) -> float:
    kept = min(max(share, 1e-6), 1 - 1e-6)
    return math.log(kept / (1 - kept))


def _logistic(value: float) -> float:
    return 1 / (1 + math.exp(-value))
