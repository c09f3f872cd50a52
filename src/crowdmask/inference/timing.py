"""Time the stages of one photo: where the milliseconds go, for each model and each runtime."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from crowdmask.drawing.draw import draw_on
from crowdmask.inference.detector import Detector
from crowdmask.inference.model_file import shipped_models
from crowdmask.inference.stopwatch import Stopwatch
from crowdmask.media.pictures import open_picture

STAGES = ("read", "prepare", "network", "decode", "suppress", "draw")
FLOAT = "-float"
"""A model's name with this behind it is that of the same network in float32."""

WARM_UP = 3
"""The first photos pay for memory and code that the later ones find ready."""


@dataclass(frozen=True)
class Timing:
    """Milliseconds of one photo, each the median of many.

    Attributes:
        stages: of each of `STAGES`.
        whole: of all of them together, in one go.
        detect: of `prepare` to `suppress` together: what `Detector.detect` does.
        faces: found in the photo.
    """

    stages: dict[str, float]
    whole: float
    detect: float
    faces: int


def precisions(model: str) -> list[str]:
    """Return a model and, where there is one, the same network in float32.

    Args:
        model: name of a shipped model or path of a model file; its other form is that of the name with
            `FLOAT`, shipped or in the same folder.
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
    detectors: Sequence[Detector], photo: Path, runs: int, rounds: Callable[[range], Iterator[int]] = iter
) -> list[Timing]:
    """Time several detectors in turn, so that a busy minute slows all of them alike.

    Args:
        detectors: each is timed on its own.
        photo: a picture file.
        runs: so many times, after `WARM_UP` more that don't count.
        rounds: may show how far it is.
    Raises:
        PictureError: the photo cannot be read.
    """
    times = np.zeros((len(detectors), WARM_UP + runs, len(STAGES)))
    faces = [0] * len(detectors)
    for run in rounds(range(WARM_UP + runs)):
        for index, detector in enumerate(detectors):
            times[index, run], faces[index] = _one_photo(detector, photo)
    return [_summary(each[WARM_UP:], found) for each, found in zip(times, faces, strict=True)]


def _one_photo(detector: Detector, photo: Path) -> tuple[list[float], int]:
    """Return the milliseconds of each stage and how many faces there are."""
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
