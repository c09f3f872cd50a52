"""How long people stay in view, from how many are there; and that the interval follows it."""

from __future__ import annotations

import numpy as np
import pytest

from crowdmask.survey import Settings, read, survey
from crowdmask.survey.sources.stays import LONGEST_S, mean_stay_s
from crowdmask.survey.uncertainty import USUAL_STAY_S

from .conftest import face, frame


def people(stay_s: float, seconds: int = 3600, at_once: float = 3.0, seed: int = 0):
    """Return when people come and leave, who come at random and all stay as long."""
    random = np.random.default_rng(seed)
    begins = random.uniform(-stay_s, seconds, round(at_once * (seconds + stay_s) / stay_s))
    return np.maximum(begins, 0), np.minimum(begins + stay_s, seconds)


def stay_of(begins, ends, seconds: int = 3600, step_s: float = 1.0) -> float:
    time = np.arange(0, seconds, step_s)
    there = ((begins <= time[:, None]) & (time[:, None] < ends)).sum(axis=1)
    return mean_stay_s(np.zeros(len(time), int), time, np.full(len(time), step_s), there * step_s)


@pytest.mark.parametrize("step_s", [0.5, 1.0, 5.0])
@pytest.mark.parametrize(("stay_s", "low", "high"), [(4, 3, 14), (20, 15, 35), (60, 45, 115)])
def test_stay_is_told_from_the_number_of_people(stay_s, low, high, step_s) -> None:
    stays = [stay_of(*people(stay_s, seed=seed), step_s=step_s) for seed in range(3)]
    assert low < np.mean(stays) < high


def test_people_who_never_leave_stay_as_long_as_counts() -> None:
    assert stay_of(np.zeros(3), np.full(3, 3600)) == pytest.approx(LONGEST_S, rel=0.05)


def test_little_time_tells_little() -> None:
    assert stay_of(np.zeros(2), np.full(2, 3), seconds=3) == pytest.approx(USUAL_STAY_S, rel=0.2)
    nobody = mean_stay_s(np.zeros(5, int), np.arange(5.0), np.ones(5), np.zeros(5))
    assert nobody == USUAL_STAY_S


def test_a_clock_that_was_set_anew_takes_no_memory() -> None:
    time = np.array([0.0, 1.0, 2.0, 1.7e12])
    assert mean_stay_s(np.zeros(4, int), time, np.ones(4), np.ones(4)) == USUAL_STAY_S


def film(stay_s: float, tracks_of_s: float | None = None) -> list[dict]:
    """Return 30 minutes of people, two of three masked; tracks of `tracks_of_s` are one after the other."""
    begins, ends = people(stay_s, 1800)
    frames = []
    for time in np.arange(0, 1800, 1.0):
        here = np.flatnonzero((begins <= time) & (time < ends))
        piece = 0 if tracks_of_s is None else int(time // tracks_of_s)
        faces = [face(int(who % 3 == 0), 40, track=int(who) + 10_000 * piece) for who in here]
        frames.append(frame("hall", float(time), faces))
    return frames


def figure(write, rates_file, records, name):
    found = survey(read([str(write(records, name))]), Settings(rates=str(rates_file)))
    return next(iter(found.records()))["with_mask"]


def test_who_stays_long_widens_the_interval(write, rates_file) -> None:
    quick, slow = (
        figure(write, rates_file, film(stay_s), f"{stay_s}.jsonl")["interval"] for stay_s in (6, 100)
    )
    assert slow[1] - slow[0] > 1.1 * (quick[1] - quick[0])


def test_broken_tracks_change_nothing(write, rates_file) -> None:
    whole, broken = (
        figure(write, rates_file, film(30, tracks_of_s), f"{tracks_of_s}.jsonl") for tracks_of_s in (None, 4)
    )
    assert whole == broken


def test_events_tell_of_stays_too(write) -> None:
    def stay(stay_s: float) -> float:
        begins, ends = people(stay_s)
        events = [
            {"source": "c", "time_s": float(time), "event": event, "track": who, "label": "with_mask"}
            for who, pair in enumerate(zip(begins, ends, strict=True))
            for time, event in zip(pair, ("person_appeared", "person_left"), strict=True)
        ]  # fmt: skip
        return read([str(write(events, f"{stay_s}.jsonl"))]).stay_s

    assert stay(4) < 15 < stay(60)


def test_nobody_stays_longer_than_was_looked(write, rates_file) -> None:
    """Two of six are bare for all of ten seconds: they are more than nobody."""
    records = [
        frame("c", at / 5, [face(int(who > 3), 40, track=who) for who in range(6)]) for at in range(50)
    ]
    assert figure(write, rates_file, records, "short.jsonl")["interval"][1] < 1
    found = survey(read([str(write(records, "short.jsonl"))]), Settings(rates=str(rates_file)))
    assert next(iter(found.records()))["without_mask"]["interval"][0] > 0.05
