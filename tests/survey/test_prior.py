from __future__ import annotations

import json

import numpy as np
import pytest

from crowdmask.survey import Settings, read, survey
from crowdmask.survey.audit.draw import draw_photos
from crowdmask.survey.audit.inference import Audited, Labelled, estimate_labelled
from crowdmask.survey.audit.prior import combine
from crowdmask.survey.shares import FIGURES, make_figures

from .conftest import face, photo


def draws(mean: float, sd: float, seed: int = 0):
    return np.clip(np.random.default_rng(seed).normal(mean, sd, 1000), 0.0, 1.0)


def combined(share: float, faces: float, shipped):
    both = combine(share, faces, shipped, np.random.default_rng(0))
    assert both is not None
    assert both.interval[0] <= both.share <= both.interval[1]
    return both


def test_rates_that_agree_narrow_the_interval() -> None:
    both = combined(0.7, 90, draws(0.72, 0.04))
    labelled_width = 2 * 1.96 * (0.7 * 0.3 / 90) ** 0.5
    assert both.interval[1] - both.interval[0] < 0.85 * labelled_width
    assert both.holds > 0.6
    assert both.share == pytest.approx(0.71, abs=0.01)
    assert both.draws.mean() == pytest.approx(both.share, abs=0.005)


@pytest.mark.parametrize("shipped", [0.2, 0.4, 0.999])
def test_rates_that_contradict_hardly_count(shipped) -> None:
    both = combined(0.7, 90, draws(shipped, 0.03))
    assert both.holds < 0.1
    assert both.share == pytest.approx(0.7, abs=0.02)
    assert both.interval == pytest.approx((0.6, 0.79), abs=0.02)


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_a_label_that_nobody_or_everybody_has(share) -> None:
    both = combined(share, 60, draws(abs(share - 0.02), 0.02))
    assert both.share == pytest.approx(share, abs=0.03)
    assert 0.0 <= both.interval[0] < both.interval[1] <= 1.0


def test_what_is_wholly_labelled_is_known() -> None:
    assert combine(0.7, 1e9, draws(0.5, 0.1), np.random.default_rng(0)) is None


def trial(seed: int, lost: float) -> tuple[bool, float, float]:
    """Label about 100 faces of 150 photos of which the rates expect that one masked face in ten is missed."""
    random = np.random.default_rng(seed)
    level = random.beta(1.2, 1.2, 150)
    people = random.poisson(6, 150)
    masked = random.binomial(people, level)
    truth = np.stack([masked, people - masked, np.zeros(150, int)], axis=1).astype(float)
    predicted = truth.copy()
    predicted[:, 0] = random.binomial(masked, 1 - lost) / 0.9
    draw = draw_photos(predicted.sum(axis=1).astype(int), 100, seed, None, 0.2 * predicted.sum(axis=1))
    labelled = estimate_labelled(Audited(predicted, draw.looks, truth[draw.looks], draw.probability))[1]
    each = labelled["with_mask"]
    assert isinstance(each, Labelled)
    logit = np.log(predicted[:, 0].sum() / predicted[:, 1].sum()) + random.normal(0, 0.12, 500)
    both = combined(each.share, each.worth, 1 / (1 + np.exp(-logit)))
    true = truth[:, 0].sum() / truth.sum()
    low, high = both.interval
    return low <= true <= high, (high - low) / (each.interval[1] - each.interval[0]), both.share - true


@pytest.mark.parametrize(("lost", "narrower"), [(0.1, 0.9), (0.25, 1.1), (0.55, 1.2)])
def test_coverage_where_the_rates_hold_and_where_they_do_not(lost, narrower) -> None:
    held, widths, errors = zip(*(trial(seed, lost) for seed in range(120)), strict=True)
    assert np.mean(held) >= 0.9
    assert np.mean(widths) < narrower
    assert abs(np.mean(errors)) < 0.025


def test_photos_in_doubt_are_drawn_more_often() -> None:
    faces, doubt = np.full(200, 5), np.repeat([0.2, 6.0], 100)
    drawn = np.concatenate([draw_photos(faces, 100, seed, None, doubt).looks for seed in range(40)])
    assert 1.5 < (drawn >= 100).sum() / (drawn < 100).sum() < 4


def test_of_crowds_enough_photos_are_drawn() -> None:
    faces = np.repeat([3, 40], 50)
    drawn = [draw_photos(faces, 100, seed, None, faces / 4).looks for seed in range(30)]
    assert 7.5 <= np.mean([len(looks) for looks in drawn]) <= 25
    assert 60 < np.mean([faces[looks].sum() for looks in drawn]) < 140


def answers(path, faces: list[dict], sources: list[str], label: str):
    path.write_text(json.dumps({"crowdmask_audit": 1, "labeller": "A", "photos": [
        {"source": source, "probability": 0.5, "done": True,
         "faces": [{"box": each["box"], "label": label} for each in faces]} for source in sources
    ]}))  # fmt: skip
    return str(path)


@pytest.fixture
def result(write, rates_file, tmp_path):
    """Two folders of equal photos, half of them labelled."""
    faces = [face(0), face(0), face(1)]
    names = [f"{folder}/{at}.jpg" for folder in "ab" for at in range(30)]
    path = write([photo(name, faces) for name in names])

    def run(label: str):
        said = answers(tmp_path / "a.json", faces, names[::2], label)
        settings = Settings(
            by="folder", rates=str(rates_file), answers=(said,), draws=300, compare=(("a", "b"),)
        )
        return survey(read([str(path)]), settings)

    return run


def test_shares_add_up_and_groups_vary_apart(result) -> None:
    found = result("with_mask")
    for record in found.records():
        assert sum(record[label]["share"] for label in FIGURES[:3]) == pytest.approx(1, abs=2e-5)
        for name in FIGURES:
            low, high = record[name]["interval"]
            assert low <= record[name]["share"] <= high
        assert record["with_mask"]["share"] > 0.95
        assert any("contradict" in note for note in record["notes"])
    first, second = (group.estimate.figures["with_mask"].draws for group in found.groups)
    assert len(first) == len(second) == 300
    assert abs(np.corrcoef(first, second)[0, 1]) < 0.3


def test_a_refused_figure_has_no_draws() -> None:
    figures = make_figures(None, None, np.array([3.0, 1.0, 0.0]), 4)
    assert all(figure.draws is None for figure in figures.values())
