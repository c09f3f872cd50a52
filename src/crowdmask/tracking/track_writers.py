"""Write tracking results: a line for each frame, a row for each track, a line for each zone and second.

Several sources may write into one file, each from its own thread.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from threading import Lock
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from crowdmask.detections import Detections
from crowdmask.labels import LABELS
from crowdmask.media.writers import JsonLines, LineFile
from crowdmask.tracking.events import lived_enough
from crowdmask.tracking.mask_state import STATES, UNKNOWN

TRACK_COLUMNS = (
    "source", "track", "label", "first_frame", "last_frame", "first_s", "last_s", "frames",
    *(f"{state}_frames" for state in STATES), "mean_confidence", "mean_width_px", "brief", "run",
)  # fmt: skip

FORGET_S = 60.0
"""A track not seen for this long is written and removed from memory, for long streams."""


def frame_record(
    source: str,
    frame: int,
    time_s: float,
    detections: Detections,
    tracks: NDArray[np.int64],
    states: Sequence[str],
    run: str = "",
    predicted: bool = False,
) -> dict[str, Any]:
    """Return the JSON record of one frame, which other programs rely on.

    Args:
        source: shown name.
        frame, time_s: number and time of the frame in its source.
        detections: the faces.
        tracks: (N,) their track numbers; -1: none.
        states: N states of the tracks, possibly "unknown".
        run: UUID of the run that numbered the tracks.
        predicted: the frame was not looked at; each of its faces says so.
    """
    faces = [
        {
            "box": face["box"],
            "label": state,
            "detected_label": face["label"],
            "confidence": face["confidence"],
            "track": int(track) if track >= 0 else None,
            **({"predicted": True} if predicted else {}),
        }
        for face, track, state in zip(detections.to_records(), tracks, states, strict=True)
    ]
    return {
        "source": source,
        "frame": frame,
        "time_s": round(time_s, 4),
        "detections": faces,
        "run": run,
    }


class SharedLines:
    """JSON lines from several threads; also a context manager."""

    def __init__(self, target: str) -> None:
        """Open a file, or standard output for "-"."""
        self._lines = JsonLines(target)
        self._lock = Lock()

    def write(self, records: Iterable[dict[str, Any]]) -> None:
        """Append records together, without records of other threads between them.

        Raises:
            OutputError: the disk is full, or the reader of a pipe has ended.
        """
        with self._lock:
            self._lines.begin()
            for record in records:
                self._lines.write(record)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._lines.close()


@dataclass(eq=False)
class _Life:
    first_frame: int
    first_s: float
    last_frame: int = 0
    last_s: float = 0.0
    states: list[int] = field(default_factory=lambda: [0] * len(STATES))
    confidence: float = 0.0
    width: float = 0.0

    def row(self, source: str, track: int, run: str) -> tuple[Any, ...]:
        frames = sum(self.states)
        # The state that it had for most of the time with a known state.
        best = max(range(len(LABELS)), key=self.states.__getitem__)
        label = LABELS[best] if self.states[best] else UNKNOWN
        return (
            source, track, label, self.first_frame, self.last_frame,
            round(self.first_s, 3), round(self.last_s, 3), frames, *self.states,
            round(self.confidence / frames, 4), round(self.width / frames, 1),
            "false" if lived_enough(frames, self.last_s - self.first_s) else "true", run,
        )  # fmt: skip


class TrackTable:
    """One row for each track, with `TRACK_COLUMNS`, written when it has ended; also a context manager."""

    def __init__(self, target: str) -> None:
        """Open a file, or standard output for "-", and write the header."""
        self._file = LineFile(target)
        self._lock = Lock()
        self._lives: dict[tuple[str, str], dict[int, _Life]] = {}
        self._write([TRACK_COLUMNS], head=True)

    def add(
        self,
        source: str,
        frame: int,
        time_s: float,
        detections: Detections,
        tracks: NDArray[np.int64],
        states: Sequence[str],
        run: str = "",
    ) -> None:
        """Take the next frame of a source; see `frame_record`."""
        with self._lock:
            self._file.begin()
            lives = self._lives.setdefault((source, run), {})
            widths = detections.xyxy[:, 2] - detections.xyxy[:, 0]
            for row in np.flatnonzero(tracks >= 0).tolist():
                life = lives.setdefault(int(tracks[row]), _Life(frame, time_s))
                life.last_frame, life.last_s = frame, time_s
                life.states[STATES.index(states[row])] += 1
                life.confidence += float(detections.confidence[row])
                life.width += float(widths[row])
            ended = [track for track, life in lives.items() if time_s - life.last_s > FORGET_S]
            self._write([lives.pop(track).row(source, track, run) for track in ended])

    def finish(self, source: str, run: str = "") -> None:
        """Write the remaining tracks of a source that has ended."""
        with self._lock:
            lives = self._lives.pop((source, run), {})
            self._write([life.row(source, track, run) for track, life in lives.items()])

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        try:
            for source, run in list(self._lives):
                self.finish(source, run)
        finally:
            self._file.close()

    def _write(self, rows: list[tuple[Any, ...]], head: bool = False) -> None:
        if rows:
            text = io.StringIO()
            csv.writer(text, lineterminator="\n").writerows(rows)
            self._file.write(text.getvalue(), head=head)
