"""How far a measure would move on other pictures of the same kind."""

from __future__ import annotations

from collections.abc import Callable
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
    """Return a percentile interval of a measure over pictures drawn again with replacement.

    Pictures are drawn, not faces, since the faces of one picture share its light, crowd and camera.

    Args:
        measure: takes how often each picture was drawn, (P,), and returns the measure.
        pictures: P.
        samples: how many times to draw.
        level: the share of the samples that the interval holds, 0 to 1.
        seed: of the draws; the same seed gives the same draws to every measure.
    Returns:
        Low and high end; NaN where no sample has a value.
    """
    random = np.random.default_rng(seed)
    values = np.array(
        [
            measure(
                np.bincount(random.integers(0, pictures, pictures), minlength=pictures).astype(np.float64)
            )
            for _ in range(samples)
            if pictures
        ]
    )
    values = values[~np.isnan(values)]
    if not len(values):
        return float("nan"), float("nan")
    low, high = np.quantile(values, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)
