"""Cover the mouth of a bare face with other objects than masks: hands, cups, phones, scarves, microphones."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from crowdmask.data.synthesis import cloth
from crowdmask.data.synthesis.compress import recompress
from crowdmask.data.synthesis.face_view import view_face
from crowdmask.data.synthesis.light import Light, put, read_light
from crowdmask.data.synthesis.masks import LEAST_PX, Box, Pixels
from crowdmask.data.synthesis.surface import MOUTH, Floats, Surface, lay

OCCLUDERS: Final = ("hand", "cup", "phone", "scarf", "microphone")
_MARGINS: Final = (0.3, -0.15, 0.3, 0.4)
_Point = tuple[float, float]


@dataclass(eq=False)
class _Canvas:
    """Colours and opacity of an object, drawn at twice the size so that its edges are smooth.

    Attributes:
        surface: the face behind it.
        colour: (2 H, 2 W, 3) float32, 0 to 1.
        cover: (2 H, 2 W) uint8.
    """

    surface: Surface
    colour: Floats
    cover: NDArray[np.uint8]

    def point(self, x: float, y: float) -> tuple[int, int]:
        """Return a point of the upright face as OpenCV draws it: in sixteenths of the canvas' pixels."""
        across, down = self.surface.project(x, y)
        return int(32 * across), int(32 * down)

    def polygon(self, corners: list[_Point], colour: cloth.Colour) -> None:
        """Fill a polygon with corners in the face's coordinates."""
        points = np.array([self.point(*corner) for corner in corners], np.int32)
        cv2.fillPoly(self.colour, [points], colour, cv2.LINE_8, 4)
        cv2.fillPoly(self.cover, [points], 255, cv2.LINE_AA, 4)

    def bar(self, a: _Point, b: _Point, wide: float, colour: cloth.Colour) -> None:
        """Draw a bar with round ends; `wide` is relative to the face's width."""
        thick = max(1, round(2 * wide * self.surface.width))
        cv2.line(self.colour, self.point(*a), self.point(*b), colour, thick, cv2.LINE_8, 4)
        cv2.line(self.cover, self.point(*a), self.point(*b), 255, thick, cv2.LINE_AA, 4)

    def disc(self, at: _Point, wide: float, tall: float, colour: cloth.Colour) -> None:
        """Fill an ellipse; its half axes are relative to the face's width."""
        scale = 32 * self.surface.width
        axes = (max(16, int(wide * scale)), max(16, int(tall * scale)))
        tilt = math.degrees(self.surface.pose.roll)
        cv2.ellipse(self.colour, self.point(*at), axes, tilt, 0, 360, colour, -1, cv2.LINE_8, 4)
        cv2.ellipse(self.cover, self.point(*at), axes, tilt, 0, 360, 255, -1, cv2.LINE_AA, 4)


def draw_occluder(
    picture: Pixels,
    box: Box,
    rng: np.random.Generator,
    kind: str | None = None,
    keep: NDArray[np.bool_] | None = None,
    force: bool = False,
) -> Pixels:
    """Cover the mouth of a bare face with something other than a mask; its label stays ``without_mask``.

    If the face is too small or cannot be recognised, the same array is returned.

    Args:
        picture: (H, W, 3) RGB; not changed.
        box: xyxy of the face, forehead to chin, pixels.
        rng: random generator.
        kind: one of `OCCLUDERS`; None: random.
        keep: (H, W) pixels of the picture that stay unchanged, such as other faces.
        force: draw even if the face cannot be recognised.
    """
    kind = kind or OCCLUDERS[int(rng.integers(len(OCCLUDERS)))]
    look = view_face(picture, box)
    if box[2] - box[0] < LEAST_PX or look is None or not (force or look.bare):
        return picture
    surface = lay(box, look.pose, picture.shape[:2], _MARGINS)
    rows, columns = surface.shape()
    place = (slice(surface.top, surface.top + rows), slice(surface.left, surface.left + columns))
    part = picture[place]
    light = read_light(part, surface)
    canvas = _Canvas(
        surface,
        np.full((2 * rows, 2 * columns, 3), 0.5, np.float32),
        np.zeros((2 * rows, 2 * columns), np.uint8),
    )
    _DRAWERS[kind](canvas, _skin(part, surface, light), rng)
    colour = cv2.resize(canvas.colour, (columns, rows), interpolation=cv2.INTER_AREA)
    alpha = cv2.resize(canvas.cover, (columns, rows), interpolation=cv2.INTER_AREA) * np.float32(1 / 255)
    kept = None if keep is None else keep[place]
    drawn = put(part, colour * _round(alpha, surface, rng), alpha, light, rng, 0.05 * surface.width, kept)
    result = picture.copy()
    result[place] = recompress(drawn, part, rng, kept)
    return result


