"""How sure a share is, given how often the detector errs: the interval that `survey` gives a video.

Alerts speak of the people who were there, so what is uncertain is the detector alone: the rates themselves,
labels that were exchanged, and who was missed. Snapshots hold neither widths nor confidences of faces, so the
usual ones of faces from 16 px on are taken, and the interval is widened as for all video.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from crowdmask.labels import LABELS
from crowdmask.survey.cells import N_CONFIDENCES, N_LABELS, N_WIDTHS, SHOWN, Floats
from crowdmask.survey.outside import OTHER_KIND
from crowdmask.survey.quantify import correct
from crowdmask.survey.rates import NO_FACE, Rates
from crowdmask.survey.shares import parts, wilson
from crowdmask.survey.uncertainty import DRAWS, Knowledge, Watched, draw_people

_FOLLOWED_FROM = 1
_TAIL, _Z = 0.025, 1.959964
_MINUTE_S = 60.0
# More would take longer; with fewer looks an interval is wider, never narrower.
_MOST_MINUTES = 120


@dataclass(frozen=True)
class Share:
    """A share with its interval.

    Attributes:
        share: the best estimate.
        low, high: its 95 % interval.
        above: the probability that the share is the limit or more after all.
    """

    share: float
    low: float
    high: float
    above: float


class Judge:
    """Corrects shares with the error rates of one model."""

    def __init__(self, rates: Rates | None, draws: int = DRAWS) -> None:
        """Prepare.

        Args:
            rates: of the model that is running; None: not known, then shares are raw, and their interval is
                Wilson's for as many independent people.
            draws: of which an interval is made; fewer are quicker, and the ends of intervals rougher.
        """
        self.rates = rates
        self._known = None if rates is None else Knowledge(rates, SHOWN, draws=draws)

    def estimate(self, person_s: Mapping[str, float], figure: str) -> float | None:
        """Return the best estimate of a share, 0 to 1; None: nobody has a label.

        Args:
            person_s: seconds in view by state.
            figure: ``with_mask`` or ``any_mask``.
        """
        seconds = _by_label(person_s)
        if seconds.sum() <= 0:
            return None
        if self._known is not None:
            seconds = correct(self._as_photo(seconds), self._known.best).people
        part, whole = parts(figure, seconds)
        return float(part / whole) if whole > 0 else None

    def judge(
        self, person_s: Mapping[str, float], figure: str, limit: float, people: int, observed_s: float
    ) -> Share | None:
        """Return a share with its interval; None: nobody has a label.

        Args:
            person_s: seconds in view by state.
            figure: ``with_mask`` or ``any_mask``.
            limit: that the share is compared with.
            people: how many different people that were.
            observed_s: how long was looked: so long may one mistake last.
        """
        return self._share(person_s, figure, limit, people, np.array([max(observed_s, 1.0)]))

    def over_time(
        self, person_s: Mapping[str, float], figure: str, people: int, observed_s: float
    ) -> Share | None:
        """Return the share of an hour, day or week with its interval, as a survey of its minutes gives it.

        People come and go, so a mistake lasts a minute at most, as in `survey`. When in that time which
        people were there is not known: they are taken to be spread evenly.

        Args:
            person_s, figure, people, observed_s: see `judge`; the limit of its answer is one half.
        """
        minutes = min(max(math.ceil(observed_s / _MINUTE_S), 1), _MOST_MINUTES)
        return self._share(person_s, figure, 0.5, people, np.full(minutes, max(observed_s / minutes, 1.0)))

    def _share(
        self, person_s: Mapping[str, float], figure: str, limit: float, people: int, looks_s: Floats
    ) -> Share | None:
        best = self.estimate(person_s, figure)
        if best is None:
            return None
        seconds = _by_label(person_s)
        if self._known is None:
            low, high = wilson(best, float(max(people, 1))) or (0.0, 1.0)
            return Share(best, low, high, _above((low, high), limit))
        photos = np.repeat(self._as_photo(seconds / len(looks_s))[None], len(looks_s), axis=0)
        # How long people stay is not known here: a mistake lasts a minute at most, or as long as was looked.
        # The same draws each time, so that an interval moves only with what was seen.
        _, draws = draw_people(photos, self._known, 0, Watched(looks_s, _MINUTE_S), OTHER_KIND)
        part, whole = parts(figure, draws)
        shares = part / whole
        low, high = (float(end) for end in np.quantile(shares, [_TAIL, 1 - _TAIL]))
        return Share(best, min(low, best), max(high, best), float((shares >= limit).mean()))

    def false_without_mask(self, person_s: Mapping[str, float]) -> float | None:
        """Return the share of `without_mask` labels that are wrong: masked faces, or no faces.

        It depends on who is there: where nearly all wear masks, more of the few others are mistakes.

        Args:
            person_s: seconds in view by state, of the place.
        """
        seconds = _by_label(person_s)
        if self._known is None or seconds.sum() <= 0:
            return None
        photo = self._as_photo(seconds)
        # Tracks are told of after seconds, so only their faces of the highest confidence decide.
        index = LABELS.index("without_mask")
        is_face = float(self._known.best.face[index, _FOLLOWED_FROM:, N_CONFIDENCES - 1].mean())
        right = float(correct(photo, self._known.best).truth[index, index])
        return 1 - is_face * right

    def _as_photo(self, seconds: Floats) -> Floats:
        """Spread seconds by label over the usual widths of faces that are followed, (3, 4, 6)."""
        photo = np.zeros((N_LABELS, N_WIDTHS, N_CONFIDENCES))
        photo[:, _FOLLOWED_FROM:, -1] = seconds[:, None] * self._usual
        return photo

    @cached_property
    def _usual(self) -> Floats:
        if self.rates is None:
            return np.full(N_WIDTHS - _FOLLOWED_FROM, 1 / (N_WIDTHS - _FOLLOWED_FROM))
        found, _ = self.rates.from_floor(SHOWN)
        usual = found[:, :NO_FACE].sum(axis=(0, 1, 2, 4))[_FOLLOWED_FROM:]
        return usual / max(float(usual.sum()), 1.0)


def _above(interval: tuple[float, float], limit: float) -> float:
    """Return the probability of a share of the limit or more, if it is spread normally."""
    middle, deviation = sum(interval) / 2, max((interval[1] - interval[0]) / (2 * _Z), 1e-9)
    return math.erfc((limit - middle) / (deviation * math.sqrt(2))) / 2


def _by_label(person_s: Mapping[str, float]) -> Floats:
    return np.array([float(person_s.get(label, 0.0)) for label in LABELS])
