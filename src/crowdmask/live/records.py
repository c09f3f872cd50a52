"""Write the results of all sources of a run to files."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, Self

from crowdmask.errors import OutputError
from crowdmask.live.tracked_frame import TrackedFrame
from crowdmask.tracking.events import Event
from crowdmask.tracking.track_writers import SharedLines, TrackTable, frame_record

_ZONES_EVERY_S = 1.0


class Records:
    """The files of records, each None if not wanted; also a context manager.

    Thread-safe: several cameras may share them.

    Attributes:
        failed: the first write error, if any; it concerns all cameras that share the files.
    """

    def __init__(
        self,
        frames: str | None = None,
        events: str | None = None,
        tracks: str | None = None,
        zones: str | None = None,
    ) -> None:
        """Open the files; "-" is standard output.

        Args:
            frames: one JSON line for each frame.
            events: one JSON line for each event.
            tracks: one CSV row for each track.
            zones: one JSON line of counts for each second and source.
        Raises:
            OutputError: one cannot be written.
        """
        with ExitStack() as stack:
            self._frames = None if frames is None else stack.enter_context(SharedLines(frames))
            self._events = None if events is None else stack.enter_context(SharedLines(events))
            self._tracks = None if tracks is None else stack.enter_context(TrackTable(tracks))
            self._zones = None if zones is None else stack.enter_context(SharedLines(zones))
            self._stack = stack.pop_all()
        self._zones_due: dict[str, float] = {}
        self.failed: OutputError | None = None

    def write(self, result: TrackedFrame) -> None:
        """Write the result of one frame.

        Raises:
            OutputError: the disk is full, or the reader of a pipe has gone.
        """
        with self._noting_failure():
            faces = (result.detections, result.tracks, result.states)
            about = (result.source, result.frame, result.time_s)
            if self._frames is not None:
                self._frames.write([frame_record(*about, *faces, result.run, result.predicted)])
            if self._tracks is not None:
                self._tracks.add(*about, *faces, result.run)
            self._write_events(result.events)
            if self._zones is not None and result.time_s >= self._zones_due.get(result.run, 0.0):
                self._zones_due[result.run] = result.time_s + _ZONES_EVERY_S
                self._zones.write([_zone_record(result)])

    def finish(self, source: str, run: str, events: list[Event], last: TrackedFrame | None) -> None:
        """Write the remaining results of a source that has ended.

        Args:
            events: events that became certain at its end.
            last: the result of its last frame, if any.
        """
        with self._noting_failure():
            self._write_events(events)
            if self._tracks is not None:
                self._tracks.finish(source, run)
            if self._zones is not None and last is not None:
                self._zones.write([_zone_record(last)])
            self._zones_due.pop(run, None)

    @contextmanager
    def _noting_failure(self) -> Iterator[None]:
        try:
            yield
        except OutputError as error:
            self.failed = self.failed or error
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: Any) -> None:
        self._stack.__exit__(*error)

    def _write_events(self, events: list[Event]) -> None:
        if self._events is not None:
            self._events.write([event.to_record() for event in events])


def _zone_record(result: TrackedFrame) -> dict[str, Any]:
    return {
        "source": result.source,
        "frame": result.frame,
        "time_s": round(result.time_s, 4),
        "zones": [each.to_record() for each in result.zones],
        "run": result.run,
    }
