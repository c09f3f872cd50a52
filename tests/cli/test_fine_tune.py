"""Fine-tuning on a handful of photos keeps what was measured on thousands."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest
import yaml
from PIL import Image
from typer.testing import CliRunner, Result

pytest.importorskip("torch", reason="the extra 'train' is not installed")

import torch

from crowdmask.cli.main import app
from crowdmask.inference.detector import Detector
from crowdmask.inference.model_file import ModelInfo
from crowdmask.labels import LABELS
from crowdmask.training.start import shipped_weights

pytestmark = pytest.mark.skipif(
    not shipped_weights("crowd").is_file(), reason="no shipped weights in this checkout"
)
RECIPE = {
    "name": "tiny", "start": "shipped", "steps": 2, "batch_size": 2, "crop_px": 64, "warmup_steps": 1,
    "learning_rate": 1e-5, "precision": "float32", "validate_every": 2, "validation_crops": 2,
    "checkpoint_every": 2,
}  # fmt: skip


@pytest.fixture
def start() -> ModelInfo:
    return Detector("crowd-float", threads=1).info


def fine_tune(folder: Path, labels: tuple[str, ...], photos: int = 8) -> tuple[Result, ModelInfo]:
    """Train on photos with a face of each label, one photo of which is validated on."""
    (folder / "photos").mkdir()
    rows = ["image,label,xmin,ymin,xmax,ymax"]
    for index in range(photos):
        pixels = np.random.default_rng(index).integers(90, 130, (96, 128, 3)).astype(np.uint8)
        for place, label in enumerate(labels):
            left = 4 + 40 * place
            pixels[20:50, left : left + 30] = (20 + 60 * place, 200 - 60 * place, 60)
            rows.append(f"p{index}.png,{label},{left},20,{left + 30},50")
        Image.fromarray(pixels).save(folder / "photos" / f"p{index}.png")
    (folder / "photos" / "boxes.csv").write_text("\n".join(rows))
    (folder / "tiny.yaml").write_text(yaml.safe_dump(RECIPE))
    before = torch.get_num_threads()
    arguments = ["train", folder / "tiny.yaml", "--photos", folder / "photos", "--format", "csv",
                 "--run-folder", folder / "run", "--threads", 1]  # fmt: skip
    try:
        done = CliRunner().invoke(app, [str(argument) for argument in arguments])
    finally:
        torch.set_num_threads(before)
    assert done.exit_code == 0, done.output
    return done, Detector(folder / "run" / "tiny.onnx", threads=1).info


def test_on_few_faces_the_starts_calibration_stays_and_both_are_shown(tmp_path, start):
    done, mine = fine_tune(tmp_path, LABELS)
    assert (mine.calibration, mine.threshold) == (start.calibration, start.threshold)
    assert mine.input == start.input
    assert (mine.closer_look, mine.farther_look) == (start.closer_look, start.farther_look)
    assert "too few faces on val to calibrate on (fewer than 200: with_mask 1," in done.stdout
    assert "calibration and thresholds stay those of the start model" in done.stdout
    assert re.search(r"^start: crowd-float +[\d.-]+ ", done.stdout, re.M)
    assert re.search(r"^result: tiny +[\d.-]+ ", done.stdout, re.M)
    assert "val is too small to tell the two apart: 3 faces in 1 photo" in done.stdout
    report = json.loads((tmp_path / "run" / "report.json").read_text())
    assert report["kept_from_start"] == list(LABELS)
    assert report["few_faces"] == dict.fromkeys(LABELS, 1)
    assert report["comparison"]["start"]["model"] == "crowd-float"
    assert report["comparison"]["clear"] is False


def test_labels_with_enough_faces_are_calibrated_anew(tmp_path, start, monkeypatch):
    monkeypatch.setattr("crowdmask.export.finish.FEW_FACES", 2)
    monkeypatch.setattr("crowdmask.export.finish._LEAST_ANSWERS", 1)
    done, mine = fine_tune(tmp_path, ("with_mask", "with_mask", "mask_worn_incorrect"))
    assert start.calibration is not None
    assert mine.calibration is not None
    assert mine.calibration[0] != start.calibration[0]
    assert mine.calibration[1:] == start.calibration[1:]
    assert mine.threshold[1:] == start.threshold[1:]
    assert "without_mask, mask_worn_incorrect keep the start model's calibration and threshold" in done.stdout