def _round(alpha: Floats, surface: Surface, rng: np.random.Generator) -> Floats:
    """Return a shading, (H, W, 1), that makes a flat drawing look solid: darker near its edges."""
    inner = cv2.GaussianBlur(alpha, (0, 0), max(0.6, 0.05 * surface.width))
    side = np.float32(cloth.sign(rng) * rng.uniform(0.02, 0.12))
    light = np.float32(0.7) + np.float32(0.3) * np.clip(inner * 1.25 - 0.2, 0, 1) + side * surface.x
    result: Floats = np.clip(light, 0.4, 1.2)[..., None]
    return result


def _skin(part: Pixels, surface: Surface, light: Light) -> cloth.Colour:
    """Return the colour of the face's skin, without the light, 0 to 1."""
    face = (np.abs(surface.x) < 0.6) & (surface.y > 0.05) & (surface.y < 0.6)
    pixels = part[face] if face.any() else part.reshape(-1, 3)
    colour = np.median(pixels[:: max(1, len(pixels) // 500)], axis=0).astype(np.float32)
    # The drawing becomes darker than the given colour, since its edges are shaded.
    red, green, blue = np.clip(
        1.15 * (colour - light.black) / np.maximum(light.white - light.black, 8), 0.03, 1
    )
    return float(red), float(green), float(blue)


def _times(colour: cloth.Colour, factor: float) -> cloth.Colour:
    return colour[0] * factor, colour[1] * factor, colour[2] * factor


def _hand(canvas: _Canvas, skin: cloth.Colour, rng: np.random.Generator) -> None:
    """Fingers across the mouth, from one side or from below."""
    skin = _times(skin, rng.uniform(0.82, 1.08))
    thick = rng.uniform(0.1, 0.14)
    ratio = canvas.surface.width / 2 / canvas.surface.span  # length in y of one unit in x
    if rng.random() < 0.6:
        start, angle = (
            (cloth.sign(rng) * rng.uniform(0.75, 1.0), rng.uniform(0.85, 1.2)),
            rng.uniform(0.25, 0.8),
        )
        heading = (-math.copysign(math.cos(angle), start[0]), -math.sin(angle) * ratio)
    else:
        start = (rng.uniform(-0.4, 0.4), rng.uniform(1.25, 1.45))
        heading = (rng.uniform(-0.3, 0.3), -ratio)
    across = (-heading[1] / ratio, heading[0] * ratio)
    canvas.disc(start, rng.uniform(0.24, 0.32), rng.uniform(0.26, 0.34), _times(skin, 0.92))
    for finger in range(4):
        away = (finger - 1.5) * thick * 2.1
        length = rng.uniform(0.95, 1.2) * (1.0, 1.12, 1.08, 0.85)[finger]
        foot = (start[0] + across[0] * away, start[1] + across[1] * away)
        tip = (foot[0] + heading[0] * length, foot[1] + heading[1] * length)
        # The gap between two fingers is dark.
        canvas.bar(foot, tip, thick, _times(skin, 0.76))
        canvas.bar(foot, tip, thick * 0.82, _times(skin, rng.uniform(0.93, 1.05)))


def _cup(canvas: _Canvas, skin: cloth.Colour, rng: np.random.Generator) -> None:
    """A cup at the mouth, with its rim below the nose."""
    colour = (0.93, 0.92, 0.9) if rng.random() < 0.4 else cloth.any_colour(rng)
    x, top = rng.normal(0, 0.12), MOUTH + rng.uniform(-0.14, 0.04)
    wide, tall, lean = rng.uniform(0.38, 0.6), rng.uniform(0.55, 0.85), rng.normal(0, 0.18)
    foot = wide * rng.uniform(0.65, 0.95)
    corners = [(x - wide, top), (x + wide, top), (x + lean + foot, top + tall), (x + lean - foot, top + tall)]
    canvas.polygon(corners, colour)
    if rng.random() < 0.5:  # a sleeve
        mid = [_between(corners[0], corners[3], 0.35), _between(corners[1], corners[2], 0.35)]
        low = [_between(corners[1], corners[2], 0.8), _between(corners[0], corners[3], 0.8)]
        canvas.polygon([*mid, *low], cloth.any_colour(rng))
    rim = cloth.black(rng) if rng.random() < 0.3 else _times(colour, 0.8)
    canvas.disc((x, top), wide / 2, rng.uniform(0.04, 0.08), rim)
    if rng.random() < 0.7:
        _grip(canvas, skin, (x, top + tall * 0.55), wide, rng)


def _phone(canvas: _Canvas, skin: cloth.Colour, rng: np.random.Generator) -> None:
    """A phone in front of the mouth or held to the cheek."""
    colour = cloth.black(rng) if rng.random() < 0.65 else cloth.any_colour(rng)
    x, y = rng.normal(0, 0.28), MOUTH + rng.uniform(0.0, 0.25)
    wide, tall, lean = rng.uniform(0.3, 0.42), rng.uniform(0.45, 0.62), rng.normal(0, 0.25)
    corners = [
        (x + s * wide - t * lean, y + t * tall + s * lean * 0.4)
        for s, t in ((-1, -1), (1, -1), (1, 1), (-1, 1))
    ]
    canvas.polygon(corners, colour)
    inner = [_between((x, y), corner, 0.86) for corner in corners]
    canvas.polygon(inner, _times(colour, rng.uniform(0.6, 1.4)))
    lens = _between((x, y), corners[0], 0.62)
    canvas.disc(lens, 0.035, 0.035, (0.05, 0.05, 0.07))
    if rng.random() < 0.8:
        _grip(canvas, skin, (x, y + tall * 0.45), wide, rng)


def _scarf(canvas: _Canvas, skin: cloth.Colour, rng: np.random.Generator) -> None:
    """A scarf around neck and chin, up to the mouth or the nose, wider than the face."""
    colour = cloth.any_colour(rng)
    top = rng.uniform(0.42, 0.58) if rng.random() < 0.5 else rng.uniform(0.74, 0.9)
    wide, low = rng.uniform(1.0, 1.2), rng.uniform(1.38, 1.6)
    sag = rng.uniform(0.02, 0.14)

    def edge(height: float, bend: float, half: float, rough: float) -> list[_Point]:
        along = np.linspace(-1, 1, 15)
        heights = height + bend * (1 - along**2) + rng.normal(0, rough, 15)
        return [(float(half * x), float(y)) for x, y in zip(along, heights, strict=True)]

    upper, lower = edge(top, sag, wide, 0.018), edge(low - 0.3, 0.3, wide * 1.12, 0.03)
    canvas.polygon(
        [*upper, (wide * 1.2, (top + low) / 2), *lower[::-1], (-wide * 1.2, (top + low) / 2)], colour
    )
    outline = canvas.cover.copy()
    for _ in range(int(rng.integers(5, 10))):  # folds around the neck
        fold = edge(rng.uniform(top + 0.06, low - 0.25), rng.uniform(0, 0.3), wide, 0.01)
        shade, thick = _times(colour, rng.uniform(0.62, 1.18)), rng.uniform(0.012, 0.04)
        for a, b in itertools.pairwise(fold):
            canvas.bar(a, b, thick, shade)
    if rng.random() < 0.35:
        other = cloth.any_colour(rng)
        for x in np.arange(-wide, wide, rng.uniform(0.18, 0.4)):
            canvas.bar((float(x), top), (float(x) + 0.2, low), 0.035, other)
    np.minimum(canvas.cover, outline, out=canvas.cover)


def _microphone(canvas: _Canvas, skin: cloth.Colour, rng: np.random.Generator) -> None:
    """A microphone on a stick, from below."""
    head = (rng.normal(0, 0.18), rng.uniform(0.74, 0.98))
    foot = (head[0] + rng.normal(0, 0.5), 1.75)
    canvas.bar(head, foot, rng.uniform(0.06, 0.11), cloth.black(rng))
    size = rng.uniform(0.12, 0.2)
    colour = (
        cloth.any_colour(rng) if rng.random() < 0.3 else _times((0.33, 0.33, 0.35), rng.uniform(0.3, 1.6))
    )
    canvas.disc(head, size, size * rng.uniform(1.0, 1.25), colour)
    canvas.disc((head[0] - size * 0.6, head[1] - 0.08), size * 0.35, size * 0.35, _times(colour, 1.35))
    canvas.disc((head[0], head[1] + size), size * 0.95, size * 0.18, _times(colour, 0.55))
    if rng.random() < 0.6:
        _grip(canvas, skin, _between(head, foot, 0.75), 0.25, rng)


def _grip(canvas: _Canvas, skin: cloth.Colour, at: _Point, wide: float, rng: np.random.Generator) -> None:
    """Draw the fingers that hold a thing."""
    skin = _times(skin, rng.uniform(0.85, 1.05))
    side = cloth.sign(rng)
    for finger in range(4):
        y = at[1] + (finger - 1.5) * 0.15
        a, b = (at[0] + side * wide * 1.25, y + 0.06), (at[0] - side * wide * rng.uniform(0.3, 0.8), y)
        canvas.bar(a, b, 0.085, _times(skin, 0.76))
        canvas.bar(a, b, 0.07, _times(skin, rng.uniform(0.93, 1.05)))


def _between(a: _Point, b: _Point, part: float) -> _Point:
    return a[0] + (b[0] - a[0]) * part, a[1] + (b[1] - a[1]) * part


_DRAWERS: Final[dict[str, Callable[[_Canvas, cloth.Colour, np.random.Generator], None]]] = {
    "hand": _hand,
    "cup": _cup,
    "phone": _phone,
    "scarf": _scarf,
    "microphone": _microphone,
}
