"""From a recipe, or from its weights, to a model file: what `crowdmask train` and `crowdmask export` do."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from crowdmask.data.dataset import Dataset, load_dataset
from crowdmask.data.user_photos import load_photos
from crowdmask.errors import UsageError
from crowdmask.evaluation.report import Report, build_report, write_json, write_pictures
from crowdmask.export.finish import Finished, finish
from crowdmask.files import hold
from crowdmask.paths import runs_folder
from crowdmask.progress import Progress as Working
from crowdmask.progress import silent
from crowdmask.training.checkpoint import load_model, save_weights
from crowdmask.training.curves import draw_curves
from crowdmask.training.recipe import Recipe, load_recipe
from crowdmask.training.start import start_model_file, starting_model, teaching_model
from crowdmask.training.trainer import Progress, Trainer, read_history


@dataclass(frozen=True, eq=False)
class TrainedModel:
    """The result of a completed run.

    Attributes:
        finished: the model file, with its measures on val.
        report: the report of its measures on val.
        unreadable: photos that could not be read, each as ``where: why``.
    """

    finished: Finished
    report: Report
    unreadable: tuple[str, ...]


@dataclass(frozen=True)
class UserPhotos:
    """A user's own annotated photos, to train on instead of a recipe's data.

    Attributes:
        folder: with the photos and their annotations.
        form: the annotations' format.
        class_map: maps their classes to our labels, if they differ.
        val: part of the photos kept for validation, above 0 and below 1.
    """

    folder: Path
    form: str
    class_map: Mapping[str, str]
    val: float


class TrainingRun:
    """One run of a recipe in its folder; an interrupted run continues where it was.

    Attributes:
        recipe: with the requested number of steps.
        dataset: the training data; its problems list what could not be read.
        folder: for checkpoint, curves and result.
        trainer: available after the start.
        stopped: a stop was requested, and all processes have stopped.
        is_first: this process reports to the user; other processes of the run are silent.
    """

    trainer: Trainer
    stopped = False

    def __init__(
        self,
        recipe: Path,
        *,
        run_folder: Path | None = None,
        root: Path | None = None,
        photos: UserPhotos | None = None,
        steps: int | None = None,
        threads: int | None = None,
    ) -> None:
        """Read the recipe and its data.

        Args:
            recipe: path of its YAML.
            run_folder: None: a folder with its name in the cache.
            root: folder of the data; None: the data set's own.
            photos: None: the recipe's data.
            steps: optimiser steps; None: the recipe's.
            threads: compute threads of this process; None: one a core.
        Raises:
            UsageError: the recipe names no data, or an option is out of range.
            DataError: the recipe or its data cannot be used.
        """
        if threads:
            torch.set_num_threads(threads)
        read = load_recipe(recipe)
        self.recipe: Recipe = read.model_copy(update={"steps": steps}) if steps else read
        self.dataset = _load(self.recipe, recipe, root, photos)
        self.is_first = os.environ.get("RANK", "0") == "0"
        self.folder = run_folder or _usual_folder(read)
        self.train, self.val = self.dataset.split("train"), self.dataset.split("val")
        self._beside = recipe.parent

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Keep other runs out of the folder; of several processes that learn together the first does.

        Raises:
            BusyError: another run is writing there.
        """
        with hold(self.folder) if self.is_first else nullcontext():
            yield

    def start(self) -> Trainer:
        """Load the weights to start from, or the checkpoint to continue from.

        Raises:
            ModelError: the weights are not available or do not fit.
            DataError: the folder holds another run.
        """
        model = starting_model(self.recipe, self._beside, self.train)
        teacher = teaching_model(self.recipe, self._beside)
        self.trainer = Trainer(self.recipe, model, self.train, self.val, self.folder, teacher)
        return self.trainer

    def steps(self, stopped: Callable[[], bool]) -> Iterator[Progress]:
        """Train to the end, or until it is stopped, with a checkpoint to continue from.

        Args:
            stopped: called after each step, since a checkpoint is only complete between steps.
        Yields:
            The state of the run after each step.
        """
        for progress in self.trainer.run():
            yield progress
            # A signal reaches the processes at different steps, but they must stop after the same one.
            if self.trainer.processes.any(stopped()):
                self.stopped = True
                self.trainer.save()
                return

    def finish(self, progress: Working = silent) -> TrainedModel | None:
        """Make the model file of a completed run, with report and curves.

        Args:
            progress: receives the progress of the decisions on val.
        Returns:
            None in all processes except the first one.
        Raises:
            OutputError: a file cannot be written.
        """
        self.trainer.leave()
        if self.trainer.rank:
            return None
        recipe, folder = self.recipe, self.folder
        model = self.trainer.average.model.cpu()
        about = {
            "name": recipe.name,
            "architecture": recipe.model,
            "recipe": recipe.digest,
            "step": str(self.trainer.step),
        }
        save_weights(model, folder / f"{recipe.name}.safetensors", about)
        if recipe.steps:
            draw_curves(read_history(folder), folder / "curves.png")
        start = start_model_file(recipe, self._beside)
        path = folder / f"{recipe.name}.onnx"
        finished = finish(model, recipe.name, self.val, path, progress, start=start)
        found = finished.run
        report = build_report(found.pictures, {"model": recipe.name, "split": "val"}, found.failed)
        report.about["few_faces"] = finished.few
        if finished.comparison is not None:
            report.about["kept_from_start"] = list(finished.kept)
            report.about["comparison"] = finished.comparison.to_dict()
        write_json(report, folder / "report.json")
        write_pictures(report, found.pictures, folder)
        return TrainedModel(finished, report, (*self.trainer.batches.unreadable, *found.failed))


