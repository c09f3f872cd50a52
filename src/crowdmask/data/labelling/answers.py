"""A detector's results for a data set's photos, kept on the disk so that an interrupted run can continue."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from crowdmask.detections import Detections
from crowdmask.errors import OutputError, PictureError
from crowdmask.inference.detector import Detector
from crowdmask.media.pictures import open_picture

Answer = Detections | PictureError


class Answers:
    """Runs a detector on each photo once; the results are in a file, one line a photo."""

    def __init__(self, detector: Detector, path: Path) -> None:
        """Reuse the results in the file if they are from the same model with the same settings."""
        self._detector = detector
        self.path = path
        self._head = {
            "model": detector.model_hash,
            "input_size": detector.info.input.size,
            "threshold": list(detector.threshold),
            "tiles": detector.tiles,
        }
        self._known: dict[str, dict[str, Any]] = {}
        self._sound = 0  # bytes
        self._read()

    def ask(self, photos: Iterable[tuple[str, Path]]) -> Iterator[tuple[str, Answer]]:
        """Yield each photo's name and the faces in it, or why it cannot be read.

        Args:
            photos: names, each with the photo's file.
        Raises:
            OutputError: the answers cannot be written.
        """
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with self.path.open("ab") as file:
                file.truncate(self._sound)
                if not self._sound:
                    file.write(_line(self._head))
                for name, path in photos:
                    known = self._recall(name, path)
                    answer: Answer = self._detect(path) if known is None else known
                    if known is None and isinstance(answer, Detections):
                        file.write(_line(_row(name, path, answer)))
                        file.flush()
                    yield name, answer
        except OSError as error:
            raise OutputError(f"cannot write {self.path}: {error.strerror or error}") from error

    def forget(self) -> None:
        """Delete the file after its results have been used."""
        self.path.unlink(missing_ok=True)

    def _detect(self, path: Path) -> Answer:
        try:
            return self._detector.detect(open_picture(path))
        except PictureError as error:
            return error

    def _recall(self, name: str, path: Path) -> Detections | None:
        row = self._known.get(name)
        if row is None or row["stamp"] != _stamp(path):
            return None
        return Detections(
            np.array(row["xyxy"], np.float32).reshape(-1, 4),
            np.array(row["confidence"], np.float32),
            np.array(row["class_id"], np.int64),
        )

    def _read(self) -> None:
        """Read the lines that fit, up to the incomplete line of a killed run."""
        try:
            lines = self.path.read_bytes().splitlines(keepends=True)
            if not lines or json.loads(lines[0]) != self._head:
                return
            self._sound = len(lines[0])
            for line in lines[1:]:
                row = json.loads(line)
                self._known[str(row["name"])] = row
                self._sound += len(line)
        except (OSError, ValueError, KeyError, TypeError):
            return


def _line(value: dict[str, Any]) -> bytes:
    return json.dumps(value).encode() + b"\n"


def _row(name: str, path: Path, answer: Detections) -> dict[str, Any]:
    return {
        "name": name,
        "stamp": _stamp(path),
        "xyxy": answer.xyxy.round(2).tolist(),
        "confidence": answer.confidence.round(5).tolist(),
        "class_id": answer.class_id.tolist(),
    }


def _stamp(path: Path) -> list[int]:
    """Return the file's size and modification time, which change with its content."""
    try:
        status = path.stat()
    except OSError:
        return []
    return [status.st_size, status.st_mtime_ns]
