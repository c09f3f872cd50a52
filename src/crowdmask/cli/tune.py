"""``crowdmask tune``: search for a better setting of a recipe."""

from __future__ import annotations

import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from crowdmask.cli.lines import one_line, open_console, tell_problems
from crowdmask.cli.progress import PlainLines
from crowdmask.cli.roles import Reads, Writes
from crowdmask.errors import EXIT_INTERRUPTED
from crowdmask.outputs import Kind
from crowdmask.signals import StopOnSignal

if TYPE_CHECKING:
    from rich.console import Console

    from crowdmask.training.tuning.study import Study
    from crowdmask.training.tuning.worker import Tuning


class Objective(StrEnum):
    """The score that trials are compared by."""

    mAP50 = "mAP50"
    loss = "loss"


class Pruner(StrEnum):
    """How trials are ended early."""

    median = "median"
    hyperband = "hyperband"
    none = "none"


def command(
    recipe: Annotated[
        Path,
        typer.Argument(metavar="RECIPE.yaml", help="The run to be tuned."),
        Reads(refers=True, there=True),
    ],
    space: Annotated[
        Path,
        typer.Option(metavar="FILE", help="YAML of the recipe's keys that may change, with bounds."),
        Reads(there=True),
    ],
    trials: Annotated[
        int, typer.Option(min=1, help="Total number of trials, of all workers and earlier runs.")
    ] = 20,
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
        Writes(Kind.FOLDER, locked=False),
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
        Path | None,
        typer.Option(metavar="FILE", help="The best recipe [default: best.yaml of the study]."),
        Writes(Kind.RECIPE, locked=False),
    ] = None,
    val_photos: Annotated[
        int | None,
        typer.Option(min=1, metavar="N", help="Number of photos of val to measure on [default: all]."),
    ] = None,
    root: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Folder of the data; overrides the data set's own."),
        Reads(there=True),
    ] = None,
    threads: Annotated[int | None, typer.Option(min=1, help="Compute threads of each worker.")] = None,
    ray: Annotated[
        str | None,
        typer.Option(
            metavar="ray://...|auto|local",
            help="Start the further workers on a Ray cluster (extra `scale`) with --workers.",
        ),
    ] = None,
) -> None:
    """Search for a better setting of a recipe. A study that was stopped or killed goes on where it was.

    The first trial is the recipe's own setting. Run the same command again to add a worker.

    Example: `crowdmask tune recipes/tune-base.yaml --space recipes/tune-space.yaml --trials 20`
    """
    from crowdmask.training.tuning.study import Study, StudyOptions

    options = StudyOptions(
        recipe,
        space,
        trials,
        name=study,
        storage=storage,
        folder=folder,
        objective=objective.value,
        pruner=pruner.value,
        val_photos=val_photos,
        root=root,
    )
    mine = Study(options, workers=workers, threads=threads, address=ray if workers > 1 else None)
    tell_problems(mine.dataset.problems.lines)
    console = open_console(stderr=True)
    console.print(one_line(f"study {mine.tuning.name}: {mine.tuning.plan.folder}"), soft_wrap=True)
    with StopOnSignal() as signals:
        finished = _work(mine, signals, console)
    _tell(mine.tuning, mine.report(to, finished=finished))
    if not finished:
        typer.echo("stopped; the same command goes on from there", err=True)
        raise typer.Exit(EXIT_INTERRUPTED)


def _one_more(threads: int | None) -> list[str]:
    """Return this very command as that of one worker; the last of an option given twice counts."""
    return [*sys.argv[1:], "--workers", "1", *(["--threads", str(threads)] if threads else [])]


def _work(study: Study, signals: StopOnSignal, console: Console) -> bool:
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    steps = study.tuning.plan.recipe.steps
    tell = PlainLines(lambda line: console.print(line, soft_wrap=True))
    with Progress(*columns, console=console, disable=not console.is_terminal) as bar:
        task = bar.add_task("trial", total=steps)

        def step(number: int, progress: Any) -> bool:
            bar.update(task, description=f"trial {number}", completed=progress.step)
            if not console.is_terminal:
                tell(f"in trial {number}", progress.step, steps)
            return signals.interrupted

        def ended(trial: Any) -> None:
            value = "" if trial.value is None else f" {study.tuning.plan.objective} {trial.value:.4f},"
            signs = trial.user_attrs.get("overfitting", trial.user_attrs.get("why", ""))
            words = f"trial {trial.number}: {trial.state.name.lower()},{value} signs of overfitting: {signs}"
            console.print(one_line(words), soft_wrap=True)

        return study.work(step, ended, _one_more)


def _tell(tuning: Tuning, written: list[Path]) -> None:
    if not written:
        return
    best = tuning.study.best_trial
    typer.echo(f"best: trial {best.number}, {tuning.plan.objective} {best.value:.4f}")
    for key, value in best.params.items():
        typer.echo(f"  {key}: {value}")
    for path in written:
        typer.echo(one_line(f"wrote {path}"))
