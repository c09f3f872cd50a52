from __future__ import annotations

import numpy as np
import pytest

from crowdmask.survey.cells import SHOWN
from crowdmask.survey.outside import OTHER_KIND, compare
from crowdmask.survey.quantify import CONFUSION, RECALL
from crowdmask.survey.uncertainty import Knowledge

from .conftest import made_up_rates


@pytest.fixture(scope="module")
def known(rates) -> Knowledge:
    return Knowledge(rates, SHOWN, draws=100)


def group(photos: int, certain: float, seed: int = 0):
    """Photos of six faces of 32 px and wider, of which so many are nearly certain; `rates` has .632."""
    random = np.random.default_rng(seed)
    cells = np.zeros((photos, 3, 4, 6))
    for photo in cells:
        sure = random.random(6) < certain
        for label, certain_ in zip(random.integers(0, 2, 6), sure, strict=True):
            photo[label, 2, 5 if certain_ else 4] += 1
    return cells


@pytest.mark.parametrize(
    ("certain", "word"), [(0.632, None), (0.5, "less sure"), (0.3, "less sure"), (0.85, "surer")]
)
def test_other_confidences_are_told_and_widen(known, certain, word) -> None:
    found = compare(group(200, certain), 0.0, known)
    assert [note for note in found.notes if "sure" in note] == [
        note for note in found.notes if word is not None and word in note
    ]
    assert (found.kind_scale >= OTHER_KIND) == (word is not None)
    assert len(found.notes) == (word is not None)


def test_the_more_they_differ_the_wider_up_to_a_limit(known) -> None:
    scales = [compare(group(400, certain), 0.0, known).kind_scale for certain in (0.55, 0.5, 0.4, 0.0)]
    assert scales == sorted(scales)
    assert scales[-1] == 6.0


def test_few_photos_differ_by_chance(known) -> None:
    scales = [compare(group(20, 0.632, seed), 0.0, known).kind_scale for seed in range(60)]
    assert np.mean(np.array(scales) == 1.0) > 0.7
    assert np.mean(scales) < 1.3
    assert compare(group(1, 0.0), 0.0, known).kind_scale == 1.0


def test_nobody_seen_tells_nothing(known) -> None:
    assert compare(np.zeros((3, 3, 4, 6)), 0.0, known) == compare(np.zeros((0, 3, 4, 6)), 5.0, known)


def test_followed_faces_may_be_surer_but_are_no_photos(known) -> None:
    surer, unsure = (compare(group(200, certain), 0.0, known, video=True) for certain in (0.95, 0.5))
    assert (surer.kind_scale, surer.notes) == (OTHER_KIND, ())
    assert unsure.kind_scale > OTHER_KIND
    assert "less sure" in unsure.notes[0]


@pytest.mark.parametrize(
    ("corrections", "told"),
    [((RECALL,), "interval was widened"), ((CONFUSION,), "was not widened"), ((), "was not")],
)
def test_what_is_not_corrected_is_not_widened(rates, corrections, told) -> None:
    known = Knowledge(rates, SHOWN, corrections, draws=100)
    (note,) = compare(group(200, 0.3), 0.0, known).notes
    assert told in note


def test_rates_of_few_photos_differ_by_chance_too() -> None:
    """Groups like those measured: rates of 40 photos are off by more than those of 400."""
    alike = [group(200, 0.632, seed) for seed in range(5)]
    known = [Knowledge(made_up_rates(40, seed=seed), SHOWN, draws=100) for seed in range(12)]
    scales = [compare(each, 0.0, rates_).kind_scale for each in alike for rates_ in known]
    assert np.mean(np.array(scales) == 1.0) > 0.7
    assert np.mean(scales) < 1.5
