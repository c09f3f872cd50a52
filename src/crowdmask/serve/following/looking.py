"""Note in the audit log who looks at which camera, once an hour instead of with each picture."""

from __future__ import annotations

import time
from collections.abc import Callable
from threading import Lock

_AGAIN_S = 3600.0
_MOST = 10_000


class Looking:
    """Reports who views live pictures."""

    def __init__(
        self, audit: Callable[[str, str, str], None], clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Begin with nobody.

        Args:
            audit: is told who did what to what.
        """
        self._audit, self._clock, self._lock = audit, clock, Lock()
        self._noted: dict[tuple[str, str], float] = {}

    def begins(self, user: str, camera: str) -> None:
        """Record that somebody views a camera."""
        with self._lock:
            now_s = self._clock()
            if now_s - self._noted.get((user, camera), float("-inf")) < _AGAIN_S:
                return
            self._noted.pop((user, camera), None)
            self._noted[user, camera] = now_s
            while len(self._noted) > _MOST:
                self._noted.pop(next(iter(self._noted)))
        self._audit(user, "looked at", f"camera {camera}")
