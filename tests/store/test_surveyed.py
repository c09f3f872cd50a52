from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from typer.testing import CliRunner

from crowdmask.cli.main import app
from crowdmask.errors import DataError, SourceError
from crowdmask.store.store import Store, open_store
from crowdmask.store.surveyed import StoredTracks
from crowdmask.survey import Settings, survey

from .test_store import NOW, TRACK, minute

LATER = NOW + timedelta(minutes=1)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with open_store(tmp_path / "site.db") as opened:
        rows = [minute(NOW + timedelta(minutes=each), observed_s=50.0) for each in (0, 1, 2, 5)]
        bare = {"with_mask": 0.0, "without_mask": 30.0, "mask_worn_incorrect": 0.0}
        opened.add(
            [
                *rows,
                TRACK,  # 20 s with, 1 s without
                replace(TRACK, start_utc=LATER, zone=None, frames=300, width_px=51.5),
                replace(TRACK, track=8, label_s=bare, confidence={"without_mask": 0.8}, zone="B"),
                replace(TRACK, track=-1, label_s=bare, confidence={"without_mask": 0.8}),
                replace(TRACK, camera="yard", start_utc=NOW + timedelta(minutes=5), run="s"),
            ]
        )
        yield opened


def test_person_time_is_what_was_kept(store: Store) -> None:
    seen = StoredTracks(store=store, timezone=ZoneInfo("Europe/Berlin")).read()
    assert (seen.unit, seen.sources, seen.model_hash) == ("person-time", ("door", "yard"), "h")
    np.testing.assert_allclose(seen.observed_s, [50, 50, 50, 50, 21])
    # The end of a minute is a gap, two whole minutes too; how a camera began and ended is not known.
    np.testing.assert_allclose(seen.gaps_s, [0, 10, 130, 0, 0])
    time = {label: float(seen.amount[seen.label == label].sum()) for label in (0, 1, 2)}
    assert sum(time.values()) == pytest.approx(3 * 21 + 60)
    assert {seen.zones[each] if each >= 0 else None for each in seen.zone} == {None, "A", "B"}
    local = datetime.fromtimestamp(seen.time_s[0] + seen.offset_s[0], UTC)
    assert local.hour == NOW.hour + 1  # as the clock in Berlin showed
    result = survey(seen, Settings(by="hour", rates=None))
    assert [group.begins.hour for group in result.groups] == [13]
    assert result.groups[0].estimate.figures["with_mask"].raw_share == pytest.approx(60 / 123)


def test_passages_join_the_minutes_of_a_track(store: Store) -> None:
    seen = StoredTracks(store=store, unit="passage").read()
    assert len(seen.label) == 3
    assert sorted(seen.width_px.round(1).tolist()) == [31.5, 31.5, 46.5]
    assert seen.amount.tolist() == [1, 1, 1]
    assert len(StoredTracks(store=store, unit="passage", start=LATER, cameras=["door"]).read().label) == 1


@pytest.mark.parametrize(
    ("wanted", "error", "why"),
    [
        ({"unit": "face"}, DataError, "a face is seen many times"),
        ({"start": NOW + timedelta(days=1)}, SourceError, "no track of that time is in the store"),
        ({"cameras": ["none"]}, SourceError, "no track of that time"),
    ],
)
def test_what_cannot_be_surveyed(store: Store, wanted: dict, error: type[Exception], why: str) -> None:
    with pytest.raises(error, match=why):
        StoredTracks(store=store, **wanted).read()


def test_tracks_of_two_models_are_not_mixed(store: Store) -> None:
    store.add([replace(TRACK, track=99, model_hash="other")])
    with pytest.raises(DataError, match="come from 2 models"):
        StoredTracks(store=store).read()


def test_the_command(store: Store, tmp_path: Path) -> None:
    out, site = tmp_path / "out.jsonl", str(tmp_path / "site.db")
    words = ["survey", "--store", site, "--correct", "none", "--json", str(out), "--draws", "100"]
    done = CliRunner().invoke(app, [*words, "--by", "camera", "--until", "2026-11-27T12:03"])
    assert done.exit_code == 0, done.output
    (record,) = [json.loads(line) for line in out.read_text().splitlines()]
    assert (record["unit"], record["observed_s"]) == ("person-time", 100.0)
    for more, code, why in (
        ([site], 2, "--store takes neither SOURCE nor --audit"),
        (["--since", "noon"], 2, "--since 'noon': write it like"),
        (["--since", "2030-01-01"], 1, "no track of that time"),
        (["--timezone", "Mars"], 2, "Mars"),
    ):
        done = CliRunner().invoke(app, [*words, *more])
        assert (done.exit_code, why in done.stderr) == (code, True), done.output
    for words, why in (
        ([], "give a SOURCE, or --store"),
        ([site, "--until", "2030-01-01"], "belong to --store"),
    ):
        done = CliRunner().invoke(app, ["survey", *words])
        assert (done.exit_code, why in done.stderr) == (2, True), done.output
    done = CliRunner().invoke(app, ["survey", "--store", str(tmp_path / "none.db")])
    assert (done.exit_code, "there is no store" in done.stderr) == (1, True), done.output
