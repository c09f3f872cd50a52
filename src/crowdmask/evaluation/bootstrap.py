"""How much a measure would vary on other pictures of the same kind."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Weights: TypeAlias = NDArray[np.float64]


def bootstrap_interval(
    measure: Callable[[Weights], float],
    pictures: int,
    samples: int = 1000,
    level: float = 0.95,
    seed: int = 0,
) -> tuple[float, float]:
    """Return the percentile bootstrap interval of a measure over pictures drawn with replacement.

    Pictures are drawn, not faces, since the faces of one picture share its light, crowd and camera.

    Args:
        measure: takes how often each picture was drawn, (P,), and returns the measure.
        pictures: their number P.
        samples: number of bootstrap samples.
        level: share of the samples inside the interval, 0 to 1.
        seed: random seed; the same seed gives the same draws for every measure.
    Returns:
        Lower and upper end; NaN if no sample has a value.
    """

    def measures(weights: Weights) -> list[float]:
        return [measure(weights)]

    return bootstrap_intervals(measures, ["it"], pictures, samples, level, seed)["it"]


def bootstrap_intervals(
    measures: Callable[[Weights], Sequence[float]],
    names: Sequence[str],
    pictures: int,
    samples: int = 1000,
    level: float = 0.95,
    seed: int = 0,
) -> dict[str, tuple[float, float]]:
    """Return the intervals of several measures of the same draws.

    Args:
        measures: takes how often each picture was drawn, (P,), and returns a value for each of `names`.
        names: of the measures.
        pictures, samples, level, seed: see `bootstrap_interval`.
    """
    random = np.random.default_rng(seed)
    values = np.full((samples if pictures else 0, len(names)), np.nan)
    for row in values:
        drawn = np.bincount(random.integers(0, pictures, pictures), minlength=pictures)
        row[:] = measures(drawn.astype(np.float64))
    return {name: _interval(values[:, column], level) for column, name in enumerate(names)}


def _interval(values: NDArray[np.float64], level: float) -> tuple[float, float]:
    known = values[~np.isnan(values)]
    if not len(known):
        return float("nan"), float("nan")
    low, high = np.quantile(known, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)
