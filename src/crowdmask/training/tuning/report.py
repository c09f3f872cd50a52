"""The results of a study: the best setting as a recipe, a table of all trials, and plots."""

from __future__ import annotations

import json
import os
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import optuna
import yaml
from optuna.importance import PedAnovaImportanceEvaluator
from optuna.trial import FrozenTrial, TrialState

from crowdmask.errors import DataError, OutputError
from crowdmask.files import whole_file, write_text
from crowdmask.training.recipe import Recipe
from crowdmask.training.tuning.space import changed
from crowdmask.training.tuning.worker import StudyPlan, Tuning

PICTURES = ("history.png", "importance.png", "parallel.png")
_KEPT_STARTS = ("imagenet", "shipped")


def write_report(tuning: Tuning, best_path: Path | None = None) -> list[Path]:
    """Write the best recipe, the summary and the plots to the study's folder.

    Args:
        tuning: the study.
        best_path: path of the recipe; None: ``best.yaml`` in the study's folder.
    Returns:
        The files that were written; plots need two finished trials.
    Raises:
        DataError: no trial has finished yet.
        OutputError: a file cannot be written.
    """
    best = best_trial(tuning)
    folder = tuning.plan.folder
    recipe_path = best_path or folder / "best.yaml"
    importance = importances(tuning)
    try:
        recipe_path.parent.mkdir(parents=True, exist_ok=True)
        write_text(recipe_path, recipe_text(tuning, best, recipe_path))
        write_text(folder / "summary.md", summary(tuning, best, importance))
        pictures = _draw(tuning, importance)
    except OSError as error:
        raise OutputError(f"cannot write the study's report: {error}") from error
    return [recipe_path, folder / "summary.md", *pictures]


def best_trial(tuning: Tuning) -> FrozenTrial:
    """Return the trial with the best final score.

    Raises:
        DataError: none has finished; the message says why.
    """
    try:
        return tuning.study.best_trial
    except ValueError as error:
        whys = [t.user_attrs["why"] for t in tuning.trials() if "why" in t.user_attrs]
        why = f" (trial ended: {whys[-1]})" if whys else ""
        raise DataError(f"no trial of the study '{tuning.name}' has finished yet{why}") from error


def values_of(plan: StudyPlan, trial: FrozenTrial) -> dict[str, Any]:
    """Return a trial's values by recipe key."""
    result = {}
    for key, value in trial.params.items():
        knob = plan.space.root[key]
        # Lists are stored as text.
        listed = isinstance(value, str) and knob.type == "choice" and value not in knob.choices
        result[key] = json.loads(value) if listed else value
    return result


def recipe_text(tuning: Tuning, best: FrozenTrial, path: Path) -> str:
    """Return the best setting as a recipe's YAML, with its score in a comment at the top.

    Args:
        tuning: the study.
        best: the trial.
        path: its future path; relative paths in it are relative to this.
    """
    plan = tuning.plan
    recipe = changed(plan.recipe, values_of(plan, best))
    measure = "val_mAP50" if plan.objective == "mAP50" else "val_loss"
    content = recipe.model_dump(mode="json", exclude_defaults=True)
    content["name"] = f"{plan.recipe.name}-tuned"
    content["scores"] = {measure: round(float(best.value or 0), 5)}
    for key in ("data", "start"):
        value = content.get(key)
        if isinstance(value, list):
            content[key] = [_from_there(each, plan.beside, path.parent) for each in value]
        elif value and value not in _KEPT_STARTS:
            content[key] = _from_there(value, plan.beside, path.parent)
    first = [key for key in ("name", "scores", "model", "data", "start") if key in content]
    ordered = {key: content[key] for key in [*first, *(k for k in content if k not in first)]}
    Recipe.model_validate(ordered)
    head = (
        f"# The best of {_count(tuning, TrialState.COMPLETE)} finished trials of the study '{tuning.name}': "
        f"trial {best.number}, {measure} {best.value:.4f}\n"
        f"# at the recipe's own setting {_own_score(tuning)}. What was changed of '{plan.recipe.name}':\n"
    )
    lines = [f"#   {key}: {_short(value)}\n" for key, value in values_of(plan, best).items()]
    return (
        head + "".join(lines) + yaml.safe_dump(ordered, sort_keys=False, default_flow_style=None, width=110)
    )


def importances(tuning: Tuning) -> dict[str, float]:
    """Return the importance of each key for the differences between trials; empty with too few trials."""
    finished = _count(tuning, TrialState.COMPLETE)
    if finished < 3 or len(tuning.plan.space.root) < 2:
        return {}
    # With fewer than three best trials there is no variance to compare: all keys would be equally important.
    best_part = min(0.5, max(0.1, 3 / finished))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return optuna.importance.get_param_importances(
            tuning.study,
            evaluator=PedAnovaImportanceEvaluator(target_quantile=best_part, evaluate_on_local=False),
        )


