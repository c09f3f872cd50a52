"""Events as JSON and as CSV, of one zone or kind."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from crowdmask.serve.api.events import events_to_csv
from crowdmask.store.records import StoredEvent

from ..conftest import Running

BEGIN = datetime(2020, 5, 4, 8, tzinfo=UTC)


def event(number: int, zone: str | None, name: str = "no_mask", camera: str = "=door") -> StoredEvent:
    return StoredEvent(
        time_utc=BEGIN + timedelta(seconds=number), camera=camera, source="clip", run="r", track=number,
        event=name, frame=number, label="without_mask", confidence=0.912345, zone=zone,
    )  # fmt: skip


def test_events_as_csv() -> None:
    first, second = csv.DictReader(io.StringIO(events_to_csv([event(1, "A, left"), event(2, None)])))
    assert (first["camera"], first["zone"], first["confidence"]) == ("'=door", "A, left", "0.9123")
    assert (first["time_utc"], second["zone"]) == ("2020-05-04T08:00:01Z", "")


@pytest.mark.parametrize(
    ("params", "tracks"),
    [
        ({}, [3, 2, 1]),
        ({"zone": "A"}, [3, 1]),
        ({"zone": "A", "event": "no_mask"}, [1]),
        ({"zone": "none"}, []),
        ({"camera": "door"}, []),
        ({"limit": 1}, [3]),
        ({"end": "2020-05-04T08:00:02Z"}, [1]),
    ],
)
def test_filters(running: Running, params: dict[str, str | int], tracks: list[int]) -> None:
    running.service.store.add([event(1, "A"), event(2, None), event(3, "A", "person_left")])
    span = {"start": "2020-05-04T07:00:00Z", "end": "2020-05-04T09:00:00Z"}
    with httpx.Client(base_url=running.address, trust_env=False, timeout=20) as client:
        found = client.get("/v1/events", params={**span, **params})
        table = client.get("/v1/events", params={**span, **params}, headers={"accept": "text/csv"})
    assert [each["track"] for each in found.json()] == tracks
    assert [int(row["track"]) for row in csv.DictReader(io.StringIO(table.text))] == tracks
    assert table.headers["content-type"].startswith("text/csv")
    assert ("local", "exported", "events") in running.audit
