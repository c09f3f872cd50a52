"""How often a detector misses, falsely detects and mislabels faces: measured counts, shipped with the model.

Counts are stored for each photo, without names, since errors are clustered: a photo with one missed face
often has ten. A survey's uncertainty is computed from them.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crowdmask.errors import ModelError
from crowdmask.files import write_text
from crowdmask.labels import LABELS
from crowdmask.matching import IGNORED, match
from crowdmask.survey.cells import (
    N_CONFIDENCES,
    N_LABELS,
    N_WIDTHS,
    WIDTHS_PX,
    Floats,
    confidence_class,
    confidence_edges,
    width_class,
)

FORMAT = 1
SUFFIX = ".rates.json"
NO_FACE = N_LABELS
"""The true class of a detection that is not a face of a surveyed width."""

Counts = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class PhotoCounts:
    """A detector's results on one annotated photo.

    Attributes:
        found: (4, 3, 4, 6): detections by truth (the last: not a face), predicted label, width and
            confidence.
        missed: (3, 4): faces without a counted detection, by label and width.
    """

    found: Counts
    missed: Counts


@dataclass(frozen=True, eq=False)
class Rates:
    """The counts of one model on annotated photos.

    Attributes:
        model, model_hash: name and hash of the measured model file.
        thresholds: (3,) the model's own, in the order of `LABELS`.
        measured_on: description of the data.
        found: (P, 4, 3, 4, 6), missed: (P, 3, 4): see `PhotoCounts`.
    """

    model: str
    model_hash: str
    thresholds: tuple[float, ...]
    measured_on: str
    found: Counts
    missed: Counts

    @classmethod
    def of_photos(
        cls,
        photos: Sequence[PhotoCounts],
        model: str,
        model_hash: str,
        thresholds: Sequence[float],
        measured_on: str,
    ) -> Rates:
        """Join the counts of photos."""
        found = np.zeros((len(photos), N_LABELS + 1, N_LABELS, N_WIDTHS, N_CONFIDENCES), np.int64)
        missed = np.zeros((len(photos), N_LABELS, N_WIDTHS), np.int64)
        for number, photo in enumerate(photos):
            found[number], missed[number] = photo.found, photo.missed
        return cls(model, model_hash, tuple(map(float, thresholds)), measured_on, found, missed)

    @property
    def photos(self) -> int:
        """The number of counted photos."""
        return len(self.found)

    @cached_property
    def edges(self) -> Floats:
        """Lower limits of the confidence classes, (3, 6)."""
        return confidence_edges(self.thresholds)

    def only(self, photos: NDArray[np.intp]) -> Rates:
        """Return the counts of some of the photos."""
        return Rates(
            self.model, self.model_hash, self.thresholds, self.measured_on,
            self.found[photos], self.missed[photos],
        )  # fmt: skip

    def from_floor(self, floor: int) -> tuple[Floats, Floats]:
        """Return the counts of a run that shows only detections from a confidence class on.

        Returns:
            ``found`` without the lower classes, (P, 4, 3, 4, 6 - floor), and ``missed`` including the faces
            that only those had found.
        """
        below = self.found[:, :NO_FACE, :, :, :floor].sum(axis=(2, 4))
        return self.found[..., floor:].astype(np.float64), (self.missed + below).astype(np.float64)

    def to_record(self) -> dict[str, Any]:
        """Return plain values for JSON: sums for people, then the sparse counts of each photo."""
        return {
            "format": FORMAT,
            "model": self.model,
            "model_hash": self.model_hash,
            "thresholds": dict(zip(LABELS, self.thresholds, strict=True)),
            "measured_on": self.measured_on,
            "widths_px": list(WIDTHS_PX),
            "confidences": {
                label: [round(float(v), 5) for v in row]
                for label, row in zip(LABELS, self.edges, strict=True)
            },
            "columns": {
                "found": ["truth (3: no face)", "said", "width", "confidence", "number"],
                "missed": ["truth", "width", "number"],
            },
            "photos": [
                {"found": _sparse(found), "missed": _sparse(missed)}
                for found, missed in zip(self.found, self.missed, strict=True)
            ],
        }

    def write(self, path: Path) -> None:
        """Write the file that `read_rates` reads, one line for each photo.

        Raises:
            OutputError: it cannot be written.
        """
        record = self.to_record()
        photos = record.pop("photos")
        lines = ",\n".join(json.dumps(photo, separators=(",", ":")) for photo in photos)
        head = json.dumps(record, indent=1)[:-2]
        write_text(path, f'{head},\n "photos": [\n{lines}\n]}}\n', what="the rates")


def count_photo(
    xyxy: NDArray[np.float32],
    confidence: NDArray[np.float32],
    class_id: NDArray[np.int64],
    faces: NDArray[np.float32],
    face_class_id: NDArray[np.int64],
    ignored: NDArray[np.float32],
    thresholds: Sequence[float],
) -> PhotoCounts:
    """Compare one photo's detections with its annotated faces.

    Args:
        xyxy, confidence, class_id: (D, 4), (D,), (D,) all detections, including those of low confidence.
        faces, face_class_id: (N, 4), (N,) the annotated faces.
        ignored: (K, 4) regions in which a detection is neither right nor wrong.
        thresholds: (3,) the model's own.
    """
    said_width = width_class(xyxy[:, 2] - xyxy[:, 0])
    said_confidence = confidence_class(class_id, confidence, confidence_edges(thresholds))
    true_width = width_class(faces[:, 2] - faces[:, 0])
    counted = (said_width >= 0) & (said_confidence >= 0)
    kept = np.flatnonzero(counted)
    matched = match(xyxy[kept], confidence[kept], faces, ignored)[0]
    truth = np.full(len(kept), NO_FACE)
    on_face = matched >= 0
    on_face[on_face] = true_width[matched[on_face]] >= 0
    truth[on_face] = face_class_id[matched[on_face]]
    judged = matched != IGNORED
    kept, truth = kept[judged], truth[judged]
    found = np.zeros((N_LABELS + 1, N_LABELS, N_WIDTHS, N_CONFIDENCES), np.int64)
    np.add.at(found, (truth, class_id[kept], said_width[kept], said_confidence[kept]), 1)
    lost = true_width >= 0
    lost[matched[on_face]] = False
    missed = np.zeros((N_LABELS, N_WIDTHS), np.int64)
    np.add.at(missed, (face_class_id[lost], true_width[lost]), 1)
    return PhotoCounts(found, missed)


def read_rates(path: Path) -> Rates:
    """Read a file of counts.

    Raises:
        ModelError: it cannot be read, is damaged, or has another version.
    """
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
        if value["format"] != FORMAT or value["widths_px"] != list(WIDTHS_PX):
            raise ModelError(f"{path}: rates of another version: measure them again (docs/survey.md)")
        photos = [
            PhotoCounts(
                _dense(photo["found"], (N_LABELS + 1, N_LABELS, N_WIDTHS, N_CONFIDENCES)),
                _dense(photo["missed"], (N_LABELS, N_WIDTHS)),
            )
            for photo in value["photos"]
        ]
        thresholds = [float(value["thresholds"][label]) for label in LABELS]
        return Rates.of_photos(
            photos, str(value["model"]), str(value["model_hash"]), thresholds, str(value["measured_on"])
        )
    except OSError as error:
        raise ModelError(f"{path}: {(error.strerror or str(error)).lower()}") from error
    except (ValueError, KeyError, TypeError, IndexError) as error:
        raise ModelError(f"{path}: these rates are damaged: measure them again (docs/survey.md)") from error


def shipped_rates(model_hash: str | None, model: str | None = None) -> Rates | None:
    """Return the rates shipped for a model; None if there are none.

    Args:
        model_hash: of the model file; None if the records do not state it.
        model: its name, used only without a hash.
    """
    folder = Path(str(resources.files("crowdmask"))) / "assets"
    for path in sorted(folder.glob(f"*{SUFFIX}")):
        if model_hash is None and path.name != f"{model}{SUFFIX}":
            continue
        rates = read_rates(path)
        if model_hash is None or rates.model_hash == model_hash:
            return rates
    return None


def _sparse(counts: Counts) -> list[list[int]]:
    where = np.argwhere(counts)
    return [[*row, int(counts[tuple(row)])] for row in where.tolist()]


def _dense(rows: list[list[int]], shape: tuple[int, ...]) -> Counts:
    counts = np.zeros(shape, np.int64)
    for *where, number in rows:
        if len(where) != len(shape) or min(where) < 0 or number < 0:
            raise ValueError("a row does not fit")
        counts[tuple(where)] += number
    return counts
