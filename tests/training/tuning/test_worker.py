from __future__ import annotations

import dataclasses
import subprocess
import sys

import numpy as np
import pytest
import yaml
from optuna.distributions import BaseDistribution, FloatDistribution
from optuna.trial import TrialState, create_trial

pytest.importorskip("torch", reason="the extra 'train' is not installed")
pytest.importorskip("tensorboard", reason="the extra 'train' is not installed")

import torch

from crowdmask.errors import DataError, OutputError
from crowdmask.models.registry import build
from crowdmask.training.checkpoint import save_weights
from crowdmask.training.recipe import load_recipe
from crowdmask.training.tuning.report import importances, recipe_text, write_report
from crowdmask.training.tuning.space import Space
from crowdmask.training.tuning.trial import measure_model
from crowdmask.training.tuning.worker import MOST_ATTEMPTS, StudyPlan, Tuning
from crowdmask.training.tuning.workers import is_alive, myself

RATE = {"type": "float", "low": 0.0005, "high": 0.01, "log": True}
BLUR = {"type": "float", "low": 0, "high": 0.5}


@pytest.fixture(autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def start(tmp_path_factory):
    folder = tmp_path_factory.mktemp("start")
    torch.manual_seed(0)
    save_weights(build("crowd"), folder / "start.safetensors", {})
    return folder


@pytest.fixture
def plan(recipe, samples, start, tmp_path):
    """Four steps a trial, validated twice, judged by the val loss."""
    return StudyPlan(
        recipe=recipe(steps=4, validate_every=2, checkpoint_every=1, start="start.safetensors"),
        beside=start,
        space=Space.model_validate({"learning_rate": RATE, "augmentation.blur": BLUR}),
        objective="loss",
        pruner="none",
        trials=3,
        folder=tmp_path / "study",
        train=samples[:-2],
        val=samples[-2:],
    )


def never(number, progress) -> bool:
    return False


def work(tuning, step=never):
    ended = []
    return tuning.work(step, ended.append), ended


def states(tuning):
    return [trial.state.name for trial in tuning.trials()]


def test_the_first_trial_is_the_recipes_own_setting_and_all_have_folders(plan):
    tuning = Tuning(plan, "mine")
    finished, ended = work(tuning)
    assert finished
    assert [trial.number for trial in ended] == [0, 1, 2]
    assert states(tuning) == ["COMPLETE"] * 3
    first, second, third = tuning.trials()
    assert first.params == {"learning_rate": 0.002, "augmentation.blur": 0.1}
    assert len({trial.params["learning_rate"] for trial in (first, second, third)}) == 3
    for trial in tuning.trials():
        folder = tuning.trial_folder(trial)
        rows = [row for row in (folder / "scores.jsonl").read_text().splitlines() if row]
        assert list(trial.intermediate_values) == [2, 4]
        assert trial.intermediate_values[4] == trial.value
        assert len(rows) == 2
        assert (folder / "tiny.safetensors").is_file()
        assert not (folder / "checkpoint.pt").exists()
        assert trial.user_attrs["steps"] == 4
        assert trial.user_attrs["overfitting"] == "too few validations to tell"
    # There are enough already.
    assert work(Tuning(plan, "mine")) == (True, [])
    assert work(Tuning(dataclasses.replace(plan, trials=4), "mine"))[1][0].number == 3


def test_a_study_is_repeatable_also_where_it_was_stopped(plan, tmp_path):
    two = dataclasses.replace(plan, trials=2)
    whole = Tuning(dataclasses.replace(two, folder=tmp_path / "whole"), "mine")
    assert work(whole)[0]
    stopped = Tuning(two, "mine")
    assert not work(stopped, lambda number, progress: number == 0 and progress.step == 3)[0]
    assert work(stopped)[0]
    values = {t.params["learning_rate"]: t.value for t in stopped.trials() if t.value is not None}
    own = whole.trials()[0]
    assert values[0.002] == pytest.approx(own.value, rel=1e-6)
    again = Tuning(dataclasses.replace(two, folder=tmp_path / "again"), "mine")
    assert work(again)[0]
    assert [t.params for t in again.trials()] == [t.params for t in whole.trials()]
    assert [t.value for t in again.trials()] == [t.value for t in whole.trials()]


def test_a_stopped_trial_goes_on_from_its_step(plan):
    tuning = Tuning(plan, "mine")
    seen = []

    def stop_in_the_second(number, progress):
        seen.append((number, progress.step))
        return number == 1 and progress.step == 3

    assert work(tuning, stop_in_the_second)[0] is False
    assert states(tuning) == ["COMPLETE", "FAIL", "WAITING"]
    assert (tuning.plan.folder / "trials" / "0001" / "checkpoint.pt").is_file()
    again = Tuning(plan, "mine")
    later = []
    assert work(again, lambda number, progress: later.append((number, progress.step)))[0]
    assert states(again) == ["COMPLETE", "FAIL", "COMPLETE", "COMPLETE"]
    assert later == [(2, 4), (3, 1), (3, 2), (3, 3), (3, 4)]
    retried = again.trials()[2]
    assert retried.params == again.trials()[1].params
    assert retried.user_attrs["retry_of"] == 1
    assert again.trial_folder(retried).name == "0001"
    assert list(retried.intermediate_values) == [2, 4]


def dead_worker():
    """A process of this machine that is no more."""
    gone = subprocess.Popen([sys.executable, "-c", "pass"])
    gone.wait()
    return {**myself(), "pid": gone.pid}


def test_a_dead_workers_trial_is_tried_again_but_not_for_ever(plan):
    tuning = Tuning(plan, "mine")
    for _ in range(MOST_ATTEMPTS):
        trial, _ = tuning._claim()
        assert trial.params["learning_rate"] == 0.002
        trial.set_user_attr("worker", dead_worker())
    finished, ended = work(tuning)
    assert finished
    assert states(tuning)[:3] == ["FAIL"] * 3
    assert tuning.trials()[2].user_attrs["why"] == "its worker was killed 3 times"
    # It counts as one of the three that were asked for.
    assert [trial.state for trial in ended] == [TrialState.COMPLETE] * 2


def test_a_living_workers_trial_is_left_to_it(plan):
    tuning, other = Tuning(plan, "mine"), Tuning(plan, "mine")
    trial, _ = tuning._claim()
    assert work(other)[0]
    assert other.trials()[0].state == TrialState.RUNNING
    assert len(other.trials()) == 3
    tuning.study.tell(trial, 1.0)


@pytest.mark.parametrize(
    ("worker", "silent_s", "alive"),
    [
        ("me", 0, True),
        ("me", 10_000, True),
        ("reused", 0, False),
        ("dead", 0, False),
        ("elsewhere", 60, True),
        ("elsewhere", 10_000, False),
        (None, 60, True),
        (None, 10_000, False),
    ],
)
def test_who_is_alive(worker, silent_s, alive):
    import time

    given = {
        "me": myself(),
        "reused": {**myself(), "started": "1"},
        "dead": dead_worker() if worker == "dead" else None,
        "elsewhere": {**myself(), "host": "another"},
        None: None,
    }[worker]
    assert is_alive(given, time.time() - silent_s) is alive


def test_what_falls_behind_is_ended_early(plan):
    space = Space.model_validate({"learning_rate": {"type": "float", "low": 1e-9, "high": 0.02, "log": True}})
    many = dataclasses.replace(
        plan,
        space=space,
        pruner="median",
        trials=8,
        recipe=plan.recipe.model_copy(update={"steps": 6, "ema_decay": 0.5, "warmup_steps": 0}),
    )
    tuning = Tuning(many, "mine")
    assert work(tuning)[0]
    pruned = [trial for trial in tuning.trials() if trial.state == TrialState.PRUNED]
    assert pruned
    assert all(trial.number >= 4 for trial in pruned)
    for trial in pruned:
        assert trial.user_attrs["steps"] in (2, 4)
        assert max(trial.intermediate_values) == trial.user_attrs["steps"]
    kept = [trial.value for trial in tuning.trials() if trial.state == TrialState.COMPLETE]
    assert np.mean(kept) < np.mean([list(t.intermediate_values.values())[-1] for t in pruned])


def test_a_loss_that_is_not_finite_ends_its_trial_alone(plan):
    wild = Space.model_validate({"learning_rate": {"type": "choice", "choices": [0.002, 1e30]}})
    tuning = Tuning(dataclasses.replace(plan, space=wild, trials=6), "mine")
    assert work(tuning)[0]
    by_rate = {trial.params["learning_rate"]: trial for trial in tuning.trials()}
    assert set(by_rate) == {0.002, 1e30}
    assert by_rate[0.002].state == TrialState.COMPLETE
    assert by_rate[1e30].state == TrialState.PRUNED
    assert "not finite" in by_rate[1e30].user_attrs["why"]


def test_a_setting_that_cannot_be_trained_fails_alone_but_not_the_recipes_own(plan):
    space = Space.model_validate({"frozen_layers": {"type": "choice", "choices": [0, 99]}})
    tuning = Tuning(dataclasses.replace(plan, space=space, trials=5), "mine")
    assert work(tuning)[0]
    failed = [trial for trial in tuning.trials() if trial.state == TrialState.FAIL]
    assert failed
    assert all("frozen_layers is 99" in trial.user_attrs["why"] for trial in failed)
    broken = plan.recipe.model_copy(update={"frozen_layers": 99})
    with pytest.raises(DataError, match="frozen_layers is 99"):
        work(Tuning(dataclasses.replace(plan, recipe=broken, folder=plan.folder / "b"), "mine"))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"objective": "mAP50"}, "of another objective|cannot open"),
        ({"space": Space.model_validate({"learning_rate": RATE})}, "of another space"),
        ({"train": []}, "of another data"),
    ],
)
def test_another_study_of_the_same_name_is_refused(plan, change, message):
    Tuning(plan, "mine")
    with pytest.raises((DataError, OutputError), match=message):
        Tuning(dataclasses.replace(plan, **change), "mine")


