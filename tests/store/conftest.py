"""Databases: a file of SQLite, and a real PostgreSQL where it is installed."""

from __future__ import annotations

import getpass
import os
import shutil
import signal
import socket
import subprocess
import uuid
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from sqlalchemy import Engine, create_engine, text

from crowdmask.store.engine import open_engine

_PROGRAMS = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)


class Server:
    """A PostgreSQL of our own that can be stopped and started again.

    Attributes:
        address: without a database's name.
    """

    def __init__(self) -> None:
        if not _PROGRAMS and shutil.which("initdb") is None:
            pytest.skip("PostgreSQL is not installed (scripts/install_test_parts.sh)")
        self._programs = _PROGRAMS[0] if _PROGRAMS else Path(str(shutil.which("initdb"))).parent
        # It refuses to run as root, and its user cannot read the folders that pytest makes for root.
        self._as_other = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
        self._folder = Path(f"/tmp/crowdmask-postgres-{uuid.uuid4().hex[:8]}")
        user = "postgres" if self._as_other else getpass.getuser()
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        self._run("initdb", "-A", "trust", "--no-sync", "-E", "UTF8")
        self._options = f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories='' -c fsync=off"
        self.address = f"postgresql://{user}@127.0.0.1:{port}"

    def start(self) -> None:
        """Start it, and wait until it answers."""
        self._run("pg_ctl", "-w", "-o", self._options, "-l", self._folder / "log", "start")

    def stop(self) -> None:
        """Stop it at once, as if it had crashed."""
        self._run("pg_ctl", "-w", "-m", "immediate", "stop")

    def hold(self, on: bool) -> None:
        """Let none of its processes go on, so that nothing answers, or all of them again."""
        first = psutil.Process(int((self._folder / "postmaster.pid").read_text(encoding="utf-8").split()[0]))
        for each in [first, *first.children(recursive=True)]:
            each.send_signal(signal.SIGSTOP if on else signal.SIGCONT)

    def remove(self) -> None:
        """Stop it and remove its files."""
        self.stop()
        shutil.rmtree(self._folder)

    def _run(self, program: str, *options: object) -> None:
        command = [*self._as_other, self._programs / program, "-D", self._folder, *options]
        subprocess.run([*map(str, command)], check=True, capture_output=True, cwd="/tmp")


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """Return the address of a PostgreSQL of our own, without a database's name."""
    server = Server()
    server.start()
    yield server.address
    server.remove()


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
