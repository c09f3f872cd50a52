"""Refuse at once what would wait for a database that does not answer."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from threading import local

from sqlalchemy import Engine, Pool, QueuePool
from sqlalchemy.exc import TimeoutError as SilentError
from sqlalchemy.pool import PoolProxiedConnection


class Silence:
    """Whether a database is known not to answer: a server that hangs, or a network that loses everything.

    Without this, each request would wait until its time-out, and hold a thread for as long.

    Attributes:
        lasts: set by the thread that tries whether the database answers again.
    """

    def __init__(self) -> None:
        """Begin with a database that answers."""
        self.lasts = False
        self._thread = local()

    @contextmanager
    def trying(self) -> Iterator[None]:
        """Let this thread wait for the database although it does not answer."""
        self._thread.tries = True
        try:
            yield
        finally:
            self._thread.tries = False

    def check(self) -> None:
        """Return if this thread may wait for the database.

        Raises:
            SilentError: it does not answer; an error of SQLAlchemy, as any other of the database.
        """
        if self.lasts and not getattr(self._thread, "tries", False):
            raise SilentError("the database does not answer")


def pool_with(silence: Silence) -> type[Pool]:
    """Return a pool class for `create_engine` that checks `silence` before each connection."""

    class Asking(QueuePool):
        __module__ = QueuePool.__module__  # it logs under this name, and so not among our own lines
        asks = silence

        def connect(self) -> PoolProxiedConnection:
            silence.check()
            try:
                return super().connect()
            except OSError as error:
                # The library gives the socket's own error, which nobody expects of a database.
                raise SilentError("the database does not answer") from error

    return Asking


def silence_of(engine: Engine) -> Silence:
    """Return the silence of an engine; one that never lasts for a database without `pool_with`."""
    found = getattr(engine.pool, "asks", None)
    return found if isinstance(found, Silence) else Silence()
