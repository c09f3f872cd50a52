"""The cells in which detections are counted: label, face width and confidence.

Error rates are measured in the same cells, so a survey needs only the cell of each detection.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from crowdmask.labels import LABELS

Floats = NDArray[np.float64]

LEAST_WIDTH_PX = 8.0
"""Minimum width of surveyed faces; on narrower ones masks cannot be recognised."""

WIDTHS_PX: tuple[float, ...] = (LEAST_WIDTH_PX, 16.0, 32.0, 64.0)
"""Lower limits of the width classes; the last one has no upper limit."""

N_LABELS, N_WIDTHS = len(LABELS), len(WIDTHS_PX)

# As parts of the way from 0 to the threshold, and from there to 1: with a threshold of 0.4 these are
# 0.05, 0.1, 0.2, 0.4, 0.7 and 0.9.
_BELOW = (0.125, 0.25, 0.5)
_ABOVE = (0.0, 0.5, 5 / 6)
N_CONFIDENCES = len(_BELOW) + len(_ABOVE)
SHOWN = len(_BELOW)
"""The first confidence class that is shown at the model's own thresholds."""


def confidence_edges(thresholds: Sequence[float]) -> Floats:
    """Return the lower limits of the confidence classes, by label.

    Args:
        thresholds: (3,) the model's own, in the order of `LABELS`.
    Returns:
        (3, 6), increasing; confidences below the first limit are not counted.
    """
    least = np.asarray(thresholds, np.float64)[:, None]
    return np.concatenate([least * np.array(_BELOW), least + (1 - least) * np.array(_ABOVE)], axis=1)


def width_class(width_px: NDArray[np.floating]) -> NDArray[np.int64]:
    """Return the class of each width, (N,); -1 for faces that are too narrow, or of unknown width."""
    widths = np.nan_to_num(np.asarray(width_px, np.float64), nan=-1.0)
    return np.searchsorted(WIDTHS_PX, widths, side="right").astype(np.int64) - 1


def confidence_class(
    label: NDArray[np.integer], confidence: NDArray[np.floating], edges: Floats
) -> NDArray[np.int64]:
    """Return the class of each confidence, (N,), by the limits of its label; -1 below all of them."""
    # Confidences are stored with five digits, so one exactly at the threshold may have been rounded down.
    values = np.asarray(confidence, np.float64)[:, None] + 1e-5
    return (values >= edges[np.asarray(label, np.int64)]).sum(axis=1).astype(np.int64) - 1


def describe_width(index: int) -> str:
    """Return the name of a width class, like ``16 to 32 px``."""
    if index + 1 == N_WIDTHS:
        return f"{WIDTHS_PX[index]:.0f} px and wider"
    return f"{WIDTHS_PX[index]:.0f} to {WIDTHS_PX[index + 1]:.0f} px"
