"""Counts as JSON and as CSV."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime, timedelta

import httpx

from crowdmask.serve.api.counts import to_csv
from crowdmask.store.records import Counts

from ..conftest import Running


def test_counts_as_csv() -> None:
    rows = [
        Counts(
            start_utc=datetime(2026, 5, 4, 8, tzinfo=UTC),
            camera="=door",
            zone="A, left",
            observed_s=3600,
            person_s={"with_mask": 9.0, "without_mask": 1.0},
            people=4,
        ),
        Counts(start_utc=datetime(2026, 5, 4, 9, tzinfo=UTC), camera="hall"),
    ]
    first, second = csv.DictReader(io.StringIO(to_csv(rows)))
    assert (first["camera"], first["zone"], first["with_mask_s"]) == ("'=door", "A, left", "9.0")
    assert (first["share_with_mask"], first["people"], first["unknown_s"]) == ("0.9", "4", "0.0")
    assert (second["zone"], second["share_with_mask"]) == ("", "")


def test_the_header_chooses(running: Running) -> None:
    with httpx.Client(base_url=running.address, trust_env=False, timeout=20) as client:
        table = client.get("/v1/counts", headers={"accept": "text/csv"})
        assert table.headers["content-type"].startswith("text/csv")
        assert table.text.startswith("start_utc,camera,zone,observed_s")
        assert isinstance(client.get("/v1/counts").json(), list)
    assert ("local", "exported", "counts") in running.audit


def test_shares_come_with_their_interval(running: Running) -> None:
    begun = datetime(2026, 3, 2, 8, tzinfo=UTC)
    seconds = {"with_mask": 800.0, "without_mask": 200.0}
    hours = {
        "yard": {"person_s": seconds, "people": 100, "observed_s": 3600.0},
        "lane": {"observed_s": 3600.0},
    }
    running.service.store.add([Counts(start_utc=begun, camera=each, **it) for each, it in hours.items()])  # type: ignore[arg-type]
    query = {
        "start": "2026-03-02T08:00:00Z",
        "end": "2026-03-02T09:00:00Z",
        "per": "hour",
        "interval": "true",
    }
    with httpx.Client(base_url=running.address, trust_env=False, timeout=20, params=query) as client:
        lane, yard = client.get("/v1/counts").json()
        table = client.get("/v1/counts", headers={"accept": "text/csv"}).text
        minutes = [
            Counts(start_utc=begun + timedelta(days=1, minutes=number), camera="yard", **hours["yard"])  # type: ignore[arg-type]
            for number in range(401)
        ]
        running.service.store.add(minutes)
        many = client.get(
            "/v1/counts",
            params={**query, "per": "minute", "start": "2026-03-03T08:00:00Z", "end": "2026-03-03T15:00:00Z"},
        ).json()
    assert (lane["share"], lane["share_low"], lane["share_high"]) == (None, None, None)
    assert yard["share_low"] < yard["share"] < yard["share_high"]
    assert abs(yard["share"] - 0.8) < 0.05
    (_, row) = csv.DictReader(io.StringIO(table))
    assert [float(row[name]) for name in ("share", "share_low", "share_high")] == [
        yard[name] for name in ("share", "share_low", "share_high")
    ]
    assert (len(many), {each["share_low"] for each in many}) == (401, {None})