def test_a_database_that_cannot_be_opened_is_one_line(plan, tmp_path):
    (tmp_path / "no.db").write_bytes(b"no database at all, but long enough to be looked at" * 9)
    with pytest.raises(OutputError, match=r"cannot open the study's database .*no\.db") as raised:
        Tuning(plan, "mine", f"sqlite:///{tmp_path / 'no.db'}")
    assert "\n" not in str(raised.value)


def test_the_report_has_a_recipe_a_table_and_pictures(plan, start):
    tuning = Tuning(plan, "mine")
    with pytest.raises(DataError, match="no trial of the study 'mine' has finished yet"):
        write_report(tuning)
    work(tuning)
    written = {path.name for path in write_report(tuning)}
    assert written == {"best.yaml", "summary.md", "history.png", "importance.png", "parallel.png"}
    for name in written - {"best.yaml", "summary.md"}:
        assert (plan.folder / name).read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"
    best = tuning.study.best_trial
    recipe = load_recipe(plan.folder / "best.yaml")
    assert recipe.name == "tiny-tuned"
    assert recipe.learning_rate == best.params["learning_rate"]
    assert recipe.augmentation.blur == best.params["augmentation.blur"]
    assert recipe.scores == {"val_loss": round(best.value, 5)}
    assert (plan.folder / recipe.start).resolve() == (start / "start.safetensors").resolve()
    unchanged = plan.recipe.model_dump(exclude={"name", "scores", "learning_rate", "start", "augmentation"})
    assert (
        recipe.model_dump(exclude={"name", "scores", "learning_rate", "start", "augmentation"}) == unchanged
    )
    head = (plan.folder / "best.yaml").read_text()
    assert head.startswith("# The best of 3 finished trials")
    target = plan.folder / "deep" / "tuned.yaml"
    assert target in write_report(tuning, target)
    content = yaml.safe_load(target.read_text())
    assert list(content)[:2] == ["name", "scores"]
    assert (target.parent / content["start"]).is_file()
    table = (plan.folder / "summary.md").read_text()
    assert f"Best: trial {best.number}, {best.value:.4f}" in table
    assert table.count("| finished |") == 3
    assert "| 0 (own) |" in table
    assert "| learning_rate | augmentation.blur |" in table


