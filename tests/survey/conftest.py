"""Made-up rates and records, so that the tests need neither photos nor a network."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from crowdmask.labels import LABELS
from crowdmask.survey.rates import PhotoCounts, Rates

HASH = "0123456789abcdef"
THRESHOLDS = (0.4, 0.4, 0.4)
Write = Callable[..., Path]


def made_up_rates(photos: int = 200, recall: tuple[float, ...] = (0.95, 0.7, 0.9), seed: int = 0) -> Rates:
    """Rates of a detector that finds labels with other recalls, and mixes up 2 % of them."""
    random = np.random.default_rng(seed)
    counted = []
    for _ in range(photos):
        found = np.zeros((4, 3, 4, 6), np.int64)
        missed = np.zeros((3, 4), np.int64)
        for label in range(3):
            for width in range(4):
                faces = random.poisson((2.0, 2.0, 0.5)[label] / 2)
                hits = random.binomial(faces, recall[label])
                missed[label, width] = faces - hits
                said = np.where(random.random(hits) < 0.02, (label + 1) % 3, label)
                sure = random.choice(6, hits, p=(0.01, 0.02, 0.02, 0.15, 0.2, 0.6))
                np.add.at(found, (label, said, width, sure), 1)  # type: ignore[arg-type]
        false = random.poisson(0.2)
        at = (3, random.integers(0, 3, false), random.integers(0, 4, false), random.integers(0, 5, false))
        np.add.at(found, at, 1)  # type: ignore[arg-type]
        counted.append(PhotoCounts(found, missed))
    return Rates.of_photos(counted, "made-up", HASH, THRESHOLDS, "nothing real")


@pytest.fixture(scope="session")
def rates() -> Rates:
    return made_up_rates()


@pytest.fixture(scope="session")
def rates_file(tmp_path_factory: pytest.TempPathFactory, rates: Rates) -> Path:
    path = tmp_path_factory.mktemp("rates") / "made-up.rates.json"
    rates.write(path)
    return path


def face(
    label: int | str = 0, width: float = 40, confidence: float | None = 0.95, **more: Any
) -> dict[str, Any]:
    name = label if isinstance(label, str) else LABELS[label]
    found: dict[str, Any] = {"box": [10.0, 10.0, 10.0 + width, 10.0 + width], "label": name, **more}
    if confidence is not None:
        found["confidence"] = confidence
    return found


def photo(source: str, faces: list[dict[str, Any]], model_hash: str = HASH) -> dict[str, Any]:
    return {
        "source": source, "width": 640, "height": 480, "detections": faces, "counts": {}, "model": "made-up",
        "model_hash": model_hash,
    }  # fmt: skip


def frame(source: str, time_s: float, faces: list[dict[str, Any]]) -> dict[str, Any]:
    return {"source": source, "frame": round(time_s * 10), "time_s": time_s, "detections": faces}


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write records into a file and return it."""

    def written(records: list[dict[str, Any]], name: str = "records.jsonl", tail: str = "") -> Path:
        path = tmp_path / name
        path.write_text("".join(json.dumps(record) + "\n" for record in records) + tail, encoding="utf-8")
        return path

    return written
