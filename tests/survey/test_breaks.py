from __future__ import annotations

import json

import numpy as np
import pytest

from crowdmask.labels import LABELS
from crowdmask.survey import Settings, read, survey
from crowdmask.survey.breaks import Tracks, kept_parts, near_ends

from .conftest import face, frame
from .walking import walk


@pytest.mark.parametrize("rates", [(0.0, 0.0), (0.02, 0.1), (0.15, 0.05)])
def test_passages_of_tracks_that_break_at_other_rates(rates) -> None:
    errors, raw, held = [], [], []
    for seed in range(12):
        tracks, label, begins = walk(np.random.default_rng(seed), 150, rates)
        true = np.bincount(label[begins], minlength=3) / begins.sum()
        number = np.bincount(label, minlength=3)
        kept, draws = kept_parts(label, near_ends(tracks), 300, np.random.default_rng(seed))
        best, drawn = number * kept, number * draws
        low, high = np.quantile(drawn[:, 0] / drawn.sum(axis=1), [0.025, 0.975])
        errors.append(best[0] / best.sum() - true[0])
        raw.append(number[0] / number.sum() - true[0])
        held.append(low <= true[0] <= high)
        assert best.sum() == pytest.approx(begins.sum(), rel=0.12)
    assert np.mean(held) >= 0.9
    assert abs(np.mean(errors)) < 0.02
    if rates != (0.0, 0.0):
        assert abs(np.mean(raw)) > 0.07


@pytest.mark.parametrize("rates", [(0.2, 0.05), (0.02, 0.1)])
@pytest.mark.parametrize("other", [{"gap_s": 2.0}, {"uneven": 0.5}, {"standing": 0.3}])
def test_no_label_is_favoured_by_breaks(rates, other) -> None:
    """Long gaps, places that are off and people who stand; masked tracks break more often, or less."""
    errors = []
    for seed in range(8):
        tracks, label, begins = walk(np.random.default_rng(seed), 200, rates, **other)
        number = np.bincount(label, minlength=3)
        kept, _ = kept_parts(label, near_ends(tracks), 2, np.random.default_rng(seed))
        best = number * kept
        errors.append(best[0] / best.sum() - (label[begins] == 0).mean())
    assert abs(np.mean(errors)) < 0.015


def test_who_left_the_picture_did_not_break() -> None:
    """One walks out at the edge, another one comes in there: their tracks are two people's."""
    rows = [one(0, 10, 500, -50), one(11, 20, 0, 50), one(0, 30, 1800)]
    source, began, ended, first, last = (np.array(column) for column in zip(*rows, strict=True))
    near = near_ends(Tracks(source, began.astype(float), ended.astype(float), first, last))
    assert not near.before.any()


def one(began, ended, x, speed=0.0, width=40.0, source=0):
    return source, began, ended, (x, 100.0, width), (x + speed * (ended - began), 100.0, width)


@pytest.mark.parametrize(
    ("other", "expected"),
    [
        (one(0, 9, 500), (True, False)),  # ended 1 s before, there
        (one(0, 4.9, 500), (False, False)),  # long ago
        (one(0, 9, 700), (False, False)),  # elsewhere
        (one(0, 9, 50, 45), (True, False)),  # its speed leads there
        (one(0, 9, 500, width=80), (False, False)),  # a far larger face
        (one(0, 11, 500), (False, True)),  # still there
        (one(10.5, 11, 500), (False, False)),  # came later
        (one(0, 9, 500, source=1), (False, False)),  # another video
    ],
)
def test_where_a_track_goes_on(other, expected) -> None:
    rows = [one(10, 20, 500), other, one(0, 60, 1800), one(0, 60, 1800, source=1)]
    source, began, ended, first, last = (np.array(column) for column in zip(*rows, strict=True))
    near = near_ends(Tracks(source, began.astype(float), ended.astype(float), first, last))
    assert (near.before[0, 1], near.chance[0, 1] > 0) == expected


def test_a_cut_breaks_no_tracks() -> None:
    """Five people in each of two scenes, at the same places; then one of the second scene breaks."""
    rows = [one(0, 10, 300 * at) for at in range(5)] + [one(10.1, 30, 300 * at) for at in range(1, 5)]
    rows += [one(10.1, 18, 0), one(19, 30, 0), one(25, 40, 1800)]
    source, began, ended, first, last = (np.array(column) for column in zip(*rows, strict=True))
    near = near_ends(Tracks(source, began.astype(float), ended.astype(float), first, last))
    assert np.flatnonzero(near.before[:, 1]).tolist() == [10]


def test_nobody_and_one() -> None:
    none = Tracks(np.zeros(0, int), np.zeros(0), np.zeros(0), np.zeros((0, 3)), np.zeros((0, 3)))
    assert near_ends(none).before.shape == near_ends(none).chance.shape == (0, 2)
    kept, draws = kept_parts(np.zeros(0, int), near_ends(none), 10, np.random.default_rng(0))
    assert kept.tolist() == [1, 1, 1]
    assert np.isfinite(draws).all()


@pytest.mark.parametrize("breaks", [(0.0, 0.0), (0.2, 0.05), (0.02, 0.1)])
def test_events_of_broken_tracks_have_wide_intervals(write, rates_file, breaks) -> None:
    """Events tell no places: what the times cannot tell is in the interval."""
    held = []
    for seed in range(6):
        tracks, label, begins = walk(np.random.default_rng(seed), 30, breaks)
        events = [
            {"source": "c", "time_s": float(time), "event": event, "track": at, "label": LABELS[label[at]]}
            for at in range(len(label))
            for time, event in (
                (tracks.began_s[at], "person_appeared"),
                (tracks.ended_s[at], "person_left"),
            )
        ]
        path = write(sorted(events, key=lambda event: float(str(event["time_s"]))), f"{seed}.jsonl")
        found = survey(read([str(path)], "passage"), Settings(rates=str(rates_file), draws=300))
        (record,) = found.records()
        low, high = record["with_mask"]["interval"]
        held.append(low <= (label[begins] == 0).mean() <= high)
        assert any("taken out" in note for note in record["notes"])
    assert sum(held) >= 5


def film(breaks: bool) -> list[dict]:
    """30 bare and 30 masked people, one after the other; tracks of the bare ones break twice."""
    records, track = [], 0
    for person in range(60):
        for tenth in range(0, 100, 2):
            bare = person % 2 == 1
            track += tenth == 0 or (breaks and bare and tenth in (30, 60))
            if not (breaks and bare and tenth in (32, 34, 62, 64)):
                seen = face(int(bare), track=track)
                seen["box"] = [
                    each + side for each, side in zip(seen["box"], [12 * tenth, 0] * 2, strict=True)
                ]
                records.append(frame("hall", person * 20 + tenth / 10, [seen]))
            else:
                records.append(frame("hall", person * 20 + tenth / 10, []))
    return records


@pytest.mark.parametrize("breaks", [False, True])
def test_records_of_broken_tracks(write, rates_file, breaks) -> None:
    path = write(film(breaks), f"{breaks}.jsonl")
    found = survey(read([str(path)], "passage"), Settings(rates=str(rates_file)))
    (record,) = found.records()
    assert record["with_mask"]["share"] == pytest.approx(0.5, abs=0.05)
    assert record["with_mask"]["raw_share"] == pytest.approx(0.25 if breaks else 0.5)
    assert record["people"] == pytest.approx(60, rel=0.08)
    assert any("taken out" in note for note in record["notes"])
    json.dumps(record, allow_nan=False)
