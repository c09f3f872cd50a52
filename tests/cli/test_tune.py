from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import yaml
from PIL import Image
from typer.testing import CliRunner

pytest.importorskip("torch", reason="the extra 'train' is not installed")
pytest.importorskip("optuna", reason="the extra 'train' is not installed")

import torch

from crowdmask.cli.main import app
from crowdmask.labels import LABELS
from crowdmask.models.registry import build
from crowdmask.training.checkpoint import save_weights
from crowdmask.training.recipe import load_recipe

COLOURS = ((20, 200, 40), (230, 40, 40), (40, 60, 230))
RECIPE = {
    "name": "tiny",
    "data": "data.yaml",
    "start": "start.safetensors",
    "steps": 6,
    "batch_size": 2,
    "crop_px": 64,
    "warmup_steps": 1,
    "precision": "float32",
    "validate_every": 3,
    "validation_crops": 2,
    "checkpoint_every": 1,
}
SPACE = {
    "learning_rate": {"type": "float", "low": 0.0005, "high": 0.01, "log": True},
    "augmentation.blur": {"type": "float", "low": 0.0, "high": 0.5},
}
DATA = {
    "sources": {
        "own": {
            "folder": "photos",
            "format": "csv",
            "classes": {label: label for label in LABELS},
            "origin": {"archive": "none", "licence": "own"},
        }
    },
    "splits": {"train": "train.txt", "val": "val.txt"},
}


@pytest.fixture
def setup(tmp_path) -> Path:
    """A folder with a recipe, a space, a data set of four tiny photos and weights to start from."""
    (tmp_path / "photos").mkdir()
    rows = ["filename,width,height,class,xmin,ymin,xmax,ymax"]
    random = np.random.default_rng(0)
    for index in range(4):
        pixels = random.integers(90, 130, (96, 128, 3)).astype(np.uint8)
        for label, colour in zip(LABELS, COLOURS, strict=True):
            x, y = (int(v) for v in random.integers(0, 60, 2))
            pixels[y : y + 30, x : x + 26] = colour
            rows.append(f"{index}.png,128,96,{label},{x},{y},{x + 26},{y + 30}")
        Image.fromarray(pixels).save(tmp_path / "photos" / f"{index}.png")
    (tmp_path / "photos" / "boxes.csv").write_text("\n".join(rows) + "\n")
    (tmp_path / "train.txt").write_text("photos/0.png\nphotos/1.png\nphotos/2.png\n")
    (tmp_path / "val.txt").write_text("photos/3.png\n")
    for name, content in (("data", DATA), ("tiny", RECIPE), ("space", SPACE)):
        (tmp_path / f"{name}.yaml").write_text(yaml.safe_dump(content))
    torch.manual_seed(0)
    save_weights(build("crowd"), tmp_path / "start.safetensors", {})
    return tmp_path


def arguments(setup: Path, *more: object) -> list[str]:
    given = [
        setup / "tiny.yaml",
        "--space",
        setup / "space.yaml",
        "--folder",
        setup / "study",
        "--threads",
        1,
    ]
    return ["tune", *(str(a) for a in (*given, "--objective", "loss", *more))]


def run(setup: Path, *more: object):
    before = torch.get_num_threads()
    try:
        return CliRunner().invoke(app, arguments(setup, *more))
    finally:
        torch.set_num_threads(before)


