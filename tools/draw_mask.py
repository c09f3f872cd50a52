"""Draw a face mask on a picture: a cloth spanned between two edges, shaded, folded, with straps."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

Point = tuple[float, float]
Floats = NDArray[np.float64]

SUPERSAMPLING = 4
COLOURS = {"surgical": (158, 200, 224), "cloth": (38, 38, 44), "ffp2": (240, 240, 237)}
STRAP_COLOURS = {"surgical": (232, 236, 240), "cloth": (30, 30, 34), "ffp2": (236, 236, 234)}


@dataclass(frozen=True)
class Mask:
    """One mask on one face.

    Attributes:
        kind: surgical, cloth or ffp2.
        top, bottom: points of the upper and the lower edge from left to right, pixels.
        straps: ends at the ears: upper left, lower left, upper right, lower right, pixels.
        nose: where the ridge of the nose is between the left edge (-1) and the right one (1).
        light: from which side the light comes, -1 left to 1 right.
        exposure: 1 leaves the colours as they are, less darkens them.
    """

    kind: str
    top: tuple[Point, ...]
    bottom: tuple[Point, ...]
    straps: tuple[Point, Point, Point, Point]
    nose: float
    light: float
    exposure: float

    def moved(self, to_canvas: Callable[[tuple[Point, ...]], list[Point]]) -> Mask:
        """Return the mask with its points mapped by `to_canvas`."""
        a, b, c, d = to_canvas(self.straps)
        return replace(
            self, top=tuple(to_canvas(self.top)), bottom=tuple(to_canvas(self.bottom)), straps=(a, b, c, d)
        )


def curve(points: tuple[Point, ...], count: int) -> Floats:
    """Return `count` points of a Catmull-Rom spline through `points`, (count, 2)."""
    p = np.asarray(points, np.float64)
    padded = np.concatenate([2 * p[:1] - p[1:2], p, 2 * p[-1:] - p[-2:-1]])
    at = np.linspace(0, len(p) - 1, count)
    i = np.minimum(at.astype(int), len(p) - 2)
    t = (at - i)[:, None]
    a, b, c, d = padded[i], padded[i + 1], padded[i + 2], padded[i + 3]
    return 0.5 * (2 * b + (c - a) * t + (2 * a - 5 * b + 4 * c - d) * t**2 + (3 * b - a - 3 * c + d) * t**3)


def _line(distance: Floats, width: float) -> Floats:
    """Return 1 on a line, falling to 0 at about `width` from it."""
    return np.exp(-((distance / width) ** 2))


def shade(mask: Mask, u: Floats, v: Floats) -> Floats:
    """Return the brightness of the cloth.

    Args:
        mask: kind, nose and light are used.
        u: -1 left to 1 right.
        v: 0 upper edge to 1 lower edge.
    Returns:
        Factors of the cloth's colour, shape of `u`.
    """
    around = np.cos((u - mask.nose * 0.6 - mask.light * 0.5) * 1.15)
    value = 0.60 + 0.40 * np.clip(around, 0, 1) ** 0.8
    value -= 0.20 * np.clip((v - 0.68) / 0.32, 0, 1) ** 1.5
    ridge = np.clip(1 - v / 0.5, 0, 1)
    value += 0.10 * ridge * _line(u - mask.nose, 0.10)
    value -= 0.09 * ridge * (_line(u - mask.nose - 0.26, 0.16) + _line(u - mask.nose + 0.26, 0.16))
    if mask.kind == "surgical":
        for fold in (0.30, 0.47, 0.64):
            middle = fold + 0.05 * (u - mask.nose) ** 2
            value -= 0.17 * _line(v - middle, 0.016)
            value -= 0.10 * np.where(v > middle, np.exp(-(v - middle) / 0.06), 0)
            value += 0.06 * np.where(v < middle, np.exp(-(middle - v) / 0.04), 0)
        for hem in (0.055, 0.945):
            value -= 0.08 * _line(v - hem, 0.012)
        value += 0.10 * (np.abs(u) > 0.955)
    elif mask.kind == "cloth":
        seam = u - mask.nose
        value -= 0.30 * _line(seam, 0.012)
        value += 0.35 * _line(seam + 0.035, 0.03) * (1 - 0.5 * v)
        for hem in (0.06, 0.93):
            value += 0.25 * _line(v - hem, 0.014)
        wrinkle = np.sin(v * 9 + u * 2.2) * np.clip(np.abs(u) - 0.25, 0, 1)
        value += 0.22 * wrinkle
    else:
        seam = u - mask.nose
        value -= 0.16 * _line(seam, 0.014)
        value += 0.07 * _line(seam + 0.05, 0.05)
        value -= 0.06 * (seam > 0) * np.clip(1 - np.abs(seam) / 0.7, 0, 1)
        for weld, strength in ((0.10, 0.10), (0.88, 0.12)):
            dots = 0.6 + 0.4 * np.sin(u * 95)
            value -= strength * _line(v - weld, 0.012) * dots
        clip = _line(v - 0.045, 0.022) * (np.abs(seam) < 0.30)
        value -= 0.12 * clip
    return np.clip(value, 0.15, 1.25)


def _fill_mesh(pen: ImageDraw.ImageDraw, mesh: Floats, colours: NDArray[np.int64]) -> None:
    """Paint each cell between the points of a mesh, (rows, columns, 2), in its own colour."""
    for row in range(len(mesh) - 1):
        for column in range(mesh.shape[1] - 1):
            corners = (
                *mesh[row, column], *mesh[row, column + 1],
                *mesh[row + 1, column + 1], *mesh[row + 1, column],
            )  # fmt: skip
            pen.polygon(list(corners), fill=tuple(colours[row, column]))


def draw_mask(picture: Image.Image, mask: Mask) -> Image.Image:
    """Return a copy of the picture with the mask on it; all points in pixels of the picture."""
    k = SUPERSAMPLING
    columns, rows = 181, 121
    top, bottom = curve(mask.top, columns) * k, curve(mask.bottom, columns) * k
    outline = np.concatenate([top, bottom[::-1]])
    points = np.concatenate([outline / k, np.asarray(mask.straps)])
    margin = 24
    x0, y0 = (int(v) - margin for v in points.min(0))
    x1, y1 = (int(v) + margin for v in points.max(0))
    size = (x1 - x0, y1 - y0)
    shift = np.array([x0, y0]) * k
    v = np.linspace(0, 1, rows)
    # The cloth bulges: its rows are bent towards the middle of the face's lower half.
    mesh = top[None] * (1 - v[:, None, None]) + bottom[None] * v[:, None, None] - shift
    u = np.linspace(-1, 1, columns)
    factors = shade(mask, *np.meshgrid((u[1:] + u[:-1]) / 2, (v[1:] + v[:-1]) / 2))
    random = np.random.default_rng(7)
    factors *= 1 + random.normal(0, 0.02, factors.shape)
    colour = np.asarray(COLOURS[mask.kind], np.float64) * mask.exposure
    colours = np.clip(factors[..., None] * colour, 0, 255).astype(int)
    if mask.kind == "cloth":
        # Black cloth is never black in a photo: it reflects some of the room.
        colours = np.clip(colours + 8, 0, 255)

    big = (size[0] * k, size[1] * k)
    cloth = Image.new("RGB", big, tuple(int(c) for c in colour * 0.8))
    _fill_mesh(ImageDraw.Draw(cloth), mesh, colours)
    alpha = Image.new("L", big)
    shape = ImageDraw.Draw(alpha)
    shape.polygon([tuple(p) for p in outline - shift], fill=255)

    width = float(np.linalg.norm(top[-1] - top[0])) / k
    straps = Image.new("L", big)
    pen = ImageDraw.Draw(straps)
    corners = (top[1], bottom[1], top[-2], bottom[-2])
    for start, end in zip(corners, np.asarray(mask.straps) * k, strict=True):
        sag = np.array([0.0, 0.02 * width * k])
        path = curve((tuple(start - shift), tuple((start + end) / 2 - shift + sag), tuple(end - shift)), 24)
        pen.line([tuple(p) for p in path], fill=255, width=max(3, round(0.018 * width * k)), joint="curve")

    def small(image: Image.Image, blur: float) -> Image.Image:
        return image.resize(size, Image.Resampling.LANCZOS).filter(ImageFilter.GaussianBlur(blur))

    out = picture.copy()
    region = out.crop((x0, y0, x1, y1))
    cast = Image.new("L", big)
    cast.paste(alpha, (0, round(0.012 * width * k)))
    region.paste((20, 10, 8), (0, 0), small(cast, 0.025 * width).point(lambda value: int(value * 0.5)))
    region.paste((20, 10, 8), (1, 1), small(straps, 0.8).point(lambda value: int(value * 0.4)))
    strap_colour = tuple(int(c * mask.exposure * 0.85) for c in STRAP_COLOURS[mask.kind])
    region.paste(strap_colour, (0, 0), small(straps, 0.4))
    region.paste(small(cloth, 0.5), (0, 0), small(alpha, 0.6))
    out.paste(region, (x0, y0))
    return out