def summary(tuning: Tuning, best: FrozenTrial, importance: dict[str, float]) -> str:
    """Return the study as Markdown: the best trial, all trials, the importance of each key."""
    plan = tuning.plan
    keys = list(plan.space.root)
    counts = ", ".join(
        f"{_count(tuning, state)} {word}"
        for state, word in (
            (TrialState.COMPLETE, "finished"),
            (TrialState.PRUNED, "ended early"),
            (TrialState.FAIL, "failed or tried again"),
            (TrialState.RUNNING, "at work"),
        )
        if _count(tuning, state)
    )
    lines = [
        f"# Study {tuning.name}",
        "",
        f"Recipe `{plan.recipe.name}`, {plan.recipe.steps} steps a trial, {len(plan.train)} photos to train "
        f"on, {len(plan.val)} of val. Objective: {_objective(plan)}. Pruner: {plan.pruner}. Trials: "
        f"{counts}.",
        "",
        f"Best: trial {best.number}, {best.value:.4f}; the recipe's own setting: {_own_score(tuning)}.",
        "",
        f"| trial | ended | {plan.objective} | steps | overfitting | {' | '.join(keys)} |",
        "|" + "---|" * (5 + len(keys)),
    ]
    for trial in sorted(tuning.trials(), key=lambda t: t.number):
        if trial.state == TrialState.WAITING or trial.user_attrs.get("again"):
            continue
        values = [_short(trial.params.get(key, "")) for key in keys]
        lines.append(f"| {' | '.join([*_cells(trial), *values])} |")
    if importance:
        lines += [
            "",
            "How far the best trials differ from all, by key (PED-ANOVA; of few trials no more than a hint):",
            "",
            "| key | part |",
        ]
        lines += ["|---|---|", *(f"| {key} | {part:.2f} |" for key, part in importance.items())]
    lines += ["", "Overfitting: train is augmented and val is not, so that only a rising gap is a sign.", ""]
    return "\n".join(lines)


def _cells(trial: FrozenTrial) -> list[str]:
    own = " (own)" if trial.user_attrs.get("own") else ""
    last = trial.intermediate_values[max(trial.intermediate_values)] if trial.intermediate_values else None
    score = trial.value if trial.state == TrialState.COMPLETE else last
    ended = {
        TrialState.COMPLETE: "finished",
        TrialState.PRUNED: "early",
        TrialState.FAIL: "failed",
        TrialState.RUNNING: "at work",
    }[trial.state]
    why = trial.user_attrs.get("why")
    return [
        f"{trial.number}{own}",
        f"{ended}: {why}".replace("|", "/") if why else ended,
        "" if score is None else f"{score:.4f}",
        str(trial.user_attrs.get("steps", "")),
        str(trial.user_attrs.get("overfitting", "")),
    ]


def _objective(plan: StudyPlan) -> str:
    if plan.objective == "mAP50":
        return "mAP50 over two classes on val, by the detector that users run"
    return "the loss on fixed crops of val, lower is better"


def _own_score(tuning: Tuning) -> str:
    own = [t for t in tuning.trials() if t.user_attrs.get("own") and t.state == TrialState.COMPLETE]
    return f"{own[0].value:.4f}" if own else "not finished"


def _count(tuning: Tuning, state: TrialState) -> int:
    return sum(trial.state == state for trial in tuning.trials())


def _short(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _from_there(path: str, before: Path, now: Path) -> str:
    """Convert a path relative to one folder into one relative to another; absolute paths stay."""
    if Path(path).expanduser().is_absolute():
        return path
    return Path(os.path.relpath((before / path).resolve(), now.resolve())).as_posix()


def _draw(tuning: Tuning, importance: dict[str, float]) -> list[Path]:
    """Draw the history, the importance of each key, and parallel coordinates of all trials."""
    if _count(tuning, TrialState.COMPLETE) < 2:
        return []
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot
    from optuna.visualization import matplotlib as draw

    measure = tuning.plan.objective
    drawings: Sequence[tuple[str, Any]] = (
        (PICTURES[0], lambda: draw.plot_optimization_history(tuning.study, target_name=measure)),
        (PICTURES[1], lambda: _bars(importance)),
        (PICTURES[2], lambda: draw.plot_parallel_coordinate(tuning.study, target_name=measure)),
    )
    written = []
    for name, make in drawings:
        if name == PICTURES[1] and not importance:
            continue
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # warns that these plots may change
            make()
        figure = pyplot.gcf()
        figure.set_size_inches(10, 5)
        with whole_file(tuning.plan.folder / name) as file:
            figure.savefig(file, format="png", dpi=110, bbox_inches="tight")
        pyplot.close("all")
        written.append(tuning.plan.folder / name)
    return written


def _bars(importance: dict[str, float]) -> None:
    from matplotlib import pyplot

    _, axes = pyplot.subplots()
    axes.barh(list(importance)[::-1], list(importance.values())[::-1], color="#0072B2")
    axes.set(xlabel="part of the differences between trials (PED-ANOVA)", title="Importance")
