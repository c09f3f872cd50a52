"""Run a detector on the pictures of a data set in the same way as users do."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from crowdmask.data.sample import Sample
from crowdmask.detections import Detections
from crowdmask.errors import PictureError
from crowdmask.evaluation.matching import ScoredPicture
from crowdmask.labels import require_mask_labels
from crowdmask.media.pictures import Picture, open_picture
from crowdmask.media.writers import JsonLines, make_record
from crowdmask.progress import Progress, counted, silent

if TYPE_CHECKING:
    from crowdmask.inference.detector import Detector

FAINTEST = 0.01
"""Minimum confidence of the detections for a precision-recall curve."""

STAGE = "evaluating"

DetectTwice: TypeAlias = Callable[[Picture], tuple[Detections, Detections]]
"""Takes a picture; returns all detections down to `FAINTEST`, and those shown to a user."""


@dataclass(frozen=True, eq=False)
class Run:
    """A detector's results on a data set.

    Attributes:
        samples: the pictures that could be read.
        pictures: one for each sample, with its detections.
        failed: the others, each as ``where: why``.
        seconds: total wall time, including reading.
    """

    samples: tuple[Sample, ...]
    pictures: tuple[ScoredPicture, ...]
    failed: tuple[str, ...]
    seconds: float


def both_views(detector: Detector) -> DetectTwice:
    """Return a function that runs a detector's network once on a picture for both thresholds.

    Raises:
        ModelError: the model has other labels than the data sets.
    """
    require_mask_labels(detector.labels, detector.model_name, "measuring")

    def detect(picture: Picture) -> tuple[Detections, Detections]:
        found = detector.detect_with_candidates(picture, floor=FAINTEST)
        # A detector that shows faces of even lower confidence is measured down to the same one as the others.
        return found.candidates[found.candidates.confidence >= np.float32(FAINTEST)], found.shown

    return detect


def run_detector(
    detect: DetectTwice, samples: Sequence[Sample], progress: Progress = silent, stage: str = STAGE
) -> Run:
    """Detect faces in every picture.

    Args:
        detect: see `DetectTwice`; for our detector it is the result of `both_views`.
        samples: a split of a data set.
        progress: receives the number of completed pictures.
        stage: name of the stage in the progress.
    """
    kept, pictures, failed = [], [], []
    start = time.perf_counter()
    for sample in counted(samples, stage, progress):
        try:
            found, shown = detect(open_picture(sample.path))
        except PictureError as error:
            failed.append(str(error))
            continue
        kept.append(sample)
        pictures.append(
            ScoredPicture(
                sample.name, sample.source, sample.boxes, sample.class_id, sample.ignore, found, shown
            )
        )
    return Run(tuple(kept), tuple(pictures), tuple(failed), time.perf_counter() - start)


def write_detections(run: Run, path: Path, model: str, model_hash: str) -> None:
    """Write all detections down to `FAINTEST`, one JSON record for each picture, like ``detect``.

    Raises:
        OutputError: the file cannot be written.
    """
    with JsonLines(str(path)) as lines:
        for sample, picture in zip(run.samples, run.pictures, strict=True):
            lines.write(
                make_record(str(sample.path), sample.width, sample.height, picture.found, model, model_hash)
            )
