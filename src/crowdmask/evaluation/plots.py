"""The pictures of a report (matplotlib, without a screen)."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patheffects import Normal, Stroke

from crowdmask.drawing.palette import BLACK, BLUE, COLOURS, YELLOW, as_hex
from crowdmask.evaluation.average_precision import Ranking
from crowdmask.evaluation.calibration import BINS, Reliability
from crowdmask.evaluation.classification import ConfusionCounts
from crowdmask.files import whole_file
from crowdmask.labels import DISPLAY_NAMES, LABELS

# Different line styles distinguish the labels in black-and-white print.
_STYLES = ("-", "--", "-.", ":")
_PLAIN = as_hex(BLUE)
# Yellow is hard to see on white without a dark edge.
_EDGE = (Stroke(linewidth=2.6, foreground="#555555"), Normal())


def draw_precision_recall(rankings: dict[str, Ranking], path: Path) -> Path:
    """Draw precision over recall of each ranking at an IoU of 0.5."""
    figure = Figure(figsize=(6, 5), layout="constrained")
    axes = figure.subplots()
    for (name, ranking), line in zip(rankings.items(), _STYLES, strict=False):
        if not ranking.faces.sum():
            continue
        recall, precision = ranking.curve()
        label = f"{DISPLAY_NAMES.get(name, name)}: AP50 {ranking.average_precision():.3f}"
        colour = as_hex(COLOURS.get(name, BLACK))
        edge = _EDGE if COLOURS.get(name) == YELLOW else ()
        axes.plot(recall, precision, color=colour, linestyle=line, label=label, path_effects=edge)
    axes.set(xlabel="recall", ylabel="precision", xlim=(0, 1), ylim=(0, 1.02), title="Precision and recall")
    axes.grid(alpha=0.3)
    if axes.lines:
        axes.legend(loc="best")
    return _save(figure, path)


def draw_reliability(reliability: Reliability, path: Path) -> Path:
    """Draw the share of right detections over the confidence, and the number of detections of each point."""
    figure = Figure(figsize=(6, 6), layout="constrained")
    top, bottom = figure.subplots(2, 1, sharex=True, height_ratios=(3, 1))
    filled = reliability.count > 0
    top.plot([0, 1], [0, 1], color="grey", linestyle=":", label="as said")
    top.plot(reliability.confidence[filled], reliability.right[filled], "o-", color=_PLAIN, label="measured")
    title = f"Reliability, expected calibration error {reliability.expected_error:.3f}"
    top.set(ylabel="share that is right", xlim=(0, 1), ylim=(0, 1), title=title)
    top.grid(alpha=0.3)
    top.legend(loc="upper left")
    bottom.bar((np.arange(BINS) + 0.5) / BINS, reliability.count, width=0.9 / BINS, color=_PLAIN)
    bottom.set(xlabel="confidence", ylabel="detections")
    return _save(figure, path)


def draw_confusion(counted: ConfusionCounts, path: Path) -> Path:
    """Draw the confusion matrix, with missed and falsely detected faces at the borders."""
    counts = np.zeros((4, 4), np.int64)
    counts[:3, :3], counts[:3, 3], counts[3, :3] = counted.confusion, counted.missed, counted.false
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    figure = Figure(figsize=(7, 5.5), layout="constrained")
    axes = figure.subplots()
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    for row, column in np.ndindex(4, 4):
        if (row, column) == (3, 3):
            continue
        colour = "white" if shares[row, column] > 0.5 else "black"
        text = f"{counts[row, column]}\n{shares[row, column] * 100:.1f} %"
        axes.text(column, row, text, ha="center", va="center", color=colour)
    names = [DISPLAY_NAMES[label].replace(" worn ", " worn\n") for label in LABELS]
    axes.set_xticks(range(4), [*names, "missed"])
    axes.set_yticks(range(4), [*names, "no face"])
    axes.set(xlabel="said", ylabel="truth", title="At the default threshold")
    return _save(figure, path)


def _save(figure: Figure, path: Path) -> Path:
    with whole_file(path) as file:
        figure.savefig(file, format="png", dpi=120)
    return path
