"""A tiny set of photos whose faces are coloured blocks, and a recipe that learns them in seconds."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image

from crowdmask.data.sample import Sample

if TYPE_CHECKING:
    from crowdmask.training.recipe import Recipe

COLOURS = ((20, 200, 40), (230, 40, 40), (40, 60, 230))


def make_sample(folder: Path, index: int, source: str = "street", faces: int = 3) -> Sample:
    """Write a photo of 128 x 96 noisy pixels with blocks of 14 to 40 pixels, one of each label."""
    random = np.random.default_rng(index)
    pixels = random.integers(90, 130, (96, 128, 3)).astype(np.uint8)
    boxes = []
    for label in range(faces):
        width, height = random.integers(14, 40, 2)
        x, y = random.integers(0, 128 - width), random.integers(0, 96 - height)
        pixels[y : y + height, x : x + width] = COLOURS[label % 3]
        boxes.append((x, y, x + width, y + height))
    path = folder / f"{index}.png"
    Image.fromarray(pixels).save(path)
    return Sample(
        path=path,
        name=f"{source}/{index}.png",
        source=source,
        width=128,
        height=96,
        boxes=np.array(boxes, np.float32).reshape(-1, 4),
        class_id=np.arange(faces) % 3,
        ignore=np.zeros(faces, bool),
    )


@pytest.fixture
def samples(tmp_path: Path) -> list[Sample]:
    folder = tmp_path / "photos"
    folder.mkdir()
    return [make_sample(folder, index) for index in range(6)]


@pytest.fixture
def recipe() -> Callable[..., Recipe]:
    """Return a function that makes a tiny recipe, with changes to its keys."""
    pytest.importorskip("torch", reason="the extra 'train' is not installed")
    from crowdmask.training.recipe import Recipe

    def make(**changes: Any) -> Recipe:
        content = {
            "name": "tiny",
            "steps": 6,
            "batch_size": 4,
            "crop_px": 64,
            "warmup_steps": 2,
            "learning_rate": 0.002,
            "precision": "float32",
            "validate_every": 3,
            "validation_crops": 4,
            "checkpoint_every": 2,
        }
        return Recipe.model_validate({**content, **changes})

    return make
