"""Read several live sources at once."""

from __future__ import annotations

import time
from collections.abc import Sequence
from threading import Condition
from typing import Self

from crowdmask.errors import UsageError
from crowdmask.live.reader import LiveReader, LiveSettings, Report
from crowdmask.live.sources import VideoSource, find_videos
from crowdmask.live.stats import SourceStats
from crowdmask.media.video import Frame


def open_sources(
    given: Sequence[str], settings: LiveSettings | None = None, report: Report | None = None
) -> LiveGroup:
    """Read the cameras and streams that are named, all at once.

    Args:
        given: as `find_videos` takes them.
        settings: the same for all.
        report: gets a line when something goes wrong with one, in another thread.
    Raises:
        SourceError: one of them holds nothing to work on.
        UsageError: one of them is a file, which is read to its end and not live.
    """
    found = find_videos(given)
    if found.problems:
        raise found.problems[0]
    for source in found.sources:
        if not source.is_live:
            raise UsageError(f"{source.name}: a file, not a camera or stream: read it by itself")
    return LiveGroup(found.sources, settings, report)


class LiveGroup:
    """Several readers and one place to wait for them; also a context manager.

    Attributes:
        readers: one a source, in the order given.
    """

    def __init__(
        self,
        sources: Sequence[VideoSource],
        settings: LiveSettings | None = None,
        report: Report | None = None,
    ) -> None:
        """Begin to connect to all of them."""
        self._arrival = Condition()
        self._turn = 0
        self.readers = [LiveReader(source, settings, report, self._arrival) for source in sources]

    @property
    def finished(self) -> bool:
        """Whether none of them will send any more."""
        return all(reader.finished for reader in self.readers)

    @property
    def stats(self) -> list[SourceStats]:
        """How each of them fares now."""
        return [reader.stats for reader in self.readers]

    def take(self, timeout_s: float) -> tuple[LiveReader, Frame] | None:
        """Return the newest frame of the source whose turn it is, None where none came in time.

        The sources take turns, so that a quick one does not keep the others from being seen.
        """
        end = time.monotonic() + timeout_s
        while True:
            with self._arrival:
                self._arrival.wait_for(
                    lambda: any(reader.has_frame for reader in self.readers) or self.finished,
                    max(0.0, end - time.monotonic()),
                )
            for _ in self.readers:
                reader = self.readers[self._turn % len(self.readers)]
                self._turn += 1
                frame = reader.take(0.0)
                if frame is not None:
                    return reader, frame
            if self.finished or time.monotonic() >= end:
                return None

    def close(self) -> None:
        """End reading of all of them."""
        for reader in self.readers:
            reader.stop()
        for reader in self.readers:
            reader.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
