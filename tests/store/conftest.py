"""Databases: a file of SQLite, and a real PostgreSQL where it is installed."""

from __future__ import annotations

import getpass
import os
import shutil
import socket
import subprocess
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine, create_engine, text

from crowdmask.store.engine import open_engine

_PROGRAMS = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """Return the address of a PostgreSQL of our own, without a database's name."""
    if not _PROGRAMS and shutil.which("initdb") is None:
        pytest.skip("PostgreSQL is not installed (scripts/install_test_parts.sh)")
    programs = _PROGRAMS[0] if _PROGRAMS else Path(str(shutil.which("initdb"))).parent
    # It refuses to run as root, and its user cannot read the folders that pytest makes for root.
    as_other = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
    folder = Path(f"/tmp/crowdmask-postgres-{uuid.uuid4().hex[:8]}")
    user = "postgres" if as_other else getpass.getuser()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    run: Callable[..., object] = lambda *command: subprocess.run(  # noqa: E731
        [*as_other, *map(str, command)], check=True, capture_output=True, cwd="/tmp"
    )
    run(programs / "initdb", "-D", folder, "-A", "trust", "--no-sync", "-E", "UTF8")
    options = f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories='' -c fsync=off"
    run(programs / "pg_ctl", "-D", folder, "-w", "-o", options, "-l", folder / "log", "start")
    yield f"postgresql://{user}@127.0.0.1:{port}"
    run(programs / "pg_ctl", "-D", folder, "-w", "-m", "immediate", "stop")
    shutil.rmtree(folder)


@pytest.fixture(params=["sqlite", "postgresql"])
def address(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Return the address of an empty database of each kind."""
    if request.param == "sqlite":
        yield str(tmp_path / "store.db")
        return
    server = request.getfixturevalue("postgres")
    name = f"test_{uuid.uuid4().hex[:12]}"
    engine = create_engine(
        f"{server}/postgres".replace("postgresql://", "postgresql+pg8000://"), isolation_level="AUTOCOMMIT"
    )
    with engine.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    yield f"{server}/{name}"
    with engine.connect() as connection:
        connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
    engine.dispose()


@pytest.fixture
def engine(address: str) -> Iterator[Engine]:
    opened = open_engine(address)
    yield opened
    opened.dispose()
