"""A run that version 0.1.0 began goes on: its checkpoint and the digests of recipe and data still fit."""

from __future__ import annotations

import lzma
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch", reason="the extra 'train' is not installed")
pytest.importorskip("tensorboard", reason="the extra 'train' is not installed")

import torch
from PIL import Image

from crowdmask.data.sample import Sample
from crowdmask.models.registry import build
from crowdmask.training.checkpoint import load_checkpoint
from crowdmask.training.trainer import Trainer

# Written by the trainer of 0.1.0 after two of three steps. To keep the file small, the values of each tensor
# were then replaced by their mean.
CHECKPOINT = Path(__file__).parents[1] / "golden" / "0.1.0" / "checkpoint.pt.xz"
FACES = ((10, 12, 34, 40), (50, 8, 80, 44), (90, 50, 110, 80))


def draw_sample(folder: Path, index: int) -> Sample:
    """Draw the photo that the run of 0.1.0 learnt from; the numbers in the digest do not depend on numpy."""
    pixels = np.full((96, 128, 3), 110, np.uint8)
    for label, (x1, y1, x2, y2) in enumerate(FACES):
        pixels[y1:y2, x1:x2] = (40 + 60 * label, 200 - 60 * label, 40)
    path = folder / f"{index}.png"
    Image.fromarray(pixels).save(path)
    return Sample(
        path=path,
        name=f"street/{index}.png",
        source="street",
        width=128,
        height=96,
        boxes=np.array(FACES, np.float32),
        class_id=np.arange(3),
        ignore=np.zeros(3, bool),
    )


def test_a_run_of_0_1_0_goes_on_from_its_checkpoint(tmp_path, recipe):
    samples = [draw_sample(tmp_path, index) for index in range(3)]
    folder = tmp_path / "run"
    folder.mkdir()
    (folder / "checkpoint.pt").write_bytes(lzma.decompress(CHECKPOINT.read_bytes()))
    plan = recipe(steps=3)
    assert plan.digest == "dd687816f0132329"
    stored = load_checkpoint(folder / "checkpoint.pt")
    assert stored is not None

    trainer = Trainer(plan, build("crowd"), samples[:2], samples[2:], folder)

    assert trainer.data == "82aad5828e934724"
    assert trainer.step == 2
    for name, value in trainer.model.state_dict().items():
        assert torch.equal(value, stored["model"][name]), name
    for name, value in trainer.average.model.state_dict().items():
        assert torch.equal(value, stored["average"][name]), name
    assert trainer.optimizer.state_dict()["state"].keys() == stored["optimizer"]["state"].keys()
    done = list(trainer.run())
    assert [progress.step for progress in done] == [3]
    assert np.isfinite(done[-1].losses["total"])
    again = load_checkpoint(folder / "checkpoint.pt")
    assert again is not None
    assert again["step"] == 3
    assert again.keys() == stored.keys()
