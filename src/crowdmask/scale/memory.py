"""Memory use of a run, with all its processes."""

from __future__ import annotations

import time
from collections.abc import Iterable
from contextlib import suppress

import psutil

_EVERY_S = 0.5


class Meter:
    """Measures from time to time.

    Attributes:
        peak_bytes: maximum so far.
    """

    def __init__(self) -> None:
        """Begin at 0."""
        self.peak_bytes = 0
        self._looked = 0.0

    def look(self, others: Iterable[int]) -> None:
        """Measure the memory of this process and others, unless that was done a moment ago.

        Args:
            others: process ids.
        """
        now = time.monotonic()
        if now - self._looked < _EVERY_S:
            return
        self._looked = now
        total = own_memory()
        for number in others:
            with suppress(psutil.Error):
                total += psutil.Process(number).memory_info().rss
        self.peak_bytes = max(self.peak_bytes, total)


def own_memory() -> int:
    """Return the resident bytes of this process."""
    return int(psutil.Process().memory_info().rss)
