"""Run a detector over the pictures of a data set, just as a user would."""

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
"""A precision-recall curve needs detections down to about this confidence."""

STAGE = "evaluating"

DetectTwice: TypeAlias = Callable[[Picture], tuple[Detections, Detections]]
"""Takes a picture; returns all detections down to `FAINTEST`, and those that a user is shown."""


@dataclass(frozen=True, eq=False)
class Run:
    """What a detector said about a data set.

    Attributes:
        samples: the pictures that could be read.
        pictures: as many, with what was found in each.
        failed: the others, each as ``where: why``.
        seconds: wall time of it all, reading included.
    """

    samples: tuple[Sample, ...]
    pictures: tuple[ScoredPicture, ...]
    failed: tuple[str, ...]
    seconds: float


def both_views(detector: Detector) -> DetectTwice:
    """Return what runs a detector's network once on a picture for both sets of thresholds.

    Raises:
        ModelError: the model has other labels than the data sets.
    """
    require_mask_labels(detector.labels, detector.model_name, "measuring")

    def detect(picture: Picture) -> tuple[Detections, Detections]:
        found = detector.detect_with_candidates(picture, floor=FAINTEST)
        # A detector that shows still fainter faces is measured down to the same confidence as the others.
        return found.candidates[found.candidates.confidence >= np.float32(FAINTEST)], found.shown

    return detect


def run_detector(
    detect: DetectTwice, samples: Sequence[Sample], progress: Progress = silent, stage: str = STAGE
) -> Run:
    """Look at every picture.

    Args:
        detect: see `DetectTwice`; of our own detector that is `both_views`.
        samples: a split of a data set.
        progress: is told how many pictures are done.
        stage: what it is told they are done for.
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
    """Write every detection down to `FAINTEST`, one JSON record a picture, like those of ``detect``.

    Raises:
        OutputError: the file cannot be written.
    """
    with JsonLines(str(path)) as lines:
        for sample, picture in zip(run.samples, run.pictures, strict=True):
            lines.write(
                make_record(str(sample.path), sample.width, sample.height, picture.found, model, model_hash)
            )
