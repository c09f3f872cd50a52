"""Align pairs of small pictures and measure their similarity, many pairs at once."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

Pictures = NDArray[np.uint8]
Floats = NDArray[np.float32]

_ROUNDS: Final = 8
# The first pass, at half the scale, is fast; most pairs of different pictures need no second pass.
_FIRST_ROUNDS: Final = 5
_FIRST_SLACK: Final = 0.1
# A copy cropped by a tenth of its width is enlarged 1.11 times relative to the original.
_MOST_SCALE: Final = 0.16
_MOST_SHIFT: Final = 0.16
_CHUNK: Final = 1024
# Minimum contrast, in grey levels; a uniform picture cannot be compared.
_LEAST_SPREAD: Final = 1.0


def likeness(first: Pictures, second: Pictures, least: float = -1.0) -> Floats:
    """Return the similarity of each pair of pictures after shifting and scaling one to fit the other.

    Brightness and contrast are ignored. Shift and scale are limited to what cropping away a tenth causes.

    Args:
        first, second: (P, S, S) uint8 grey, S even.
        least: pairs that the first pass finds far below this are not aligned exactly; the
            value returned for them is only known to be lower than this.
    Returns:
        (P,) correlation where they overlap, -1 to 1; 0 if one has no contrast.
    Source: Lucas and Kanade, An iterative image registration technique (1981).
    """
    result = np.zeros(len(first), np.float32)
    for start in range(0, len(first), _CHUNK):
        part = slice(start, start + _CHUNK)
        one, two = first[part].astype(np.float32), second[part].astype(np.float32)
        if least > -1:
            found = _align(_half(one), _half(two), _FIRST_ROUNDS)
            close = found >= least - _FIRST_SLACK
            found = np.minimum(found, np.float32(least - 1e-3))
            found[close] = _align(_blur(one[close]), _blur(two[close]), _ROUNDS)
        else:
            found = _align(_blur(one), _blur(two), _ROUNDS)
        result[part] = found
    return result


def _align(fixed: Floats, moving: Floats, rounds: int) -> Floats:
    """Fit x' = (1 + a) x + b and y' = (1 + c) y + d; return the best correlation of all steps, (P,)."""
    pairs, side, _ = fixed.shape
    flat = (fixed.std((1, 2)) < _LEAST_SPREAD) | (moving.std((1, 2)) < _LEAST_SPREAD)
    fixed_soft, moving_soft = _blur(fixed), _blur(moving)
    place: Floats = ((np.arange(side, dtype=np.float32) + np.float32(0.5)) / side) * 2 - 1
    warp = np.zeros((pairs, 4), np.float32)
    best = np.full(pairs, -1, np.float32)
    for turn in range(rounds + 1):
        across, inside_x = _sampling(place, warp[:, 0], warp[:, 1])
        down, inside_y = _sampling(place, warp[:, 2], warp[:, 3])
        overlap: Floats = inside_y[:, :, None] * inside_x[:, None, :]
        turned = across.transpose(0, 2, 1)
        sharp = _normal(_cast(down @ moving @ turned), overlap)
        best = np.maximum(best, (sharp * _normal(fixed, overlap)).sum((1, 2)))
        if turn == rounds:
            break
        moved = _normal(_cast(down @ moving_soft @ turned), overlap)
        still = _normal(fixed_soft, overlap)
        warp += _step(still - moved, _cast((moved + still) / 2), overlap, place)
        np.clip(warp[:, 0::2], -_MOST_SCALE, _MOST_SCALE, out=warp[:, 0::2])
        np.clip(warp[:, 1::2], -_MOST_SHIFT, _MOST_SHIFT, out=warp[:, 1::2])
    best[flat] = 0
    return best


def _step(error: Floats, picture: Floats, overlap: Floats, place: Floats) -> Floats:
    """Return the change of the four parameters that reduces the error most, (P, 4)."""
    per_pixel = 2 / len(place)
    rise_y, rise_x = np.gradient(picture, per_pixel, axis=(1, 2))
    rise_x *= overlap
    rise_y *= overlap
    slopes = np.stack([rise_x * place[None, None, :], rise_x, rise_y * place[None, :, None], rise_y], axis=1)
    slopes = slopes.reshape(len(error), 4, len(place) ** 2)
    square = slopes @ slopes.transpose(0, 2, 1)
    square += np.eye(4, dtype=np.float32) * (1e-3 * np.trace(square, axis1=1, axis2=2)[:, None, None] + 1e-9)
    right = slopes @ error.reshape(len(error), len(place) ** 2, 1)
    return np.linalg.solve(square, right)[:, :, 0].astype(np.float32)


def _sampling(place: Floats, scale: Floats, shift: Floats) -> tuple[Floats, Floats]:
    """Return matrices (P, S, S) that sample at the warped positions, and which lie inside, (P, S)."""
    side = len(place)
    at = (((1 + scale)[:, None] * place + shift[:, None]) + 1) * (side / 2) - 0.5
    inside = ((at > -0.5) & (at < side - 0.5)).astype(np.float32)
    at = np.clip(at, 0, side - 1)
    matrix = np.maximum(0, 1 - np.abs(at[:, :, None] - np.arange(side, dtype=np.float32)))
    return matrix.astype(np.float32), inside


def _normal(pictures: Floats, overlap: Floats) -> Floats:
    """Normalise each picture to mean 0 and norm 1 where they overlap, and set it to 0 elsewhere."""
    count = np.maximum(overlap.sum((1, 2)), 1)[:, None, None]
    centred: Floats = (pictures - (pictures * overlap).sum((1, 2))[:, None, None] / count) * overlap
    length: Floats = np.sqrt((centred**2).sum((1, 2)))[:, None, None]
    return _cast(centred / np.maximum(length, 1e-6))


def _half(pictures: Floats) -> Floats:
    pairs, side, _ = pictures.shape
    return pictures.reshape(pairs, side // 2, 2, side // 2, 2).mean((2, 4))


def _blur(pictures: Floats) -> Floats:
    for axis in (1, 2):
        padded = np.pad(pictures, [(1, 1) if i == axis else (0, 0) for i in range(3)], mode="edge")
        size = pictures.shape[axis]
        before, here, after = (np.take(padded, range(i, i + size), axis) for i in range(3))
        pictures = (before + after) * np.float32(0.25) + here * np.float32(0.5)
    return pictures


def _cast(values: NDArray[np.floating]) -> Floats:
    return values.astype(np.float32, copy=False)
