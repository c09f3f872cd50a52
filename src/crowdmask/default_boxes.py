"""The grid of default boxes (anchors) that an SSD-style detector's output is relative to (numpy only).

The exported model contains its grid as plain values, so that detection needs no torch.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

VARIANCES = (0.1, 0.2)


@dataclass(frozen=True)
class GridSpec:
    """The default boxes of a model, for any input size.

    Attributes:
        strides: pixels of the input between the cells of each level; the level of stride s has
            ceil(side / s) cells a side.
        shapes: for each level the (width, height) of each box of a cell, input pixels.
    """

    strides: tuple[int, ...]
    shapes: tuple[tuple[tuple[float, float], ...], ...]

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for a model file's metadata."""
        return asdict(self)

    @classmethod
    def from_dict(cls, value: dict[str, Any]) -> GridSpec:
        """Read what `to_dict` wrote."""
        shapes = tuple(tuple((float(w), float(h)) for w, h in level) for level in value["shapes"])
        return cls(tuple(int(s) for s in value["strides"]), shapes)


@lru_cache(maxsize=32)
def default_boxes(spec: GridSpec, width: int, height: int) -> NDArray[np.float32]:
    """Lay the boxes over an input.

    Args:
        spec: levels and shapes.
        width, height: the input in pixels.
    Returns:
        (A, 4) float32 cx, cy, width, height in input pixels: level by level, row by row, cell by
        cell, the shapes of a cell together. Read-only, since the array is cached and shared.
    """
    levels = []
    for stride, shapes in zip(spec.strides, spec.shapes, strict=True):
        columns, rows = math.ceil(width / stride), math.ceil(height / stride)
        # The cells of a level divide the input evenly, even if the stride does not.
        cx = (np.arange(columns) + 0.5) * (width / columns)
        cy = (np.arange(rows) + 0.5) * (height / rows)
        centres = np.stack(np.meshgrid(cx, cy), axis=-1).reshape(-1, 1, 2)
        sizes = np.asarray(shapes, np.float64).reshape(1, -1, 2)
        centres, sizes = np.broadcast_arrays(centres, sizes)
        levels.append(np.concatenate([centres, sizes], axis=-1).reshape(-1, 4))
    boxes = np.concatenate(levels).astype(np.float32)
    boxes.setflags(write=False)
    return boxes


def count_boxes(spec: GridSpec, width: int, height: int) -> int:
    """Return the number of boxes over an input of `width` x `height` pixels."""
    levels = zip(spec.strides, spec.shapes, strict=True)
    return sum(
        math.ceil(width / stride) * math.ceil(height / stride) * len(shapes) for stride, shapes in levels
    )


def boxes_at(spec: GridSpec, width: int, height: int, index: NDArray[np.intp]) -> NDArray[np.float32]:
    """Return some of the boxes of `default_boxes` without laying the others.

    Pictures come in many shapes, and few boxes of each are decoded.

    Args:
        spec, width, height: see `default_boxes`.
        index: (N,) places in the order of `default_boxes`.
    Returns:
        (N, 4) float32 cx, cy, width, height in input pixels.
    """
    boxes = np.empty((len(index), 4), np.float32)
    first = 0
    for stride, shapes in zip(spec.strides, spec.shapes, strict=True):
        columns, rows = math.ceil(width / stride), math.ceil(height / stride)
        after = first + columns * rows * len(shapes)
        mine = np.flatnonzero((index >= first) & (index < after))
        cell, shape = np.divmod(index[mine] - first, len(shapes))
        row, column = np.divmod(cell, columns)
        boxes[mine, 0] = (column + 0.5) * (width / columns)
        boxes[mine, 1] = (row + 0.5) * (height / rows)
        boxes[mine, 2:] = np.asarray(shapes, np.float32)[shape]
        first = after
    return boxes
