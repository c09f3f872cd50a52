"""``crowdmask train --ray``: on a real cluster of this machine alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch", reason="the extra 'train' is not installed")
pytest.importorskip("ray", reason="the extra 'scale' is not installed")

import torch

from crowdmask.inference.detector import Detector
from crowdmask.models.registry import build
from crowdmask.training.checkpoint import save_weights

from .test_train import photo_folder, run, write_recipe


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    return photo_folder(tmp_path / "photos")


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    torch.manual_seed(0)
    save_weights(build("crowd"), tmp_path / "start.safetensors", {})
    return write_recipe(tmp_path)


def test_workers_of_a_cluster_learn_as_one(
    recipe: Path, photos: Path, tmp_path: Path, project_root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(project_root / "src"))  # of the workers
    options = ["--photos", photos, "--run-folder", tmp_path / "run", "--ray", "local", "--threads", 1]
    result = run("train", recipe, *options)
    assert result.exit_code == 0, result.stderr
    assert "step 2: val face" in result.stderr
    assert f"the model: {tmp_path / 'run' / 'tiny.onnx'}" in result.stdout
    assert (tmp_path / "run" / "checkpoint.pt").is_file()
    assert len(Detector(str(tmp_path / "run" / "tiny.onnx")).labels) == 3


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--workers", "2"], "--workers belongs to --ray"),
        (["--ray", "auto"], "error: --ray auto: no Ray cluster answers there"),
    ],
)
def test_a_cluster_that_is_not_there(
    recipe: Path, photos: Path, options: list[str], message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def nobody(**_: Any) -> None:
        raise ConnectionError("Could not find any running Ray instance.")

    # A cluster of another test may run on this machine.
    monkeypatch.setattr("ray.init", nobody)
    result = run("train", recipe, "--photos", photos, *options)
    assert (result.exit_code, message in result.stderr) == (2, True)
    assert message in result.stderr.splitlines()[-1]
