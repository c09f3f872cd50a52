"""``crowdmask train``: train a detector, or fine-tune ours on your own photos."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from crowdmask.cli.extras import require_training
from crowdmask.cli.lines import one_line, open_console, tell_problems
from crowdmask.cli.progress import show_progress
from crowdmask.cli.roles import Reads, Writes
from crowdmask.errors import EXIT_INPUT, EXIT_INTERRUPTED, UsageError
from crowdmask.outputs import Kind
from crowdmask.signals import StopOnSignal

if TYPE_CHECKING:
    from crowdmask.training.run import TrainedModel, TrainingRun


class Format(StrEnum):
    """Annotation formats of your own photos."""

    voc = "voc"
    yolo = "yolo"
    coco = "coco"
    wider = "wider"
    csv = "csv"


def command(
    recipe: Annotated[
        Path,
        typer.Argument(
            metavar="RECIPE.yaml", help="Settings of the run: data, steps, learning rates, views."
        ),
        Reads(refers=True),
    ],
    run_folder: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Checkpoint, curves and result [default: runs/NAME in the cache]."),
        Writes(Kind.FOLDER, locked=False),
    ] = None,
    root: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Folder of the data; overrides the data set's own."),
        Reads(),
    ] = None,
    photos: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Train on this annotated folder instead of the recipe's data."),
        Reads(),
    ] = None,
    form: Annotated[Format, typer.Option("--format", help="Annotation format of --photos.")] = Format.voc,
    class_map: Annotated[
        list[str] | None, typer.Option("--map", metavar="OLD=NEW", help="Class of --photos to our label.")
    ] = None,
    val: Annotated[float, typer.Option(help="Part of --photos kept for validation.")] = 0.15,
    steps: Annotated[int | None, typer.Option(min=1, help="Optimiser steps; overrides the recipe.")] = None,
    threads: Annotated[int | None, typer.Option(min=1, help="Compute threads [default: one a core].")] = None,
) -> None:
    """Train a detector. A run that was stopped goes on where it was.

    Fine-tune ours on your own photos:
    crowdmask train recipes/fine-tune.yaml --photos DIR --format voc
    """
    require_training("crowdmask train")
    from crowdmask.data.user_photos import parse_map
    from crowdmask.training.run import TrainingRun, UserPhotos

    if photos is None and class_map:
        raise UsageError("--map belongs to --photos; a data set's YAML has its own class map")
    own = UserPhotos(photos, form.value, parse_map(class_map or []), val) if photos else None
    run = TrainingRun(recipe, run_folder=run_folder, root=root, photos=own, steps=steps, threads=threads)
    if run.is_first:
        tell_problems(run.dataset.problems.lines)
        numbers = f"{len(run.train)} photos to train on, {len(run.val)} to validate on"
        typer.echo(f"{run.recipe.name}: {numbers}", err=True)
        typer.echo(f"the run's folder: {one_line(str(run.folder))}", err=True)
    step = run.start().step
    if step and run.is_first:
        typer.echo(f"going on at step {step}", err=True)
    with StopOnSignal() as signals:
        _show_steps(run, signals)
    if run.stopped:
        if run.is_first:
            typer.echo(f"stopped at step {run.trainer.step}; the same command goes on from there", err=True)
        raise typer.Exit(EXIT_INTERRUPTED)
    with show_progress(open_console(stderr=True)) as progress:
        trained = run.finish(progress)
    if trained is not None:
        _tell(trained)


def _show_steps(run: TrainingRun, signals: StopOnSignal) -> None:
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn("training"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[speed]:.1f} images/s, loss {task.fields[loss]:.3f}"),
        TimeRemainingColumn(elapsed_when_finished=True),
    )
    console = open_console(stderr=True)
    with Progress(*columns, console=console, disable=not run.is_first) as bar:
        total = run.recipe.steps
        task = bar.add_task("training", total=total, completed=run.trainer.step, speed=0.0, loss=0.0)
        for progress in run.steps(lambda: signals.interrupted):
            bar.update(
                task, completed=progress.step, speed=progress.images_per_s, loss=progress.losses["total"]
            )
            if progress.validation:
                parts = ", ".join(f"{k} {v:.3f}" for k, v in progress.validation.items())
                console.print(f"step {progress.step}: val {parts}")


def _tell(trained: TrainedModel) -> None:
    from crowdmask.export.finish import describe

    path = trained.finished.path
    typer.echo(trained.report.to_text())
    typer.echo(describe(trained.finished))
    typer.echo(f"the model: {path}   (crowdmask detect PHOTO --model {path})")
    if trained.unreadable:
        tell_problems(trained.unreadable)
        raise typer.Exit(EXIT_INPUT)
