"""Run a large picture in tiles, where distant faces are larger, and once as a whole, for near faces.

A picture in N tiles costs no more than N pictures: a tenth of that is spent on the whole picture,
run smaller than usual, and the rest on the tiles. Tiles overlap by the size of the smallest face that the
whole picture shows large enough: a smaller face lies completely in some tile, a larger one is found in the
whole picture.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from crowdmask.errors import UsageError
from crowdmask.inference.model_file import InputSpec, ModelInfo
from crowdmask.inference.preprocess import input_sides

OFF, AUTO = "off", "auto"

AUTO_FROM_PX = 1500
"""`auto` makes tiles of pictures with a longer side than this."""

MAX_TILES = 16
"""Maximum number of tiles that `auto` makes of one picture."""

MAX_COLUMNS = 32
_GRID = re.compile(r"([1-9]\d?)[x×]([1-9]\d?)")

# Maximum side of a tile with `auto`, so that its faces are larger than in the closer look, which tiles
# replace. With a larger input, tiles may be larger, too.
_TILE_PX = 768
# Minimum side of a tile; smaller ones would show only enlarged pixels.
_LEAST_TILE_PX = 64
# Parts of the work: maximum for the whole picture, and minimum for a tile relative to a square input.
_WHOLE_SHARE, _LEAST_SHARE = 0.1, 0.5
# A box that ends this close to a tile's border, in input pixels, was cut by it.
_CUT_PX = 3.0
# A face of this size, in input pixels, is found about as well as a larger one.
_SURE_PX = 24.0


@dataclass(frozen=True)
class View:
    """A part of a picture and the size at which the network sees it.

    Attributes:
        x1, y1, x2, y2: pixels of the picture.
        size: long side of the network's input, pixels.
    """

    x1: int
    y1: int
    x2: int
    y2: int
    size: int

    @property
    def scale(self) -> float:
        """Input pixels per pixel of the picture."""
        return self.size / max(self.x2 - self.x1, self.y2 - self.y1)


def cut_at_border(view: View, xyxy: NDArray[np.float32], width: int, height: int) -> NDArray[np.bool_]:
    """Return whether each box (N, 4) found in a view ends at a border that lies inside the picture.

    Args:
        width, height: of the picture, pixels.
    """
    edges = np.array([view.x1, view.y1, view.x2, view.y2], np.float32)
    inner = edges != np.array([0, 0, width, height], np.float32)
    near = np.abs(xyxy - edges) <= _CUT_PX / view.scale
    cut: NDArray[np.bool_] = (near & inner).any(axis=1)
    return cut


@dataclass(frozen=True)
class TilePlan:
    """The views of one picture.

    Attributes:
        width, height: of the picture, pixels.
        whole: the view of the whole picture.
        tiles: overlapping parts; empty if it is not divided.
        overlap_px: a face of at most this width and height lies completely in one of the tiles.
    """

    width: int
    height: int
    whole: View
    tiles: tuple[View, ...] = ()
    overlap_px: float = 0.0

    @property
    def views(self) -> tuple[View, ...]:
        """The whole picture, then the tiles."""
        return (self.whole, *self.tiles)


def check_setting(setting: str) -> str:
    """Return the setting if it is ``off``, ``auto`` or a grid like ``2x2``.

    Raises:
        UsageError: it is not.
    """
    if setting not in (OFF, AUTO):
        grid = _GRID.fullmatch(setting)
        if grid is None or max(int(n) for n in grid.groups()) > MAX_COLUMNS:
            raise UsageError(
                f"tiles must be off, auto or COLSxROWS like 2x2, each up to {MAX_COLUMNS}, not {setting!r}"
            )
    return setting


def plan_tiles(setting: str, width: int, height: int, info: ModelInfo) -> TilePlan:
    """Choose the views of a picture.

    Args:
        setting: what `check_setting` allows.
        width, height: of the picture, pixels.
        info: of the model.
    """
    spec = info.input
    columns, rows = _grid(setting, width, height, spec.size)
    if columns * rows == 1:
        return TilePlan(width, height, View(0, 0, width, height, spec.size))
    # A very long picture has a small input, so its tiles may cost more than that many such pictures.
    budget = columns * rows * max(_pixels(width, height, spec, spec.size), spec.size**2 * _LEAST_SHARE)
    whole = View(0, 0, width, height, _whole_size(budget, width, height, spec))
    smallest = min(min(shape) for level in info.grid.shapes for shape in level)
    overlap = max(_SURE_PX, smallest) / whole.scale
    across, down = _cut(width, columns, overlap), _cut(height, rows, overlap)
    x, y = across[0][1], down[0][1]
    rest = (budget - _pixels(width, height, spec, whole.size)) / (columns * rows)
    size = spec.size if spec.resize == "stretch" else _size_within(rest, x, y, spec)
    tiles = tuple(View(x1, y1, x2, y2, size) for y1, y2 in down for x1, x2 in across)
    shared = [a[1] - b[0] for part in (across, down) for a, b in pairwise(part)]
    return TilePlan(width, height, whole, tiles, float(min(shared)))


def _grid(setting: str, width: int, height: int, size: int) -> tuple[int, int]:
    """Return columns and rows; 1, 1 if the picture is not divided."""
    if setting == OFF or (setting == AUTO and max(width, height) <= AUTO_FROM_PX):
        return 1, 1
    if setting == AUTO:
        side = max(_TILE_PX, size, math.sqrt(width * height / MAX_TILES))
        # A little more than a whole number of tiles is not worth another tile.
        columns, rows = (max(1, math.ceil(length / side - 0.1)) for length in (width, height))
        while columns * rows > MAX_TILES:
            if rows == 1 or (columns > 1 and width / columns < height / rows):
                columns -= 1
            else:
                rows -= 1
    else:
        grid = _GRID.fullmatch(setting)
        assert grid is not None  # check_setting has accepted it
        columns, rows = int(grid[1]), int(grid[2])
    return min(columns, max(1, width // _LEAST_TILE_PX)), min(rows, max(1, height // _LEAST_TILE_PX))


def _whole_size(budget: float, width: int, height: int, spec: InputSpec) -> int:
    """Return the input size of the whole picture; a network with a fixed size cannot use a smaller one."""
    if spec.resize == "stretch":
        return spec.size
    return min(spec.size, _size_within(budget * _WHOLE_SHARE, width, height, spec))


def _size_within(budget: float, width: int, height: int, spec: InputSpec) -> int:
    """Return the largest input size whose pixels, including padding, are within the budget."""
    size = max(spec.multiple, math.floor(math.sqrt(budget / (width * height)) * max(width, height)))
    while size > spec.multiple and _pixels(width, height, spec, size) > budget:
        size -= 1
    return size


def _pixels(width: int, height: int, spec: InputSpec, size: int) -> int:
    _, (across, down) = input_sides(width, height, replace(spec, size=size))
    return across * down


def _cut(length: int, pieces: int, overlap: float) -> list[tuple[int, int]]:
    """Divide a side into equal pieces that overlap by at most half a piece."""
    overlap = min(overlap, length / (pieces + 1))
    piece = min(length, math.ceil((length + (pieces - 1) * overlap) / pieces))
    starts = [round(i * (length - piece) / max(1, pieces - 1)) for i in range(pieces)]
    return [(start, start + piece) for start in starts]
