"""The uncertainty of a survey, as draws: of the rates, and of the detector's errors on these photos."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from crowdmask.survey.cells import N_LABELS, Floats
from crowdmask.survey.quantify import (
    CORRECTIONS,
    Corrected,
    Factors,
    correct,
    correct_photos,
    factors,
)
from crowdmask.survey.rates import Rates
from crowdmask.survey.weighting import Measured, weigh

DRAWS = 1000

# Chosen on the photos of `val` alone, half of which gave the rates for groups of the other half, so that
# nominal 95 % intervals cover about that (benchmarks/survey_coverage.py): how much miss rates differ between
# kinds of photos beyond what the differences between single photos explain (standard deviation of the
# logarithm, apart by label), and how much more than on the photos measured on a new photo's errors vary.
KIND_SD = 0.3
EXCESS = 1.5
LABEL_EXCESS = 3.0

# Of what is special about a camera, the part that is common to all labels: angle, light and distance. Between
# the sources of `val` the people missed for each one found differ by 0.4 in the logarithm, all labels alike;
# with as much apart by label this is 0.6, twice `KIND_SD`. Between its photos, each a moment of another one's
# camera, they differ by a squared coefficient of variation of 1. What a camera has all the time is drawn as
# its kind. The rest varies from one moment to the next, half a stay long: who is missed is found again.
_COMMON, _MOMENTARY = 0.5, 0.35

USUAL_STAY_S = 20.0
"""Time for which people are taken to stay in view where nothing tells, seconds."""

_FOLDS = 10
# A label without detections may still be among the missed faces.
_UNSEEN, _LEAST_UNSEEN = 0.5, 0.05
_LEAST = 1e-9


@dataclass(frozen=True, eq=False)
class Watched:
    """How a camera watched: for how long each minute, and how long a person stays.

    Attributes:
        seconds: (P,) observed time of each minute.
        stay_s: time for which a person stays in view: as long their errors are those of one photo.
    """

    seconds: Floats
    stay_s: float

    @property
    def moment_s(self) -> float:
        """Length of the moments that are independent, seconds: at most all of the time."""
        return min(self.stay_s, float(self.seconds.sum()))


@dataclass(frozen=True, eq=False)
class Knowledge:
    """Rates, prepared for one minimum confidence and one set of corrections.

    Attributes:
        rates: the counts.
        floor: the first confidence class of the detections.
        corrections: those of `CORRECTIONS` that are made.
        draws: number of draws.
        seed: random seed of all draws. Groups share the draws of the rates, so that their differences are
            correct.
    """

    rates: Rates
    floor: int
    corrections: tuple[str, ...] = CORRECTIONS
    draws: int = DRAWS
    seed: int = 0

    @cached_property
    def measured(self) -> Measured:
        """The counts of each photo, weighted."""
        return weigh(*self.rates.from_floor(self.floor))

    @cached_property
    def best(self) -> Factors:
        """The factors without resampling."""
        return self._factors(self.measured.total())

    @cached_property
    def drawn(self) -> Factors:
        """The factors of all draws: the measured photos are reweighted each time.

        Source: Rubin, The Bayesian bootstrap (1981); with photos as units, since errors cluster in them.
        """
        random = np.random.default_rng([self.seed, 1])
        resampled = self.measured.resampled(random.exponential(size=(self.draws, self.rates.photos)))
        prior = np.maximum(random.exponential(size=self.draws), 0.05)
        # What is not measured of a label's misses varies as between kinds of photos.
        alike = np.exp(KIND_SD * random.normal(size=(self.draws, N_LABELS)))
        return self._factors(resampled, prior, alike)

    def _factors(self, of: Measured, prior: Floats | float = 1.0, alike: Floats | None = None) -> Factors:
        return factors(of.found, of.missed, self.floor, self.corrections, prior, of.hits, alike)

    @cached_property
    def spread(self) -> Floats:
        """How a photo's error grows with its uncertainty u, (3,): variance = a + b u + c u².

        `u` is the expected number of missed faces plus the variance of those found. It is fitted by
        cross-validation: each tenth of the photos uses the rates of the others.
        """
        found, missed = self.rates.from_floor(self.floor)
        order = np.random.default_rng(0).permutation(len(found))
        doubts, errors = [], []
        for fold in range(min(_FOLDS, len(found))):
            held = order[fold::_FOLDS]
            rest = np.setdiff1d(order, held)
            given = self._factors(self.measured.total(rest))
            counts = np.zeros((len(held), *given.face.shape))
            counts[..., self.floor :] = found[held].sum(axis=1)
            truth = correct(counts.sum(axis=0), given).truth
            hits, lost, doubt = correct_photos(counts, given, truth)
            there = found[held][:, :N_LABELS].sum(axis=(1, 2, 3, 4)) + missed[held].sum(axis=(1, 2))
            doubts.append((lost + doubt).sum(axis=1))
            errors.append(there - (hits + lost).sum(axis=1))
        return _variance_curve(np.concatenate(doubts), np.concatenate(errors))


def draw_people(
    photos: Floats,
    known: Knowledge,
    seed: int = 0,
    watched: Watched | None = None,
    kind_scale: float = 1.0,
) -> tuple[Corrected, Floats]:
    """Draw possible true numbers of people in a group's photos.

    Args:
        photos: (P, 3, 4, 6) detections of each photo; in video, person-seconds of each minute.
        known: the rates.
        seed: random seed of the group.
        watched: how the camera watched; None for photos.
        kind_scale: factor by which this kind of photos may differ more from the measured ones than usual.
    Returns:
        The corrected counts of the group, and draws of its people by label, (draws, 3).
    """
    random = np.random.default_rng([known.seed, 2, seed])
    total = photos.sum(axis=0)
    best = correct(total, known.best)
    # A wrong label, and in video a miss, stays with a person while they are in view.
    stays = 1.0 if watched is None else watched.moment_s
    if not known.corrections:
        # Nothing is known of errors then: what is left is that of independent faces.
        return best, random.gamma(best.people / max(stays, _LEAST) + 0.5, size=(known.draws, N_LABELS))
    drawn = correct(total[None], known.drawn)
    _, lost, doubt = correct_photos(photos, known.best, best.truth)
    uncertain = lost + doubt
    odds = known.drawn.missed.mean(axis=-1)
    # In video a missed person stays in view for a while.
    unseen = random.gamma(_UNSEEN, size=(known.draws, N_LABELS)) * np.maximum(odds, _LEAST_UNSEEN)
    if watched is not None and len(watched.seconds):
        unseen *= watched.seconds.mean()
    # Labels are exchanged for several faces of a photo together; in video, of a person who stays.
    together = LABEL_EXCESS if watched is None else stays
    noise = _label_noise(total, known.best, best, random, known) * np.sqrt(together)
    found = np.maximum(drawn.found.sum(axis=-1) + noise, 0)
    swing = _swing(uncertain, known, random, watched)
    kind = kind_effect(known, random, kind_scale, watched is not None)
    missed = drawn.missed.sum(axis=-1)
    if watched is None:
        people = found + missed + (swing * kind - 1) * uncertain.sum(axis=0) + unseen
    else:
        # Whose face is found is followed, so a camera's kind changes only how many are missed.
        people = found + missed * kind + (swing - 1) * uncertain.sum(axis=0) + unseen
    return best, np.maximum(people, 0.2 * found + _LEAST)


def kind_effect(
    known: Knowledge, random: np.random.Generator, scale: float = 1.0, is_video: bool = False
) -> Floats:
    """Draw the factor for the missed people of each label in this kind of photos, (draws, 3), mean 1.

    Args:
        known: the rates.
        random: for the draws.
        scale: factor by which this kind may differ more than usual.
        is_video: whether a camera took it all, which misses all labels more often, or less.
    """
    if not known.best.missed.any():
        return np.ones((known.draws, N_LABELS))
    deviation = KIND_SD * scale
    normal = random.normal(size=(known.draws, N_LABELS))
    if is_video:
        normal = np.sqrt(1 - _COMMON) * normal + np.sqrt(_COMMON) * random.normal(size=(known.draws, 1))
    return np.exp(normal * deviation - deviation**2 / 2)


def _swing(
    uncertain: Floats, known: Knowledge, random: np.random.Generator, watched: Watched | None
) -> Floats:
    """Draw the factor for the uncertain people of each label, (draws, 3), mean 1."""
    size = uncertain.sum(axis=1)
    unit = np.ones_like(size) if watched is None else np.maximum(watched.seconds, _LEAST)
    doubt = size / unit
    total = uncertain.sum(axis=0)
    mixture = total / max(total.sum(), _LEAST)
    known_mixture = doubt > 0.05
    shares = np.where(known_mixture[:, None], uncertain / np.maximum(size, _LEAST)[:, None], mixture)
    variance = known.spread @ np.stack([np.ones_like(doubt), doubt, doubt**2])
    variance *= EXCESS if watched is None else _MOMENTARY * unit * watched.moment_s
    covariance = np.einsum("p,pt,pu->tu", variance, shares, shares)
    scale = np.maximum(total, 0.05 * float(unit.mean() if len(unit) else 1.0))
    relative = covariance / np.outer(scale, scale)
    values, axes = np.linalg.eigh((relative + relative.T) / 2)
    logs = np.log1p(np.maximum(values, 0.0))
    normal = random.normal(size=(known.draws, N_LABELS)) * np.sqrt(logs) @ axes.T
    return np.exp(normal - (axes**2 @ logs) / 2)


def _label_noise(
    total: Floats, given: Factors, best: Corrected, random: np.random.Generator, known: Knowledge
) -> Floats:
    """Draw the deviation of the found people of each label from the expectation, (draws, 3)."""
    said = (total * given.face).sum(axis=(-2, -1))
    covariance = np.zeros((N_LABELS, N_LABELS))
    for label, number in enumerate(said):
        truth = best.truth[:, label]
        covariance += number * (np.diag(truth) - np.outer(truth, truth))
    values, axes = np.linalg.eigh(covariance)
    return random.normal(size=(known.draws, N_LABELS)) * np.sqrt(np.maximum(values, 0.0)) @ axes.T


def _variance_curve(doubt: Floats, error: Floats) -> Floats:
    """Fit squared errors by a + b u + c u², none negative (multiplicative updates of least squares)."""
    weight = 1 / (1 + doubt)
    design = np.stack([np.ones_like(doubt), doubt, doubt**2], axis=1) * weight[:, None]
    target = error**2 * weight
    gram, right = design.T @ design, design.T @ target
    answer = np.full(3, max(float(target.mean()), _LEAST))
    for _ in range(2000):
        answer = answer * right / np.maximum(gram @ answer, _LEAST)
    return answer
