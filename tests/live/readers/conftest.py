"""Readers of live sources that are closed at the end of a test."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from crowdmask.live.readers.reader import LiveReader, LiveSettings
from crowdmask.live.sources import find_videos

QUICK = LiveSettings(deadline_s=1.0, retry_s=0.1, most_retry_s=0.4)


class Opened:
    """Open readers, keep what they report, and close them at the end."""

    def __init__(self, stack: ExitStack) -> None:
        self.lines: list[str] = []
        self._stack = stack

    def __call__(self, address: str, settings: LiveSettings = QUICK) -> LiveReader:
        found = find_videos([address])
        assert not found.problems
        return self._stack.enter_context(LiveReader(found.sources[0], settings, self.lines.append))


@pytest.fixture
def open_reader() -> Iterator[Opened]:
    with ExitStack() as stack:
        yield Opened(stack)
