"""Compare the times of models and runtimes on one photo: what `crowdmask bench` does."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from crowdmask.cores import physical_cores
from crowdmask.errors import ModelError, UsageError
from crowdmask.inference.backends.base import AUTO
from crowdmask.inference.backends.registry import BACKENDS, installed_backends
from crowdmask.inference.detector import Detector
from crowdmask.inference.model_file import shipped_models
from crowdmask.inference.processor import describe
from crowdmask.inference.timing import STAGES, Timing, precisions, time_stages
from crowdmask.progress import Progress, silent

DRAWN_SIZE = (1024, 683)
"""Width and height of the generated picture that is timed if no photo is given."""


@dataclass(frozen=True)
class Benchmark:
    """Median times of one photo, for each model and runtime.

    Attributes:
        stages: names of the stages, in their order.
        record: all times with their conditions, as plain values for JSON.
    """

    stages: tuple[str, ...]
    record: dict[str, Any]


def benchmark(
    photo: Path | None = None,
    *,
    model: str | None = None,
    backend: str | None = None,
    device: str = AUTO,
    runs: int = 30,
    input_size: int | None = None,
    threads: int | None = None,
    progress: Progress = silent,
) -> Benchmark:
    """Time the stages of one photo; all models and runtimes take turns.

    Args:
        photo: None: a generated picture without faces.
        model: one model, and its float32 version if there is one; None: all shipped ones.
        backend: one runtime; None: all installed ones.
        device: a device of that runtime.
        runs: number of measurements of each.
        input_size: long side of the network's input, pixels; None: the model's.
        threads: compute threads; None: one for each physical core.
        progress: receives the number of completed runs.
    Raises:
        UsageError: unknown runtime, or a device without a runtime.
        ModelError: there is no model.
        PictureError: the photo cannot be read.
    """
    if backend is not None and backend not in BACKENDS:
        raise UsageError(f"no such backend: {backend!r}: choose from {', '.join(BACKENDS)}")
    if backend is None and device != AUTO:
        raise UsageError("`device` needs a `backend`: devices differ between runtimes")
    models = precisions(model) if model else shipped_models()
    if not models:
        raise ModelError("no model ships with this installation: give one with `model`")
    pairs = [
        (each, runtime) for each in models for runtime in ([backend] if backend else installed_backends())
    ]
    detectors = [
        Detector(each, input_size=input_size, backend=runtime, device=device, threads=threads)
        for each, runtime in pairs
    ]
    with _photo_or_drawn(photo) as file:
        timings = time_stages(detectors, file, runs, progress)
    rows = [_row(*each) for each in zip(pairs, detectors, timings, strict=True)]
    name = str(photo) if photo else "drawn"
    record = {
        "photo": name,
        "runs": runs,
        "threads": threads or physical_cores(),
        "processor": describe(),
        "rows": rows,
    }
    return Benchmark(STAGES, record)


def _row(pair: tuple[str, str], detector: Detector, timing: Timing) -> dict[str, Any]:
    return {
        "model": detector.model_name,
        "model_hash": detector.model_hash,
        "precision": detector.info.precision,
        "backend": pair[1],
        "device": detector.device,
        "input_size": detector.info.input.size,
        "faces": timing.faces,
        "ms": {**timing.stages, "detect": timing.detect, "whole": timing.whole},
    }


@contextmanager
def _photo_or_drawn(photo: Path | None) -> Iterator[Path]:
    """Return the photo, or a generated one: smooth colours and some noise, like a photo."""
    if photo is not None:
        yield photo
        return
    random = np.random.default_rng(0)
    coarse = Image.fromarray(random.integers(0, 256, (9, 12, 3), np.uint8))
    smooth = np.asarray(coarse.resize(DRAWN_SIZE, Image.Resampling.BICUBIC), np.int16)
    pixels = np.clip(smooth + random.normal(0, 6, smooth.shape), 0, 255).astype(np.uint8)
    with tempfile.TemporaryDirectory(prefix="crowdmask-") as folder:
        file = Path(folder) / "drawn.jpg"
        Image.fromarray(pixels).save(file, quality=90)
        yield file
