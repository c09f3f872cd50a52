"""Write what is seen into a store that may be away, so that nothing is lost and nobody waits."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from threading import Event, Lock, Thread

from sqlalchemy.exc import SQLAlchemyError

from crowdmask.errors import StoreError
from crowdmask.store.engine import reason
from crowdmask.store.records import Record
from crowdmask.store.silence import Silence
from crowdmask.store.spool import Spool, key_of
from crowdmask.store.store import Store

LOG = logging.getLogger("crowdmask.store")
LOG.addHandler(logging.NullHandler())

MOST_MB = 256
_MOST_WAITING = 100_000
_DRAIN_ROWS = 500
_STOP_S = 3.0


@dataclass(frozen=True, kw_only=True)
class KeeperState:
    """The state of writing to the store.

    Attributes:
        away_since: since when the store does not take anything; None: it does.
        error: why not, in one line and without secrets.
        spooled: records that wait in the spool.
        waiting: records that wait in memory, because the spool takes none either.
        refused: records that were lost since the start, because there was no room left anywhere.
    """

    away_since: datetime | None = None
    error: str | None = None
    spooled: int = 0
    waiting: int = 0
    refused: int = 0


class _Job:
    """One piece of work in a thread of its own, since a database that is away may not answer for long."""

    def __init__(self, work: Callable[[], None], silence: Silence) -> None:
        self._work, self._silence = work, silence
        self.error: Exception | None = None
        self.done = Event()
        self._began_s, self._ended_s = time.monotonic(), 0.0
        Thread(target=self._run, name="store", daemon=True).start()

    def _run(self) -> None:
        try:
            with self._silence.trying():
                self._work()
        except Exception as error:
            self.error = error
        self._ended_s = time.monotonic()
        self.done.set()

    def is_unanswered(self, least_s: float) -> bool:
        """Return whether it has taken at least this many seconds without success."""
        ended_s = self._ended_s if self.done.is_set() else time.monotonic()
        return ended_s - self._began_s >= least_s and not (self.done.is_set() and self.error is None)


class Keeper:
    """Write records to the store in the background, from `start` to `stop`; `put` never waits.

    While the store is away they go into the spool, where a kill does not lose them. While that takes none
    either (its bound, a full disk), they wait in memory. Without room there, new ones are lost and counted.
    """

    def __init__(
        self,
        store: Store,
        spool: Path,
        *,
        most_mb: int = MOST_MB,
        most_waiting: int = _MOST_WAITING,
        patience_s: float = 1.0,
        silent_s: float = 10.0,
        retry_s: float = 2.0,
    ) -> None:
        """Prepare.

        Args:
            store: is not closed at the end.
            spool: path of the file that is made while the store is away.
            most_mb: bound of that file.
            most_waiting: records that may wait in memory.
            patience_s: a store that has not answered for so long is away.
            silent_s: after so long without an answer, reading is refused at once, too.
            retry_s: between two tries.
        """
        self._store, self._spool = store, Spool(spool, most_mb)
        self._most_waiting, self._patience_s, self._retry_s = most_waiting, patience_s, retry_s
        self._silent_s = silent_s
        self._lock = Lock()
        self._waiting: dict[str, Record] = {}
        self._refused = 0
        self._away_since: datetime | None = None
        self._error: str | None = None
        self._said: str | None = None
        self._job: _Job | None = None
        self._tried_s = 0.0
        self._news, self._stop = Event(), Event()
        self._thread = Thread(target=self._run, name="keeper", daemon=True)

    def start(self) -> None:
        """Write records that an earlier run left in the spool, if the store answers, and start."""
        try:
            if len(self._spool):
                self._drain()
        except (SQLAlchemyError, StoreError) as error:
            self._is_away(error)
        else:
            self._spool.close()
        self._thread.start()

    def put(self, records: Sequence[Record]) -> None:
        """Queue records; a newer record of the same thing replaces an older one."""
        with self._lock:
            for record in records:
                key = key_of(record)
                if key not in self._waiting and len(self._waiting) >= self._most_waiting:
                    self._refused += 1
                    continue
                self._waiting.pop(key, None)
                self._waiting[key] = record
        self._news.set()

    def stop(self) -> None:
        """Write the remaining records, to the spool if the store is not available, and stop."""
        self._stop.set()
        self._news.set()
        if self._thread.ident is not None:
            self._thread.join(_STOP_S)
        self._spool.close()

    def state(self) -> KeeperState:
        """Return the state of writing to the store."""
        try:
            spooled = len(self._spool) if self._away_since is not None else 0
        except StoreError:
            spooled = 0
        with self._lock:
            return KeeperState(
                away_since=self._away_since, error=self._error, spooled=spooled,
                waiting=len(self._waiting), refused=self._refused,
            )  # fmt: skip

    def _run(self) -> None:
        while True:
            is_last = self._stop.is_set()
            self._news.wait(self._retry_s)
            self._news.clear()
            try:
                self._keep()
            except Exception:
                LOG.exception("internal error; what is seen waits in memory")
            if is_last or (self._stop.is_set() and not self._waiting):
                return

    def _keep(self) -> None:
        with self._lock:
            batch = dict(self._waiting)
        if self._away_since is None and batch:
            self._job = _Job(lambda: self._store.add([*batch.values()]), self._store.silence)
            self._job.done.wait(self._patience_s)
            if self._job.done.is_set() and self._job.error is None:
                self._forget(batch)
                return
            self._is_away(self._job.error)
        if self._away_since is not None:
            # Looked at first: with something new every second the spool would never be empty.
            self._come_back()
            if self._away_since is None:
                self._keep()
            else:
                self._into_spool(batch)

    def _into_spool(self, batch: dict[str, Record]) -> None:
        if not batch:
            return
        try:
            self._spool.add([*batch.values()])
        except StoreError as error:
            self._say(f"{error}; what is seen waits in memory, and is lost when {self._most_waiting} wait")
        else:
            self._forget(batch)

    def _come_back(self) -> None:
        """Try to bring the spool into the store; once it is empty, the store has it all."""
        if self._job is not None:
            self._store.silence.lasts = self._job.is_unanswered(self._silent_s)
            if not self._job.done.is_set():
                return
            if self._job.error is not None:
                self._error = _told(self._job.error)
            elif not len(self._spool):
                LOG.warning("the store takes what is seen again, and has all that waited")
                with self._lock:
                    self._away_since = self._error = self._said = None
                self._spool.close()
                return
        if time.monotonic() - self._tried_s >= self._retry_s or self._stop.is_set():
            self._tried_s = time.monotonic()
            self._job = _Job(self._drain, self._store.silence)

    def _drain(self) -> None:
        while rows := self._spool.first(_DRAIN_ROWS):
            self._store.add([record for _, record in rows])
            self._spool.remove([each for each, _ in rows])
        # With an empty spool, too, it has to answer before it counts as back.
        self._store.ping()

    def _forget(self, batch: dict[str, Record]) -> None:
        with self._lock:
            for key, record in batch.items():
                if self._waiting.get(key) is record:
                    del self._waiting[key]

    def _is_away(self, error: Exception | None) -> None:
        with self._lock:
            self._away_since = datetime.now(UTC)
            self._error = _told(error)
        self._say(f"the store takes nothing ({self._error}); what is seen waits in {self._spool.path}")

    def _say(self, line: str) -> None:
        if line != self._said:
            self._said = line
            LOG.error("%s", line)


def _told(error: Exception | None) -> str:
    if error is None:
        return "no answer"
    return reason(error) if isinstance(error, SQLAlchemyError) else " ".join(str(error).split())
