"""The report's charts, drawn by matplotlib without a screen, as SVG."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure

PLAIN = "#4C78A8"
_TEXT = "#1f2933"
_LONGEST_NAME = 28
# Yellow is hard to see on white without a dark edge.
_EDGE: Any = {"edgecolor": _TEXT, "linewidth": 0.4}

_STYLE: Any = {
    "svg.fonttype": "none",
    "font.family": "sans-serif",
    "font.sans-serif": ["system-ui", "Segoe UI", "Helvetica Neue", "Arial", "DejaVu Sans"],
    "font.size": 10,
    "text.color": _TEXT,
    "axes.labelcolor": _TEXT,
    "axes.edgecolor": "#b8c1cc",
    "xtick.color": _TEXT,
    "ytick.color": _TEXT,
    "axes.spines.top": False,
    "axes.spines.right": False,
    # A dollar sign in a name must not start a formula.
    "text.parse_math": False,
}


def stacked_bars(
    names: Sequence[str],
    parts: Mapping[str, Sequence[float]],
    colours: dict[str, str],
    label: str,
    flat: bool = False,
) -> str:
    """Draw a bar for each name, stacked of parts.

    Args:
        parts: the heights, by their name in the legend.
        colours: by the same names.
        label: of the axis with the counts.
        flat: horizontal bars, for long names.
    Returns:
        SVG text.
    """
    shown = [name if len(name) <= _LONGEST_NAME else name[: _LONGEST_NAME - 1] + "…" for name in names]
    with rc_context(_STYLE):
        figure = Figure(
            figsize=(7.2, max(1.6, 0.32 * len(names) + 1.1) if flat else 3.2), layout="constrained"
        )
        axes = figure.subplots()
        places = np.arange(len(names))
        base = np.zeros(len(names))
        for part, values in parts.items():
            heights = np.asarray(values, float)
            style = {"color": colours.get(part, PLAIN), "label": part, **_EDGE}
            if flat:
                axes.barh(places, heights, 0.72, left=base, **style)
            else:
                axes.bar(places, heights, 0.76, bottom=base, **style)
            base += heights
        _name_bars(axes, places, shown, base, label, flat)
        if len(parts) > 1:
            figure.legend(loc="outside upper right", ncols=len(parts), frameon=False)
        return _svg(figure)


def histogram(
    parts: Mapping[str, Sequence[float]], colours: dict[str, str], edges: np.ndarray, label: str
) -> str:
    """Draw histograms, each normalised to the number of its values.

    Args:
        edges: of the bins.
        label: of the axis of values.
    Returns:
        SVG text.
    """
    with rc_context(_STYLE):
        figure = Figure(figsize=(7.2, 3.0), layout="constrained")
        axes = figure.subplots()
        for part, values in parts.items():
            finite = np.asarray([value for value in values if np.isfinite(value)], float)
            if not len(finite):
                continue
            share = np.histogram(np.clip(finite, edges[0], edges[-1]), edges)[0] / len(finite) * 100
            axes.stairs(share, edges, color=colours.get(part, PLAIN), linewidth=1.8, label=part)
            axes.stairs(share, edges, color=colours.get(part, PLAIN), fill=True, alpha=0.12)
        axes.set(xlabel=label, ylabel="share (%)", xlim=(edges[0], edges[-1]))
        axes.grid(axis="y", color="#e4e8ed")
        axes.set_axisbelow(True)
        if axes.get_legend_handles_labels()[0]:
            figure.legend(loc="outside upper right", ncols=4, frameon=False)
        return _svg(figure)


def _name_bars(
    axes: Axes, places: np.ndarray, names: Sequence[str], totals: np.ndarray, label: str, flat: bool
) -> None:
    numbers = [f"{int(total):,}" for total in totals]
    if flat:
        axes.set_yticks(places, names)
        axes.invert_yaxis()
        axes.set_xlabel(label)
        for place, total, number in zip(places, totals, numbers, strict=True):
            axes.annotate(number, (total, place), (4, 0), textcoords="offset points", va="center", fontsize=9)
        axes.margins(x=0.1)
    else:
        axes.set_xticks(places, names)
        axes.set_ylabel(label)
        for place, total, number in zip(places, totals, numbers, strict=True):
            axes.annotate(number, (place, total), (0, 3), textcoords="offset points", ha="center", fontsize=9)
        axes.margins(y=0.12)
    axes.grid(axis="x" if flat else "y", color="#e4e8ed")
    axes.set_axisbelow(True)


def _svg(figure: Figure) -> str:
    file = io.StringIO()
    figure.savefig(file, format="svg", metadata={"Date": None, "Creator": None})
    return file.getvalue()
