"""Time the stages of one photo: where the milliseconds go, for each model and each runtime."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from crowdmask.drawing.draw import draw_on
from crowdmask.inference.detector import Detector
from crowdmask.inference.model_file import shipped_models
from crowdmask.inference.stopwatch import Stopwatch
from crowdmask.media.pictures import open_picture
from crowdmask.progress import Progress, counted, silent

STAGES = ("read", "prepare", "network", "decode", "suppress", "draw")
FLOAT = "-float"
"""Suffix of a model's name that means the same network in float32."""

WARM_UP = 3
"""Number of runs that do not count: they include allocating memory and loading code."""


@dataclass(frozen=True)
class Timing:
    """Milliseconds for one photo, each the median of many runs.

    Attributes:
        stages: for each of `STAGES`.
        whole: for all stages together.
        detect: for `prepare` to `suppress` together: what `Detector.detect` does.
        faces: number of faces found in the photo.
    """

    stages: dict[str, float]
    whole: float
    detect: float
    faces: int


def precisions(model: str) -> list[str]:
    """Return a model and, if there is one, the same network in float32.

    Args:
        model: name of a shipped model or path of a model file; the float32 one has the suffix `FLOAT`,
            and is shipped or in the same folder.
    """
    path = Path(model)
    name = path.name.removesuffix(".onnx")
    if name.endswith(FLOAT):
        return [model]
    if name == model:
        return [model, name + FLOAT] if name + FLOAT in shipped_models() else [model]
    beside = path.with_name(f"{name}{FLOAT}{path.suffix}")
    return [model, str(beside)] if beside.is_file() else [model]


def time_stages(
    detectors: Sequence[Detector], photo: Path, runs: int, progress: Progress = silent
) -> list[Timing]:
    """Time several detectors in turn, so that other load slows all of them alike.

    Args:
        detectors: the detectors to time.
        photo: a picture file.
        runs: number of runs that count, after `WARM_UP` that do not.
        progress: receives the number of completed runs.
    Raises:
        PictureError: the photo cannot be read.
    """
    times = np.zeros((len(detectors), WARM_UP + runs, len(STAGES)))
    faces = [0] * len(detectors)
    for run in counted(range(WARM_UP + runs), "timing", progress):
        for index, detector in enumerate(detectors):
            times[index, run], faces[index] = _one_photo(detector, photo)
    return [_summary(each[WARM_UP:], found) for each, found in zip(times, faces, strict=True)]


def _one_photo(detector: Detector, photo: Path) -> tuple[list[float], int]:
    """Return the milliseconds of each stage and the number of faces."""
    watch = Stopwatch()
    with watch.stage("read"):
        picture = open_picture(photo)
    faces = detector.detect(picture, stopwatch=watch)
    scale = (picture.image.width / picture.width, picture.image.height / picture.height)
    with watch.stage("draw"):
        draw_on(picture.image, faces, scale)
    return [watch.ms.get(stage, 0.0) for stage in STAGES], len(faces)


def _summary(times: Any, faces: int) -> Timing:
    stages = dict(zip(STAGES, (round(float(ms), 3) for ms in np.median(times, axis=0)), strict=True))
    whole = float(np.median(times.sum(axis=1)))
    detect = float(np.median(times[:, 1:5].sum(axis=1)))
    return Timing(stages, round(whole, 3), round(detect, 3), faces)
