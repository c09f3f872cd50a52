"""Test whether two groups, or the times before and after a day, differ by more than chance."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crowdmask.errors import UsageError
from crowdmask.survey.cells import N_CONFIDENCES, N_LABELS, N_WIDTHS, Floats
from crowdmask.survey.place import FEW, FEWEST, student_975
from crowdmask.survey.quantify import Factors, correct
from crowdmask.survey.shares import ANY_MASK, parts
from crowdmask.survey.uncertainty import Knowledge, kind_effect

DIFFERS, NOT_TOLD = "differs", "cannot be told apart from chance"
COMPARED = ("with_mask", ANY_MASK, "mask_worn_incorrect")
"""The figures that are compared."""

_ALPHA, _Z = 0.05, 1.959964
_MOST_GROUPS = 30


@dataclass(frozen=True)
class Difference:
    """The difference of two groups' shares, first minus second.

    Attributes:
        first, second: names of the groups.
        figure: of `COMPARED`.
        difference: of the shares, -1 to 1; None: one of the groups has no figure.
        interval: its 95 % interval.
        p: p-value: probability of a difference at least this large if there were none.
        p_adjusted: p-value adjusted for all comparisons (Holm); None: this is the only one.
        verdict: `DIFFERS` or `NOT_TOLD`; empty if there is no figure.
        notes: information for the reader.
    """

    first: str
    second: str
    figure: str
    difference: float | None
    interval: tuple[float, float] | None
    p: float | None
    p_adjusted: float | None = None
    verdict: str = ""
    notes: tuple[str, ...] = ()

    def to_record(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {
            "first": self.first,
            "second": self.second,
            "figure": self.figure,
            "difference": None if self.difference is None else round(self.difference, 5),
            "interval": None if self.interval is None else [round(end, 5) for end in self.interval],
            "p": None if self.p is None else float(f"{self.p:.3g}"),
            "p_adjusted": None if self.p_adjusted is None else float(f"{self.p_adjusted:.3g}"),
            "verdict": self.verdict,
            "notes": list(self.notes),
        }


@dataclass(frozen=True, eq=False)
class Side:
    """One group of a comparison.

    Attributes:
        name: of the group.
        shares: share and draws of each figure, by name; None if it is refused.
        freedom: degrees of freedom of its sampling; None if nothing was sampled.
    """

    name: str
    shares: dict[str, tuple[float, Floats] | None]
    freedom: int | None


def compare(sides: Sequence[Side], pairs: Sequence[tuple[str, str]] | None) -> list[Difference]:
    """Compare groups.

    All groups are corrected with the same draws of the rates, so common uncertainty cancels.

    Args:
        sides: all groups.
        pairs: names of those to compare; None: each with each.
    Raises:
        UsageError: there is no such group, or there are too many for each with each.
    """
    by_name = {side.name: side for side in sides}
    if pairs is None:
        if len(sides) > _MOST_GROUPS:
            raise UsageError(f"{len(sides)} groups are too many to compare each with each: name pairs")
        pairs = list(combinations(by_name, 2))
    for name in (name for pair in pairs for name in pair):
        if name not in by_name:
            some = ", ".join(list(by_name)[:8])
            raise UsageError(f"`compare`: there is no group {name!r}; there are {some}")
    found = []
    for figure in COMPARED:
        for first, second in pairs:
            found.append(_difference(by_name[first], by_name[second], figure))
    return adjust(found)


def adjust(differences: Sequence[Difference]) -> list[Difference]:
    """Adjust all comparisons of one figure together, and set the verdicts.

    Source: Holm, A simple sequentially rejective multiple test procedure (1979).
    """
    result = []
    for figure in COMPARED:
        mine = [each for each in differences if each.figure == figure]
        order = sorted(
            (index for index, each in enumerate(mine) if each.p is not None), key=lambda at: mine[at].p or 0.0
        )
        reached = 0.0
        adjusted: dict[int, float] = {}
        for rank, index in enumerate(order):
            reached = max(reached, min(1.0, (len(order) - rank) * (mine[index].p or 0.0)))
            adjusted[index] = reached
        for index, each in enumerate(mine):
            if each.p is None:
                result.append(each)
                continue
            chance = adjusted[index]
            among = chance if len(order) > 1 else None
            result.append(replace(each, p_adjusted=among, verdict=DIFFERS if chance < _ALPHA else NOT_TOLD))
    return result


def _difference(first: Side, second: Side, figure: str) -> Difference:
    one, other = first.shares[figure], second.shares[figure]
    if one is None or other is None:
        missing = first.name if one is None else second.name
        return Difference(
            first.name, second.name, figure, None, None, None, None, "", (f"no figure of {missing}",)
        )
    freedoms = [side.freedom for side in (first, second) if side.freedom is not None]
    return judged(
        first.name,
        second.name,
        figure,
        one[0] - other[0],
        one[1] - other[1],
        sum(freedoms) if freedoms else None,
    )


def judged(
    first: str,
    second: str,
    figure: str,
    difference: float,
    draws: Floats,
    freedom: int | None,
    notes: tuple[str, ...] = (),
) -> Difference:
    """Return a difference with its interval and p-value, from draws of it.

    Args:
        difference: as estimated.
        draws: (draws,) possible values.
        freedom: degrees of freedom of the sampling; None if nothing was sampled.
    """
    factor = 1.0 if freedom is None else student_975(max(freedom, 1)) / _Z
    low, high = (
        difference + (float(end) - difference) * factor for end in np.quantile(draws, [0.025, 0.975])
    )
    low, high = max(min(low, difference), -1.0), min(max(high, difference), 1.0)
    # On the side of no difference the interval's own half tells how far away that is.
    half = (difference - low) if difference > 0 else (high - difference)
    z = abs(difference) / max(half / _Z, 1e-9)
    return Difference(
        first, second, figure, difference, (low, high), math.erfc(z / math.sqrt(2)), notes=notes
    )


@dataclass(frozen=True, eq=False)
class Paired:
    """Amounts by what is paired (camera, weekday and hour) and day, before and after.

    Attributes:
        cells: (N, 3, 4, 6) of each part.
        pair: (N,) number of the camera, weekday and hour.
        day: (N,) number of the day; days before and after have numbers of their own.
        after: (N,) bool; whether it is after the change.
    """

    cells: Floats
    pair: NDArray[np.intp]
    day: NDArray[np.intp]
    after: NDArray[np.bool_]


def before_and_after(parts_seen: Paired, known: Knowledge, names: tuple[str, str]) -> list[Difference]:
    """Compare after with before, each camera, weekday and hour with itself; days are resampled.

    Args:
        parts_seen: the observed amounts.
        known: the rates; both times use the same draws.
        names: of the times after and before.
    """
    both = np.intersect1d(
        parts_seen.pair[_seen(parts_seen) & parts_seen.after],
        parts_seen.pair[_seen(parts_seen) & ~parts_seen.after],
    )
    kept = np.isin(parts_seen.pair, both)
    days = [np.unique(parts_seen.day[kept & (parts_seen.after == after)]) for after in (False, True)]
    fewest = min(len(each) for each in days)
    if fewest < FEWEST:
        told = (
            f"{len(days[0])} days before and {len(days[1])} after share a camera, weekday and hour: "
            f"at least {FEWEST} of each are needed",
        )
        return [Difference(*names, figure, None, None, None, notes=told) for figure in COMPARED]
    notes = [
        f"{len(both)} pairs of camera, weekday and hour, {len(days[0])} days before and {len(days[1])} after"
    ]
    if fewest < FEW:
        notes.append(f"under {FEW} days the interval is itself uncertain")
    estimate = _standardised(parts_seen, both, None, known.best)
    random = np.random.default_rng([known.seed, 5])
    weights = np.zeros((known.draws, int(parts_seen.day.max()) + 1))
    for each in days:
        n = len(each)
        weights[:, each] = random.multinomial(n - 1, np.full(n, 1 / n), size=known.draws) * (n / (n - 1))
    drawn = _standardised(parts_seen, both, weights, known.drawn, kind_effect(known, random))
    freedom = len(days[0]) + len(days[1]) - 2
    found = []
    for number, figure in enumerate(COMPARED):
        some = drawn[:, number][np.isfinite(drawn[:, number])]
        found.append(judged(*names, figure, float(estimate[0, number]), some, freedom, tuple(notes)))
    return adjust(found)


def _seen(parts_seen: Paired) -> NDArray[np.bool_]:
    return parts_seen.cells.sum(axis=(1, 2, 3)) > 0


def _standardised(
    parts_seen: Paired,
    pairs: NDArray[np.intp],
    weights: Floats | None,
    given: Factors,
    effect: Floats | float = 1.0,
) -> Floats:
    """Return after minus before, (draws or 1, figures): the mean over pairs, weighted by their people."""
    draws = 1 if weights is None else len(weights)
    total = np.zeros((draws, len(COMPARED)))
    weight = np.zeros(draws)
    for pair in pairs:
        shares, people = [], 0.0
        usable = np.ones(draws, bool)
        for after in (False, True):
            mine = np.flatnonzero((parts_seen.pair == pair) & (parts_seen.after == after))
            times = np.ones((draws, len(mine))) if weights is None else weights[:, parts_seen.day[mine]]
            flat = times @ parts_seen.cells[mine].reshape(len(mine), -1)
            counted = correct(flat.reshape(draws, N_LABELS, N_WIDTHS, N_CONFIDENCES), given)
            number = counted.found.sum(axis=-1) + counted.missed.sum(axis=-1) * effect
            usable &= number.sum(axis=-1) > 1e-6
            ratios = [np.divide(*parts(figure, number + 1e-12)) for figure in COMPARED]
            shares.append(np.stack(ratios, axis=-1))
            people += float(parts_seen.cells[mine].sum())
        total += np.where(usable[:, None], (shares[1] - shares[0]) * people, 0.0)
        weight += usable * people
    with np.errstate(invalid="ignore", divide="ignore"):
        return total / weight[:, None]
