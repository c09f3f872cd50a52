"""Estimate from an audit: the detector's counts of all photos, corrected by the labelled ones.

Where the labelled photos agree with the shipped rates, these narrow the interval: see `audit.prior`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from crowdmask.survey.audit.draw import FEWEST_PHOTOS
from crowdmask.survey.cells import N_LABELS, Floats
from crowdmask.survey.place import FEWEST, make_sample, student_975
from crowdmask.survey.shares import FIGURES, Interval, parts

_RATIO_FROM = 5.0
_FEW_ERRORS, _RARE = 4.0, 2.0
# Chosen on `val` (benchmarks/survey_simulated.py): by how much errors are widened beyond what the labelled
# photos show; what part of the variance that the rates expect is taken, since the labelled photos set the
# counts right; how many labelled photos it is worth; and how many times the variance shown it counts at most,
# as rates that expect more do not hold here.
_SKEW = 1.25
_EXPECTED_PART, _EXPECTED_PHOTOS, _MOST_EXPECTED = 0.8, 5, 8.0


@dataclass(frozen=True, eq=False)
class Audited:
    """The labelled photos of a group.

    Attributes:
        predicted: (L, 3) the detector's corrected number of people in every photo of the group, by label.
        at: (n,) indices of the labelled photos.
        truth: (n, 3) labelled number of people, by label.
        probability: (n,) with which each was drawn.
        errors: (L, 3, 3) covariance of the error of `predicted`, as the model's rates expect; None: unknown.
    """

    predicted: Floats
    at: np.ndarray
    truth: Floats
    probability: Floats
    errors: Floats | None = None


@dataclass(frozen=True)
class Labelled:
    """One figure as the labelled photos show it.

    Attributes:
        share, interval: of all photos, with its 95 % interval.
        worth: number of independent faces that the interval corresponds to.
    """

    share: float
    interval: Interval
    worth: float


def estimate(audited: Audited) -> tuple[Floats, dict[str, tuple[float, Interval] | None]]:
    """Return people by label, and each figure with its 95 % interval; None if it cannot be estimated.

    The detector's counts are summed over all photos; the labelled ones show their error. This is correct
    whatever the detector's errors are, and the less these vary, the narrower the interval.

    Source: Angelopoulos et al., Prediction-powered inference (2023), and PPI++ (2023); for photos drawn with
        unequal probabilities the ratio and difference estimators of Särndal, Swensson and Wretman, Model
        assisted survey sampling (1992), sections 6.3 and 7.3.
    """
    people, labelled = estimate_labelled(audited)
    return people, {
        name: None if each is None else (each.share, each.interval) for name, each in labelled.items()
    }


def estimate_labelled(audited: Audited) -> tuple[Floats, dict[str, Labelled | None]]:
    """Return the same as `estimate`, with what each figure is worth."""
    weight = 1 / audited.probability
    people = np.maximum(_totals(audited, weight, 1.0), 0.0)
    return people, {name: _figure(audited, weight, partial(parts, name)) for name in FIGURES}


def _totals(audited: Audited, weight: Floats, power: float) -> Floats:
    rest = audited.truth - power * audited.predicted[audited.at]
    return power * audited.predicted.sum(axis=0) + (rest * weight[:, None]).sum(axis=0)


def _figure(
    audited: Audited, weight: Floats, split: Callable[[Floats], tuple[Floats, Floats]]
) -> Labelled | None:
    number = len(weight)
    some, whole = split(audited.truth)
    some_said, whole_said = split(audited.predicted[audited.at])
    if number < FEWEST_PHOTOS or (whole * weight).sum() <= 0:
        return None
    some_all, whole_all = (float(each.sum()) for each in split(audited.predicted))
    part, part_left = _set_right(some, some_said, some_all, weight, 1 - audited.probability)
    other, other_left = _set_right(
        whole - some, whole_said - some_said, whole_all - some_all, weight, 1 - audited.probability
    )
    if part + other <= 0:
        return None
    share = part / (part + other)
    left = (1 - share) * part_left - share * other_left
    shown = _variance(left, weight, 1 - audited.probability)
    seen = float(whole.sum())
    # As if half a face more of each kind had been labelled: an unseen label is not impossible.
    smooth = (share * seen + 0.5) / (seen + 1)
    # By chance few errors may have been seen: the uncertainty is at least that of this many errors.
    least = _FEW_ERRORS / seen**2 * (smooth**2 + (1 - smooth) ** 2)
    least *= float((1 - audited.probability).mean()) * 4 * smooth * (1 - smooth)
    # Two ratios were fitted to these photos; and a photo with a missed crowd is rarely among a few dozen.
    freedom = number - 3
    expected = _expected_variance(audited, weight, _slopes(split, smooth))
    spread, freedom = _pooled(shown * number / freedom, expected, freedom)
    spread /= (part + other) ** 2
    # Labelled photos are known: only the others are uncertain.
    rest = max(float((1 - audited.probability).mean()), 1e-6)
    error = math.sqrt(max(spread, least))
    worth = _worth(share, error, seen / rest) * (1.959964 / student_975(freedom)) ** 2
    return Labelled(share, _interval(share, error, seen / rest, freedom), worth)


def _set_right(
    truth: Floats, said: Floats, said_of_all: float, weight: Floats, not_drawn: Floats
) -> tuple[float, Floats]:
    """Estimate the people of one kind in all photos, and the residuals of the labelled ones.

    If enough of the kind are expected, the expectation is multiplied by the ratio of labelled to expected
    people (a ratio estimator: misses grow with detections); otherwise the weighted difference is added.
    """
    expected = float((said * weight).sum())
    if float(said.sum()) >= _RATIO_FROM and said_of_all > 0:
        ratio = float((truth * weight).sum()) / expected
        # On the scale of all photos: by chance the labelled ones may contain more or fewer of the kind.
        scale = said_of_all / expected
        return ratio * said_of_all, (truth - ratio * said) * scale
    power = _slope(truth, said, weight, not_drawn)
    total = power * said_of_all + float(((truth - power * said) * weight).sum())
    return max(total, 0.0), truth - power * said


def _slope(truth: Floats, said: Floats, weight: Floats, rest: Floats) -> float:
    value = truth * weight
    other = said * weight
    value, other = value - value.mean(), other - other.mean()
    spread = float((rest * other**2).sum())
    if spread <= 0:
        return 1.0
    return min(max(float((rest * value * other).sum()) / spread, 0.0), 1.0)


def _slopes(split: Callable[[Floats], tuple[Floats, Floats]], share: float) -> Floats:
    """Return by how much one person more of each label moves the share, times all people, (3,)."""
    part, whole = split(np.eye(N_LABELS))
    return part - share * whole


def _expected_variance(audited: Audited, weight: Floats, slopes: Floats) -> float | None:
    """Return what `_variance` is expected to be by the rates; None if they are not known."""
    if audited.errors is None:
        return None
    each = slopes @ audited.errors @ slopes
    drawn = each[audited.at]
    # By chance the labelled photos may be in doubt more or less than all.
    scale = float(each.sum()) / max(float((weight * drawn).sum()), 1e-12)
    return scale * float(((1 - audited.probability) * weight**2 * drawn).sum())


def _pooled(shown: float, expected: float | None, freedom: int) -> tuple[float, int]:
    """Return the variance by the labelled photos and by the rates together, and its degrees of freedom.

    Few photos show their variance badly: the expected one counts as that of `_EXPECTED_PHOTOS` more (a scaled
    inverse chi-squared prior).

    Source: Gelman et al., Bayesian data analysis (2013), section 2.6.
    """
    if expected is None:
        return shown * _SKEW**2, freedom
    prior = min(_EXPECTED_PART * expected, _MOST_EXPECTED * shown)
    both = freedom * shown * _SKEW**2 + _EXPECTED_PHOTOS * prior
    return both / (freedom + _EXPECTED_PHOTOS), freedom + _EXPECTED_PHOTOS


def _variance(rest: Floats, weight: Floats, not_drawn: Floats) -> float:
    """Return the variance of the sum of `rest` over all photos (Hájek's approximation for a fixed number)."""
    number = len(rest)
    value = rest * weight
    centre = float((not_drawn * value).sum() / not_drawn.sum()) if not_drawn.sum() > 0 else 0.0
    return number / (number - 1) * float((not_drawn * (value - centre) ** 2).sum())


def _interval(share: float, error: float, seen: float, freedom: int) -> Interval:
    """Return an interval like Wilson's, with Student's t, for the effective number of faces.

    Args:
        share: 0 to 1.
        error: its standard error.
        seen: number of labelled faces; it limits the effective number, so that a kind without errors is
            not certain.
        freedom: degrees of freedom.
    """
    worth = _worth(share, error, seen)
    t = student_975(freedom)
    middle = (share + t * t / (2 * worth)) / (1 + t * t / worth)
    half = t / (1 + t * t / worth) * math.sqrt(share * (1 - share) / worth + t * t / (4 * worth**2))
    return max(min(middle - half, share), 0.0), min(max(middle + half, share), 1.0)


def _worth(share: float, error: float, seen: float) -> float:
    """Return the effective number of faces of a share; arguments as of `_interval`."""
    smooth = (share * seen + 0.5) / (seen + 1)
    worth = smooth * (1 - smooth) / max(error**2, 1e-12)
    return min(worth, seen) if min(share, 1 - share) * seen < _RARE else worth


def estimate_place(
    audited: Audited, cluster: Sequence[str], stratum: dict[str, str], weight: dict[str, float]
) -> tuple[Floats, dict[str, tuple[float, Interval] | None], int]:
    """Return people, figures and degrees of freedom for the place from which the clusters were drawn.

    Each photo's value is the detector's, plus the correction if it is labelled; the variation between
    clusters includes both the sampling and the audit (ultimate clusters).

    Args:
        audited: the labelled photos.
        cluster: L names, one for each photo; empty: left out.
        stratum, weight: by name of the cluster.
    """
    values = audited.predicted.copy()
    rest = audited.truth - audited.predicted[audited.at]
    values[audited.at] += rest / audited.probability[:, None]
    sample, _ = make_sample(values, cluster, stratum, weight)
    totals = sample.cells * sample.weight[:, None]
    people = np.maximum(totals.sum(axis=0), 0.0)
    found: dict[str, tuple[float, Interval] | None] = dict.fromkeys(FIGURES)
    if sample.clusters < FEWEST or sample.freedom < 1:
        return people, found, sample.freedom
    for name in FIGURES:
        part, whole = parts(name, totals)
        if whole.sum() <= 0:
            continue
        share = min(max(float(part.sum() / whole.sum()), 0.0), 1.0)
        residual = part - share * whole
        variance = 0.0
        for number in np.unique(sample.stratum):
            mine = residual[sample.stratum == number]
            variance += len(mine) / (len(mine) - 1) * float(((mine - mine.mean()) ** 2).sum())
        error = math.sqrt(variance) / float(whole.sum())
        seen = max(float(parts(name, audited.truth)[1].sum()), 1.0)
        found[name] = share, _interval(share, error, seen, sample.freedom)
    return people, found, sample.freedom
