"""Materials of masks: colours, prints, pleats and folds, in the mask's coordinates."""

from __future__ import annotations

import colorsys
from collections.abc import Callable, Sequence
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from crowdmask.data.synthesis.surface import Floats

Texture = Floats
Colour = tuple[float, float, float]

SURGICAL: Final[dict[str, Colour]] = {
    "blue": (0.60, 0.78, 0.90),
    "white": (0.93, 0.94, 0.96),
    "green": (0.62, 0.84, 0.76),
}
_PAPER: Final[tuple[Colour, ...]] = (
    (0.93, 0.93, 0.92),
    (0.90, 0.91, 0.93),
    (0.62, 0.63, 0.65),
    (0.70, 0.80, 0.88),
)


def pick(rng: np.random.Generator, chances: Sequence[float]) -> int:
    """Draw an index with the given probabilities; `Generator.choice` takes ten times as long."""
    at = rng.random()
    for index, chance in enumerate(chances):
        at -= chance
        if at < 0:
            return index
    return len(chances) - 1


def sign(rng: np.random.Generator) -> float:
    """Return 1 or -1."""
    return 1.0 if rng.random() < 0.5 else -1.0


def any_colour(rng: np.random.Generator, least: float = 0.15, most: float = 0.95) -> Colour:
    """Return a colour of cloth: any hue, often dull, light or dark."""
    value, saturation = rng.uniform(least, most), rng.beta(1.3, 1.6) * 0.9
    red, green, blue = colorsys.hsv_to_rgb(rng.random(), saturation, value)
    return red, green, blue


def black(rng: np.random.Generator) -> Colour:
    """Return the black of cloth, which is never completely black."""
    value = rng.uniform(0.03, 0.13)
    return value, value * rng.uniform(0.95, 1.05), value * rng.uniform(0.98, 1.15)


def paper(rng: np.random.Generator) -> Colour:
    """Return the colour of a respirator: mostly white."""
    return _PAPER[pick(rng, (0.45, 0.35, 0.12, 0.08))]


def plain(colour: Colour, size: tuple[int, int], rng: np.random.Generator) -> Texture:
    """Return one colour with slight variations."""
    rows, columns = size
    uneven = rng.normal(1, 0.02, (3, 4)).astype(np.float32)
    spread: NDArray[Any] = cv2.resize(uneven, (columns, rows), interpolation=cv2.INTER_CUBIC)
    return spread[..., None] * np.array(colour, np.float32)


def patterned(size: tuple[int, int], rng: np.random.Generator) -> Texture:
    """Return cloth with a pattern: stripes, checks, dots, patches, flowers."""
    ground = plain(any_colour(rng), size, rng)
    return _PATTERNS[int(rng.integers(len(_PATTERNS)))](ground, rng)


def printed(size: tuple[int, int], rng: np.random.Generator) -> Texture:
    """Return cloth with one large print: a mouth, letters, a flag, a badge."""
    dark = rng.random() < 0.5
    ground = plain(black(rng) if dark else any_colour(rng, 0.5), size, rng)
    return _PRINTS[int(rng.integers(len(_PRINTS)))](ground, rng)


def folds(u: Floats, v: Floats, number: int, depth: float, rng: np.random.Generator) -> Floats:
    """Return the shading of creases, about 1: each is a line with a lit and a shaded side.

    Args:
        u, v: coordinates on the mask, -1 to 1 across and 0 to 1 down.
        number: of creases.
        depth: relative change of the brightness.
        rng: random generator for their places.
    """
    light = np.ones_like(u)
    for _ in range(number):
        # Most run from the corners, where the straps pull, towards the centre.
        angle = rng.normal(0, 0.5) + (0.35, -0.35, 0.0)[int(rng.integers(3))]
        offset = rng.uniform(0.15, 0.85)
        width = rng.uniform(0.03, 0.09)
        along = u * np.float32(np.cos(angle)) + (v - np.float32(offset)) * np.float32(np.sin(angle))
        away = (v - np.float32(offset)) * np.float32(np.cos(angle) / width) - u * np.float32(
            np.sin(angle) * 0.6 / width
        )
        start = sign(rng) * rng.uniform(0.2, 0.9)
        reach = np.exp(-(((along - np.float32(start)) / np.float32(rng.uniform(0.35, 0.8))) ** 2))
        light += np.float32(depth * rng.uniform(0.5, 1.0)) * away * np.exp(-away * away) * reach
    return light


def pleats(v: Floats, number: int, depth: float, rng: np.random.Generator) -> Floats:
    """Return the shading of a surgical mask's pleats, about 1."""
    light = np.ones_like(v)
    first, last = rng.uniform(0.24, 0.34), rng.uniform(0.62, 0.72)
    for at in np.linspace(first, last, number):
        away = (v - np.float32(at)) * np.float32(1 / 0.035)
        light -= np.float32(depth) * np.exp(-away * away)
        light += np.float32(0.45 * depth) * np.exp(-((away + np.float32(2.0)) ** 2))
    return light


def coordinates(size: tuple[int, int]) -> tuple[Floats, Floats]:
    """Return the mask's coordinates of each pixel of a texture: -1 to 1 across, 0 to 1 down."""
    rows, columns = size
    u = np.linspace(-1, 1, columns, dtype=np.float32)[None].repeat(rows, 0)
    v = np.linspace(0, 1, rows, dtype=np.float32)[:, None].repeat(columns, 1)
    return u, v


def lookup(texture: Texture, u: Floats, v: Floats) -> Floats:
    """Return the texture's colours at mask coordinates, (H, W, 3)."""
    rows, columns = texture.shape[:2]
    across = (u + 1) * np.float32((columns - 1) / 2)
    down = v * np.float32(rows - 1)
    return np.asarray(cv2.remap(texture, across, down, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE))


