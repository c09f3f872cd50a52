"""The agreement of two people on the same photos."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from crowdmask import boxes as box_arithmetic
from crowdmask.errors import DataError
from crowdmask.survey.audit.answers import ANSWERS, Answers

_SAME_FACE_IOU = 0.4


@dataclass(frozen=True)
class Agreement:
    """Two people's labels of the same faces.

    Attributes:
        faces: number of faces that both boxed.
        agreed: number of these with the same label.
        kappa: Cohen's kappa; None if it is not defined (both used only one label).
        one_only: number of faces that only one of them boxed.
        table: by the first's label (row) and the second's (column), in the order of `ANSWERS`.
    """

    faces: int
    agreed: int
    kappa: float | None
    one_only: int
    table: tuple[tuple[int, ...], ...]

    def sentence(self) -> str:
        """Return a description."""
        if not self.faces:
            return "the two labellers have no face in common"
        kappa = "is not defined (one label only)" if self.kappa is None else f"is {self.kappa:.2f}"
        return (
            f"two labellers agreed on {self.agreed} of {self.faces} faces that both boxed, Cohen's "
            f"kappa {kappa}; "
            f"{self.one_only} faces were boxed by one of them only"
        )


def agreement(first: Answers, second: Answers) -> Agreement:
    """Compare two people's answers.

    Raises:
        DataError: they have no photo in common.

    Source: Cohen, A coefficient of agreement for nominal scales (1960).
    """
    others = {photo.source: photo for photo in second.photos}
    table = np.zeros((len(ANSWERS), len(ANSWERS)), int)
    alone = shared = 0
    for photo in first.photos:
        other = others.get(photo.source)
        if other is None:
            continue
        shared += 1
        overlap = box_arithmetic.iou(photo.boxes, other.boxes)
        pairs = _pairs(overlap)
        for here, there in pairs:
            table[ANSWERS.index(photo.answers[here]), ANSWERS.index(other.answers[there])] += 1
        alone += len(photo.boxes) + len(other.boxes) - 2 * len(pairs)
    if not shared:
        raise DataError(f"{first.name} and {second.name} have no finished photo in common")
    number, agreed = int(table.sum()), int(np.trace(table))
    return Agreement(number, agreed, _kappa(table), alone, tuple(tuple(map(int, row)) for row in table))


def _pairs(overlap: np.ndarray) -> Sequence[tuple[int, int]]:
    """Match boxes, highest overlap first."""
    rest, pairs = overlap.copy(), []
    while rest.size and rest.max() >= _SAME_FACE_IOU:
        here, there = (int(at) for at in np.unravel_index(int(rest.argmax()), rest.shape))
        pairs.append((here, there))
        rest[here], rest[:, there] = -1.0, -1.0
    return pairs


def _kappa(table: np.ndarray) -> float | None:
    number = table.sum()
    if not number:
        return None
    observed = np.trace(table) / number
    expected = float((table.sum(axis=0) * table.sum(axis=1)).sum() / number**2)
    return None if expected >= 1 else float((observed - expected) / (1 - expected))
