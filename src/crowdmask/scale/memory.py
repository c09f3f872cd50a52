"""How much memory a run takes, all its processes together."""

from __future__ import annotations

import time
from collections.abc import Iterable
from contextlib import suppress

import psutil

_EVERY_S = 0.5


class Meter:
    """Looks now and then.

    Attributes:
        peak_bytes: most at one time.
    """

    def __init__(self) -> None:
        """Begin with nothing."""
        self.peak_bytes = 0
        self._looked = 0.0

    def look(self, others: Iterable[int]) -> None:
        """Add up the memory of this process and some others, unless that was done just now.

        Args:
            others: numbers of processes.
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
