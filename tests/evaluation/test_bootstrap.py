from __future__ import annotations

import math

import numpy as np
import pytest

from crowdmask.evaluation.bootstrap import bootstrap_interval, bootstrap_intervals


def test_interval_of_a_mean_is_that_of_theory():
    values = np.random.default_rng(0).normal(0.7, 0.1, 400)
    low, high = bootstrap_interval(lambda w: float(w @ values / w.sum()), 400, samples=2000)
    half = 1.96 * values.std() / 20
    assert (low, high) == pytest.approx((values.mean() - half, values.mean() + half), abs=0.0015)


def test_same_seed_same_draws():
    def measure(weights):
        return float(weights[0])

    assert bootstrap_interval(measure, 30, 50, seed=7) == bootstrap_interval(measure, 30, 50, seed=7)
    drawn: list[float] = []
    bootstrap_interval(lambda w: drawn.append(w.sum()) or 0.0, 30, 5, seed=8)
    assert drawn == [30] * 5


def test_samples_without_a_value_are_left_out():
    low, high = bootstrap_interval(lambda w: 1.0 if w[0] else math.nan, 3, 50)
    assert (low, high) == (1.0, 1.0)
    assert all(math.isnan(end) for end in bootstrap_interval(lambda w: math.nan, 3, 5))
    assert all(math.isnan(end) for end in bootstrap_interval(lambda w: 1.0, 0, 5))


def test_several_measures_are_of_the_same_draws():
    values = np.random.default_rng(1).normal(0, 1, 40)

    def first(weights):
        return float(weights @ values)

    def second(weights):
        return float(weights @ values**2)

    found = bootstrap_intervals(lambda w: [first(w), second(w), math.nan], ["a", "b", "c"], 40, 60, seed=3)
    assert found["a"] == bootstrap_interval(first, 40, 60, seed=3)
    assert found["b"] == bootstrap_interval(second, 40, 60, seed=3)
    assert all(math.isnan(end) for end in found["c"])
