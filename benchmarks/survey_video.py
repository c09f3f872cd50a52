"""How often the interval of person-time holds the share of masks, where cameras, stays and breaks differ.

People come to a camera and stay; the camera misses each for a part of the stay, by miss rates of its own, and
tracks break at a rate of their label. The miss rates of all cameras are a draw of what is known of them (the
posterior of the shipped rates): with a common and a label's factor of each camera. Wrong labels, confidences
and false tracks are as often as measured.

python benchmarks/survey_video.py
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crowdmask.survey.cells import LEAST_WIDTH_PX, N_CONFIDENCES, N_LABELS, SHOWN, WIDTHS_PX
from crowdmask.survey.estimate import PHOTOS, estimate_group
from crowdmask.survey.grouping import Clusters, Group
from crowdmask.survey.rates import NO_FACE, shipped_rates
from crowdmask.survey.sightings import LOOK_S, PERSON_TIME, Sightings
from crowdmask.survey.sources.stays import mean_stay_s
from crowdmask.survey.uncertainty import Knowledge

Floats = NDArray[np.float64]
WORLDS = 400


@dataclass(frozen=True)
class Setting:
    """One row of the table.

    Attributes:
        minutes: of video.
        stay_s: mean time in view.
        people: in view at once, on average.
        common, apart: standard deviations of the logarithm of a camera's miss rates: of all labels, of each.
        breaks_a_second: of tracks with and without a mask.
    """

    minutes: int = 60
    stay_s: float = 15.0
    people: float = 2.0
    common: float = 0.5
    apart: float = 0.3
    breaks_a_second: tuple[float, float] = (0.2, 0.05)


SETTINGS = (
    *(Setting(stay_s=stay_s) for stay_s in (4.0, 15.0, 90.0, 600.0)),
    *(Setting(breaks_a_second=breaks) for breaks in ((0.0, 0.0), (0.02, 0.1), (0.5, 0.1))),
    *(Setting(people=people) for people in (0.3, 15.0)),
    *(Setting(minutes=minutes) for minutes in (5, 600)),
    *(Setting(common=common, apart=apart) for common, apart in ((0, 0), (0.3, 0.3), (0.7, 0.3), (0, 0.6))),
)


def main() -> None:
    """Simulate and print a table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--trials", type=int, default=200)
    parser.add_argument("--model", default="crowd")
    options = parser.parse_args()
    rates = shipped_rates(None, options.model)
    assert rates is not None
    known = Knowledge(rates, SHOWN)
    worlds = Knowledge(rates, SHOWN, draws=WORLDS, seed=99)
    for setting in SETTINGS:
        rows = np.array([trial(setting, known, worlds, seed) for seed in range(options.trials)])
        held, width, error, raw, raw_error, stay = np.nanmean(rows, axis=0)
        print(
            f"{setting}: interval holds {held:.3f} (width {width:.3f}), mean error {error:+.4f}; "
            f"raw holds {raw:.3f}, mean error {raw_error:+.4f}; stay of {stay:.0f} s; "
            f"{np.isnan(rows[:, 0]).mean():.0%} refused",
            flush=True,
        )


def trial(setting: Setting, known: Knowledge, worlds: Knowledge, seed: int) -> tuple[float, ...]:
    """Return whether the interval holds, its width, the error, the same of the raw share, and the stay."""
    random = np.random.default_rng([seed, 11])
    seen, true = film(setting, worlds, random)
    group = Group(f"{seed}", np.ones(seen.looks, bool))
    estimate = estimate_group(seen, group, Clusters([""] * seen.looks, {}, {}, True), known, PHOTOS)
    figure = estimate.figures["with_mask"]
    if figure.share is None or figure.interval is None or figure.raw_interval is None:
        return (np.nan,) * 6
    low, high = figure.interval
    raw_low, raw_high = figure.raw_interval
    return (
        low <= true <= high, high - low, figure.share - true, raw_low <= true <= raw_high,
        (figure.raw_share or 0.0) - true, seen.stay_s or np.nan,
    )  # fmt: skip


