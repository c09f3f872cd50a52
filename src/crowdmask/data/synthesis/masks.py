"""Draw a mask on a bare face: many kinds, worn correctly and incorrectly."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from crowdmask.data.synthesis import cloth
from crowdmask.data.synthesis.compress import recompress
from crowdmask.data.synthesis.face_view import view_face
from crowdmask.data.synthesis.light import put, read_light
from crowdmask.data.synthesis.surface import CHIN, MOUTH, NOSE_BRIDGE, NOSE_TIP, Floats, Surface, lay
from crowdmask.labels import MASK_WORN_INCORRECT, WITH_MASK, WITHOUT_MASK

Pixels = NDArray[np.uint8]
Box = tuple[float, float, float, float]

LEAST_PX: Final = 20
"""Minimum width of a face to draw on: on narrower ones nobody could recognise the drawing."""

KINDS: Final = ("surgical", "cloth", "respirator", "printed", "black")
STATES: Final[dict[str, int]] = {
    "right": WITH_MASK,
    "below_nose": MASK_WORN_INCORRECT,
    "on_chin": MASK_WORN_INCORRECT,
    "from_ear": MASK_WORN_INCORRECT,
}
"""How a mask is worn, and the resulting label."""

_KIND_CHANCES: Final = (0.36, 0.22, 0.17, 0.1, 0.15)
_STATE_CHANCES: Final = (0.55, 0.22, 0.17, 0.06)
_MARGINS: Final = {
    "right": (0.14, -0.2, 0.14, 0.14),
    "below_nose": (0.14, -0.2, 0.14, 0.16),
    "on_chin": (0.14, -0.2, 0.14, 0.28),
    "from_ear": (0.7, -0.2, 0.7, 0.3),
}
"""Margins of the part that is drawn on, see `lay`."""
_MOST_TEXTURE_PX: Final = 220
# A mask that is hidden by other faces or outside the picture is not useful for training.
_LEAST_SEEN, _LEAST_AREA = 0.7, 0.03


@dataclass(frozen=True, eq=False)
class _Area:
    """The position of a mask: its coordinates, and the distance of each pixel from its edge, in pixels."""

    u: Floats
    v: Floats
    depth: Floats
    straps: tuple[tuple[tuple[float, float], tuple[float, float]], ...]


def draw_mask(
    picture: Pixels,
    box: Box,
    rng: np.random.Generator,
    kind: str | None = None,
    state: str | None = None,
    keep: NDArray[np.bool_] | None = None,
    force: bool = False,
) -> tuple[Pixels, int]:
    """Draw a mask on a bare face.

    A face that is too small, or whose eyes and bare mouth cannot be recognised, stays unchanged, since
    the mask would not fit. So does a face whose mask would hardly be visible.

    Args:
        picture: (H, W, 3) RGB; not changed.
        box: xyxy of the face, forehead to chin, pixels.
        rng: random generator; the same state gives the same mask.
        kind: one of `KINDS`; None: random.
        state: one of `STATES`; None: random.
        keep: (H, W) pixels of the picture that stay unchanged, such as other faces.
        force: draw even if the face cannot be recognised.
    Returns:
        The new picture, and the label of the face in it, an index into `crowdmask.labels.LABELS`.
    """
    kind = kind or KINDS[cloth.pick(rng, _KIND_CHANCES)]
    state = state or tuple(STATES)[cloth.pick(rng, _STATE_CHANCES)]
    look = view_face(picture, box)
    if box[2] - box[0] < LEAST_PX or look is None or not (force or look.bare):
        return picture, WITHOUT_MASK
    surface = lay(box, look.pose, picture.shape[:2], _MARGINS[state])
    rows, columns = surface.shape()
    place = (slice(surface.top, surface.top + rows), slice(surface.left, surface.left + columns))
    part = picture[place]
    area = _AREAS[state](surface, kind, rng)
    light = read_light(part, surface)
    albedo = _material(area, surface, kind, state, rng)
    cover = np.clip(area.depth + np.float32(0.5), 0, 1)
    strap, strap_colour = _straps(area, surface, kind, rng)
    albedo = albedo + (strap_colour - albedo) * ((1 - cover) * (strap > 0))[..., None]
    alpha = np.maximum(cover, strap)
    kept = None if keep is None else keep[place]
    seen = alpha if kept is None else alpha * ~kept
    if seen.sum() < max(_LEAST_SEEN * alpha.sum(), _LEAST_AREA * surface.width * surface.height):
        return picture, WITHOUT_MASK
    drawn = put(part, albedo, alpha, light, rng, 0.035 * surface.width, kept)
    result = picture.copy()
    result[place] = recompress(drawn, part, rng, kept)
    return result, STATES[state]


def _worn(surface: Surface, edges: tuple[float, float, float, float, float], tight: float) -> _Area:
    """Return a mask on the face.

    Args:
        edges: heights of its upper edge at the nose and at the sides, of its lower edge in the middle
            and at the sides; and how far it reaches around the head.
        tight: roundness of its corners, 0 to 1.
    """
    top, top_side, bottom, bottom_side, reach = (np.float32(e) for e in edges)
    at = np.clip(np.abs(surface.around) / reach, 0, 1.4)
    # Paper and cloth bridge the hollows beside the nose.
    upper = top + (top_side - top) * at ** np.float32(1.35)
    lower = bottom + (bottom_side - bottom) * at ** np.float32(2.4)
    span = np.float32(surface.span)
    wide = np.float32(surface.width * 0.72)
    depth = _least(
        ((surface.y - upper) * span, (lower - surface.y) * span, (reach - np.abs(surface.around)) * wide),
        np.float32(surface.width * (0.02 + 0.05 * tight)),
    )
    depth = np.minimum(depth, surface.inside() + np.float32(0.6))
    v = np.clip((surface.y - upper) / np.maximum(lower - upper, np.float32(0.05)), 0, 1)
    straps = []
    for side in (-1.0, 1.0):
        if abs(side * 90 + np.degrees(surface.pose.yaw)) > 118:
            continue  # that ear is behind the head
        ear = surface.locate(side * 1.0, 0.12)
        lobe = surface.locate(side * 1.0, 0.3)
        straps += [
            (surface.locate(side * float(reach) * 0.97, float(top_side) + 0.03), ear),
            (surface.locate(side * float(reach) * 0.97, float(bottom_side) - 0.03), lobe),
        ]
    return _Area(np.clip(surface.around / reach, -1, 1), v.astype(np.float32), depth, tuple(straps))


def _right(surface: Surface, kind: str, rng: np.random.Generator) -> _Area:
    top = NOSE_BRIDGE + rng.normal(0.05, 0.045)
    if kind == "respirator":
        edges = (top - 0.03, rng.uniform(0.42, 0.52), CHIN + rng.uniform(0.02, 0.09), rng.uniform(0.66, 0.76))
        return _worn(surface, (*edges, rng.uniform(0.6, 0.7)), 0.9)
    sides = rng.uniform(0.22, 0.36)
    edges = (top, max(sides, top), CHIN + rng.uniform(0.03, 0.12), rng.uniform(0.7, 0.86))
    return _worn(surface, (*edges, rng.uniform(0.64, 0.8)), 0.25 if kind == "surgical" else 0.6)


def _below_nose(surface: Surface, kind: str, rng: np.random.Generator) -> _Area:
    top = NOSE_TIP + rng.uniform(0.04, 0.14)
    sides = rng.uniform(0.36, 0.52)
    edges = (top, sides, CHIN + rng.uniform(0.04, 0.14), rng.uniform(0.78, 0.92), rng.uniform(0.62, 0.78))
    return _worn(surface, edges, 0.3)


def _on_chin(surface: Surface, kind: str, rng: np.random.Generator) -> _Area:
    top = MOUTH + rng.uniform(0.12, 0.24)
    edges = (
        top,
        top - rng.uniform(0.08, 0.26),
        CHIN + rng.uniform(0.18, 0.3),
        rng.uniform(0.9, 1.04),
        rng.uniform(0.55, 0.74),
    )
    return _worn(surface, edges, 0.5)


def _from_ear(surface: Surface, kind: str, rng: np.random.Generator) -> _Area:
    """Return a mask that hangs beside the cheek, seen partly from the side."""
    # From the visible ear, if the head is turned.
    side = -1.0 if surface.pose.yaw > 0.15 or (surface.pose.yaw > -0.15 and rng.random() < 0.5) else 1.0
    half_wide, half_tall = rng.uniform(0.2, 0.38), rng.uniform(0.3, 0.42)
    middle_x, middle_y = side * rng.uniform(0.92, 1.12), rng.uniform(0.72, 0.95)
    tilt = rng.normal(0, 0.2)
    px = np.float32(surface.width / 2)
    span = np.float32(surface.span)
    dx, dy = (surface.x - np.float32(middle_x)) * px, (surface.y - np.float32(middle_y)) * span
    cos, sin = np.float32(np.cos(tilt)), np.float32(np.sin(tilt))
    across, down = cos * dx + sin * dy, cos * dy - sin * dx
    wide, tall = np.float32(half_wide) * px, np.float32(half_tall) * span
    depth = _least((wide - np.abs(across), tall - np.abs(down)), np.float32(surface.width * 0.03))
    ear = surface.project(side * 0.95, 0.12)
    corners = [surface.project(middle_x + s * half_wide * 0.7, middle_y - half_tall) for s in (-1, 1)]
    u = np.clip(across / wide, -1, 1)
    v = np.clip((down / tall + 1) / 2, 0, 1)
    return _Area(u, v, depth, tuple((corner, ear) for corner in corners))


_AREAS: Final[dict[str, Callable[[Surface, str, np.random.Generator], _Area]]] = {
    "right": _right,
    "below_nose": _below_nose,
    "on_chin": _on_chin,
    "from_ear": _from_ear,
}


def _least(parts: tuple[Floats, ...], rounding: np.float32) -> Floats:
    """Return the smallest of several distances, with rounded corners."""
    total = np.zeros_like(parts[0])
    for part in parts:
        total += np.exp(np.clip(-part / rounding, -30, 30))
    result: Floats = -np.log(total + np.float32(1e-9)) * rounding
    return result


def _material(area: _Area, surface: Surface, kind: str, state: str, rng: np.random.Generator) -> Floats:
    """Return the mask's colours with its own shading, (H, W, 3)."""
    rows = int(min(max(0.65 * surface.height, 16), _MOST_TEXTURE_PX))
    size = (rows, int(rows * 1.6))
    texture = _MATERIALS[kind](size, rng) * _creases(kind, state, size, rng)[..., None]
    shade = _form(surface, state)
    # A hem: the edge bends away from the light.
    shade *= 1 - np.float32(0.22) * np.exp(-np.maximum(area.depth, 0) / np.float32(0.022 * surface.width))
    return cloth.lookup(texture, area.u, area.v) * shade[..., None]


