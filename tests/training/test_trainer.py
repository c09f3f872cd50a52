from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from itertools import pairwise

import numpy as np
import pytest

pytest.importorskip("torch", reason="the extra 'train' is not installed")
pytest.importorskip("tensorboard", reason="the extra 'train' is not installed")

import torch

from crowdmask.errors import DataError, ModelError, OutputError
from crowdmask.models.registry import build
from crowdmask.training.checkpoint import load_checkpoint
from crowdmask.training.ema import AverageModel
from crowdmask.training.trainer import Trainer, _parts, read_history


@pytest.fixture(autouse=True)
def one_thread():
    """The same sums in the same order, here and in a process of its own."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def make(recipe, samples, folder) -> Trainer:
    torch.manual_seed(recipe.seed)
    return Trainer(recipe, build(recipe.model), samples[:-1], samples[-1:], folder)


def weights(trainer: Trainer) -> dict[str, torch.Tensor]:
    state = trainer.model.state_dict()
    return {**state, **{f"average.{k}": v for k, v in trainer.average.model.state_dict().items()}}


def equal(a: dict[str, torch.Tensor], b: dict[str, torch.Tensor]) -> bool:
    return set(a) == set(b) and all(torch.equal(a[name], b[name]) for name in a)


def test_the_loss_falls(samples, recipe, tmp_path):
    plain = dict.fromkeys(["flip", "colour", "grey", "blur", "noise", "jpeg", "coarse", "occlude"], 0.0)
    plan = recipe(
        steps=30,
        batch_size=6,
        validate_every=15,
        checkpoint_every=100,
        learning_rate=0.004,
        ema_decay=0.8,
        augmentation=plain,
        views={"use_scale": [0.3, 0.4]},
    )
    trainer = make(plan, samples, tmp_path / "run")
    progress = list(trainer.run())
    totals = [p.losses["total"] for p in progress]
    assert [p.step for p in progress] == list(range(1, 31))
    assert all(
        p.losses["total"] == pytest.approx(sum(p.losses[k] for k in ("face", "box", "label")))
        for p in progress
    )
    assert np.mean(totals[-5:]) < 0.9 * np.mean(totals[:5])
    assert all(p.images_per_s > 0 and p.steps == 30 for p in progress)
    assert [p.step for p in progress if p.validation] == [15, 30]
    rows = read_history(tmp_path / "run")
    assert [(r["step"], r["kind"]) for r in rows] == [(15, "val"), (20, "train"), (30, "train"), (30, "val")]
    assert set(rows[0]) == {"step", "kind", "images_per_s", "face", "box", "label", "total"}
    assert rows[1]["total"] == pytest.approx(np.mean(totals[:20]), rel=1e-5)
    assert list((tmp_path / "run").glob("events.out.tfevents.*"))


RUN = """
import pickle, sys
from pathlib import Path
import torch
from crowdmask.models.registry import build
from crowdmask.training.trainer import Trainer
torch.set_num_threads(1)
recipe, samples, folder = pickle.loads(Path(sys.argv[1]).read_bytes())
torch.manual_seed(recipe.seed)
for progress in Trainer(recipe, build(recipe.model), samples[:-1], samples[-1:], folder).run():
    print(progress.step, flush=True)
