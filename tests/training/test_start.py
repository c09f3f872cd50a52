from __future__ import annotations

from pathlib import Path

import pytest
import torch

from crowdmask.errors import ModelError
from crowdmask.models.registry import build
from crowdmask.training.checkpoint import save_weights
from crowdmask.training.recipe import Recipe
from crowdmask.training.start import starting_model


@pytest.fixture
def two_files(tmp_path: Path) -> tuple[str, str]:
    """Two files of weights, the second of twice the values of the first."""
    model = build("crowd")
    save_weights(model, tmp_path / "one.safetensors", {"name": "one"})
    with torch.no_grad():
        for value in model.state_dict().values():
            if value.is_floating_point():
                value.mul_(2)
    save_weights(model, tmp_path / "two.safetensors", {"name": "two"})
    return "one.safetensors", "two.safetensors"


def start(folder: Path, files: str | tuple[str, ...]) -> dict[str, torch.Tensor]:
    recipe = Recipe(name="tiny", start=files, steps=0)
    return dict(starting_model(recipe, folder).state_dict())


def test_of_several_files_the_mean_is_taken(two_files, tmp_path):
    one, two, mean = (start(tmp_path, files) for files in (*two_files, two_files))
    for name, value in mean.items():
        assert torch.allclose(value.float(), (one[name].float() + two[name].float()) / 2, atol=1e-5), name
    assert not torch.equal(mean["judge.0.weight"], one["judge.0.weight"])


def test_a_mean_of_nothing_is_refused(tmp_path):
    with pytest.raises(ModelError, match="names no weights"):
        start(tmp_path, ())