def add_trials(tuning, number):
    """Trials whose score is their learning rate alone."""
    rate, blur = FloatDistribution(0.0005, 0.01, log=True), FloatDistribution(0, 0.5)
    for trial in range(number):
        values = {
            "learning_rate": 0.0005 * 20 ** (trial / number),
            "augmentation.blur": 0.49 * (trial % 3) / 2,
        }
        distributions: dict[str, BaseDistribution] = {"learning_rate": rate, "augmentation.blur": blur}
        score = values["learning_rate"]
        tuning.study.add_trial(create_trial(params=values, distributions=distributions, value=score))


@pytest.mark.parametrize("number", [7, 12, 40])
def test_what_the_score_hangs_on_is_told_also_of_few_trials(plan, number):
    tuning = Tuning(plan, "mine")
    assert importances(tuning) == {}
    add_trials(tuning, number)
    found = importances(tuning)
    assert sum(found.values()) == pytest.approx(1)
    assert found["learning_rate"] > 0.8 > 0.2 > found["augmentation.blur"]


def test_a_recipe_from_the_mean_of_runs_finds_them_from_elsewhere(plan, start, recipe):
    both = recipe(steps=4, start=["start.safetensors", "start.safetensors"])
    tuning = Tuning(dataclasses.replace(plan, recipe=both), "mine")
    add_trials(tuning, 3)
    there = plan.folder / "deep" / "tuned.yaml"
    content = yaml.safe_load(recipe_text(tuning, tuning.study.best_trial, there))
    assert [(there.parent / each).resolve() for each in content["start"]] == [
        (start / "start.safetensors").resolve()
    ] * 2


def test_map50_is_that_of_the_detector_that_users_run(samples, tmp_path):
    """Untrained weights find nothing right; what the evaluation says of the very file is the score."""
    from crowdmask.evaluation.measures import measure
    from crowdmask.evaluation.run import both_views, run_detector
    from crowdmask.inference.detector import Detector

    torch.manual_seed(0)
    model = build("crowd")
    was_training = model.training
    score = measure_model(model, samples[:2], tmp_path / "trial.onnx")
    run = run_detector(both_views(Detector(tmp_path / "trial.onnx")), samples[:2])
    assert score == measure(run.pictures).two_class.map50
    assert model.training is was_training
    empty = dataclasses.replace(
        samples[0],
        boxes=np.zeros((0, 4), np.float32),
        class_id=np.zeros(0, np.int64),
        ignore=np.zeros(0, bool),
    )
    with pytest.raises(DataError, match="no face to measure on"):
        measure_model(model, [empty], tmp_path / "trial.onnx")
