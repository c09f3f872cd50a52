"""Training on several machines by Ray Train: each worker is one of the processes that learn as one."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from crowdmask import clusters
from crowdmask.errors import CrowdmaskError, OutputError, WorkerError
from crowdmask.paths import runs_folder
from crowdmask.training.recipe import load_recipe
from crowdmask.training.trainer import Progress

_ASK_EVERY_S = 0.3


@dataclass(frozen=True)
class Cluster:
    """Where and how a run is spread.

    Attributes:
        address: see `crowdmask.clusters.join`.
        workers: how many processes learn together.
        gpus: each has a graphics card for itself.
    """

    address: str
    workers: int
    gpus: bool = False


@dataclass(frozen=True)
class Listener:
    """What is told of a run on a cluster.

    Attributes:
        say: gets lines for the user.
        step: gets where the run is, and of how many steps.
        stopped: is asked whether to stop; then all workers do, after the same step.
    """

    say: Callable[[str], None]
    step: Callable[[Progress], None]
    stopped: Callable[[], bool]


@dataclass(frozen=True)
class Ended:
    """How a run on a cluster ended.

    Attributes:
        stopped_at: the step after which it was stopped; None: it came to its end.
        report: its measures on val as text, and a line on the model file.
        model: path of the model file.
        unreadable: photos that could not be read, each as ``where: why``.
    """

    stopped_at: int | None = None
    report: tuple[str, ...] = ()
    model: Path | None = None
    unreadable: tuple[str, ...] = ()


def train_on_ray(recipe: Path, chosen: dict[str, Any], cluster: Cluster, listener: Listener) -> Ended:
    """Train a recipe on a cluster.

    Recipe, data and the run's folder must be reachable under the same names from every machine. What Ray
    keeps goes into ``ray`` in that folder.

    Args:
        recipe: path of its YAML.
        chosen: the other arguments of `TrainingRun`.
    Raises:
        DataError: the recipe cannot be used.
        MissingExtraError: Ray is not installed.
        UsageError: there is no cluster at the address.
        CrowdmaskError: what a worker says that it cannot do.
        OutputError: a worker ended before its time; the same command goes on from the last checkpoint.
    """
    # Workers have another working folder.
    folder = (chosen["run_folder"] or runs_folder() / load_recipe(recipe).name).absolute()
    run = {**chosen, "recipe": recipe.absolute(), "run_folder": folder}
    run["root"] = chosen["root"] and chosen["root"].absolute()
    if chosen["photos"]:
        run["photos"] = replace(chosen["photos"], folder=chosen["photos"].folder.absolute())
    listener.say(f"the run's folder: {folder}")
    cpus = None if cluster.gpus else cluster.workers + 1
    ray = clusters.join(cluster.address, what="`ray`", cpus=cpus)
    try:
        post = ray.remote(_Post).options(num_cpus=0).remote()
        return _fit(ray, post, run, folder, cluster, listener)
    finally:
        clusters.leave(ray)


def _fit(
    ray: Any, post: Any, run: dict[str, Any], folder: Path, cluster: Cluster, listener: Listener
) -> Ended:
    from ray.train import RunConfig, ScalingConfig
    from ray.train.torch import TorchTrainer

    fitting = TorchTrainer(
        _learn,
        train_loop_config={"run": run, "post": post},
        scaling_config=ScalingConfig(num_workers=cluster.workers, use_gpu=cluster.gpus),
        run_config=RunConfig(name="ray", storage_path=str(folder)),
    )
    failures: list[BaseException] = []

    def fit() -> None:
        try:
            fitting.fit()
        except BaseException as error:  # handed to the thread that waits
            failures.append(error)

    thread = threading.Thread(target=fit, name="crowdmask-ray-train", daemon=True)
    thread.start()
    ended: Ended | None = None
    failure: WorkerError | None = None
    while True:
        alive = thread.is_alive()
        for kind, content in ray.get(post.take.remote(listener.stopped())):
            if kind == "say":
                listener.say(content)
            elif kind == "step":
                listener.step(content)
            elif kind == "ended":
                ended = content
            else:
                failure = failure or WorkerError(*content)
        if not alive:
            break
        thread.join(_ASK_EVERY_S)
    if failure is not None:
        raise failure
    if ended is None:
        why = " ".join(str(failures[0]).split())[:200] if failures else "no worker said why"
        raise OutputError(f"a worker ended before its time; the same command goes on ({why})")
    return ended


class _Post:
    """Carries messages from the first worker to who started the run, and the wish to stop back."""

    def __init__(self) -> None:
        self._messages: list[tuple[str, Any]] = []
        self._stop = False

    def put(self, kind: str, content: Any) -> bool:
        """Keep a message; return whether the run shall stop."""
        self._messages.append((kind, content))
        return self._stop

    def take(self, stop: bool) -> list[tuple[str, Any]]:
        """Return the messages since the last call."""
        self._stop = stop
        taken, self._messages = self._messages, []
        return taken


def _learn(config: dict[str, Any]) -> None:
    """Be one of the processes; Ray Train has set the environment that says which."""
    import ray

    from crowdmask.export.finish import describe
    from crowdmask.training.run import TrainingRun

    post = config["post"]
    stop = False

    def tell(kind: str, content: Any) -> None:
        nonlocal stop
        stop = ray.get(post.put.remote(kind, content))

    try:
        run = TrainingRun(**config["run"])
        if run.is_first:
            for line in run.dataset.problems.lines:
                tell("say", line)
            tell("say", f"{len(run.train)} photos to train on, {len(run.val)} to validate on")
        step = run.start().step
        if step and run.is_first:
            tell("say", f"going on at step {step}")
        for progress in run.steps(lambda: stop):
            if run.is_first:
                tell("step", progress)
        if run.stopped:
            if run.is_first:
                tell("ended", Ended(stopped_at=run.trainer.step))
            return
        trained = run.finish()
        if trained is not None:
            text = (trained.report.to_text(), describe(trained.finished))
            tell("ended", Ended(None, text, trained.finished.path, trained.unreadable))
    except CrowdmaskError as error:
        tell("failed", (str(error), error.exit_code))
        raise
