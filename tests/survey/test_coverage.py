"""Intervals hold a truth that is made, as often as they say: for a place, and for video."""

from __future__ import annotations

import numpy as np
import pytest

from crowdmask.survey.cells import SHOWN
from crowdmask.survey.estimate import PHOTOS, PLACE, estimate_group
from crowdmask.survey.grouping import Clusters, Group
from crowdmask.survey.sightings import FACE, PERSON_TIME, Sightings
from crowdmask.survey.uncertainty import Knowledge

RECALL, TRIALS = np.array([0.95, 0.7, 0.9]), 40
"""Recall of the made-up rates, by label."""


@pytest.fixture(scope="module")
def known(rates) -> Knowledge:
    return Knowledge(rates, SHOWN, draws=200)


def look_at(random, look, label, amount, unit, looks) -> Sightings:
    """What the detector of the made-up rates says of faces that it found."""
    number = len(look)
    said = np.where(random.random(number) < 0.02, (label + 1) % 3, label)
    sure = random.choice([0.5, 0.8, 0.95], number, p=[0.15, 0.2, 0.65])
    none = np.zeros(looks)
    seconds = none if unit == FACE else none + 60
    return Sightings(
        unit, tuple(f"{at}.jpg" for at in range(looks)), np.arange(looks, dtype=np.int32), none, none,
        seconds, none, np.ones(looks, np.int64), look.astype(np.int32), said.astype(np.int8),
        np.full(number, 40, np.float32), sure.astype(np.float32), amount.astype(np.float32),
    )  # fmt: skip


def with_mask(seen: Sightings, names: list[str], known: Knowledge, target: str):
    group = Group("all", np.ones(seen.looks, bool))
    figure = estimate_group(seen, group, Clusters(names, {}, {}, True), known, target).figures["with_mask"]
    assert figure.share is not None
    assert figure.interval is not None
    assert figure.raw_interval is not None
    return figure


def measured(trials) -> tuple[float, float, float, float]:
    """Return how often the interval and the raw one hold the truth, the mean width, and the mean error."""
    rows = []
    for figure, true in trials:
        low, high = figure.interval
        raw_low, raw_high = figure.raw_interval
        rows.append((low <= true <= high, raw_low <= true <= raw_high, high - low, figure.share - true))
    held, raw, width, error = np.mean(rows, axis=0)
    return held, raw, width, error


def visits(seed: int, known: Knowledge, number: int = 14, photos: int = 8):
    """Visits to a place whose share of masks differs from one to the next."""
    random = np.random.default_rng(seed)
    middle = random.uniform(0.25, 0.75)
    level = np.repeat(random.beta(middle * 5, (1 - middle) * 5, number), photos)
    faces = random.poisson(4, len(level))
    look = np.repeat(np.arange(len(level)), faces)
    label = (random.random(len(look)) >= np.repeat(level, faces)).astype(int)
    found = random.random(len(look)) < RECALL[label]
    seen = look_at(random, look[found], label[found], np.ones(found.sum()), FACE, len(level))
    return with_mask(seen, [str(at // photos) for at in range(len(level))], known, PLACE), middle


def test_a_place_whose_visits_differ(known) -> None:
    held, raw, width, error = measured(visits(seed, known) for seed in range(TRIALS))
    assert 0.88 <= held <= 0.99
    assert raw < 0.6
    assert width < 0.42
    assert abs(error) < 0.035


def hour(seed: int, known: Knowledge):
    """A camera whose miss rates are its own; people stay for a while, and each is missed for a part of it."""
    random = np.random.default_rng(seed)
    level, minutes = random.uniform(0.2, 0.8), 40
    odds = (1 / RECALL - 1) * np.exp(random.normal(0, 0.6, 3))
    minute = np.repeat(np.arange(minutes), random.poisson(8, minutes))
    label = (random.random(len(minute)) >= level).astype(int)
    stays = random.exponential(15, len(minute))
    recall = (1 / (1 + odds))[label]
    part = random.beta(recall * 2, (1 - recall) * 2)
    seen = look_at(random, minute, label, stays * part, PERSON_TIME, minutes)
    true = stays[label == 0].sum() / stays.sum()
    return with_mask(seen, [""] * minutes, known, PHOTOS), true, seen


def test_an_hour_of_video(known) -> None:
    held, raw, width, error = measured(hour(seed, known)[:2] for seed in range(TRIALS))
    assert held >= 0.9
    assert raw < 0.6
    assert width < 0.24
    assert abs(error) < 0.035


def test_broken_tracks_change_no_person_time(known) -> None:
    figure, _, seen = hour(1, known)
    times = np.where(seen.label == 0, 1, 4)
    halves = np.repeat(np.arange(len(seen.look)), times)
    broken = Sightings(
        seen.unit, seen.sources, seen.source, seen.time_s, seen.offset_s, seen.observed_s, seen.gaps_s,
        seen.frames, seen.look[halves], seen.label[halves], seen.width_px[halves], seen.confidence[halves],
        (seen.amount / times)[halves].astype(np.float32),
    )  # fmt: skip
    again = with_mask(broken, [""] * seen.looks, known, PHOTOS)
    assert again.share == pytest.approx(figure.share, abs=1e-5)
    assert again.interval == pytest.approx(figure.interval, abs=1e-4)
