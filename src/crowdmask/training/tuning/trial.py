"""One trial of a study: train a changed recipe in its own folder, measured on val at intervals."""

from __future__ import annotations

import copy
import json
import math
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from crowdmask.data.sample import Sample
from crowdmask.errors import DataError, DivergedError
from crowdmask.evaluation.measures import measure
from crowdmask.evaluation.run import both_views, run_detector
from crowdmask.export.onnx import export_onnx, metadata
from crowdmask.files import write_text
from crowdmask.inference.detector import Detector
from crowdmask.models.detector import DetectionModel
from crowdmask.training.checkpoint import save_weights
from crowdmask.training.overfitting import Signs, find_signs
from crowdmask.training.recipe import Recipe
from crowdmask.training.start import starting_model
from crowdmask.training.trainer import Progress, Trainer, read_history

_SCORES = "scores.jsonl"


class StoppedError(Exception):
    """The trial was stopped on request; it can continue from its checkpoint."""


@dataclass(frozen=True, eq=False)
class Job:
    """The common settings of all trials of a study.

    Attributes:
        beside: the recipe's relative paths are relative to this folder.
        train, val: photos.
        objective: ``mAP50`` of the real detector on val, or ``loss`` on val's crops.
        report: receives the score on val at a step; returns whether to prune the trial.
        step: called after each step; returns whether to stop.
    """

    beside: Path
    train: Sequence[Sample]
    val: Sequence[Sample]
    objective: str
    report: Callable[[float, int], bool]
    step: Callable[[Progress], bool]


@dataclass(frozen=True, eq=False)
class TrialResult:
    """The result of a trial.

    Attributes:
        score: the last one; None if it was never measured.
        pruned: it was ended early.
        steps: number of training steps.
        signs: signs of overfitting.
        why: the reason if it failed, such as a loss that is not finite.
    """

    score: float | None
    pruned: bool
    steps: int
    signs: Signs
    why: str | None = None


def run_trial(recipe: Recipe, folder: Path, job: Job) -> TrialResult:
    """Train, measure at each validation, and prune the trial if it is not promising.

    A killed trial continues from its checkpoint and its scores.

    Raises:
        StoppedError: stopped on request; the checkpoint is written.
        CrowdmaskError: the recipe does not fit, or a file cannot be written.
    """
    trainer = Trainer(recipe, starting_model(recipe, job.beside), list(job.train), list(job.val), folder)
    scores = _read_scores(folder, trainer.step)
    pruned = False
    for step, score in scores:
        pruned = job.report(score, step)
    why = None
    try:
        for progress in () if pruned else trainer.run():
            if progress.validation:
                score = _score(trainer, progress.validation, job)
                scores.append((progress.step, score))
                _write_scores(folder, scores)
                pruned = job.report(score, progress.step)
            if pruned:
                break
            if job.step(progress) and progress.step < recipe.steps:
                trainer.save()
                raise StoppedError
    except DivergedError as error:
        pruned, why = True, str(error)
    if not pruned and (not scores or scores[-1][0] < trainer.step):
        # The trial was killed between its last step and the measurement.
        scores.append((trainer.step, _score(trainer, trainer.validate(), job)))
        job.report(scores[-1][1], trainer.step)
    about = {"name": recipe.name, "architecture": recipe.model, "step": str(trainer.step)}
    save_weights(trainer.average.model.cpu(), folder / f"{recipe.name}.safetensors", about)
    for left in ("checkpoint.pt", "trial.onnx"):
        (folder / left).unlink(missing_ok=True)
    signs = find_signs(read_history(folder))
    return TrialResult(scores[-1][1] if scores else None, pruned, trainer.step, signs, why)


def measure_model(model: DetectionModel, val: Sequence[Sample], path: Path) -> float:
    """Return the mAP50 over two classes of the real detector on val with these weights.

    Args:
        model: with the weights; it is not changed.
        val: photos.
        path: path of the ONNX file that is made for this.
    Raises:
        DataError: val has no face for the measurement.
    """
    still = copy.deepcopy(model).cpu().eval()
    export_onnx(still, path, metadata(still, "trial"))
    run = run_detector(both_views(Detector(path)), val)
    score = measure(run.pictures).two_class.map50
    if not math.isfinite(score):
        raise DataError("the val photos hold no face to measure on: choose another data set")
    return float(score)


def _score(trainer: Trainer, validation: dict[str, float], job: Job) -> float:
    if job.objective == "loss":
        return validation["total"]
    return measure_model(trainer.average.model, job.val, trainer.folder / "trial.onnx")


def _read_scores(folder: Path, step: int) -> list[tuple[int, float]]:
    """Return the scores up to a step; later steps are trained again."""
    path = folder / _SCORES
    rows = []
    if path.is_file():
        for line in path.read_text(encoding="utf-8").splitlines():
            with suppress(json.JSONDecodeError, KeyError):
                row = json.loads(line)
                rows.append((int(row["step"]), float(row["score"])))
    return [row for row in rows if row[0] <= step]


def _write_scores(folder: Path, scores: list[tuple[int, float]]) -> None:
    lines = (json.dumps({"step": step, "score": score}) + "\n" for step, score in scores)
    write_text(folder / _SCORES, "".join(lines))