@dataclass(frozen=True, eq=False)
class Published:
    """A model file made from weights.

    Attributes:
        finished: the file, with its measures on val.
        problems: of the data, and photos that could not be read, each as ``where: why``.
    """

    finished: Finished
    problems: tuple[str, ...]


def publish(
    weights: Path,
    data: Path,
    to: Path,
    *,
    architecture: str = "crowd",
    name: str | None = None,
    input_size: int | None = None,
    closer_look: int | None = None,
    farther_look: int | None = None,
    half_weights: bool = False,
    root: Path | None = None,
    progress: Working = silent,
) -> Published:
    """Export weights to ONNX, calibrated and with thresholds chosen on val.

    Args:
        weights: path of a safetensors file.
        data: YAML of the data set; its val photos are used for calibration and thresholds.
        to: path of the ONNX file.
        architecture: of the weights.
        name: of the model; None: the file's.
        input_size: long side of the input, pixels; None: the architecture's.
        closer_look: long side at which a part with small faces is run again, pixels; 0: never; None: usual.
        farther_look: long side at which a picture with near faces or none is run again; 0 or None: never.
        half_weights: store large weights as 16-bit floats: half the file.
        root: folder of the data; None: the data set's own.
        progress: receives the progress.
    Raises:
        UsageError: the architecture does not support the size.
        ModelError: the weights do not fit.
        DataError: the data set cannot be used.
        OutputError: the file cannot be written.
    """
    model = load_model(architecture, weights)
    if input_size:
        if model.input_spec.resize != "fit":
            raise UsageError(
                f"the input of {architecture} is {model.input_spec.size} pixels, not to be chosen"
            )
        model.input_spec = replace(model.input_spec, size=input_size)
    dataset = load_dataset(data, root)
    val = dataset.split("val")
    finished = finish(model, name or to.stem, val, to, progress, closer_look, half_weights, farther_look)
    return Published(finished, (*dataset.problems.lines, *finished.run.failed))


def run_folder_of(recipe: Path, given: Path | None) -> Path:
    """Return the folder of a recipe's run: the given one, or that of its name in the cache.

    Raises:
        DataError: the recipe cannot be used.
    """
    return given or _usual_folder(load_recipe(recipe))


def _usual_folder(recipe: Recipe) -> Path:
    return runs_folder() / recipe.name


def _load(recipe: Recipe, path: Path, root: Path | None, photos: UserPhotos | None) -> Dataset:
    if photos is not None:
        if not 0 < photos.val < 1:
            raise UsageError(f"`val` must lie between 0 and 1, not {photos.val}")
        return load_photos(photos.folder, photos.form, dict(photos.class_map), photos.val)
    if recipe.data is None:
        raise UsageError(f"{path} names no data: give your own with  `photos` DIR `format` FORMAT")
    return load_dataset(path.parent / recipe.data, root)
