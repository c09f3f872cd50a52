"""A database that hangs is waited for by one thread only, and nobody else is held up."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.exc import SQLAlchemyError

from crowdmask.store.keeper import Keeper
from crowdmask.store.store import Store, open_store

from ..alerts.conftest import wait_for
from .conftest import Server
from .test_store import NOW, minute

DAY: Any = {"start": NOW - timedelta(days=1), "end": NOW + timedelta(days=1)}


@pytest.fixture
def server() -> Iterator[Server]:
    made = Server()
    made.start()
    yield made
    made.hold(False)
    made.remove()


def test_reading_is_refused_at_once_while_nothing_answers(server: Server, tmp_path: Path) -> None:
    with open_store(f"{server.address}/postgres") as store:
        keeper = Keeper(store, tmp_path / "spool", retry_s=0.05, patience_s=0.2, silent_s=0.5)
        store.add([minute(NOW)])
        assert len(store.counts(**DAY)) == 1
        server.hold(True)
        keeper.start()
        try:
            keeper.put([minute(NOW + timedelta(minutes=1))])
            wait_for(lambda: store.silence.lasts, 20)
            for ask in (lambda: store.counts(**DAY), store.ping, lambda: store.sessions.find("0" * 64)):
                with pytest.raises(SQLAlchemyError, match="does not answer"):
                    ask()
            server.hold(False)
            wait_for(lambda: not store.silence.lasts and keeper.state().away_since is None, 60)
            assert len(store.counts(**DAY)) == 2
        finally:
            server.hold(False)
            keeper.stop()


def test_only_the_thread_that_tries_waits(tmp_path: Path) -> None:
    with open_store(tmp_path / "a.db") as store:
        store.silence.lasts = True
        assert reads(store)  # a file of SQLite may be full, and is read all the same
        with pytest.raises(SQLAlchemyError, match="does not answer"):
            store.silence.check()
        with store.silence.trying():
            store.silence.check()


def reads(store: Store) -> bool:
    return store.counts(**DAY) == []
