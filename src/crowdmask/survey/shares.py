"""The figures of a survey: shares with their intervals, and the raw shares."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from crowdmask.labels import LABELS
from crowdmask.survey.cells import Floats

ANY_MASK, CORRECT_AMONG_WEARERS = "any_mask", "correct_among_wearers"
FIGURES = (*LABELS, ANY_MASK, CORRECT_AMONG_WEARERS)

TOO_WIDE = 0.8
"""Maximum width of an interval; a wider one is useless, so the figure is refused."""

Interval = tuple[float, float]


@dataclass(frozen=True)
class Figure:
    """One share.

    Attributes:
        share, interval: corrected, with its 95 % interval; None if they are refused.
        raw_share, raw_interval: of the shown detections, with the interval for independent
            faces.
        draws: possible values of the share, (draws,); None if it is refused.
    """

    share: float | None
    interval: Interval | None
    raw_share: float | None
    raw_interval: Interval | None
    draws: Floats | None = None

    def to_record(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {
            "share": _rounded(self.share),
            "interval": None if self.interval is None else [_rounded(end) for end in self.interval],
            "raw_share": _rounded(self.raw_share),
            "raw_interval": None
            if self.raw_interval is None
            else [_rounded(end) for end in self.raw_interval],
        }


def parts(name: str, people: Floats) -> tuple[Floats, Floats]:
    """Return numerator and denominator of a figure, (...), from people by label, (..., 3)."""
    if name == ANY_MASK:
        return people[..., 0] + people[..., 2], people.sum(axis=-1)
    if name == CORRECT_AMONG_WEARERS:
        return people[..., 0], people[..., 0] + people[..., 2]
    return people[..., LABELS.index(name)], people.sum(axis=-1)


def make_figures(
    people: Floats | None,
    draws: Floats | None,
    raw: Floats,
    raw_number: float,
    widened: Callable[[Interval, float], Interval] = lambda interval, _: interval,
    person: float = 1.0,
) -> dict[str, Figure]:
    """Return all figures of a group.

    Args:
        people: (3,) corrected; None if there is no corrected figure.
        draws: (draws, 3) their possible values.
        raw: (3,) shown amounts, in the survey's unit.
        raw_number: number of faces or tracks, for the raw interval.
        widened: takes an interval and its share, and returns a wider interval.
        person: amount of one person, in the survey's unit: where less may be there, there may be nobody.
    """
    figures = {}
    for name in FIGURES:
        part, whole = (float(value) for value in parts(name, raw))
        raw_share = part / whole if whole > 0 else None
        number = raw_number * whole / max(float(raw.sum()), 1e-12)
        raw_interval = None if raw_share is None else wilson(raw_share, number)
        share, interval, drawn = None, None, None
        if people is not None and draws is not None:
            share, interval, drawn = _judged(name, people, draws, widened, person)
        figures[name] = Figure(share, interval, raw_share, raw_interval, drawn)
    return figures


def _judged(
    name: str,
    people: Floats,
    draws: Floats,
    widened: Callable[[Interval, float], Interval],
    person: float,
) -> tuple[float | None, Interval | None, Floats | None]:
    part, whole = (float(value) for value in parts(name, people))
    if whole <= 0:
        return None, None, None
    share = part / whole
    some, of_all = parts(name, draws)
    drawn = some / np.maximum(of_all, 1e-12)
    low, high = (float(end) for end in np.quantile(drawn, [0.025, 0.975]))
    low, high = widened((min(low, share), max(high, share)), share)
    # People are whole: half of one may be nobody, and then the share is 0 or 1.
    if float(np.quantile(some, 0.025)) < person / 2:
        low = 0.0
    if float(np.quantile(of_all - some, 0.025)) < person / 2:
        high = 1.0
    if high - low > TOO_WIDE:
        return None, None, None
    return share, (low, high), drawn


def wilson(share: float, number: float) -> Interval | None:
    """Return the 95 % interval of a share of independent draws; None without draws.

    Args:
        share: 0 to 1.
        number: number of draws.
    Source: Wilson, Probable inference, the law of succession, and statistical inference (1927).
    """
    if number <= 0:
        return None
    z = 1.959964
    middle = (share + z * z / (2 * number)) / (1 + z * z / number)
    half = z / (1 + z * z / number) * math.sqrt(share * (1 - share) / number + z * z / (4 * number * number))
    return max(middle - half, 0.0), min(middle + half, 1.0)


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 5)
