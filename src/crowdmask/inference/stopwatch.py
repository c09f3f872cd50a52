"""Measure where the time of a detection goes."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext


class Stopwatch:
    """Adds up the time of each stage; a picture with a closer look goes through some of them twice.

    Attributes:
        ms: wall time by stage, milliseconds.
        cpu_ms: processor time of the calling thread by stage, milliseconds.
        times: how often each stage ran.
    """

    def __init__(self) -> None:
        self.ms: dict[str, float] = {}
        self.cpu_ms: dict[str, float] = {}
        self.times: dict[str, int] = {}

    def stage(self, name: str) -> AbstractContextManager[None]:
        """Time the block inside ``with stopwatch.stage(name):``."""
        return self._stage(name)

    @contextmanager
    def _stage(self, name: str) -> Iterator[None]:
        start, cpu = time.perf_counter(), time.thread_time()
        try:
            yield
        finally:
            self.ms[name] = self.ms.get(name, 0.0) + (time.perf_counter() - start) * 1000
            self.cpu_ms[name] = self.cpu_ms.get(name, 0.0) + (time.thread_time() - cpu) * 1000
            self.times[name] = self.times.get(name, 0) + 1


class _NoStopwatch(Stopwatch):
    """Measures nothing, at almost no cost."""

    _nothing: AbstractContextManager[None] = nullcontext()

    def stage(self, name: str) -> AbstractContextManager[None]:
        return self._nothing


NO_STOPWATCH: Stopwatch = _NoStopwatch()
