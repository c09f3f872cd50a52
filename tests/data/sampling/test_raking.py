from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crowdmask.data.sampling.raking import Margin, aims, choose, rake


def margin(name: str, *columns) -> Margin:
    return Margin(name, tuple(f"v{i}" for i in range(len(columns))), np.array(columns, float).T)


def one_hot(values, size: int) -> Margin:
    return margin("m", *(np.array(values) == i for i in range(size)))


def test_one_margin_becomes_even():
    uneven = one_hot([0] * 9 + [1] * 3 + [2] * 4, 3)
    weights = rake([uneven], strength=1, cap=10)
    assert uneven.shares(weights) == pytest.approx([1 / 3] * 3, abs=1e-5)
    assert weights.mean() == pytest.approx(1)
    assert len(set(weights[:9].round(6))) == 1


@pytest.mark.parametrize(
    ("strength", "shares"), [(0, [0.64, 0.36, 0]), (0.5, [0.8 / 1.4, 0.6 / 1.4, 0]), (1, [0.5, 0.5, 0])]
)
def test_the_strength_says_how_far_to_go_and_what_is_not_there_stays_away(strength, shares):
    uneven = one_hot([0] * 64 + [1] * 36, 3)
    assert aims(uneven, strength) == pytest.approx(shares)
    assert uneven.shares(rake([uneven], strength, 10)) == pytest.approx(shares, abs=1e-4)


def test_two_margins_are_met_together():
    rng = np.random.default_rng(0)
    first = one_hot(rng.choice(3, 2000, p=(0.7, 0.2, 0.1)), 3)
    second = one_hot(rng.choice(2, 2000, p=(0.9, 0.1)), 2)
    weights = rake([first, second], 1, 50)
    assert first.shares(weights) == pytest.approx([1 / 3] * 3, abs=0.001)
    assert second.shares(weights) == pytest.approx([0.5] * 2, abs=0.001)


def test_photos_of_several_values_and_unknown_ones_count_for_their_part():
    mixed = Margin("m", ("a", "b"), np.array([[1, 0], [1, 0], [0.5, 0.5], [0, 0]]))
    weights = rake([mixed], 1, 4)
    assert weights[2] > weights[0] == weights[1]
    after = mixed.shares(weights)
    assert abs(after[0] - after[1]) < 0.5 * abs(np.subtract(*mixed.shares(np.ones(4))))


@given(
    st.lists(st.tuples(st.integers(0, 3), st.integers(0, 2)), min_size=2, max_size=60),
    st.floats(0, 1),
    st.floats(1, 8),
)
def test_weights_stay_within_the_cap_with_mean_one(rows, strength, cap):
    margins = [one_hot([a for a, _ in rows], 4), one_hot([b for _, b in rows], 3)]
    weights = rake(margins, strength, cap)
    assert (weights <= cap + 1e-6).all()
    assert (weights >= 1 / cap - 1e-6).all()
    assert weights.mean() == pytest.approx(1, abs=1e-3)


@given(st.integers(1, 40), st.integers(0, 5), st.data())
def test_exactly_so_many_are_chosen(number, seed, data):
    weights = np.array(data.draw(st.lists(st.floats(0.01, 100), min_size=number, max_size=60)))
    chosen = choose(weights, number, np.random.default_rng(seed).permutation(len(weights)), seed)
    assert chosen.sum() == number


def test_what_weighs_more_is_chosen_more_often():
    weights = np.array([1.0] * 50 + [4.0] * 50)
    picks = sum(choose(weights, 30, np.arange(100), seed) for seed in range(200))
    assert picks[50:].mean() / picks[:50].mean() == pytest.approx(4, rel=0.1)
