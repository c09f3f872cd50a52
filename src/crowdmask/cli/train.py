"""``crowdmask train``: train a detector, or fine-tune ours on one's own photos."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from crowdmask.cli.lines import one_line, open_console
from crowdmask.errors import EXIT_INPUT, EXIT_INTERRUPTED, MissingExtraError, UsageError
from crowdmask.signals import StopOnSignal

if TYPE_CHECKING:
    from crowdmask.data.dataset import Dataset
    from crowdmask.training.recipe import Recipe
    from crowdmask.training.trainer import Trainer

# All that a run needs up to its report: better missed at its start than at its end.
_NEEDED = ("torch", "safetensors", "tensorboard", "matplotlib", "onnx")


class Format(StrEnum):
    """Annotation formats of one's own photos."""

    voc = "voc"
    yolo = "yolo"
    coco = "coco"
    wider = "wider"
    csv = "csv"


def command(
    recipe: Annotated[
        Path, typer.Argument(metavar="RECIPE.yaml", help="The run: data, steps, rates, views.")
    ],
    run_folder: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Checkpoint, curves and result [default: runs/NAME in the cache]."),
    ] = None,
    root: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Folder of the data; overrides the data set's own.")
    ] = None,
    photos: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Train on this annotated folder instead of the recipe's data."),
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
    import torch

    from crowdmask.paths import runs_folder
    from crowdmask.training.recipe import load_recipe
    from crowdmask.training.start import starting_model, teaching_model
    from crowdmask.training.trainer import Trainer

    if threads:
        torch.set_num_threads(threads)
    plan = load_recipe(recipe)
    if steps:
        plan = plan.model_copy(update={"steps": steps})
    dataset = _data(plan, recipe, root, photos, form, class_map or [], val)
    folder = run_folder or runs_folder() / plan.name
    train, held_out = dataset.split("train"), dataset.split("val")
    typer.echo(f"{plan.name}: {len(train)} photos to train on, {len(held_out)} to validate on", err=True)
    typer.echo(f"the run's folder: {one_line(str(folder))}", err=True)
    start, teacher = starting_model(plan, recipe.parent, train), teaching_model(plan, recipe.parent)
    trainer = Trainer(plan, start, train, held_out, folder, teacher)
    if trainer.step:
        typer.echo(f"going on at step {trainer.step}", err=True)
    # Only at the end of a step a checkpoint is whole.
    with StopOnSignal() as signals:
        _run(trainer, signals)
        if signals.interrupted:
            trainer.save()
    if signals.interrupted:
        typer.echo(f"stopped at step {trainer.step}; the same command goes on from there", err=True)
        raise typer.Exit(EXIT_INTERRUPTED)
    trainer.leave()
    if trainer.rank == 0:
        _finish(trainer, plan, dataset)


def require_training(what: str) -> None:
    """Check that the packages of training are there.

    Raises:
        MissingExtraError: one of them is not.
    """
    if any(find_spec(name) is None for name in _NEEDED):
        raise MissingExtraError(what, "train")


def tell_problems(lines: Iterable[str]) -> None:
    """Name and count on standard error what could not be read."""
    given = list(dict.fromkeys(lines))
    for line in given:
        typer.echo(one_line(line), err=True)
    if given:
        number = "1 problem" if len(given) == 1 else f"{len(given):,} problems"
        typer.echo(f"{number} in the data; what is named above is left out", err=True)


def _data(
    plan: Recipe,
    recipe: Path,
    root: Path | None,
    photos: Path | None,
    form: Format,
    pairs: list[str],
    val: float,
) -> Dataset:
    from crowdmask.data.dataset import load_dataset
    from crowdmask.data.user_photos import load_photos, parse_map

    if photos is None:
        if pairs:
            raise UsageError("--map belongs to --photos; a data set's YAML has its own class map")
        if plan.data is None:
            raise UsageError(f"{recipe} names no data: give your own with  --photos DIR --format FORMAT")
        dataset = load_dataset(recipe.parent / plan.data, root)
    else:
        if not 0 < val < 1:
            raise UsageError(f"--val must lie between 0 and 1, not {val}")
        dataset = load_photos(photos, form.value, parse_map(pairs), val)
    tell_problems(dataset.problems.lines)
    return dataset


def _run(trainer: Trainer, signals: StopOnSignal) -> None:
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn("training"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[speed]:.1f} images/s, loss {task.fields[loss]:.3f}"),
        TimeRemainingColumn(elapsed_when_finished=True),
    )
    console = open_console(stderr=True)
    with Progress(*columns, console=console, disable=trainer.rank > 0) as bar:
        total = trainer.recipe.steps
        task = bar.add_task("training", total=total, completed=trainer.step, speed=0.0, loss=0.0)
        for progress in trainer.run():
            bar.update(
                task, completed=progress.step, speed=progress.images_per_s, loss=progress.losses["total"]
            )
            if progress.validation:
                parts = ", ".join(f"{k} {v:.3f}" for k, v in progress.validation.items())
                console.print(f"step {progress.step}: val {parts}")
            if signals.interrupted:
                break


def _finish(trainer: Trainer, plan: Recipe, dataset: Dataset) -> None:
    from crowdmask.evaluation.report import build_report, write_json, write_pictures
    from crowdmask.export.finish import describe, finish
    from crowdmask.training.checkpoint import save_weights
    from crowdmask.training.curves import draw_curves
    from crowdmask.training.trainer import read_history

    folder = trainer.folder
    model = trainer.average.model.cpu()
    about = {"name": plan.name, "architecture": plan.model, "recipe": plan.digest, "step": str(trainer.step)}
    save_weights(model, folder / f"{plan.name}.safetensors", about)
    if plan.steps:
        draw_curves(read_history(folder), folder / "curves.png")
    finished = finish(model, plan.name, dataset.split("val"), folder / f"{plan.name}.onnx")
    report = build_report(finished.run.pictures, {"model": plan.name, "split": "val"}, finished.run.failed)
    write_json(report, folder / "report.json")
    write_pictures(report, finished.run.pictures, folder)
    typer.echo(report.to_text())
    typer.echo(describe(finished))
    typer.echo(f"the model: {finished.path}   (crowdmask detect PHOTO --model {finished.path})")
    unreadable = [*trainer.batches.unreadable, *finished.run.failed]
    if unreadable:
        tell_problems(unreadable)
        raise typer.Exit(EXIT_INPUT)
