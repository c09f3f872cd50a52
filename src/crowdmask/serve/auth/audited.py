"""Keep who logged in, looked, exported or changed something: in the log and in the store."""

from __future__ import annotations

import logging
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

from crowdmask.store.audit import AuditEntry, AuditLog

LOG = logging.getLogger("crowdmask.serve")


class Audited:
    """Writes the audit log in its own thread, so that requests do not wait for the database."""

    def __init__(self, log: AuditLog) -> None:
        """Take the store's log."""
        self._log = log
        self._thread = ThreadPoolExecutor(1, "audit")

    def __call__(self, user: str, what: str, thing: str) -> None:
        """Keep that a user did something to something."""
        LOG.info("%s: %s %s", user, what, thing)
        entry = AuditEntry(time_utc=datetime.now(UTC), who=user, what=what, thing=thing)
        self._thread.submit(self._add, entry)

    def close(self) -> None:
        """Write the waiting entries, and stop."""
        self._thread.shutdown(wait=True)

    def _add(self, entry: AuditEntry) -> None:
        try:
            self._log.add(entry)
        except Exception:
            LOG.exception("the audit log cannot be written; the line stands in this log only")
