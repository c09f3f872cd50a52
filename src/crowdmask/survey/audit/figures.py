"""Turn what labelled photos show into figures, narrowed by the shipped rates where the two agree."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from crowdmask.labels import LABELS, WITH_MASK
from crowdmask.survey.audit.inference import Labelled
from crowdmask.survey.audit.prior import combine
from crowdmask.survey.cells import Floats
from crowdmask.survey.shares import FIGURES, TOO_WIDE, Figure, Interval, parts

_AGREE = "the model's rates agree with the labelled photos, and narrow the intervals"
_CONTRADICT = (
    "the labelled photos contradict the model's rates, which hardly count in the share with a mask then"
)


def combined_figures(
    before: Mapping[str, Figure],
    labelled: Mapping[str, Labelled | None],
    same_meaning: bool,
    random: np.random.Generator,
    draws: int,
) -> tuple[dict[str, Figure], list[str]]:
    """Return the figures of labelled photos, combined with the shipped rates as far as the two agree.

    Args:
        before: figures by the shipped rates; their raw shares stay.
        labelled: as the labelled photos show them.
        same_meaning: whether labels and all corrections are those of the rates: otherwise these say nothing.
        random, draws: for draws of the figures, and how many, as many as `before` has.
    Returns:
        The figures by name, and a note on the rates.
    """
    figures = labelled_figures(
        before,
        {name: (each.share, each.interval) if each else None for name, each in labelled.items()},
        random,
        draws,
    )
    notes = []
    for name, each in labelled.items():
        shipped = before[name].draws
        if each is None or shipped is None or not same_meaning or figures[name].share is None:
            continue
        both = combine(each.share, each.worth, shipped, random)
        if both is None:
            continue
        low, high = both.interval
        # What may be nobody or everybody by the labelled photos, may still be.
        low = 0.0 if each.interval[0] <= 0.0 else low
        high = 1.0 if each.interval[1] >= 1.0 else high
        figures[name] = replace(figures[name], share=both.share, interval=(low, high), draws=both.draws)
        if name == LABELS[WITH_MASK]:
            notes = [_AGREE if both.holds >= 0.5 else _CONTRADICT]
    return _coherent(figures), notes


def labelled_figures(
    before: Mapping[str, Figure],
    found: Mapping[str, tuple[float, Interval] | None],
    random: np.random.Generator,
    draws: int,
) -> dict[str, Figure]:
    """Return figures with shares and intervals; one that is too wide is refused."""
    normal = random.normal(size=draws)
    return {name: _figure(before[name], found[name], normal) for name in FIGURES}


def _figure(raw: Figure, found: tuple[float, Interval] | None, normal: Floats) -> Figure:
    if found is None or found[1][1] - found[1][0] > TOO_WIDE:
        return replace(raw, share=None, interval=None, draws=None)
    share, (low, high) = found
    draws = np.clip(share + normal * (high - low) / (2 * 1.959964), 0.0, 1.0)
    return replace(raw, share=share, interval=(low, high), draws=draws)


def _coherent(figures: dict[str, Figure]) -> dict[str, Figure]:
    """Scale the shares of the labels so that they add up to 1, and derive the others from them."""
    shares = [figures[label].share for label in LABELS]
    if any(share is None for share in shares):
        return figures
    people = np.array(shares, np.float64)
    scaled = dict(figures)
    for name, figure in figures.items():
        part, whole = (float(value) for value in parts(name, people))
        if figure.interval is not None and whole > 0:
            share = part / whole
            low, high = figure.interval
            scaled[name] = replace(figure, share=share, interval=(min(low, share), max(high, share)))
    return scaled
