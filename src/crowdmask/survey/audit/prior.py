"""Combine a labelled share with what the shipped rates say, as far as the two agree."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from crowdmask.survey.cells import Floats
from crowdmask.survey.shares import Interval

# Chosen on `val`, with rates from one half or without one source (benchmarks/survey_simulated.py): how
# probable it is beforehand that the rates do not hold here, and how many faces their mean is worth then.
_OTHER, _OTHER_FACES = 0.7, 1.0
_MOST_FACES = 1e4
"""Beyond so many independent faces the labelled ones decide alone."""

_LOGITS = np.linspace(-30.0, 30.0, 20001)
_SHARES = 1 / (1 + np.exp(-_LOGITS))
_LOG_SHARE, _LOG_REST = -np.logaddexp(0.0, -_LOGITS), -np.logaddexp(0.0, _LOGITS)


@dataclass(frozen=True, eq=False)
class Combined:
    """A share by both sources of knowledge.

    Attributes:
        share, interval: its mean, and its 95 % interval.
        holds: probability that the shipped rates hold here.
        draws: values that it may have.
    """

    share: float
    interval: Interval
    holds: float
    draws: Floats


def combine(share: float, faces: float, shipped: Floats, random: np.random.Generator) -> Combined | None:
    """Combine a labelled share with draws of the same share by the shipped rates.

    The prior is a mixture of two Beta distributions: that of the draws, and for the case that the rates do
    not hold here, one with the same mean that is worth few faces. Labelled faces that contradict the draws
    leave the second, so the shipped rates narrow the interval where they agree, and else do not matter.

    Args:
        share: as labelled, 0 to 1.
        faces: how many independent faces it is worth.
        shipped: (draws,) values of the share by the shipped rates.
        random: for the draws of the result.
    Returns:
        None if the labelled faces decide alone.

    Source: Schmidli et al., Robust meta-analytic-predictive priors in clinical trials with historical control
        information (2014), sections 2.2 and 3.
    """
    if faces > _MOST_FACES:
        return None
    mean = float(np.clip(shipped.mean(), 1e-4, 1 - 1e-4))
    worth = mean * (1 - mean) / max(float(shipped.var()), 1e-9) - 1
    priors = [(weight, max(mean * number, 1e-3), max((1 - mean) * number, 1e-3)) for weight, number in (
        (1 - _OTHER, min(max(worth, _OTHER_FACES), _MOST_FACES)), (_OTHER, _OTHER_FACES),
    )]  # fmt: skip
    posts = [(a + share * faces, b + (1 - share) * faces) for _, a, b in priors]
    evidence = [
        math.log(weight) + _log_beta(*post) - _log_beta(a, b)
        for (weight, a, b), post in zip(priors, posts, strict=True)
    ]
    holds = 1 / (1 + math.exp(min(evidence[1] - evidence[0], 700.0)))
    density = holds * _density(*posts[0]) + (1 - holds) * _density(*posts[1])
    below = np.cumsum(density) / density.sum()
    low, high, *drawn = np.interp([0.025, 0.975, *random.random(len(shipped))], below, _SHARES)
    middle = float((density * _SHARES).sum() / density.sum())
    return Combined(middle, (float(low), float(high)), holds, np.array(drawn))


def _density(a: float, b: float) -> Floats:
    """Return the density of the logit of a Beta-distributed share on `_LOGITS`."""
    return np.exp(a * _LOG_SHARE + b * _LOG_REST - _log_beta(a, b))


def _log_beta(a: float, b: float) -> float:
    return math.lgamma(a) + math.lgamma(b) - math.lgamma(a + b)
