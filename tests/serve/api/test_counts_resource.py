"""Counts as JSON and as CSV."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime

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