def start(setup: Path, *more: object) -> subprocess.Popen[str]:
    source = Path(__file__).resolve().parents[2] / "src"
    return subprocess.Popen(
        [sys.executable, "-m", "crowdmask", *arguments(setup, *more)],
        env={**os.environ, "PYTHONPATH": str(source)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def states(setup: Path) -> list[str]:
    with sqlite3.connect(setup / "study" / "study.db") as database:
        return [row[0] for row in database.execute("select state from trials order by number")]


def wait_for(path: Path, worker: subprocess.Popen[str]) -> None:
    end = time.monotonic() + 240
    while not path.exists():
        assert worker.poll() is None, worker.communicate()
        assert time.monotonic() < end, f"{path} did not appear"
        time.sleep(0.02)


def longer(setup: Path) -> None:
    """So many steps that a worker is at its first trial for long."""
    (setup / "tiny.yaml").write_text(yaml.safe_dump({**RECIPE, "steps": 60, "validate_every": 20}))


def test_a_study_from_the_command_line(setup):
    result = run(setup, "--trials", 3, "--to", setup / "tuned.yaml")
    assert result.exit_code == 0, result.output
    assert "trial 0: complete, loss" in result.stderr
    assert "best: trial" in result.stdout
    assert states(setup) == ["COMPLETE"] * 3
    tuned = load_recipe(setup / "tuned.yaml")
    assert (tuned.data, tuned.start, tuned.steps) == ("data.yaml", "start.safetensors", 6)
    assert set(tuned.scores) == {"val_loss"}
    assert (setup / "study" / "summary.md").is_file()
    assert len(list((setup / "study").glob("*.png"))) == 3
    again = run(setup, "--trials", 3)
    assert again.exit_code == 0
    assert "trial 3" not in again.stderr


def test_a_study_by_map50_even_where_no_trial_finds_anything(setup):
    """The weights are untrained, so that all trials are alike: no picture may fail over that."""
    result = run(setup, "--trials", 3, "--objective", "mAP50", "--study", "found")
    assert result.exit_code == 0, result.output
    tuned = load_recipe(setup / "study" / "best.yaml")
    assert set(tuned.scores) == {"val_mAP50"}
    assert 0 <= float(tuned.scores["val_mAP50"]) <= 1
    assert "mAP50 over two classes on val" in (setup / "study" / "summary.md").read_text()
    assert (setup / "study" / "history.png").is_file()


def test_a_worker_killed_in_the_middle_of_a_trial_is_made_good(setup):
    longer(setup)
    worker = start(setup, "--trials", 1)
    wait_for(setup / "study" / "trials" / "0000" / "checkpoint.pt", worker)
    worker.send_signal(signal.SIGKILL)
    worker.communicate()
    assert states(setup) == ["RUNNING"]
    checkpoint = torch.load(setup / "study" / "trials" / "0000" / "checkpoint.pt", weights_only=True)
    result = run(setup, "--trials", 1)
    assert result.exit_code == 0, result.output
    assert states(setup) == ["FAIL", "COMPLETE"]
    assert "best: trial 1" in result.stdout
    assert checkpoint["step"] >= 1
    rows = [json.loads(line) for line in (setup / "study/trials/0000/history.jsonl").read_text().splitlines()]
    assert [row["step"] for row in rows if row["kind"] == "val"] == [20, 40, 60]
    assert not (setup / "study" / "trials" / "0001").exists()


def test_an_interrupt_ends_cleanly_and_the_study_goes_on(setup):
    longer(setup)
    worker = start(setup, "--trials", 1)
    wait_for(setup / "study" / "trials" / "0000" / "checkpoint.pt", worker)
    worker.send_signal(signal.SIGINT)
    _, said = worker.communicate(timeout=240)
    assert worker.returncode == 130
    assert "the same command goes on from there" in said
    assert "Traceback" not in said
    assert states(setup) == ["FAIL", "WAITING"]
    assert run(setup, "--trials", 1).exit_code == 0
    assert states(setup) == ["FAIL", "COMPLETE"]


def test_two_workers_share_a_study(setup):
    first, second = (start(setup, "--trials", 4) for _ in range(2))
    said = [worker.communicate(timeout=500) for worker in (first, second)]
    assert [first.returncode, second.returncode] == [0, 0], said
    assert states(setup) == ["COMPLETE"] * 4
    done = [
        [int(line.split()[1].rstrip(":")) for line in err.splitlines() if line.startswith("trial ")]
        for _, err in said
    ]
    assert sorted(done[0] + done[1]) == [0, 1, 2, 3]
    assert len({path.name for path in (setup / "study" / "trials").iterdir()}) == 4


def test_further_workers_are_started_for_one(setup):
    worker = start(setup, "--trials", 3, "--workers", 2)
    said = worker.communicate(timeout=500)
    assert worker.returncode == 0, said
    assert states(setup) == ["COMPLETE"] * 3
    log = (setup / "study" / "worker-2.log").read_text()
    assert "study tiny: " in log
    assert "Traceback" not in log


def test_further_workers_run_on_a_cluster(setup):
    pytest.importorskip("ray")
    worker = start(setup, "--trials", 4, "--workers", 2, "--ray", "local")
    said = worker.communicate(timeout=500)
    assert worker.returncode == 0, said
    assert states(setup) == ["COMPLETE"] * 4
    here = [line for line in said[1].splitlines() if line.startswith("trial ")]
    optuna = pytest.importorskip("optuna")
    trials = optuna.load_study(study_name="tiny", storage=f"sqlite:///{setup / 'study' / 'study.db'}").trials
    done_by = {trial.user_attrs["worker"]["pid"] for trial in trials}
    assert 1 <= len(done_by) <= 2
    assert len(here) == sum(trial.user_attrs["worker"]["pid"] == worker.pid for trial in trials)


@pytest.mark.parametrize(
    ("options", "code", "message"),
    [
        (["--study", "../elsewhere"], 2, "give a plain name"),
        (["--storage", "study.db"], 2, "--storage study.db: give a URL"),
        (["--trials", "0"], 2, "equal to 1"),
        (["--pruner", "best"], 2, "best"),
    ],
)
def test_options_that_do_not_fit(setup, options, code, message):
    result = run(setup, *options)
    assert result.exit_code == code
    assert message in result.stderr
    assert not (setup / "study").exists()


def test_a_key_that_is_not_there_is_named(setup):
    (setup / "space.yaml").write_text(yaml.safe_dump({"views.uses": SPACE["augmentation.blur"]}))
    result = run(setup)
    assert result.exit_code == 1
    assert "views.uses: the recipe has no such key" in result.stderr
    assert "Traceback" not in result.output


def test_the_help_has_an_example():
    result = CliRunner().invoke(app, ["tune", "--help"])
    assert result.exit_code == 0
    assert "crowdmask tune recipes/tune-base.yaml" in result.stdout