def _creases(kind: str, state: str, size: tuple[int, int], rng: np.random.Generator) -> Floats:
    """Return the shading of pleats, seams and folds, about 1, on the flat mask."""
    u, v = cloth.coordinates(size)
    depth = rng.uniform(0.08, 0.17) + _CRUMPLED[state]
    if kind == "surgical":
        pleated = cloth.pleats(v, 3, 0.5 * depth + 0.06, rng) * cloth.folds(u, v, 4, depth, rng)
        return np.clip(pleated * (1 + np.float32(0.06) * (v < 0.07)), 0.4, 1.3)
    shade = cloth.folds(u, v, 2 if kind == "respirator" else 5, depth, rng)
    if kind == "respirator" or rng.random() < 0.5:  # folded or sewn along the centre line
        shade -= np.float32(rng.uniform(0.1, 0.22)) * np.exp(-((u / np.float32(0.035)) ** 2))
        shade += np.float32(cloth.sign(rng) * rng.uniform(0.02, 0.09)) * np.tanh(u * np.float32(4))
    return np.clip(shade, 0.4, 1.3)


def _surgical(size: tuple[int, int], rng: np.random.Generator) -> cloth.Texture:
    name = tuple(cloth.SURGICAL)[cloth.pick(rng, (0.55, 0.3, 0.15))]
    red, green, blue = cloth.SURGICAL[name]
    uneven = rng.normal(1, 0.03, 3)
    return cloth.plain((red * uneven[0], green * uneven[1], blue * uneven[2]), size, rng)


