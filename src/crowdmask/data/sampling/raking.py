"""Weights that make the drawn photos more balanced (raking, also called iterative proportional fitting)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

Weights = NDArray[np.float64]

_ROUNDS: Final = 200
_STILL: Final = 1e-6


@dataclass(frozen=True, eq=False)
class Margin:
    """One property of photos, and the distribution of its values in each photo.

    Attributes:
        name: such as ``class``.
        values: C names.
        parts: (N, C), 0 to 1; a row adds up to 1, or to 0 if nothing is known about the photo.
    """

    name: str
    values: tuple[str, ...]
    parts: NDArray[np.float64]

    def shares(self, weights: Weights) -> NDArray[np.float64]:
        """Return the share of each value among the drawn photos, (C,); they add up to 1, or are all 0."""
        sums = weights @ self.parts
        return sums / max(float(sums.sum()), 1e-300)


def aims(margin: Margin, strength: float) -> NDArray[np.float64]:
    """Return the target shares: the current ones at strength 0, equal ones at 1.

    A strength of 0.5 is the well-known square-root sampling. A value that no photo has stays at 0.
    """
    now = margin.shares(np.ones(len(margin.parts)))
    wanted = np.where(now > 0, np.power(now, 1 - strength, where=now > 0, out=np.zeros_like(now)), 0)
    return wanted / max(float(wanted.sum()), 1e-300)


def rake(margins: Sequence[Margin], strength: float, cap: float) -> Weights:
    """Return a weight for each photo, (N,), with mean 1, that brings all margins close to their targets.

    Args:
        margins: of the same N photos.
        strength: see `aims`.
        cap: upper limit of a weight, at least 1; the lower limit is 1 / cap.
    Source: Deming and Stephan (1940); weights are clipped in every round, as in Izrael et al. (2009).
    """
    number = len(margins[0].parts)
    weights = np.ones(number)
    wanted = [aims(margin, strength) for margin in margins]
    for _ in range(_ROUNDS):
        before = weights
        for margin, aim in zip(margins, wanted, strict=True):
            now = margin.shares(weights)
            ratio = np.divide(aim, now, out=np.ones_like(now), where=now > 0)
            known = margin.parts.sum(1)
            weights = weights * (margin.parts @ ratio + (1 - known))
            weights = _capped(weights, cap)
        if np.abs(weights - before).max(initial=0) < _STILL:
            break
    return weights


def choose(weights: Weights, number: int, order: NDArray[np.int64], seed: int) -> NDArray[np.bool_]:
    """Draw some photos without replacement, with a probability proportional to their weight.

    Args:
        weights: (N,), above 0.
        number: how many, 1 to N.
        order: (N,) similar photos are neighbours: the draw is spread evenly along it (systematic sampling).
        seed: random seed of the draw.
    Returns:
        (N,) bool, `number` of them True.
    """
    chance = np.zeros(len(weights))
    certain = np.zeros(len(weights), bool)
    while True:
        left = number - int(certain.sum())
        chance[~certain] = weights[~certain] * left / max(float(weights[~certain].sum()), 1e-300)
        more = ~certain & (chance >= 1)
        if not more.any():
            break
        certain |= more
    chosen = certain.copy()
    rest = order[~certain[order]]
    left = number - int(certain.sum())
    if left:
        ends = np.cumsum(chance[rest])
        ends *= left / ends[-1]
        ticks = np.arange(left) + np.random.default_rng(seed).random()
        chosen[rest[np.minimum(np.searchsorted(ends, ticks, side="right"), len(rest) - 1)]] = True
    return chosen


def _capped(weights: Weights, cap: float) -> Weights:
    """Bring the mean to 1 with no weight above `cap` or below 1 / `cap`."""
    for _ in range(50):
        weights = np.clip(weights / weights.mean(), 1 / cap, cap)
        if abs(weights.mean() - 1) < 1e-9:
            break
    return weights
