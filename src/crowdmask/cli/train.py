"""``crowdmask train``: train a detector, or fine-tune ours on your own photos."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from crowdmask.cli.lines import one_line, open_console, tell_problems
from crowdmask.cli.progress import PlainLines, show_progress
from crowdmask.cli.roles import Reads, Writes
from crowdmask.errors import EXIT_INPUT, EXIT_INTERRUPTED, UsageError
from crowdmask.outputs import Kind
from crowdmask.signals import StopOnSignal

if TYPE_CHECKING:
    from crowdmask.training.run import TrainingRun
    from crowdmask.training.trainer import Progress


class Format(StrEnum):
    """Annotation formats of your own photos."""

    voc = "voc"
    yolo = "yolo"
    coco = "coco"
    wider = "wider"
    csv = "csv"
    createml = "createml"
    labelme = "labelme"
    via = "via"
    keras = "keras"
    openimages = "openimages"
    humansloop = "humansloop"


def command(
    recipe: Annotated[
        Path,
        typer.Argument(
            metavar="RECIPE.yaml", help="Settings of the run: data, steps, learning rates, views."
        ),
        Reads(refers=True, there=True),
    ],
    run_folder: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Checkpoint, curves and result [default: runs/NAME in the cache]."),
        Writes(Kind.FOLDER, locked=False),
    ] = None,
    root: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Folder of the data; overrides the data set's own."),
        Reads(there=True),
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
    ray: Annotated[
        str | None,
        typer.Option(
            metavar="ray://...|auto|local",
            help="Train on a Ray cluster (extra scale): its address, auto, or local: this machine.",
        ),
    ] = None,
    workers: Annotated[
        int | None, typer.Option(min=1, help="With --ray: how many processes learn as one [default: 2].")
    ] = None,
) -> None:
    """Train a detector. A run that was stopped goes on where it was.

    Fine-tune ours on your own photos:
    crowdmask train recipes/fine-tune.yaml --photos DIR --format voc
    """
    from crowdmask.data.user_photos import parse_map
    from crowdmask.training.run import TrainingRun, UserPhotos

    if photos is None and class_map:
        raise UsageError("--map belongs to --photos; a data set's YAML has its own class map")
    own = UserPhotos(photos, form.value, parse_map(class_map or []), val) if photos else None
    if workers and ray is None:
        raise UsageError("--workers belongs to --ray; on one machine use  torchrun --nproc-per-node N")
    chosen = {"run_folder": run_folder, "root": root, "photos": own, "steps": steps, "threads": threads}
    if ray is not None:
        _train_on_ray(recipe, chosen, ray, workers or 2)
        return
    run = TrainingRun(recipe, **chosen)  # type: ignore[arg-type]
    with run.alone():
        _train(run)


def _train(run: TrainingRun) -> None:
    from crowdmask.export.finish import describe

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
        text = (trained.report.to_text(), describe(trained.finished))
        _tell(text, trained.finished.path, trained.unreadable)


def _show_steps(run: TrainingRun, signals: StopOnSignal) -> None:
    with _bar(run.recipe.steps, run.trainer.step, shown=run.is_first) as show:
        for progress in run.steps(lambda: signals.interrupted):
            show(progress)


@contextmanager
def _bar(steps: int, done: int, *, shown: bool = True) -> Iterator[Callable[[Progress], None]]:
    """Yield a function that shows where a run is, and prints each validation."""
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bars

    columns = (
        TextColumn("training"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[speed]:.1f} images/s, loss {task.fields[loss]:.3f}"),
        TimeRemainingColumn(elapsed_when_finished=True),
    )
    console = open_console(stderr=True)
    detail = ""
    tell = PlainLines(lambda line: console.print(f"{line}, {detail}", soft_wrap=True), tenths=True)
    is_bar = console.is_terminal
    with Bars(*columns, console=console, disable=not (shown and is_bar)) as bars:
        task = bars.add_task("training", total=steps, completed=done, speed=0.0, loss=0.0)

        def show(progress: Progress) -> None:
            nonlocal detail
            speed, loss = progress.images_per_s, progress.losses["total"]
            detail = f"{speed:.1f} images/s, loss {loss:.3f}"
            bars.update(task, total=progress.steps, completed=progress.step, speed=speed, loss=loss)
            if shown and not is_bar:
                tell("training", progress.step, progress.steps)
            if progress.validation:
                parts = ", ".join(f"{k} {v:.3f}" for k, v in progress.validation.items())
                console.print(f"step {progress.step}: val {parts}")

        yield show


def _train_on_ray(recipe: Path, chosen: dict[str, Any], address: str, workers: int) -> None:
    import torch

    from crowdmask.files import hold
    from crowdmask.training.on_ray import Cluster, Listener, train_on_ray
    from crowdmask.training.run import run_folder_of

    def say(line: str) -> None:
        typer.echo(one_line(line), err=True)

    cluster = Cluster(address, workers, gpus=torch.cuda.is_available())
    # Held here: a process of the cluster may be started anew while its lock is not free yet.
    folder = run_folder_of(recipe, chosen["run_folder"])
    with hold(folder), StopOnSignal() as signals, _bar(1, 0) as show:
        ended = train_on_ray(recipe, chosen, cluster, Listener(say, show, lambda: signals.interrupted))
    if ended.stopped_at is not None:
        say(f"stopped at step {ended.stopped_at}; the same command goes on from there")
        raise typer.Exit(EXIT_INTERRUPTED)
    _tell(ended.report, ended.model, ended.unreadable)


def _tell(report: Sequence[str], model: Path | None, unreadable: Sequence[str]) -> None:
    for text in report:
        typer.echo(text)
    typer.echo(f"the model: {model}   (crowdmask detect PHOTO --model {model})")
    if unreadable:
        tell_problems(unreadable)
        raise typer.Exit(EXIT_INPUT)
