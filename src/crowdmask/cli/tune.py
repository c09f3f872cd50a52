"""``crowdmask tune``: search for a better setting of a recipe."""

from __future__ import annotations

import os
import subprocess
import sys
from enum import StrEnum
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from crowdmask.cli.lines import one_line, open_console
from crowdmask.cli.train import require_training, tell_problems
from crowdmask.errors import EXIT_INTERRUPTED, DataError, MissingExtraError, UsageError
from crowdmask.signals import StopOnSignal

if TYPE_CHECKING:
    from rich.console import Console

    from crowdmask.training.tuning import Tuning


class Objective(StrEnum):
    """What a trial is judged by."""

    mAP50 = "mAP50"
    loss = "loss"


class Pruner(StrEnum):
    """How trials are ended early."""

    median = "median"
    hyperband = "hyperband"
    none = "none"


def command(
    recipe: Annotated[Path, typer.Argument(metavar="RECIPE.yaml", help="The run to be tuned.")],
    space: Annotated[
        Path, typer.Option(metavar="FILE", help="YAML of the recipe's keys that may change, with bounds.")
    ],
    trials: Annotated[int, typer.Option(min=1, help="Trials in all, of all workers and earlier runs.")] = 20,
    study: Annotated[
        str | None, typer.Option(metavar="NAME", help="Name of the study [default: the recipe's].")
    ] = None,
    storage: Annotated[
        str | None,
        typer.Option(
            metavar="URL", help="Database, sqlite:///FILE [default: study.db in the study's folder]."
        ),
    ] = None,
    folder: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="The study's folder [default: studies/NAME in the cache]."),
    ] = None,
    objective: Annotated[
        Objective, typer.Option(help="mAP50 of the detector on val, or the quicker val loss.")
    ] = Objective.mAP50,
    pruner: Annotated[
        Pruner, typer.Option(help="How trials that fall behind are ended early.")
    ] = Pruner.median,
    workers: Annotated[
        int, typer.Option(min=1, help="Worker processes here; more may join by the same command.")
    ] = 1,
    to: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The best recipe [default: best.yaml of the study].")
    ] = None,
    val_photos: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="Measure on so many photos of val [default: all].")
    ] = None,
    root: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Folder of the data; overrides the data set's own.")
    ] = None,
    threads: Annotated[int | None, typer.Option(min=1, help="Compute threads of each worker.")] = None,
) -> None:
    """Search for a better setting of a recipe. A study that was stopped or killed goes on where it was.

    The first trial is the recipe's own setting. Run the same command again to add a worker.

    Example: `crowdmask tune recipes/tune-base.yaml --space recipes/tune-space.yaml --trials 20`
    """
    require_training("crowdmask tune")
    if find_spec("optuna") is None:
        raise MissingExtraError("crowdmask tune", "train")
    import torch

    from crowdmask.training.tuning import Tuning
    from crowdmask.training.tuning_report import write_report
    from crowdmask.training.workers import one_at_a_time

    plan, name = _plan(recipe, space, trials, study, folder, objective, pruner, val_photos, root)
    if storage and not storage.startswith("sqlite:///") and "://" not in storage:
        raise UsageError(f"--storage {storage}: give a URL such as  sqlite:///studies/mine.db")
    threads = threads or (max(1, (os.cpu_count() or 1) // workers) if workers > 1 else None)
    if threads:
        torch.set_num_threads(threads)
    tuning = Tuning(plan, name, storage)
    console = open_console(stderr=True)
    console.print(one_line(f"study {name}: {plan.folder}"), soft_wrap=True)
    helpers = _start_helpers(workers - 1, threads, plan.folder)
    with StopOnSignal() as signals:
        try:
            finished = _work(tuning, signals, console)
        finally:
            _wait_for(helpers, signals.interrupted)
    with one_at_a_time(plan.folder):
        try:
            written = write_report(tuning, to)
        except DataError:
            if finished:
                raise
            written = []
    _tell(tuning, written)
    if not finished:
        typer.echo("stopped; the same command goes on from there", err=True)
        raise typer.Exit(EXIT_INTERRUPTED)


def _plan(
    recipe: Path,
    space: Path,
    trials: int,
    study: str | None,
    folder: Path | None,
    objective: Objective,
    pruner: Pruner,
    val_photos: int | None,
    root: Path | None,
) -> Any:
    from crowdmask.data.dataset import load_dataset
    from crowdmask.paths import studies_folder
    from crowdmask.training.recipe import load_recipe
    from crowdmask.training.space import load_space
    from crowdmask.training.tuning import StudyPlan

    base = load_recipe(recipe)
    spaces = load_space(space, base, objective.value)
    if base.data is None:
        raise UsageError(f"{recipe} names no data, which a study needs: give it a key  data")
    name = study or base.name
    if Path(name).name != name or name.startswith("."):
        raise UsageError(f"--study {name}: give a plain name, which becomes a folder's")
    dataset = load_dataset(recipe.parent / base.data, root)
    tell_problems(dataset.problems.lines)
    val = dataset.split("val")
    if val_photos and val_photos < len(val):
        # Evenly over the names, so that every source is among them.
        val = [val[index * len(val) // val_photos] for index in range(val_photos)]
    place = (folder or studies_folder() / name).expanduser().absolute()
    plan = StudyPlan(
        base, recipe.parent, spaces, objective.value, pruner.value, trials, place, dataset.split("train"), val
    )
    return plan, name


def _work(tuning: Tuning, signals: StopOnSignal, console: Console) -> bool:
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    steps = tuning.plan.recipe.steps
    with Progress(*columns, console=console, disable=not console.is_terminal) as bar:
        task = bar.add_task("trial", total=steps)

        def step(number: int, progress: Any) -> bool:
            bar.update(task, description=f"trial {number}", completed=progress.step)
            return signals.interrupted

        def ended(trial: Any) -> None:
            value = "" if trial.value is None else f" {tuning.plan.objective} {trial.value:.4f},"
            signs = trial.user_attrs.get("overfitting", trial.user_attrs.get("why", ""))
            words = f"trial {trial.number}: {trial.state.name.lower()},{value} signs of overfitting: {signs}"
            console.print(one_line(words), soft_wrap=True)

        return tuning.work(step, ended)


def _tell(tuning: Tuning, written: list[Path]) -> None:
    if not written:
        return
    best = tuning.study.best_trial
    typer.echo(f"best: trial {best.number}, {tuning.plan.objective} {best.value:.4f}")
    for key, value in best.params.items():
        typer.echo(f"  {key}: {value}")
    for path in written:
        typer.echo(one_line(f"wrote {path}"))


def _start_helpers(number: int, threads: int | None, folder: Path) -> list[subprocess.Popen[bytes]]:
    """Start further processes of this very command, each one worker; what they say goes into a file."""
    if not number:
        return []
    package = Path(__file__).resolve().parents[2]
    given = os.environ.get("PYTHONPATH")
    paths = os.pathsep.join([str(package), *([given] if given else [])])
    # The last of an option given twice counts.
    own = [*sys.argv[1:], "--workers", "1", *(["--threads", str(threads)] if threads else [])]
    helpers = []
    for index in range(number):
        with (folder / f"worker-{index + 2}.log").open("ab") as log:
            helpers.append(
                subprocess.Popen(
                    [sys.executable, "-m", "crowdmask", *own],
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    env={**os.environ, "PYTHONPATH": paths},
                )
            )
    return helpers


def _wait_for(helpers: list[subprocess.Popen[bytes]], stop: bool) -> None:
    """Wait for the helpers' own ends; where this worker was stopped, stop them too."""
    for helper in helpers:
        if stop and helper.poll() is None:
            helper.terminate()
    for helper in helpers:
        helper.wait()
