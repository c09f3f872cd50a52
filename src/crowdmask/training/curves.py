"""Plots of a run: the losses of train and val, and their gap."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from crowdmask.errors import DataError
from crowdmask.files import whole_file

_TRAIN, _VAL, _GAP = "#0072B2", "#D55E00", "#CC79A7"
_SMOOTH = 0.9


def draw_curves(rows: list[dict[str, Any]], path: Path) -> Path:
    """Draw each part of the loss over the steps, and the gap between val and train.

    The crops of train are augmented and those of val are not, so val begins below train; a
    growing gap shows overfitting.

    Args:
        rows: as `crowdmask.training.trainer.read_history` returns them.
        path: of a PNG file.
    Raises:
        DataError: there is no row of the training.
        OutputError: the file cannot be written.
    """
    if not any(r["kind"] == "train" for r in rows):
        raise DataError(f"{path.parent} has no losses to draw: train first")
    # A part may exist only in train (the teacher's loss), or only in some rows.
    seen = dict.fromkeys(name for r in rows for name in r)
    names = [k for k in seen if k not in ("step", "kind", "images_per_s")]
    figure = Figure(figsize=(5 * len(names), 7), layout="constrained")
    axes = figure.subplots(2, len(names), sharex=True, squeeze=False, height_ratios=(2, 1))
    for column, name in enumerate(names):
        top, bottom = axes[0][column], axes[1][column]
        train = [(r["step"], r[name]) for r in rows if r["kind"] == "train" and name in r]
        val = [(r["step"], r[name]) for r in rows if r["kind"] == "val" and name in r]
        smooth = _smooth(train)
        top.plot(*zip(*train, strict=True), color=_TRAIN, alpha=0.25)
        top.plot(*zip(*smooth, strict=True), color=_TRAIN, label="train (augmented)")
        top.set(title=f"{name} loss")
        top.grid(alpha=0.3)
        if val:
            top.plot(*zip(*val, strict=True), "o-", color=_VAL, label="val (averaged weights)")
            bottom.plot(*zip(*_gap(smooth, val), strict=True), "o-", color=_GAP)
        top.legend()
        bottom.axhline(0, color="grey", linewidth=0.8)
        bottom.set(xlabel="step", ylabel="val - train")
        bottom.grid(alpha=0.3)
    with whole_file(path, what="the curves") as file:
        figure.savefig(file, format="png", dpi=110)
    return path


def _smooth(points: list[tuple[int, float]]) -> list[tuple[int, float]]:
    result, mean = [], points[0][1]
    for step, value in points:
        mean = _SMOOTH * mean + (1 - _SMOOTH) * value
        result.append((step, mean))
    return result


def _gap(train: list[tuple[int, float]], val: list[tuple[int, float]]) -> list[tuple[int, float]]:
    """Return val minus the last train value up to the same step."""
    return [
        (step, value - max((t for t in train if t[0] <= step), default=train[0])[1]) for step, value in val
    ]
