from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from crowdmask.survey.quantify import CONFIDENCE, CONFUSION, RECALL, Factors, correct, factors
from crowdmask.survey.uncertainty import Knowledge, draw_people

from .conftest import made_up_rates


def cells(*amounts: float) -> np.ndarray:
    """Detections of each label, all of 32 to 64 px and nearly sure."""
    result = np.zeros((3, 4, 6))
    for label, amount in enumerate(amounts):
        result[label, 2, 5] = amount
    return result


def exact(confusion=None, missed=0.0, face=1.0) -> Factors:
    matrix = np.eye(3) if confusion is None else np.array(confusion)
    return Factors(np.full((3, 4, 6), face), matrix, np.broadcast_to(missed, (3, 4)))


def test_nothing_known_leaves_counts_as_they_are() -> None:
    assert correct(cells(30, 10, 2), exact()).people == pytest.approx([30, 10, 2], abs=1e-6)


def test_recall_adds_the_missed() -> None:
    missed = np.array([[1 / 9], [1.0], [0.25]])
    assert correct(cells(90, 10, 4), exact(missed=missed)).people == pytest.approx([100, 20, 5], abs=1e-4)


def test_confidence_takes_away_what_is_no_face() -> None:
    assert correct(cells(100, 0, 0), exact(face=0.8)).people.sum() == pytest.approx(80)


@pytest.mark.parametrize("truth", [(80, 20, 0), (20, 80, 0), (50, 30, 20), (5, 90, 5)])
def test_confused_labels_are_put_right_whatever_the_shares(truth) -> None:
    confusion = np.array([[0.9, 0.08, 0.02], [0.05, 0.93, 0.02], [0.2, 0.1, 0.7]])
    said = np.array(truth) @ confusion
    assert correct(cells(*said), exact(confusion)).people == pytest.approx(truth, abs=1.0)


@given(arrays(np.float64, (3, 4, 6), elements=st.floats(0, 1e4)))
def test_shares_are_never_negative_nor_more_than_all(amounts) -> None:
    rates = made_up_rates(40)
    found, missed = rates.from_floor(0)
    people = correct(amounts, factors(found.sum(axis=0), missed.sum(axis=0), 0)).people
    assert (people >= 0).all()
    assert np.isfinite(people).all()


@pytest.mark.parametrize("floor", [0, 3, 4])
def test_rates_give_back_what_they_were_measured_on(floor) -> None:
    rates = made_up_rates(1000)  # of few photos, labels are taken to be missed more alike than they were
    found, missed = rates.from_floor(floor)
    shown = np.zeros((3, 4, 6))
    shown[..., floor:] = found.sum(axis=(0, 1))
    truth = found[:, :3].sum(axis=(0, 2, 3, 4)) + missed.sum(axis=(0, 2))
    people = correct(shown, factors(found.sum(axis=0), missed.sum(axis=0), floor)).people
    assert people / people.sum() == pytest.approx(truth / truth.sum(), abs=0.01)


def test_each_correction_can_be_left_out(rates) -> None:
    found, missed = (each.sum(axis=0) for each in rates.from_floor(0))
    none = factors(found, missed, 0, ())
    assert correct(cells(30, 10, 2), none).people == pytest.approx([30, 10, 2], abs=1e-6)
    recall = correct(cells(30, 10, 2), factors(found, missed, 0, (RECALL,))).people
    assert recall[1] / 10 == pytest.approx(1 / 0.7, rel=0.15)
    assert recall[0] / 30 == pytest.approx(1 / 0.95, rel=0.1)
    confused = correct(cells(300, 10, 2), factors(found, missed, 0, (CONFUSION,))).people
    assert confused.sum() == pytest.approx(312)
    sure = correct(cells(30, 10, 2), factors(found, missed, 0, (CONFIDENCE,))).people
    assert sure.sum() < 42


def test_draws_are_the_same_for_the_same_seed(rates) -> None:
    photos = np.stack([cells(3, 2, 0)] * 20)
    draws = [draw_people(photos, Knowledge(rates, 0, draws=200, seed=seed), 7)[1] for seed in (1, 1, 2)]
    assert (draws[0] == draws[1]).all()
    assert (draws[0] != draws[2]).any()


def test_less_is_known_of_few_photos_and_of_few_measured_ones() -> None:
    photos = np.stack([cells(3, 2, 0)] * 60)

    def width(number: int, measured: int) -> float:
        _, people = draw_people(photos[:number], Knowledge(made_up_rates(measured), 0), 0)
        low, high = np.quantile(people[:, 0] / people.sum(axis=1), [0.025, 0.975])
        return float(high - low)

    assert width(5, 200) > width(60, 200)
    assert width(60, 10) > width(60, 200)


def test_without_corrections_the_interval_is_that_of_independent_faces(rates) -> None:
    photos = np.stack([cells(3, 2, 0)] * 20)
    _, people = draw_people(photos, Knowledge(rates, 3, (), draws=4000), 0)
    low, high = np.quantile(people[:, 0] / people.sum(axis=1), [0.025, 0.975])
    assert (low, high) == pytest.approx((0.5, 0.69), abs=0.03)