"""


def test_a_killed_run_ends_with_exactly_the_weights_of_one_that_was_not(
    samples, recipe, tmp_path, project_root
):
    """Bit by bit: the process is really killed, with no chance to tidy up."""
    import pickle

    plan = recipe(steps=7, checkpoint_every=3)
    plan_file = tmp_path / "plan.pickle"
    plan_file.write_bytes(pickle.dumps((plan, samples, tmp_path / "killed")))
    process = subprocess.Popen(
        [sys.executable, "-c", RUN, str(plan_file)],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(project_root / "src")},
    )
    assert process.stdout is not None
    for line in process.stdout:
        if line.strip() == "5":
            process.kill()
            break
    assert process.wait() == -signal.SIGKILL
    # What such an end can leave behind.
    (tmp_path / "killed" / "checkpoint.pt.part").write_bytes(b"half")
    with (tmp_path / "killed" / "history.jsonl").open("a") as file:
        file.write('{"step": 6, "kind": "tr')

    resumed = make(plan, samples, tmp_path / "killed")
    assert resumed.step == 3
    assert [p.step for p in resumed.run()] == [4, 5, 6, 7]
    through = make(plan, samples, tmp_path / "through")
    list(through.run())
    assert equal(weights(resumed), weights(through))
    rows = [read_history(tmp_path / name) for name in ("killed", "through")]
    assert [(r["step"], r["kind"]) for r in rows[0]] == [(r["step"], r["kind"]) for r in rows[1]]
    assert rows[0][-1]["total"] == rows[1][-1]["total"]
    assert list(make(plan, samples, tmp_path / "killed").run()) == []


def test_a_run_stopped_between_steps_goes_on_from_there(samples, recipe, tmp_path):
    plan = recipe(steps=5, checkpoint_every=100)
    stopped = make(plan, samples, tmp_path / "stopped")
    for progress in stopped.run():
        if progress.step == 2:
            break
    stopped.save()
    resumed = make(plan, samples, tmp_path / "stopped")
    assert resumed.step == 2
    list(resumed.run())
    through = make(plan, samples, tmp_path / "through")
    list(through.run(until=3))
    list(through.run())
    assert equal(weights(resumed), weights(through))


def test_a_run_of_something_else_is_not_gone_on_with(samples, recipe, tmp_path):
    list(make(recipe(steps=2), samples, tmp_path).run())
    with pytest.raises(DataError, match=r"holds a run of another recipe .*`run_folder`"):
        make(recipe(steps=3), samples, tmp_path)
    with pytest.raises(DataError, match=r"holds a run on other photos or annotations: .*`run_folder`"):
        make(recipe(steps=2), samples[1:], tmp_path)
    (tmp_path / "checkpoint.pt").write_bytes(b"PK\x03\x04")
    with pytest.raises(ModelError, match="is damaged"):
        make(recipe(steps=2), samples, tmp_path)


def test_a_checkpoint_from_before_data_had_a_digest_is_taken(samples, recipe, tmp_path):
    list(make(recipe(steps=2), samples, tmp_path).run())
    state = load_checkpoint(tmp_path / "checkpoint.pt")
    assert state is not None
    del state["data"]
    torch.save(state, tmp_path / "checkpoint.pt")
    assert make(recipe(steps=2), samples, tmp_path).step == 2


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"crop_px": 100}, "crop_px is 100, not a multiple of 32"),
        ({"frozen_layers": 99}, "frozen_layers is 99, but there are 18 layers"),
        ({"learns": ["towers.2", "tower"]}, "`learns` names 'tower', but the model has no such part"),
        ({"sampling": {"sources": {"north": 1}}}, "does not have: north"),
    ],
)
def test_a_recipe_that_does_not_fit_is_one_line(samples, recipe, tmp_path, changes, message):
    with pytest.raises(DataError, match=message):
        make(recipe(**changes), samples, tmp_path)


def test_a_folder_that_cannot_be_made_is_one_line(samples, recipe, tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(OutputError, match=r"cannot make the run's folder .*file/run"):
        make(recipe(), samples, tmp_path / "file" / "run")


def test_a_loss_that_is_no_number_ends_the_run(samples, recipe, tmp_path):
    trainer = make(recipe(), samples, tmp_path)
    with torch.no_grad():
        trainer.model.locate[0].bias.fill_(float("nan"))
    with pytest.raises(
        DataError, match=r"the loss is not finite at step 0: lower the recipe's learning_rate"
    ):
        list(trainer.run())


def test_frozen_layers_stay_and_the_others_learn(samples, recipe, tmp_path):
    trainer = make(recipe(steps=2, frozen_layers=4), samples, tmp_path)
    before = {name: value.clone() for name, value in trainer.model.state_dict().items()}
    list(trainer.run())
    after = trainer.model.state_dict()
    changed = {
        name.split(".")[1]
        for name in after
        if name.startswith("features.") and not torch.equal(before[name], after[name])
    }
    assert changed == {str(i) for i in range(4, 18)}
    assert not torch.equal(before["judge.0.weight"], after["judge.0.weight"])


def test_only_the_named_parts_learn(samples, recipe, tmp_path):
    parts = ("towers.2", "judge.2")
    trainer = make(recipe(steps=2, frozen_norms=True, learns=parts), samples, tmp_path)
    before = {name: value.clone() for name, value in trainer.model.state_dict().items()}
    list(trainer.run())
    after = trainer.model.state_dict()
    changed = {name for name in after if not torch.equal(before[name], after[name])}
    assert {".".join(name.split(".")[:2]) for name in changed} == set(parts)


def test_ssdlite_learns_too(samples, recipe, tmp_path):
    trainer = make(recipe(model="ssdlite", steps=2, batch_size=2, validation_crops=2), samples, tmp_path)
    losses = [p.losses for p in trainer.run()]
    assert set(losses[0]) == {"label", "box", "total"}
    assert all(np.isfinite(list(part.values())).all() for part in losses)


def test_bfloat16_learns_too(samples, recipe, tmp_path):
    trainer = make(recipe(steps=2, precision="bfloat16", batch_size=2), samples, tmp_path)
    assert all(np.isfinite(p.losses["total"]) for p in trainer.run())
    assert trainer.model.judge[0].weight.dtype == torch.float32


def test_the_rate_warms_up_and_falls_as_a_cosine(samples, recipe, tmp_path):
    trainer = make(recipe(steps=12, warmup_steps=2, learning_rate=1.0, final_rate=0.1), samples, tmp_path)
    rates = []
    for step in range(12):
        trainer.step = step
        rates.append(trainer._rate())
    assert rates[:3] == pytest.approx([0.5, 1, 1])
    assert rates[7] == pytest.approx(0.55)
    assert all(a > b for a, b in pairwise(rates[2:]))
    assert 0.1 < rates[-1] < 0.15


def test_the_backbone_learns_slower_and_only_filters_decay(samples, recipe, tmp_path):
    trainer = make(recipe(backbone_rate=0.25, weight_decay=0.03), samples, tmp_path)
    groups = {(g["factor"], g["weight_decay"]): g["params"] for g in trainer.optimizer.param_groups}
    assert set(groups) == {(f, d) for f in (0.25, 1.0) for d in (0.0, 0.03)}
    assert all(p.ndim > 1 for key, params in groups.items() for p in params if key[1])
    assert sum(map(len, groups.values())) == len(list(trainer.model.parameters()))


def test_only_the_first_of_several_processes_writes(samples, recipe, tmp_path, monkeypatch):
    trainer = make(recipe(steps=2), samples, tmp_path)
    trainer.rank = 1
    list(trainer.run())
    trainer.save()
    assert list(tmp_path.iterdir()) == [tmp_path / "photos"]


def test_the_average_follows_quickly_at_first():
    model = torch.nn.Linear(1, 1, bias=False)
    torch.nn.init.constant_(model.weight, 0)
    average = AverageModel(model, 0.9)
    torch.nn.init.constant_(model.weight, 1)
    average.update(model, 1)
    assert float(average.model.weight.detach()) == pytest.approx(1 - 2 / 11)
    average.update(model, 1000)
    assert float(average.model.weight.detach()) == pytest.approx(1 - 2 / 11 * 0.9)
    assert not average.model.weight.requires_grad


def test_half_a_line_of_history_is_passed_over(tmp_path):
    assert read_history(tmp_path) == []
    (tmp_path / "history.jsonl").write_text(json.dumps({"step": 1}) + '\n{"step":')
    assert read_history(tmp_path) == [{"step": 1}]


def statistics(trainer: Trainer) -> dict[str, torch.Tensor]:
    return {k: v.clone() for k, v in trainer.model.state_dict().items() if "running" in k}


@pytest.mark.parametrize("frozen", [True, False])
def test_frozen_norms_keep_their_statistics_and_learn_their_scale(samples, recipe, tmp_path, frozen):
    trainer = make(recipe(steps=2, frozen_norms=frozen), samples, tmp_path / "run")
    before = statistics(trainer)
    scale = trainer.model.features[5].conv[0][1].weight.detach().clone()
    list(trainer.run())
    assert equal(before, statistics(trainer)) is frozen
    assert not torch.equal(scale, trainer.model.features[5].conv[0][1].weight)


def test_a_batch_in_parts_is_one_step(samples, recipe, tmp_path):
    """With fixed statistics, two parts of the same crops have the gradient of the mean of their losses."""
    plan = recipe(frozen_norms=True, batch_size=4, learning_rate=1e-12)
    whole = make(plan, samples, tmp_path / "whole")
    parts = make(plan.model_copy(update={"at_once": 2}), samples, tmp_path / "parts")
    # Without a face the loss is a sum, not a mean.
    made = (whole.batches.make(number) for number in range(100))
    pictures, targets = next(b for b in made if any(len(t["boxes"]) for t in b[1][:2]))
    twice = (torch.cat([pictures[:2], pictures[:2]]), targets[:2] * 2)
    for trainer in (whole, parts):
        trainer._learn(twice)
    for (name, a), (_, b) in zip(whole.model.named_parameters(), parts.model.named_parameters(), strict=True):
        if a.requires_grad:
            assert a.grad is not None, name
            torch.testing.assert_close(
                a.grad, b.grad, rtol=1e-3, atol=1e-3 * float(a.grad.abs().max()) + 1e-6
            )


@pytest.mark.parametrize(
    ("crops", "at_once", "expected"),
    [(16, 0, [16]), (16, 8, [8, 8]), (10, 4, [5, 5]), (9, 4, [5, 4]), (3, 8, [3]), (5, 2, [3, 2])],
)
def test_parts_of_a_batch(crops, at_once, expected):
    batch = (torch.arange(crops), [{"n": torch.tensor(i)} for i in range(crops)])
    parts = list(_parts(batch, at_once))
    assert [len(targets) for _, targets in parts] == expected
    assert torch.equal(torch.cat([pictures for pictures, _ in parts]), batch[0])
    assert [int(t["n"]) for _, targets in parts for t in targets] == list(range(crops))
