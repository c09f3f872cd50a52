"""What the rates expect of a photo's error steadies what a few labelled photos show."""

from __future__ import annotations

import numpy as np
import pytest

from crowdmask.survey.audit.draw import draw_photos
from crowdmask.survey.audit.errors import expected_errors
from crowdmask.survey.audit.inference import Audited, Labelled, estimate_labelled
from crowdmask.survey.cells import SHOWN
from crowdmask.survey.uncertainty import Knowledge


def photos(faces: list[int], label: int = 0) -> np.ndarray:
    """Photos with so many faces of 32 px and wider, all alike."""
    cells = np.zeros((len(faces), 3, 4, 6))
    cells[:, label, 2, 4] = faces
    return cells


def test_errors_grow_with_faces_and_are_those_of_their_labels(rates) -> None:
    known = Knowledge(rates, SHOWN, draws=100)
    predicted, errors = expected_errors(photos([0, 2, 30]), known)
    assert predicted[1:, 0] == pytest.approx(predicted[1, 0] * np.array([1, 15]))
    assert errors == pytest.approx(errors.transpose(0, 2, 1))
    assert (np.linalg.eigvalsh(errors) > -1e-9).all()
    assert errors[0, 0, 0] <= errors[1, 0, 0] < errors[2, 0, 0]
    assert errors[2, 0, 0] > errors[2, 1, 1]


def labelled(seed: int, lost: float, expected: float | None) -> tuple[Labelled, float]:
    """Label about 60 faces of 120 photos; the rates expect so much variance for each face."""
    random = np.random.default_rng(seed)
    people = random.poisson(5, 120)
    masked = random.binomial(people, random.beta(1.2, 1.2, 120))
    truth = np.stack([masked, people - masked, np.zeros(120)], axis=1).astype(float)
    predicted = truth.copy()
    predicted[:, 0] = random.binomial(masked, 1 - lost)
    draw = draw_photos(predicted.sum(axis=1).astype(int), 60, seed)
    errors = None if expected is None else expected * predicted[:, :, None] * np.eye(3)
    audited = Audited(predicted, draw.looks, truth[draw.looks], draw.probability, errors)
    each = estimate_labelled(audited)[1]["with_mask"]
    assert isinstance(each, Labelled)
    return each, truth[:, 0].sum() / truth.sum()


def widths(lost: float, expected: float | None) -> np.ndarray:
    return np.array(
        [np.subtract(*labelled(seed, lost, expected)[0].interval[::-1]) for seed in range(60)], np.float64
    )


@pytest.mark.parametrize("lost", [0.1, 0.4])
def test_steadier_and_narrower_intervals_cover(lost) -> None:
    expected = lost * (1 - lost)
    found = [labelled(seed, lost, expected) for seed in range(120)]
    held = [each.interval[0] <= true <= each.interval[1] for each, true in found]
    assert np.mean(held) >= 0.92
    without, with_ = widths(lost, None), widths(lost, expected)
    assert with_.mean() < 0.95 * without.mean()
    assert with_.std() / with_.mean() < without.std() / without.mean()


def test_rates_that_expect_far_more_are_not_believed() -> None:
    assert widths(0.1, 1e6).mean() < 1.8 * widths(0.1, None).mean()


def test_rates_that_expect_no_error_do_not_hide_those_shown() -> None:
    assert widths(0.4, 0.0).mean() > 0.6 * widths(0.4, None).mean()
