from __future__ import annotations

import numpy as np
import pytest

from crowdmask.survey.quantify import RECALL, factors
from crowdmask.survey.weighting import CLUSTERING, weigh

from .conftest import made_up_rates


def photos(*faces_and_missed: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Photos of bare faces of 8 to 16 px, so many found and so many missed."""
    found = np.zeros((len(faces_and_missed), 4, 3, 4, 6))
    missed = np.zeros((len(faces_and_missed), 3, 4))
    for number, (hits, lost) in enumerate(faces_and_missed):
        found[number, 1, 1, 0, 5], missed[number, 1, 0] = hits, lost
    return found, missed


def test_a_crowd_counts_as_its_effective_number_of_faces() -> None:
    measured = weigh(*photos((1, 0), (50, 50)))
    crowd, single = measured.hits[1, 1, 0] / 50, measured.hits[0, 1, 0]
    assert crowd / single == pytest.approx(1 / (1 + 99 * CLUSTERING))
    assert (measured.hits + measured.missed).sum() == pytest.approx(101)


def test_one_crowd_does_not_decide_the_rate() -> None:
    found, missed = photos(*[(4, 1)] * 20, (10, 90))
    even = weigh(found, missed).total()
    assert missed.sum() / found.sum() > 1
    assert even.missed.sum() / even.hits.sum() == pytest.approx(0.4, abs=0.15)


@pytest.mark.parametrize(("photos_measured", "nearly"), [(20, 0.9), (4000, 0.15)])
def test_labels_are_missed_alike_unless_many_faces_tell_otherwise(photos_measured, nearly) -> None:
    """Faces with a mask are missed 0.12 times as often as bare ones in the made-up rates."""
    found, missed = (each.sum(axis=0) for each in made_up_rates(photos_measured).from_floor(0))
    odds = factors(found, missed, 0, (RECALL,)).missed
    assert odds[0, 0] / odds[1, 0] == pytest.approx(nearly, abs=0.35 if photos_measured < 100 else 0.04)


def test_nothing_measured_gives_finite_rates() -> None:
    measured = weigh(np.zeros((0, 4, 3, 4, 6)), np.zeros((0, 3, 4))).total()
    odds = factors(measured.found, measured.missed, 0, hits=measured.hits).missed
    assert np.isfinite(odds).all()
