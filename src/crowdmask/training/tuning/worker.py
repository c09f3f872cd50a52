"""A study: trials of a recipe in a search space, in a database that survives a kill, for many workers."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import optuna
from optuna.trial import FrozenTrial, Trial, TrialState

from crowdmask.data.sample import Sample
from crowdmask.errors import CrowdmaskError, DataError, OutputError
from crowdmask.training.checkpoint import data_digest
from crowdmask.training.recipe import Recipe
from crowdmask.training.trainer import Progress
from crowdmask.training.tuning.space import Space, changed
from crowdmask.training.tuning.trial import Job, StoppedError, TrialResult, run_trial
from crowdmask.training.tuning.workers import is_alive, myself, one_at_a_time

OBJECTIVES = ("mAP50", "loss")
PRUNERS = ("median", "hyperband", "none")
MOST_ATTEMPTS = 3
"""Maximum number of attempts of a trial whose worker was killed."""

_HEARD_EVERY_S = 30.0
_STARTUP = 6


@dataclass(frozen=True, eq=False)
class StudyPlan:
    """The plan of a study.

    Attributes:
        recipe, beside: the recipe, and the folder that its relative paths are relative to.
        space: the search space.
        objective: one of `OBJECTIVES`.
        pruner: one of `PRUNERS`.
        trials: total number, including those of other workers and earlier runs.
        folder: of the study, with its trials' folders and its summary.
        train, val: photos.
    """

    recipe: Recipe
    beside: Path
    space: Space
    objective: str
    pruner: str
    trials: int
    folder: Path
    train: Sequence[Sample]
    val: Sequence[Sample]


class Tuning:
    """A worker of a study."""

    def __init__(self, plan: StudyPlan, name: str, storage: str | None = None) -> None:
        """Open or create the study, with the recipe's own setting as its first trial.

        Args:
            plan: the plan of the study.
            name: of the study.
            storage: URL of the database; None: an SQLite file in the study's folder.
        Raises:
            DataError: the study exists, but with another recipe, space, objective or data.
            OutputError: the database cannot be opened.
        """
        optuna.logging.set_verbosity(optuna.logging.ERROR)
        self.plan = plan
        self.name = name
        self.storage = storage or f"sqlite:///{plan.folder / 'study.db'}"
        with one_at_a_time(plan.folder):
            self.study = self._open()

    def work(self, step: Callable[[int, Progress], bool], ended: Callable[[FrozenTrial], None]) -> bool:
        """Run trials until there are enough.

        Args:
            step: receives the trial's number and state after each step; returns whether to stop.
            ended: receives each trial that this worker has finished.
        Returns:
            False if it was stopped; the next worker continues its trial.
        Raises:
            CrowdmaskError: the recipe's own setting cannot be trained.
        """
        while (claimed := self._claim()) is not None:
            trial, values = claimed
            try:
                self._run(trial, values, step)
            except StoppedError:
                self._give_back(trial.number, counts=False)
                return False
            ended(next(t for t in self.trials() if t.number == trial.number))
        return True

    def trials(self) -> list[FrozenTrial]:
        """Return all trials so far."""
        return self.study.get_trials(deepcopy=False)

    def trial_folder(self, trial: FrozenTrial | Trial) -> Path:
        """Return a trial's folder: a repeated trial uses the first attempt's folder."""
        return self.plan.folder / "trials" / f"{int(trial.user_attrs.get('folder', trial.number)):04d}"

    def _open(self) -> optuna.Study:
        # Workers wait for each other's writes instead of failing.
        options = {"connect_args": {"timeout": 120}} if self.storage.startswith("sqlite") else {}
        try:
            study = optuna.create_study(
                storage=optuna.storages.RDBStorage(self.storage, engine_kwargs=options),
                study_name=self.name,
                direction="maximize" if self.plan.objective == "mAP50" else "minimize",
                load_if_exists=True,
                pruner=_pruner(self.plan),
            )
        except Exception as error:  # SQLAlchemy, its drivers and optuna have different errors
            why = " ".join(str(error).split())[:200]
            raise OutputError(f"cannot open the study's database {self.storage}: {why}") from error
        asked = self._asked()
        for key, value in asked.items():
            there = study.user_attrs.get(key)
            if there is not None and there != value:
                raise DataError(
                    f"the study '{self.name}' in {self.plan.folder} is of another {key} "
                    "(or of an earlier state of it): give another `study`"
                )
        if not study.user_attrs:
            for key, value in asked.items():
                study.set_user_attr(key, value)
            study.enqueue_trial(self.plan.space.own(self.plan.recipe), user_attrs={"own": True})
        return study

    def _asked(self) -> dict[str, str]:
        plan = self.plan
        space = json.dumps(plan.space.model_dump(mode="json"), sort_keys=True)
        return {
            "recipe": plan.recipe.digest,
            "space": hashlib.sha256(space.encode()).hexdigest()[:16],
            "objective": plan.objective,
            "data": f"{data_digest(plan.train)}/{data_digest(plan.val)}",
        }

    def _claim(self) -> tuple[Trial, dict[str, Any]] | None:
        """Take the next trial; None if there are enough; one worker at a time."""
        with one_at_a_time(self.plan.folder):
            self._take_over()
            trials = self.trials()
            if sum(_counts(trial) for trial in trials) >= self.plan.trials:
                return None
            # Seeded by the number of trials, so that a study continues after a stop as it would have without
            # it.
            self.study.sampler = optuna.samplers.TPESampler(
                seed=(self.plan.recipe.seed * 1_000_003 + len(trials)) % 2**32, n_startup_trials=_STARTUP
            )
            trial = self.study.ask()
            trial.set_user_attr("worker", myself())
            trial.set_user_attr("heard", time.time())
            if "folder" not in trial.user_attrs:
                trial.set_user_attr("folder", trial.number)
            return trial, self.plan.space.suggest(trial)

    def _take_over(self) -> None:
        """Queue trials whose worker has died again."""
        for trial in self.trials():
            if trial.state == TrialState.RUNNING:
                started = trial.datetime_start.timestamp() if trial.datetime_start else time.time()
                if not is_alive(trial.user_attrs.get("worker"), trial.user_attrs.get("heard", started)):
                    self._give_back(trial.number, counts=True)

    def _give_back(self, number: int, counts: bool) -> None:
        """Mark a trial as failed and queue its setting again.

        Args:
            number: of the trial.
            counts: the attempt counts, since the trial itself may have caused the kill.
        """
        frozen = next(trial for trial in self.trials() if trial.number == number)
        attempt = int(frozen.user_attrs.get("attempt", 1)) + counts
        trial = Trial(self.study, frozen._trial_id)
        if attempt <= MOST_ATTEMPTS:
            trial.set_user_attr("again", True)
            again = {
                "folder": frozen.user_attrs.get("folder", number),
                "attempt": attempt,
                "retry_of": number,
            }
            if frozen.user_attrs.get("own"):
                again["own"] = True
            self.study.enqueue_trial(frozen.params, user_attrs=again)
        else:
            trial.set_user_attr("why", f"its worker was killed {MOST_ATTEMPTS} times")
        self.study.tell(number, state=TrialState.FAIL)

    def _run(self, trial: Trial, values: dict[str, Any], step: Callable[[int, Progress], bool]) -> None:
        heard = time.monotonic()

        def stepped(progress: Progress) -> bool:
            nonlocal heard
            if time.monotonic() - heard > _HEARD_EVERY_S:
                heard = time.monotonic()
                trial.set_user_attr("heard", time.time())
            return step(trial.number, progress)

        def report(score: float, at: int) -> bool:
            trial.report(score, at)
            return bool(at < self.plan.recipe.steps and trial.should_prune())

        plan = self.plan
        job = Job(plan.beside, plan.train, plan.val, plan.objective, report, stepped)
        try:
            result = run_trial(changed(plan.recipe, values), self.trial_folder(trial), job)
        except CrowdmaskError as error:
            trial.set_user_attr("why", str(error))
            self.study.tell(trial, state=TrialState.FAIL)
            if trial.user_attrs.get("own") or isinstance(error, OutputError):
                raise
            return
        self._tell(trial, result)

    def _tell(self, trial: Trial, result: TrialResult) -> None:
        trial.set_user_attr("steps", result.steps)
        trial.set_user_attr("overfitting", str(result.signs))
        if result.why:
            trial.set_user_attr("why", result.why)
        if result.pruned:
            self.study.tell(trial, state=TrialState.PRUNED)
        else:
            self.study.tell(trial, result.score)


def _counts(trial: FrozenTrial) -> bool:
    """Whether a trial counts: not if it waits, or was queued again."""
    if trial.state == TrialState.FAIL:
        return not trial.user_attrs.get("again")
    return trial.state != TrialState.WAITING


def _pruner(plan: StudyPlan) -> optuna.pruners.BasePruner:
    if plan.pruner == "hyperband":
        return optuna.pruners.HyperbandPruner(
            min_resource=plan.recipe.validate_every, max_resource=plan.recipe.steps, reduction_factor=3
        )
    if plan.pruner == "median":
        return optuna.pruners.MedianPruner(n_startup_trials=4, n_warmup_steps=plan.recipe.validate_every)
    return optuna.pruners.NopPruner()
