"""How long people stay in view, from how many are there: tracks that break do not change it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from crowdmask.survey.cells import Floats
from crowdmask.survey.uncertainty import USUAL_STAY_S

LONGEST_S = 120.0
"""As long an error about a person lasts at most: by then they have turned or moved, seconds."""

MOST_STEPS = 3_000_000
"""More than a month of seconds between the first and the last frame: the source's clock was set anew."""

_SHORTEST_S = 1.0
# So much time in which people stay as long as usual is added to what was observed.
_ADDED_S = 120.0
_MOST_LAGS, _LAGS_OF_TIME = 600, 3


def mean_stay_s(source: NDArray[np.integer], time_s: Floats, observed_s: Floats, person_s: Floats) -> float:
    """Return how long somebody stays in view who is there at any moment, seconds.

    Where people come independently and stay for the times T, the variance of their number is its mean, and
    its covariance over all distances in time adds up to the mean times sum(T^2) / sum(T), the stay asked for.
    So it is the sum of the autocorrelation. A variance below the mean tells of people who stay all the time.

    Args:
        source, time_s: (N,) of each frame, or other part of the time.
        observed_s: (N,) duration that it represents.
        person_s: (N,) seconds of people in it.
    Returns:
        1 to 120 s, the mean over sources weighted by their people.

    Source: Geyer, Practical Markov chain Monte Carlo (1992), section 3.3 (where the sum ends).
    """
    stays, people, observed = 0.0, 0.0, 0.0
    for number in np.unique(source):
        mine = source == number
        step_s = max(float(np.median(observed_s[mine])), 1.0)
        step = np.floor((time_s[mine] - time_s[mine].min()) / step_s + 1e-6).astype(np.int64)
        length = int(step.max()) + 1
        if length > MOST_STEPS:
            continue
        seconds = np.bincount(step, observed_s[mine], length)
        there = np.bincount(step, person_s[mine], length)
        stays += _stay(there / np.maximum(seconds, 1e-9), seconds > 0, step_s) * float(there.sum())
        people += float(there.sum())
        observed += float(seconds.sum())
    if people <= 0:
        return USUAL_STAY_S
    return (stays / people * observed + USUAL_STAY_S * _ADDED_S) / (observed + _ADDED_S)


def _stay(number: Floats, known: NDArray[np.bool_], step_s: float) -> float:
    """Return the stay of one source, seconds, from the number of people in each step of time."""
    mean = float(number[known].mean()) if known.any() else 0.0
    if mean <= 0:
        return USUAL_STAY_S
    lags = min(len(number) // _LAGS_OF_TIME, _MOST_LAGS) + 1
    covariance = _autocovariance(np.where(known, number - mean, 0.0), known, lags)
    if covariance[0] <= 0:
        return LONGEST_S
    # Neighbours are added in pairs until a pair is not positive: what follows is chance.
    paired = covariance[: len(covariance) // 2 * 2].reshape(-1, 2).sum(axis=1)
    stop = int(np.argmax(paired <= 0)) if (paired <= 0).any() else len(paired)
    total = 2 * float(paired[:stop].sum()) - float(covariance[0])
    correlated = min(max(total / float(covariance[0]) * step_s, _SHORTEST_S), LONGEST_S)
    moving = min(float(covariance[0]) / mean, 1.0)
    return moving * correlated + (1 - moving) * LONGEST_S


def _autocovariance(deviation: Floats, known: NDArray[np.bool_], lags: int) -> Floats:
    """Return the covariance of values so many steps apart, (lags,), of those that are known."""
    size = 2 ** int(np.ceil(np.log2(len(deviation) + lags)))
    sums, pairs = (
        np.fft.irfft(np.abs(np.fft.rfft(each, size)) ** 2, size)[:lags]
        for each in (deviation, known.astype(np.float64))
    )
    return sums / np.maximum(np.round(pairs), 1)