def _respirator(size: tuple[int, int], rng: np.random.Generator) -> cloth.Texture:
    return cloth.plain(cloth.paper(rng), size, rng)


def _cloth(size: tuple[int, int], rng: np.random.Generator) -> cloth.Texture:
    if rng.random() < 0.5:
        return cloth.plain(cloth.any_colour(rng), size, rng)
    return cloth.patterned(size, rng)


def _black(size: tuple[int, int], rng: np.random.Generator) -> cloth.Texture:
    return cloth.plain(cloth.black(rng), size, rng)


_MATERIALS: Final[dict[str, Callable[[tuple[int, int], np.random.Generator], cloth.Texture]]] = {
    "surgical": _surgical,
    "cloth": _cloth,
    "respirator": _respirator,
    "printed": cloth.printed,
    "black": _black,
}
_CRUMPLED: Final = {"right": 0.0, "below_nose": 0.03, "on_chin": 0.1, "from_ear": 0.06}


def _form(surface: Surface, state: str) -> Floats:
    """Return the shading of the mask's shape: bright above the nose, dark below it and towards the ears."""
    if state == "from_ear":
        return np.ones_like(surface.x)
    ahead = np.clip(1 - surface.around**2 * np.float32(0.9), 0.3, 1)
    form = np.float32(0.80) + np.float32(0.22) * ahead
    if state == "right":
        nose = np.exp(-((surface.around / np.float32(0.28)) ** 2))
        slope = (surface.y - np.float32(NOSE_TIP)) * np.float32(4)
        form += np.float32(0.09) * nose * -np.tanh(slope) * np.exp(-((slope / 2) ** 2))
    return form - np.float32(0.16) * np.clip((surface.y - np.float32(0.85)) * np.float32(3), 0, 1)


def _straps(area: _Area, surface: Surface, kind: str, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """Return how much the straps cover each pixel, and their colour."""
    colour = cloth.black(rng) if kind == "black" or rng.random() < 0.15 else (0.92, 0.92, 0.93)
    thick = rng.uniform(0.012, 0.024) * surface.width
    ink = np.zeros(surface.shape(), np.uint8)
    # A strap thinner than a pixel covers only a part of it.
    strength = int(215 * min(1.0, thick))
    for a, b in area.straps:
        ends = [(int(16 * x), int(16 * y)) for x, y in (a, b)]
        cv2.line(ink, ends[0], ends[1], strength, max(1, round(thick)), cv2.LINE_AA, 4)
    return ink * np.float32(1 / 255), np.array(colour, np.float32)
