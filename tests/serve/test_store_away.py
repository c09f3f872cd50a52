"""PostgreSQL stops while a site counts: nothing is lost, the API says so, and it goes on by itself."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from crowdmask.store.records import Counts, Record, StoredEvent
from crowdmask.store.spool import key_of
from crowdmask.store.store import open_store

from ..alerts.conftest import wait_for
from ..store.conftest import Server
from .conftest import run_site


@pytest.fixture
def server() -> Iterator[Server]:
    made = Server()
    made.start()
    yield made
    made.remove()


def test_nothing_is_lost_while_the_store_is_away(
    tmp_path: Path, colour_model: Path, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)  # where the spool of a PostgreSQL is
    address = f"{server.address}/postgres"
    begun, put = datetime.now(UTC) - timedelta(minutes=1), dict[str, Record]()
    with run_site(tmp_path, colour_model, address=address) as running:
        keep = running.service.keeper.put

        def note(records: Sequence[Record]) -> None:
            for each in records:
                put.setdefault(key_of(each), each)
                if isinstance(each, Counts):  # the last word counts
                    put[key_of(each)] = each
            keep(records)

        monkeypatch.setattr(running.service.keeper, "put", note)
        with httpx.Client(base_url=running.address, trust_env=False, timeout=40) as client:

            def metric(name: str) -> float:
                lines = client.get("/metrics").text.splitlines()
                return float(next(line for line in lines if line.startswith(f"{name} ")).split()[1])

            # On a busy machine a write may take so long that the store counts as away for a moment.
            wait_for(lambda: metric("crowdmask_store_away") == 0, 30)
            wait_for(lambda: client.get("/v1/counts").status_code == 200, 30)
            server.stop()
            wait_for(lambda: metric("crowdmask_store_away") == 1, 20)
            wait_for(lambda: metric("crowdmask_records_spooled") > 2, 20)
            for path in ("/v1/counts", "/v1/events", "/v1/ready"):
                answer = client.get(path)
                assert (answer.status_code, answer.headers["retry-after"]) == (503, "5"), path
                assert list(answer.json()) == ["error"]
            assert client.get("/v1/health").json()["online"] == 1
            server.start()
            wait_for(lambda: metric("crowdmask_store_away") == 0, 30)
            wait_for(lambda: client.get("/v1/counts").status_code == 200, 10)
            assert metric("crowdmask_records_refused") == 0
    with open_store(address) as store:
        span: Any = {"start": begun, "end": datetime.now(UTC) + timedelta(minutes=1)}
        kept = {key_of(each): each for each in store.counts(**span, all_zones=True)}
        events = {key_of(each) for each in store.events(limit=100_000)}
    counts = {key: each for key, each in put.items() if isinstance(each, Counts)}
    assert {key: each.to_record() for key, each in counts.items()} == {
        key: kept[key].to_record() for key in counts
    }
    assert {key for key, each in put.items() if isinstance(each, StoredEvent)} <= events
    assert not [*tmp_path.glob("*.spool")]
