"""Remove what is too old while the service runs."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from threading import Event, Thread

from crowdmask.serve.site import Retention
from crowdmask.store.store import Store

LOG = logging.getLogger("crowdmask.serve")

_EVERY_S = 3600.0
_AGAIN_S = 60.0
_JOIN_S = 2.0


class Pruner:
    """Deletes old rows every hour, in its own thread."""

    def __init__(self, store: Store, keep: Callable[[], Retention]) -> None:
        """Prepare.

        Args:
            store: of the site.
            keep: returns how long what is kept now.
        """
        self._store, self._keep = store, keep
        self._stop = Event()
        self._thread = Thread(target=self._run, name="retention", daemon=True)

    def start(self) -> None:
        """Start; the first run is immediate."""
        self._thread.start()

    def stop(self) -> None:
        """Stop after the current step."""
        self._stop.set()
        if self._thread.ident is not None:
            self._thread.join(_JOIN_S)

    def _run(self) -> None:
        wait_s = 0.0
        while not self._stop.wait(wait_s):
            try:
                gone = apply_retention(self._store, self._keep(), datetime.now(UTC), self._stop)
            except Exception:
                LOG.exception("what is too old could not be removed; it is tried again")
                wait_s = _AGAIN_S
                continue
            if gone:
                LOG.info("%d rows that were too old have been removed", gone)
            wait_s = _EVERY_S


def apply_retention(store: Store, keep: Retention, now: datetime, stop: Event | None = None) -> int:
    """Delete rows that are too old; return their number.

    Args:
        store: of the site.
        keep: how long what is kept.
        now: UTC.
        stop: ends it early.
    """
    return store.prune(
        counts_before=now - timedelta(days=keep.counts_days),
        events_before=now - timedelta(days=keep.events_days),
        tracks_before=now - timedelta(days=keep.tracks_days),
        audit_before=now - timedelta(days=keep.audit_days),
        stop=stop,
    )
