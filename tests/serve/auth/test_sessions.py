"""Sessions outlive a restart, and nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine, select, text

from crowdmask.serve.auth.sessions import Sessions, hash_password
from crowdmask.serve.http_settings import HttpSettings
from crowdmask.store import tables
from crowdmask.store.engine import open_engine
from crowdmask.store.sessions import SessionStore

PASSWORD = "correct horse battery"
ANNA = {"name": "anna", "password_hash": hash_password(PASSWORD), "role": "admin"}


class Site:
    """Sessions that can be started anew over the same store."""

    def __init__(self, engine: Engine) -> None:
        self.engine, self.now = engine, 1_000_000.0
        self.users = [ANNA]

    def start(self) -> Sessions:
        settings = lambda: HttpSettings.model_validate({"users": self.users, "session_h": 1})  # noqa: E731
        return Sessions(settings, lambda: self.now, SessionStore(self.engine))


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    engine = open_engine(str(tmp_path / "store.db"))
    yield Site(engine)
    engine.dispose()


def test_a_session_outlives_a_restart_but_not_its_end(site: Site) -> None:
    logged_in = site.start().log_in("anna", PASSWORD, "a")
    assert logged_in is not None
    key, identity = logged_in
    again = site.start()
    assert again.of(key) == identity
    again.log_out(key)
    assert (again.of(key), site.start().of(key)) == (None, None)


def test_its_time_passes_meanwhile(site: Site) -> None:
    logged_in = site.start().log_in("anna", PASSWORD, "a")
    assert logged_in is not None
    site.now += 3601
    assert site.start().of(logged_in[0]) is None
    assert site.start().log_in("anna", PASSWORD, "a") is not None
    with site.engine.connect() as connection:
        assert len(connection.execute(select(tables.sessions)).all()) == 1, "those that ended are removed"


@pytest.mark.parametrize(
    "now",
    [
        {**ANNA, "password_hash": hash_password("another password")},
        {**ANNA, "role": "viewer"},
        {**ANNA, "name": "carol"},
    ],
    ids=["another password", "another role", "removed"],
)
def test_what_changed_meanwhile_ends_it(site: Site, now: dict[str, str]) -> None:
    logged_in = site.start().log_in("anna", PASSWORD, "a")
    assert logged_in is not None
    site.users = [now]
    assert site.start().of(logged_in[0]) is None


def test_the_store_holds_no_key(site: Site) -> None:
    logged_in = site.start().log_in("anna", PASSWORD, "a")
    assert logged_in is not None
    with site.engine.connect() as connection:
        (row,) = connection.execute(select(tables.sessions)).all()
    assert logged_in[0] not in str(row)
    assert ANNA["password_hash"] not in str(row)


def test_while_the_store_is_away_sessions_last_until_a_restart(site: Site) -> None:
    with site.engine.begin() as connection:
        connection.execute(text("DROP TABLE sessions"))
    sessions = site.start()
    logged_in = sessions.log_in("anna", PASSWORD, "a")
    assert logged_in is not None
    assert sessions.of(logged_in[0]) == logged_in[1]
    assert sessions.of("unknown") is None
    sessions.log_out(logged_in[0])
    assert sessions.of(logged_in[0]) is None
    assert site.start().of(logged_in[0]) is None
