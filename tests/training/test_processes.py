"""Two processes that learn together do what one does with batches twice as large."""

from __future__ import annotations

import json
import os
import pickle
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch", reason="the extra 'train' is not installed")
pytest.importorskip("tensorboard", reason="the extra 'train' is not installed")

import torch

from crowdmask.data.sample import Sample
from crowdmask.errors import ModelError
from crowdmask.models.crowd_loss import CrowdLoss
from crowdmask.models.detector import Raw
from crowdmask.models.multibox_loss import MultiBoxLoss
from crowdmask.models.registry import build
from crowdmask.training.processes import Processes
from crowdmask.training.recipe import Recipe

PROCESS = """
import json, os, pickle, sys
from pathlib import Path
import torch
from crowdmask.models.registry import build
from crowdmask.training.trainer import Trainer
torch.set_num_threads(1)
recipe, samples, folder, until, taught = pickle.loads(Path(sys.argv[1]).read_bytes())
if os.environ.get("RANK", "0") != "0":
    folder = folder.with_name("of another machine")
torch.manual_seed(recipe.seed)
model = build(recipe.model)
teacher = build(recipe.model) if taught else None
trainer = Trainer(recipe, model, samples[:-1], samples[-1:], folder, teacher)
losses = [progress.losses for progress in trainer.run(until)]
trainer.leave()
weights = torch.cat([value.flatten() for value in trainer.model.parameters()])
print(json.dumps([losses, trainer.step, float(weights.abs().sum())]))
"""

Train = Callable[..., list[Any]]


@pytest.fixture
def train(tmp_path: Path, samples: list[Sample], project_root: Path) -> Train:
    """Train in one process, or in several under torchrun's launcher; return what each of them printed."""

    def go(
        recipe: Recipe, folder: str, world: int = 1, until: int | None = None, taught: bool = False
    ) -> list[Any]:
        plan = tmp_path / f"{folder}-{world}-{until}.pickle"
        plan.write_bytes(pickle.dumps((recipe, samples, tmp_path / folder, until, taught)))
        script = tmp_path / "process.py"
        script.write_text(PROCESS)
        several = ["-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={world}"]
        done = subprocess.run(
            [sys.executable, *(several if world > 1 else []), str(script), str(plan)],
            capture_output=True,
            text=True,
            env={**os.environ, "PYTHONPATH": str(project_root / "src"), "OMP_NUM_THREADS": "1"},
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return [json.loads(line) for line in done.stdout.splitlines()]

    return go


def test_two_processes_learn_as_one_with_twice_the_batch(
    recipe: Callable[..., Recipe], train: Train, tmp_path: Path
) -> None:
    """Also where they stop half-way and go on; with a teacher and close crops."""
    plain = {"frozen_norms": True, "steps": 20, "checkpoint_every": 10, "validate_every": 10}

    def of(batch: int, close: int) -> Recipe:
        views = {"every": 4, "crop_px": 96, "batch_size": close, "views": {"face": 0.5}}
        return recipe(**plain, batch_size=batch, close=views)

    [(losses, steps, weights)] = train(of(4, 4), "one", taught=True)
    halves = [train(of(2, 2), "two", 2, until, taught=True) for until in (10, 20)]
    assert steps == 20
    for first, second in halves:
        assert first == second  # both know the losses of all, and have the same weights
    found = [*halves[0][0][0], *halves[1][0][0]]
    assert [row["total"] for row in found] == pytest.approx([row["total"] for row in losses], rel=1e-3)
    assert set(found[0]) == set(losses[0])
    assert halves[1][0][2] == pytest.approx(weights, rel=1e-4)
    assert (tmp_path / "two" / "checkpoint.pt").is_file()
    assert not (tmp_path / "of another machine" / "checkpoint.pt").exists()
    assert not (tmp_path / "of another machine" / "history.jsonl").exists()


@pytest.mark.parametrize(("architecture", "kind"), [("crowd", CrowdLoss), ("ssdlite", MultiBoxLoss)])
def test_a_batch_without_faces_is_divided_by_what_others_found(architecture: str, kind: Any) -> None:
    """The parts of the loss of two batches, one of them empty, are those of both in one."""
    model = build(architecture).eval()
    loss = kind(model.grid)
    side = 64 if architecture == "crowd" else model.input_spec.size
    torch.manual_seed(1)
    with torch.no_grad():
        raw = model(torch.randint(0, 255, (2, 3, side, side)))
    faces = {
        "boxes": torch.tensor([[10.0, 10, 40, 44]]),
        "labels": torch.tensor([1]),
        "label_weight": torch.ones(1),
        "ignore": torch.zeros(0, 4),
    }
    none = {
        "boxes": torch.zeros(0, 4),
        "labels": torch.zeros(0, dtype=torch.long),
        "label_weight": torch.zeros(0),
        "ignore": torch.zeros(0, 4),
    }
    both = loss(raw, [faces, none], (side, side))
    counts: list[torch.Tensor] = []

    def kept(own: torch.Tensor) -> torch.Tensor:
        counts.append(own)
        return own.clamp(min=1)

    halves = [Raw(raw.logits[i : i + 1], raw.deltas[i : i + 1]) for i in range(2)]
    for half, target in zip(halves, (faces, none), strict=True):
        loss(half, [target], (side, side), kept)
    mean = torch.stack(counts).sum(0).clamp(min=1) / 2
    rows = [
        loss(half, [target], (side, side), lambda _: mean)
        for half, target in zip(halves, (faces, none), strict=True)
    ]
    for name, value in both.items():
        assert float(sum(row[name] for row in rows)) / 2 == pytest.approx(float(value), rel=1e-5), name


def test_a_process_alone_shares_nothing() -> None:
    alone = Processes()
    assert (alone.rank, alone.world, alone.any(True), alone.any(False)) == (0, 1, True, False)
    assert alone.mean(torch.tensor([0.5])).tolist() == [0.5]
    assert np.allclose(alone.shared(torch.tensor([0.5, 3.0])), [1, 3])
    assert alone.from_first(lambda: 7) == 7
    alone.leave()


def test_an_error_of_the_first_process_ends_all(
    recipe: Callable[..., Recipe], train: Train, tmp_path: Path
) -> None:
    """The checkpoint is read by the first alone: the others would wait for it without end."""
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad" / "checkpoint.pt").write_bytes(b"no checkpoint")
    with pytest.raises(AssertionError, match=ModelError.__name__) as caught:
        train(recipe(), "bad", 2)
    assert str(caught.value).count("is damaged") >= 2
