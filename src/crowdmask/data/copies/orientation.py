"""The eight ways in which a picture can lie: turned by quarters, and mirrored before that.

An orientation is a number from 0 to 7: the quarter turns anticlockwise, times two, plus 1 if the picture was
mirrored (left to right) before it was turned.
"""

from __future__ import annotations

from typing import Final, TypeVar

import numpy as np
from numpy.typing import NDArray

ORIENTATIONS: Final = 8

Pixel = TypeVar("Pixel", np.uint8, np.float32)


def quarter_turns(orientation: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the number of quarter turns, 0 to 3, of each orientation."""
    return orientation // 2


def turned(pictures: NDArray[Pixel], orientation: NDArray[np.int64]) -> NDArray[Pixel]:
    """Return each square picture, (P, S, S), in its orientation, (P,)."""
    result = pictures.copy()
    mirrored = orientation % 2 == 1
    result[mirrored] = result[mirrored][:, :, ::-1]
    for turns in (1, 2, 3):
        chosen = quarter_turns(orientation) == turns
        result[chosen] = np.rot90(result[chosen], turns, (1, 2))
    return result


def _between() -> NDArray[np.int64]:
    """Return which orientation of B is A, for A in orientation i being the same as B in j, (8, 8)."""
    table = np.zeros((ORIENTATIONS, ORIENTATIONS), np.int64)
    for i in range(ORIENTATIONS):
        for j in range(ORIENTATIONS):
            (turns, mirror), (other_turns, other_mirror) = divmod(i, 2), divmod(j, 2)
            # A mirrored picture turns the other way round when it is mirrored back.
            difference = (turns - other_turns) if mirror else (other_turns - turns)
            table[i, j] = difference % 4 * 2 + (mirror ^ other_mirror)
    return table


BETWEEN: Final = _between()
"""(8, 8): if A in orientation i is B in orientation j, then A is B in orientation ``BETWEEN[i, j]``."""
