"""Early signs of overfitting: val falls behind train."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

_LEAST_POINTS = 3
# A gap that grows by less than this part of the loss is noise of small batches.
_MARGIN = 0.02


@dataclass(frozen=True)
class Signs:
    """Signs of overfitting in the losses of a run.

    Attributes:
        gaps: (step, val minus train) at each validation.
        rising_since: the step from which the gap rises; None if it does not.
        worse_since: the step from which val itself gets worse; None if it does not.
    """

    gaps: tuple[tuple[int, float], ...]
    rising_since: int | None
    worse_since: int | None

    def __str__(self) -> str:
        """Return a few words for a table."""
        if len(self.gaps) < _LEAST_POINTS:
            return "too few validations to tell"
        if self.rising_since is None:
            return "none"
        gap = f"gap rises since step {self.rising_since} (to {self.gaps[-1][1]:+.3f})"
        return gap if self.worse_since is None else f"{gap}, val worse since step {self.worse_since}"


def find_signs(rows: Sequence[dict[str, Any]]) -> Signs:
    """Look for overfitting in a run's history.

    Train is augmented and val is not, so the gap itself has no meaning; only its rise has.

    Args:
        rows: as `crowdmask.training.trainer.read_history` returns them.
    """
    train = [(row["step"], row["total"]) for row in rows if row["kind"] == "train"]
    val = [(row["step"], row["total"]) for row in rows if row["kind"] == "val"]
    gaps, before = [], 0
    for step, loss in val:
        near = [t for s, t in train if before < s <= step]
        if near:
            gaps.append((step, float(loss - np.mean(near))))
            before = step
    if len(gaps) < _LEAST_POINTS:
        return Signs(tuple(gaps), None, None)
    margin = _MARGIN * abs(val[-1][1])
    lowest = min(range(len(gaps)), key=lambda i: gaps[i][1])
    rises = lowest < len(gaps) - 2 and gaps[-1][1] - gaps[lowest][1] > margin
    best = min(range(len(val)), key=lambda i: val[i][1])
    worse = best < len(val) - 1 and val[-1][1] - val[best][1] > margin / 2
    return Signs(tuple(gaps), gaps[lowest][0] if rises else None, val[best][0] if rises and worse else None)
