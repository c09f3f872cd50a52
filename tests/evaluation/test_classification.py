from __future__ import annotations

import math

import numpy as np
import pytest

from crowdmask.evaluation.classification import ConfusionCounts, count_confusion, tallies

A, B, C, D = (0, 0, 20, 20), (100, 0, 120, 20), (200, 0, 220, 20), (300, 0, 320, 20)
WITH, WITHOUT, INCORRECT = 0, 1, 2


@pytest.fixture
def two_pictures(scored):
    first = scored(
        [(*A, WITH, 0), (*B, WITHOUT, 0), (*C, INCORRECT, 0), (*D, INCORRECT, 0), (400, 0, 450, 50, 1, 1)],
        [
            (*A, WITH, 0.9),
            (*B, WITH, 0.8),
            (*C, WITHOUT, 0.7),
            # Below the threshold: not shown, so D is missed.
            (*D, INCORRECT, 0.4),
            # In the ignore region: neither right nor wrong.
            (410, 10, 430, 30, WITH, 0.6),
            (0, 300, 20, 320, INCORRECT, 0.6),
        ],
    )
    return [first, scored([(*A, WITH, 0)], [(*A, WITH, 0.9)])]


def test_counts(two_pictures):
    result = count_confusion(two_pictures)
    assert result.confusion.tolist() == [[2, 0, 0], [1, 0, 0], [0, 1, 0]]
    assert result.missed.tolist() == [0, 0, 1]
    assert result.false.tolist() == [0, 0, 1]


def test_rates(two_pictures):
    result = count_confusion(two_pictures)
    assert result.recall == pytest.approx(4 / 5)
    assert result.precision == pytest.approx(4 / 5)
    # A mask worn incorrectly and said to be none is right under two classes, wrong under three.
    assert result.two_class_confusion.tolist() == [[2, 0], [1, 1]]
    assert result.class_accuracy == pytest.approx(3 / 4)
    assert result.balanced_accuracy == pytest.approx((1 + 1 / 2) / 2)
    assert result.class_accuracy_3 == pytest.approx(2 / 4)
    assert result.balanced_accuracy_3 == pytest.approx((1 + 0 + 0) / 3)
    by_label = result.to_dict()["recall_by_label"]
    assert by_label == pytest.approx({"with_mask": 1, "without_mask": 1, "mask_worn_incorrect": 0.5})


def test_tallies_add_up_to_the_outcome(two_pictures):
    rows = tallies(two_pictures)
    assert rows.shape == (2, 15)
    assert ConfusionCounts.from_vector(rows.sum(axis=0)).to_dict() == count_confusion(two_pictures).to_dict()
    twice_the_second = ConfusionCounts.from_vector(np.array([0.0, 2.0]) @ rows)
    assert (twice_the_second.recall, twice_the_second.confusion[0, 0]) == (1.0, 2.0)


@pytest.mark.parametrize("name", ["recall", "precision", "class_accuracy", "balanced_accuracy_3"])
def test_nothing_to_measure_is_not_a_number(name):
    assert math.isnan(getattr(count_confusion([]), name))
