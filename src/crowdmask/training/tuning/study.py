"""A worker of a study of recipes, and the workers that it starts: what `crowdmask tune` does."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from optuna.trial import FrozenTrial

from crowdmask.cores import logical_cores
from crowdmask.data.dataset import Dataset, load_dataset
from crowdmask.errors import CrowdmaskError, DataError, UsageError
from crowdmask.paths import studies_folder
from crowdmask.training.recipe import load_recipe
from crowdmask.training.trainer import Progress
from crowdmask.training.tuning.on_ray import Helper, start_on_ray
from crowdmask.training.tuning.report import write_report
from crowdmask.training.tuning.space import load_space
from crowdmask.training.tuning.worker import StudyPlan, Tuning
from crowdmask.training.tuning.workers import one_at_a_time


@dataclass(frozen=True)
class StudyOptions:
    """A study as requested by the user.

    Attributes:
        recipe: path of the recipe to tune.
        space: path of the YAML of the search space.
        trials: total number, including those of other workers and earlier runs.
        name: of the study; None: the recipe's.
        storage: URL of its database; None: a file in its folder.
        folder: of the study; None: a folder with its name in the cache.
        objective, pruner: see `crowdmask.training.tuning.worker`.
        val_photos: number of photos of val for measuring; None: all.
        root: folder of the data; None: the data set's own.
    """

    recipe: Path
    space: Path
    trials: int
    name: str | None = None
    storage: str | None = None
    folder: Path | None = None
    objective: str = "mAP50"
    pruner: str = "median"
    val_photos: int | None = None
    root: Path | None = None


class Study:
    """A worker of a study; another process with the same options is another worker.

    Attributes:
        dataset: its problems list what could not be read.
        tuning: the study itself.
    """

    def __init__(
        self,
        options: StudyOptions,
        *,
        workers: int = 1,
        threads: int | None = None,
        address: str | None = None,
    ) -> None:
        """Open or create the study.

        Args:
            workers: number of processes that `work` uses, including this one.
            address: of a Ray cluster whose machines the further workers run on; None: this one.
            threads: compute threads of each; None: the cores are divided among the workers.
        Raises:
            UsageError: the options do not fit together.
            DataError: the study exists, but with another recipe, space, objective or data.
            OutputError: its database cannot be opened.
        """
        plan, self.dataset = _plan(options)
        storage = options.storage
        if storage and "://" not in storage:
            raise UsageError(f"`storage` {storage}: give a URL such as  sqlite:///studies/mine.db")
        self._workers, self._address = workers, address
        self._threads = threads or (max(1, logical_cores() // workers) if workers > 1 else None)
        if self._threads:
            torch.set_num_threads(self._threads)
        self.tuning = Tuning(plan, _name(options, plan.recipe.name), storage)

    def work(
        self,
        step: Callable[[int, Progress], bool],
        ended: Callable[[FrozenTrial], None],
        worker: Callable[[int | None], Sequence[str]],
    ) -> bool:
        """Run trials until there are enough, with the requested number of additional workers.

        Args:
            step, ended: see `Tuning.work`.
            worker: takes a number of compute threads, or None; returns the arguments of this program that
                start another worker.
        Returns:
            False if it was stopped; the additional workers were then stopped, too.
        """
        helpers = self._start_helpers(worker)
        stop = True
        try:
            finished = self.tuning.work(step, ended)
            stop = not finished
        except CrowdmaskError:
            stop = False  # the others may end by themselves
            raise
        finally:
            _wait_for(helpers, stop)
        return finished

    def report(self, best: Path | None, *, finished: bool) -> list[Path]:
        """Write the best recipe and the study's report.

        Args:
            best: path of the best recipe; None: in the study's folder.
            finished: False for a stopped study, which may have nothing to report.
        Returns:
            The files written.
        Raises:
            DataError: no trial of a finished study has a score.
            OutputError: a file cannot be written.
        """
        with one_at_a_time(self.tuning.plan.folder):
            try:
                return write_report(self.tuning, best)
            except DataError:
                if finished:
                    raise
                return []

    def _start_helpers(self, worker: Callable[[int | None], Sequence[str]]) -> Sequence[Helper]:
        """Start additional processes of this program, one for each worker; their output goes to a file."""
        package = Path(__file__).resolve().parents[3]
        given = os.environ.get("PYTHONPATH")
        paths = os.pathsep.join([str(package), *([given] if given else [])])
        own = worker(self._threads)
        if self._address:
            return start_on_ray(self._address, own, self._workers - 1, self._threads or 1)
        helpers = []
        for number in range(2, self._workers + 1):
            with (self.tuning.plan.folder / f"worker-{number}.log").open("ab") as log:
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


def _plan(options: StudyOptions) -> tuple[StudyPlan, Dataset]:
    recipe, beside = load_recipe(options.recipe), options.recipe.parent
    space = load_space(options.space, recipe, options.objective)
    if recipe.data is None:
        raise UsageError(f"{options.recipe} names no data, which a study needs: give it a key  data")
    name = _name(options, recipe.name)
    dataset = load_dataset(beside / recipe.data, options.root)
    val, number = dataset.split("val"), options.val_photos
    if number and number < len(val):
        # Evenly over the sorted names, so that every source is included.
        val = [val[index * len(val) // number] for index in range(number)]
    place = (options.folder or studies_folder() / name).expanduser().absolute()
    train = dataset.split("train")
    plan = StudyPlan(
        recipe, beside, space, options.objective, options.pruner, options.trials, place, train, val
    )
    return plan, dataset


def _name(options: StudyOptions, otherwise: str) -> str:
    name = options.name or otherwise
    if Path(name).name != name or name.startswith("."):
        raise UsageError(f"`study` {name}: give a plain name, which becomes a folder's")
    return name


def _wait_for(helpers: Sequence[Helper], stop: bool) -> None:
    """Wait until the additional workers end; if this worker was stopped, stop them, too."""
    for helper in helpers:
        if stop and helper.poll() is None:
            helper.terminate()
    for helper in helpers:
        helper.wait()