def _grid(texture: Texture) -> tuple[Floats, Floats]:
    rows, columns = texture.shape[:2]
    y, x = np.mgrid[0:rows, 0:columns].astype(np.float32) / np.float32(rows)
    return x, y


def _mix(texture: Texture, cover: NDArray[Any], colour: Colour) -> Texture:
    part = cover.astype(np.float32)[..., None]
    return texture + (np.array(colour, np.float32) - texture) * part


def _stripes(texture: Texture, rng: np.random.Generator) -> Texture:
    x, y = _grid(texture)
    angle, often = (0.0, 1.57, 0.8, -0.8)[int(rng.integers(4))], rng.uniform(4, 12)
    wave = np.sin((x * np.float32(np.cos(angle)) + y * np.float32(np.sin(angle))) * np.float32(often * 6.28))
    return _mix(texture, wave > rng.uniform(-0.3, 0.6), any_colour(rng))


def _checks(texture: Texture, rng: np.random.Generator) -> Texture:
    x, y = _grid(texture)
    often = np.float32(rng.uniform(4, 10) * 6.28)
    colour = any_colour(rng)
    cover = (np.sin(x * often) > 0.1) * 0.5 + (np.sin(y * often) > 0.1) * 0.5
    return _mix(texture, cover, colour)


def _dots(texture: Texture, rng: np.random.Generator) -> Texture:
    x, y = _grid(texture)
    often = np.float32(rng.uniform(4, 9) * 6.28)
    return _mix(texture, np.sin(x * often) * np.sin(y * often) > rng.uniform(0.3, 0.7), any_colour(rng))


def _patches(texture: Texture, rng: np.random.Generator) -> Texture:
    rows, columns = texture.shape[:2]
    hue = any_colour(rng)
    for _ in range(3):
        coarse = rng.standard_normal((6, 9)).astype(np.float32)
        field = cv2.resize(coarse, (columns, rows), interpolation=cv2.INTER_CUBIC)
        factor = rng.uniform(0.4, 1.5)
        colour = (hue[0] * factor, hue[1] * factor, hue[2] * factor)
        texture = _mix(texture, field > 0.35, colour)
    return np.clip(texture, 0, 1)


def _flowers(texture: Texture, rng: np.random.Generator) -> Texture:
    texture = np.ascontiguousarray(texture)
    rows, columns = texture.shape[:2]
    colours = [any_colour(rng, 0.4) for _ in range(3)]
    for _ in range(int(rng.integers(14, 34))):
        at = (int(rng.integers(columns)), int(rng.integers(rows)))
        size = max(1, int(rows * rng.uniform(0.03, 0.1)))
        cv2.circle(texture, at, size, colours[int(rng.integers(3))], -1, cv2.LINE_AA)
    return texture


def _mouth(texture: Texture, rng: np.random.Generator) -> Texture:
    texture = np.ascontiguousarray(texture)
    rows, columns = texture.shape[:2]
    middle, size = (columns // 2, int(rows * 0.62)), (int(columns * 0.2), int(rows * 0.16))
    cv2.ellipse(texture, middle, size, 0, 0, 180, (0.75, 0.12, 0.15), -1, cv2.LINE_AA)
    cv2.ellipse(texture, middle, (int(size[0] * 0.8), int(size[1] * 0.5)), 0, 0, 180, (0.95, 0.95, 0.9), -1)
    return texture


def _letters(texture: Texture, rng: np.random.Generator) -> Texture:
    rows, columns = texture.shape[:2]
    word = "".join(rng.choice(list("ACEHKLMNORSTX"), int(rng.integers(2, 6))))
    colour = any_colour(rng, 0.6, 1.0) if texture.mean() < 0.4 else any_colour(rng, 0.05, 0.4)
    scale = rows / 60
    at = (int(columns * 0.5 - len(word) * 9 * scale), int(rows * 0.6))
    ink = np.zeros((rows, columns), np.uint8)
    cv2.putText(ink, word, at, cv2.FONT_HERSHEY_SIMPLEX, scale * 0.8, 255, max(1, rows // 22), cv2.LINE_AA)
    return _mix(texture, ink / 255, colour)


def _flag(texture: Texture, rng: np.random.Generator) -> Texture:
    rows, columns = texture.shape[:2]
    length = columns if rng.random() < 0.5 else rows
    third = np.arange(length) * 3 // length
    bands = np.array([any_colour(rng, 0.3) for _ in range(3)], np.float32)[third]
    flag = bands[None] if length == columns else bands[:, None]
    result: Texture = np.broadcast_to(flag, texture.shape).astype(np.float32) * texture.mean() ** 0.1
    return result


def _badge(texture: Texture, rng: np.random.Generator) -> Texture:
    texture = np.ascontiguousarray(texture)
    rows, columns = texture.shape[:2]
    at = (int(columns * rng.uniform(0.25, 0.75)), int(rows * rng.uniform(0.35, 0.7)))
    size = max(1, int(rows * rng.uniform(0.1, 0.22)))
    cv2.circle(texture, at, size, any_colour(rng, 0.4), -1, cv2.LINE_AA)
    cv2.circle(texture, at, max(1, size // 2), any_colour(rng), -1, cv2.LINE_AA)
    return texture


_Maker = Callable[[Texture, np.random.Generator], Texture]
_PATTERNS: Final[tuple[_Maker, ...]] = (_stripes, _checks, _dots, _patches, _flowers)
_PRINTS: Final[tuple[_Maker, ...]] = (_mouth, _letters, _flag, _badge)
