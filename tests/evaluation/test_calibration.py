from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crowdmask.evaluation.calibration import (
    calibration_sums,
    choose_threshold,
    choose_thresholds,
    expected_error,
    fit_calibration,
    judge,
    reliability,
)
from crowdmask.labels import LABELS

A, B = (0, 0, 20, 20), (100, 0, 120, 20)
WITH, WITHOUT, INCORRECT = 0, 1, 2


def test_reliability_by_hand():
    confidence = np.array([0.72, 0.78, 0.7, 0.25, 1.0], np.float32)
    right = np.array([True, True, False, False, True])
    result = reliability(confidence, right)
    assert result.count.tolist() == [0, 0, 1, 0, 0, 0, 0, 3, 0, 1]
    assert result.confidence[[2, 7, 9]] == pytest.approx([0.25, 2.2 / 3, 1.0])
    assert result.right[[2, 7, 9]] == pytest.approx([0, 2 / 3, 1])
    # 1/5 * 0.25 + 3/5 * |0.7333 - 0.6667| + 1/5 * 0
    assert result.expected_error == pytest.approx(0.05 + 0.04)
    assert math.isnan(result.right[0])


def test_reliability_of_nothing():
    assert math.isnan(reliability(np.zeros(0, np.float32), np.zeros(0, bool)).expected_error)


def test_sums_over_pictures_give_the_same_error(crowd):
    sums = calibration_sums(crowd, 0.1)
    judged = judge(crowd, 0.1)
    whole = reliability(judged.confidence, judged.right)
    assert sums.shape == (60, 11)
    assert expected_error(sums.sum(axis=0)) == pytest.approx(whole.expected_error, abs=1e-9)
    # A picture drawn twice counts twice.
    twice = judge([*crowd, crowd[0]], 0.1)
    weights = np.ones(60)
    weights[0] = 2
    expected = reliability(twice.confidence, twice.right).expected_error
    assert expected_error(weights @ sums) == pytest.approx(expected, abs=1e-9)
    assert math.isnan(expected_error(np.zeros(11)))


def test_judge_knows_two_classes_and_leaves_ignored_ones_out(scored):
    picture = scored(
        [(*A, INCORRECT, 0), (*B, WITH, 0), (400, 0, 450, 50, 1, 1)],
        [
            (*A, WITHOUT, 0.9),
            (*B, WITHOUT, 0.8),
            (410, 10, 430, 30, WITH, 0.7),
            (300, 300, 310, 310, WITH, 0.6),
            (300, 400, 310, 410, WITH, 0.05),
        ],
        shown_from=0.75,
    )
    judged = judge([picture], minimum=0.1)
    assert judged.confidence == pytest.approx([0.9, 0.8, 0.6])
    assert judged.right.tolist() == [True, False, False]
    assert judged.class_id.tolist() == [WITHOUT, WITHOUT, WITH]
    assert len(judge([picture]).right) == 4
    assert judge([picture], found=False).right.tolist() == [True, False]


@st.composite
def judgements(draw):
    count = draw(st.integers(1, 200))
    levels = draw(st.integers(1, 50))
    raw = draw(st.lists(st.integers(0, levels), min_size=count, max_size=count))
    right = draw(st.lists(st.booleans(), min_size=count, max_size=count))
    return np.array(raw) / levels, np.array(right)


@settings(deadline=None)
@given(judgements(), st.integers(4, 30))
def test_any_table_rises_strictly_from_zero_within_its_knots(judged, knots):
    raw, right = judged
    table = fit_calibration(raw, right, knots)
    x, y = np.array(table["raw"]), np.array(table["confidence"])
    assert len(x) == len(y) <= knots
    assert (x[0], x[-1], y[0]) == (0, 1, 0)
    assert y[-1] <= 1
    assert (np.diff(x) > 0).all()
    assert (np.diff(y) > 0).all()


