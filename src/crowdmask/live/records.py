"""Write the results of all sources of a run into the files that were asked for."""

from __future__ import annotations

from contextlib import ExitStack
from typing import Any, Self

from crowdmask.live.pipeline import Result
from crowdmask.tracking.events import Event
from crowdmask.tracking.track_writers import SharedLines, TrackTable, frame_record
from crowdmask.tracking.zones import ZoneCounts

_ZONES_EVERY_S = 1.0


class Records:
    """Files of records, each None where it was not asked for; also a context manager."""

    def __init__(
        self,
        frames: str | None = None,
        events: str | None = None,
        tracks: str | None = None,
        zones: str | None = None,
    ) -> None:
        """Open the files; "-" is standard output.

        Args:
            frames: one JSON line a frame.
            events: one JSON line an event.
            tracks: one CSV row a track.
            zones: one JSON line of counts a second and source.
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

    def write(self, result: Result) -> None:
        """Write what is known of one frame.

        Raises:
            OutputError: the disk is full, or the reader of a pipe has gone.
        """
        faces = (result.detections, result.tracks, result.states)
        if self._frames is not None:
            self._frames.write([frame_record(result.source, result.frame, result.time_s, *faces)])
        if self._tracks is not None:
            self._tracks.add(result.source, result.frame, result.time_s, *faces)
        self._write_events(result.events)
        if self._zones is not None and result.time_s >= self._zones_due.get(result.source, 0.0):
            self._zones_due[result.source] = result.time_s + _ZONES_EVERY_S
            self._zones.write([_zone_record(result.source, result.frame, result.time_s, result.zones)])

    def finish(self, source: str, events: list[Event], last: Result | None) -> None:
        """Write what is left of a source that has ended.

        Args:
            events: those that became certain by its end.
            last: what was known of its last frame, if it had any.
        """
        self._write_events(events)
        if self._tracks is not None:
            self._tracks.finish(source)
        if self._zones is not None and last is not None:
            self._zones.write([_zone_record(source, last.frame, last.time_s, last.zones)])

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: Any) -> None:
        self._stack.__exit__(*error)

    def _write_events(self, events: list[Event]) -> None:
        if self._events is not None and events:
            self._events.write([event.to_record() for event in events])


def _zone_record(source: str, frame: int, time_s: float, zones: list[ZoneCounts]) -> dict[str, Any]:
    return {
        "source": source,
        "frame": frame,
        "time_s": round(time_s, 4),
        "zones": [each.to_record() for each in zones],
    }
