"""Weights that bring what is drawn nearer to even (raking, also called iterative proportional fitting)."""

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
    """One property of photos, and what part of each photo has which value of it.

    Attributes:
        name: such as ``class``.
        values: C names.
        parts: (N, C), 0 to 1; a row adds up to 1, or to 0 where nothing is known of the photo.
    """

    name: str
    values: tuple[str, ...]
    parts: NDArray[np.float64]

    def shares(self, weights: Weights) -> NDArray[np.float64]:
        """Return what part of what is drawn has which value, (C,); it adds up to 1, or is 0 throughout."""
        sums = weights @ self.parts
        return sums / max(float(sums.sum()), 1e-300)


def aims(margin: Margin, strength: float) -> NDArray[np.float64]:
    """Return the shares to aim at: those that are, at strength 0, even ones at 1, and between in proportion.

    A strength of 0.5 is the well-known square-root sampling. What no photo has stays at 0.
    """
    now = margin.shares(np.ones(len(margin.parts)))
    wanted = np.where(now > 0, np.power(now, 1 - strength, where=now > 0, out=np.zeros_like(now)), 0)
    return wanted / max(float(wanted.sum()), 1e-300)


def rake(margins: Sequence[Margin], strength: float, cap: float) -> Weights:
    """Return a weight for each photo, (N,), of mean 1, that brings all margins near to their aims.

    Args:
        margins: of the same N photos.
        strength: see `aims`.
        cap: no weight is above it, and none below 1 / cap; at least 1.
    Source: Deming and Stephan (1940); weights are cut in every round, as in Izrael et al. (2009).
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
    """Draw some photos without putting back, each with a chance in proportion to its weight.

    Args:
        weights: (N,), above 0.
        number: how many, 1 to N.
        order: (N,) neighbours here are alike: the draw is spread along it (systematic sampling).
        seed: decides the draw.
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