@pytest.mark.parametrize(
    "truth",
    [
        lambda raw: raw,
        lambda raw: raw**2,
        lambda raw: np.sqrt(raw) * 0.9,
        lambda raw: 1 / (1 + np.exp(9 - 15 * raw)),
    ],
    ids=["calibrated", "too sure", "not sure enough", "steep"],
)
def test_a_fitted_table_is_right_about_new_detections(truth):
    random = np.random.default_rng(1)
    raw, fresh = random.beta(0.6, 1.5, (2, 8000))
    table = fit_calibration(raw, random.random(8000) < truth(raw))
    said = np.interp(fresh, table["raw"], table["confidence"])
    assert np.abs(said - truth(fresh)).mean() < 0.02
    assert reliability(said, random.random(8000) < truth(fresh)).expected_error < 0.02


def test_the_faintest_keep_one_per_cent_and_their_order():
    raw = np.repeat(np.linspace(0.01, 0.95, 200), 40)
    right = (np.arange(len(raw)) % 40 < 40 * (raw - 0.3)) & (raw > 0.3)
    table = fit_calibration(raw, right)
    said = np.interp([0.0, 0.01, 0.02, 0.05, 0.1, 0.2, 0.8], table["raw"], table["confidence"])
    assert said[:3] == pytest.approx([0, 0.005, 0.01], abs=2e-5)
    assert (np.diff(said) > 0).all()
    assert said[3:5] == pytest.approx(0.01, abs=1e-3)
    assert said[6] == pytest.approx(0.5, abs=0.02)


def test_a_handful_of_right_ones_is_no_certainty():
    table = fit_calibration(np.array([0.2, 0.3, 0.8, 0.9]), np.array([False, False, True, True]))
    said = np.interp([0.25, 0.85], table["raw"], table["confidence"])
    assert said == pytest.approx([1 / 6, 5 / 6], abs=2e-3)


@pytest.mark.parametrize(
    ("raw", "right", "knots"),
    [
        ([], [], 24),
        ([0.5, 0.5], [True], 24),
        ([1.5], [True], 24),
        ([math.nan], [True], 24),
        ([0.5], [True], 3),
    ],
)
def test_what_cannot_be_fitted_is_refused(raw, right, knots):
    with pytest.raises(ValueError, match=r"scores|table"):
        fit_calibration(np.array(raw, float), np.array(right, bool), knots)


@pytest.mark.parametrize(
    ("confidence", "right", "faces", "precision", "expected"),
    [
        # All right: down to the last, half-way to 0.
        pytest.param([0.9, 0.6], [1, 1], 2, 0.9, 0.3, id="all right"),
        # Below 0.7 the precision falls to 2/3, then 3/4, both short of 0.9.
        pytest.param([0.9, 0.7, 0.5, 0.3], [1, 1, 0, 1], 3, 0.9, 0.6, id="precision binds"),
        # F1 at 0.9: 2/4, 0.7: 4/5, 0.5: 4/6, 0.3: 6/7.
        pytest.param([0.9, 0.7, 0.5, 0.3], [1, 1, 0, 1], 3, 0.7, 0.15, id="best F1"),
        pytest.param([0.9, 0.7, 0.5, 0.3, 0.1], [1, 1, 0, 0, 0], 3, 0.1, 0.6, id="best F1 before the end"),
        # None reaches 0.9; 2 of 3 is nearest.
        pytest.param([0.9, 0.8, 0.6, 0.4], [0, 1, 1, 0], 2, 0.9, 0.5, id="out of reach"),
        # The equals at 0.7 come together: 1 of 2 is too few.
        pytest.param([0.9, 0.7, 0.7], [1, 1, 0], 2, 0.9, 0.8, id="equals"),
        pytest.param([], [], 2, 0.9, 0.5, id="nothing said"),
    ],
)
def test_choose_threshold(confidence, right, faces, precision, expected):
    chosen = choose_threshold(np.array(confidence), np.array(right, bool), faces, precision)
    assert chosen == pytest.approx(expected)


def test_thresholds_reach_their_precision_label_by_label(crowd):
    chosen = choose_thresholds(crowd, precision=0.7)
    assert tuple(chosen) == LABELS
    judged = judge(crowd)
    for class_id, label in enumerate(LABELS[:2]):
        shown = (judged.class_id == class_id) & (judged.confidence >= chosen[label])
        assert judged.right[shown].mean() >= 0.7
        assert shown.sum() > 20
