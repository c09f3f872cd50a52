from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest

from crowdmask.detections import Detections
from crowdmask.evaluation.matching import ScoredPicture

# Rows as one writes them by hand: a face is (x1, y1, x2, y2, class, ignore), a detection
# (x1, y1, x2, y2, class, confidence).
Row = Sequence[float]


def make_detections(rows: Sequence[Row]) -> Detections:
    table = np.array(rows, np.float64).reshape(-1, 6)
    return Detections(
        table[:, :4].astype(np.float32), table[:, 5].astype(np.float32), table[:, 4].astype(np.int64)
    )


def make_scored(
    faces: Sequence[Row],
    found: Sequence[Row],
    source: str = "street",
    shown_from: float = 0.5,
    name: str = "a.jpg",
) -> ScoredPicture:
    table = np.array(faces, np.float64).reshape(-1, 6)
    detections = make_detections(found)
    return ScoredPicture(
        name=name,
        source=source,
        boxes=table[:, :4].astype(np.float32),
        class_id=table[:, 4].astype(np.int64),
        ignore=table[:, 5].astype(bool),
        found=detections,
        shown=detections[detections.confidence >= np.float32(shown_from)],
    )


@pytest.fixture
def scored() -> Callable[..., ScoredPicture]:
    """Build a picture from hand-written rows."""
    return make_scored


@pytest.fixture
def crowd() -> list[ScoredPicture]:
    """Sixty pictures of two sources with finds, misses, doubles, false boxes and ignore regions."""
    random = np.random.default_rng(3)
    pictures = []
    for index in range(60):
        source = "masked" if index % 2 else "bare"
        faces, found = [], []
        for _ in range(random.integers(0, 15)):
            size = float(8 * 2 ** random.uniform(0, 4))
            x, y = random.uniform(0, 600, 2)
            label = int(random.choice(3, p=[0.5, 0.4, 0.1])) if source == "masked" else 1
            faces.append((x, y, x + size, y + size * 1.2, label, random.random() < 0.1))
            for _ in range(random.integers(0, 3)):
                shift = random.normal(0, 0.12 * size, 4)
                said = label if random.random() < 0.85 else int(random.integers(3))
                box = np.array([x, y, x + size, y + size * 1.2]) + shift
                found.append((*box, said, round(float(random.beta(4, 2)), 4)))
        for _ in range(random.integers(0, 12)):
            x, y, size = *random.uniform(0, 600, 2), random.uniform(6, 90)
            row: tuple[Any, ...] = (x, y, x + size, y + size, int(random.integers(3)))
            found.append((*row, round(float(random.beta(1, 4)), 4)))
        pictures.append(make_scored(faces, found, source, name=f"{source}/{index:03}.jpg"))
    return pictures
