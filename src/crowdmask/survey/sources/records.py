"""Read records of ``crowdmask detect --json`` and ``crowdmask track --json`` or ``--events``."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from crowdmask.errors import DataError, SourceError
from crowdmask.labels import LABELS
from crowdmask.survey.sightings import FACE, PASSAGE, PERSON_TIME, UNKNOWN, Sightings
from crowdmask.survey.sources.photos import Photos
from crowdmask.survey.sources.rows import is_rows, read_rows
from crowdmask.survey.sources.timing import Frames, sightings_of_frames
from crowdmask.survey.sources.tracks import Lives, sightings_of_lives

STANDARD_INPUT = "-"
SUFFIXES = (".json", ".jsonl", ".ndjson")

_PHOTO, _FRAME, _EVENT = "records of photos", "records of video frames", "events"
_LABEL_INDEX = {label: index for index, label in enumerate(LABELS)}
_NAMED = 5
_NOT_A_NUMBER = float("nan")


def is_records(name: str) -> bool:
    """Return whether a source is named like a file of records, or is the output of ``crowdmask batch``."""
    return name == STANDARD_INPUT or Path(name).suffix.lower() in SUFFIXES or is_rows(name)


@dataclass
class RecordFiles:
    """Files of JSON lines, all of the same kind.

    Attributes:
        names: paths; "-" is standard input.
        unit: of `crowdmask.survey.sightings.UNITS`; None: faces of photos, person-time of video.
    """

    names: Sequence[str]
    unit: str | None = None
    _problems: list[str] = field(default_factory=list)

    def read(self) -> Sightings:
        """Read all lines; damaged ones are reported and skipped.

        Raises:
            SourceError: a file cannot be opened, or none holds a record.
            DataError: records of photos and of video, or of several models, are mixed, or the unit does not
                fit.
        """
        reader = _Reader()
        for name in self.names:
            self._problems += reader.read(name)
        return reader.sightings(self.unit, tuple(self._problems))


class _Reader:
    def __init__(self) -> None:
        self.kind = ""
        self.kind_from = ""
        self.model: dict[str, str | None] = {}
        self.photos = Photos()
        self.frames = Frames()
        self.lives = Lives()

    def read_rows(self, name: str) -> list[str]:
        """Read the rows of ``crowdmask batch``; rows with an error are reported."""
        failed: list[str] = []
        for row in read_rows(name):
            if row["error"] is not None:
                failed.append(f"{row['error']}: left out")
            else:
                self.take(row, name)
        if len(failed) > _NAMED:
            failed[_NAMED:] = [f"{name}: {len(failed) - _NAMED} more photos could not be read: left out"]
        return failed

    def read(self, name: str) -> list[str]:
        if name != STANDARD_INPUT and is_rows(name):
            return self.read_rows(name)
        bad: list[tuple[int, str]] = []
        number = 0
        for number, line in enumerate(_lines(name), 1):
            if not line.strip():
                continue
            try:
                self.take(json.loads(line), name)
            except DataError:
                raise
            except ValueError as error:
                cut = isinstance(error, json.JSONDecodeError) and not line.endswith(b"\n")
                bad.append((number, "is cut off" if cut else _why(error)))
            except (KeyError, TypeError, AttributeError, OverflowError) as error:
                bad.append((number, _why(error)))
        problems = [f"{name}: line {at} {why}: left out" for at, why in bad[:_NAMED]]
        if len(bad) > _NAMED:
            problems.append(f"{name}: {len(bad) - _NAMED} more lines are damaged: left out")
        return problems

    def take(self, record: dict[str, Any], name: str) -> None:
        if not isinstance(record, dict):
            raise ValueError("is not a record")
        if "event" in record:
            kind = _EVENT
        elif "detections" in record:
            kind = _FRAME if "time_s" in record else _PHOTO
        else:
            raise ValueError("is not a record of detect or track")
        self._require_kind(kind, name)
        if kind == _EVENT:
            self.lives.take(record)
        elif kind == _FRAME:
            source, time_s = str(record["source"]), float(record["time_s"])
            found = record["detections"]
            faces, centres = [_face(each) for each in found], [_centre(each) for each in found]
            self.frames.take(source, time_s, faces, centres)
        else:
            faces = [_face(each) for each in record["detections"]]
            self.photos.take(str(record["source"]), faces)
        if kind != _EVENT and record.get("model_hash"):
            self.model.setdefault(str(record["model_hash"]), record.get("model"))

    def _require_kind(self, kind: str, name: str) -> None:
        if not self.kind:
            self.kind, self.kind_from = kind, name
        if kind != self.kind:
            raise DataError(
                f"{name} holds {kind}, {self.kind_from} {self.kind}: survey them one at a time, "
                "since they do not count the same"
            )

    def sightings(self, unit: str | None, problems: tuple[str, ...]) -> Sightings:
        if not self.kind:
            told = f" ({problems[0]})" if problems else ""
            raise SourceError(
                f"no record of detect or track was found{told}: give the file of records that they wrote"
            )
        if len(self.model) > 1:
            raise DataError(
                f"the records come from {len(self.model)} models ({', '.join(sorted(self.model))}): "
                "survey each apart, since their errors differ"
            )
        model_hash, model = next(iter(self.model.items()), (None, None))
        about = {"model": model, "model_hash": model_hash, "problems": problems}
        if self.kind == _PHOTO:
            if unit not in (None, FACE):
                raise DataError(f"photos are counted by face: `unit` {unit} needs records of video")
            return self.photos.sightings(about)
        if unit == FACE:
            raise DataError(
                f"video is counted by {PERSON_TIME} or {PASSAGE}, since a face is seen many times"
            )
        if self.kind == _EVENT:
            return sightings_of_lives(self.lives, unit or PERSON_TIME, about)
        return sightings_of_frames(self.frames, unit or PERSON_TIME, about)


def _face(face: dict[str, Any]) -> tuple[int, float, float, int]:
    """Return label, width, confidence and track (-1: none) of one face of a record."""
    label = _LABEL_INDEX.get(face["label"], UNKNOWN)
    if label == UNKNOWN:
        # The track has no state yet: use the detector's label of this frame.
        label = _LABEL_INDEX.get(face.get("detected_label", ""), UNKNOWN)
        if label == UNKNOWN and face["label"] != "unknown":
            raise ValueError(f"has a label that is none of {', '.join(LABELS)}")
    x1, _, x2, _ = face["box"]
    width, confidence = float(x2) - float(x1), face.get("confidence")
    if not 0 <= width < float("inf"):
        raise ValueError("has a box of impossible width")
    track = face.get("track")
    sure = _NOT_A_NUMBER if confidence is None else float(confidence)
    if confidence is not None and not 0 <= sure <= 1:
        raise ValueError("has a confidence that is not between 0 and 1")
    return label, width, sure, -1 if track is None else int(track)


def _centre(face: dict[str, Any]) -> tuple[float, float]:
    x1, y1, x2, y2 = (float(side) for side in face["box"])
    return (x1 + x2) / 2, (y1 + y2) / 2


def _lines(name: str) -> Iterator[bytes]:
    if name == STANDARD_INPUT:
        yield from sys.stdin.buffer
        return
    try:
        with open(name, "rb") as file:
            yield from file
    except OSError as error:
        raise SourceError(f"{name}: {(error.strerror or str(error)).lower()}") from error


def _why(error: Exception) -> str:
    if isinstance(error, json.JSONDecodeError | UnicodeDecodeError):
        return "is not JSON"
    if isinstance(error, KeyError):
        return f"lacks {error.args[0]!r}"
    if isinstance(error, ValueError) and str(error).startswith(("is ", "has ")):
        return str(error)
    return "does not fit what detect and track write"


def read_boxes(names: Sequence[str], wanted: set[str], least: float | None) -> dict[str, list[list[float]]]:
    """Return the boxes of some photos in files of records, by source.

    Args:
        names: files.
        wanted: the sources of these photos.
        least: minimum confidence; None: keep all.
    """
    boxes: dict[str, list[list[float]]] = {}
    for name in names:
        for record in _records(name):
            try:
                source = str(record["source"])
                if source in wanted and source not in boxes:
                    boxes[source] = [
                        [float(side) for side in face["box"]]
                        for face in record["detections"]
                        if least is None or float(face.get("confidence", 1.0)) >= least
                    ]
            except (ValueError, KeyError, TypeError):
                continue  # these lines were reported when the file was read
    return boxes


def _records(name: str) -> Iterator[Any]:
    if name != STANDARD_INPUT and is_rows(name):
        yield from (row for row in read_rows(name) if row["error"] is None)
        return
    for line in _lines(name):
        with suppress(ValueError):
            yield json.loads(line)
