"""So many photos a minute from one caller."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from threading import Lock

from starlette.exceptions import HTTPException

_MOST_CALLERS = 10_000
_MINUTE_S = 60.0


class RateLimit:
    """A bucket of photos for each caller, filled evenly over a minute."""

    def __init__(self, a_minute: int | None, clock: Callable[[], float] = time.monotonic) -> None:
        """Begin with full buckets.

        Args:
            a_minute: photos; None: no limit.
        """
        self._a_minute, self._clock, self._lock = a_minute, clock, Lock()
        self._left: dict[str, tuple[float, float]] = {}

    def take(self, caller: str, number: int) -> None:
        """Take a number of photos from a caller's bucket.

        Raises:
            HTTPException: 429, with when it is full enough.
        """
        if self._a_minute is None:
            return
        rate = self._a_minute / _MINUTE_S
        with self._lock:
            now = self._clock()
            left, then = self._left.pop(caller, (float(self._a_minute), now))
            left = min(float(self._a_minute), left + (now - then) * rate)
            # One batch may take all that a full bucket has, and no more.
            lacking = min(number, self._a_minute) - left
            self._left[caller] = (left if lacking > 0 else left - number, now)
            while len(self._left) > _MOST_CALLERS:
                self._left.pop(next(iter(self._left)))
        if lacking > 0:
            wait_s = max(1, math.ceil(lacking / rate))
            told = f"{self._a_minute} photos a minute are allowed"
            raise HTTPException(429, told, {"Retry-After": str(wait_s)})