def film(setting: Setting, worlds: Knowledge, random: np.random.Generator) -> tuple[Sightings, float]:
    """Return what a detector saw of a camera, and the true share of the time of people with a mask."""
    world, seconds = int(random.integers(worlds.draws)), setting.minutes * 60.0
    number = random.poisson(setting.people * (seconds + 8 * setting.stay_s) / setting.stay_s)
    begins = random.uniform(-8 * setting.stay_s, seconds, number)
    ends = np.minimum(begins + random.exponential(setting.stay_s, number), seconds)
    begins = np.maximum(begins, 0.0)
    here = ends > begins
    begins, ends = begins[here], ends[here]
    level = random.uniform(0.1, 0.9)
    label = random.choice(N_LABELS, len(begins), p=(level * 0.95, 1 - level, level * 0.05))
    width = random.integers(1, len(WIDTHS_PX), len(begins))
    own = random.normal(0, setting.common) + random.normal(0, setting.apart, N_LABELS)
    recall = 1 / (1 + worlds.drawn.missed[world][label, width] * np.exp(own)[label])
    part = random.beta(2 * recall, 2 * (1 - recall) + 1e-9)
    true = float((ends - begins)[label == 0].sum() / (ends - begins).sum())
    said, sure = _as_said(label, width, worlds, world, random)
    rows = [each[part > 0] for each in (begins, ends, part, label, said, width, sure)]
    rows = [np.concatenate(pair) for pair in zip(rows, _false(rows, worlds, random), strict=True)]
    return _pieces(setting, rows, random, seconds), true


def _as_said(
    label: NDArray[np.integer],
    width: NDArray[np.integer],
    worlds: Knowledge,
    world: int,
    random: np.random.Generator,
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Draw the label and the class of confidence that the detector gives each person."""
    confusion = worlds.drawn.confusion[world][label].cumsum(axis=1)
    said = (random.random((len(label), 1)) > confusion[:, :-1]).sum(axis=1)
    found, _ = worlds.rates.from_floor(SHOWN)
    faces = found[:, :NO_FACE].sum(axis=(0, 1)) + 0.1
    chances = (faces / faces.sum(axis=-1, keepdims=True))[said, width].cumsum(axis=1)
    return said, SHOWN + (random.random((len(label), 1)) > chances[:, :-1]).sum(axis=1)


def _false(rows: list[NDArray[Any]], worlds: Knowledge, random: np.random.Generator) -> list[NDArray[Any]]:
    """Draw tracks that are no faces: as many for each of a label, width and confidence as measured."""
    begins, ends, part, _, said, width, sure = rows
    face = worlds.best.face[said, width, sure]
    more = np.repeat(np.arange(len(face)), random.poisson((1 - face) / face))
    return [each[more] for each in (begins, ends, part, np.full(len(face), -1), said, width, sure)]


def _pieces(
    setting: Setting, rows: list[NDArray[Any]], random: np.random.Generator, seconds: float
) -> Sightings:
    """Return the sightings of broken tracks; a person is found in the same part of each of their seconds."""
    begins, ends, part, label, said, width, sure = rows
    rate = np.append(setting.breaks_a_second, (setting.breaks_a_second[0], 0.0))[label]
    pieces = 1 + random.poisson(rate * (ends - begins))
    person = np.repeat(np.arange(len(pieces)), pieces)
    cut = random.random(len(person))
    first = np.append(0, pieces.cumsum()[:-1])
    cut[first] = 0.0
    order = np.lexsort((cut, person))
    starts = cut[order]
    stops = np.append(starts[1:], 1.0)
    stops[np.append(first[1:], len(starts)) - 1] = 1.0
    begun = begins[person] + starts * (ends - begins)[person]
    ended = begins[person] + stops * (ends - begins)[person]
    minutes = np.arange(setting.minutes, dtype=np.float64)[:, None] * LOOK_S
    there = np.clip(np.minimum(ended, minutes + LOOK_S) - np.maximum(begun, minutes), 0, None)
    look, piece = np.nonzero(there)
    whose = person[piece]
    step = np.arange(int(seconds))
    at_once = np.zeros(len(step) + 1)
    np.add.at(at_once, begins.astype(int), part)
    np.add.at(at_once, np.minimum(ends.astype(int), len(step)), -part)
    at_once = at_once.cumsum()[:-1]
    none = np.zeros(setting.minutes)
    confidence = np.array([0.0] * SHOWN + [0.5, 0.8, 0.99])[:N_CONFIDENCES]
    return Sightings(
        PERSON_TIME, ("camera",), none.astype(np.int32), none * np.nan, minutes[:, 0], none + LOOK_S, none,
        np.full(setting.minutes, 600), look.astype(np.int32), said[whose].astype(np.int8),
        (np.array(WIDTHS_PX)[width] + LEAST_WIDTH_PX / 2)[whose].astype(np.float32),
        confidence[sure][whose].astype(np.float32), (there[look, piece] * part[whose]).astype(np.float32),
        stay_s=mean_stay_s(np.zeros(len(step), np.int64), step.astype(float), np.ones(len(step)), at_once),
    )  # fmt: skip


if __name__ == "__main__":
    main()
