"""Compose the example photo, 1.jpg, from public-domain portraits, and draw masks on three of the faces.

The originals are in packages on PyPI; 1.jpg.md says which, by whom, and how to get them:

    python tools/make_example_photo.py ORIGINALS 1.jpg

Needs numpy, Pillow and OpenCV, which a base install of crowdmask brings.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageEnhance, ImageFilter

from draw_mask import Mask, draw_mask

CANVAS = (1024, 683)
Point = tuple[float, float]


@dataclass(frozen=True)
class Placed:
    """One original on the canvas: canvas = original * scale + (x, y)."""

    file: str
    scale: float
    x: float
    y: float

    def to_canvas(self, points: tuple[Point, ...]) -> list[Point]:
        """Return points of the original, in pixels, as pixels of the canvas."""
        return [(px * self.scale + self.x, py * self.scale + self.y) for px, py in points]


# Two crops of one photograph that nearly meet: put side by side they are the room again.
ROOM_LEFT = Placed("biden.jpg", 0.445, 0, 0)
ROOM_RIGHT = Placed("obama3.jpg", 0.472, 421, -80)
SEAM = (421, 430)

# The front row: the outline of each person, measured by eye; GrabCut finds the exact border near it.
FRONT: tuple[tuple[Placed, tuple[Point, ...]], ...] = (
    (
        Placed("astronaut.png", 1.22, -140, 300),
        (
            (153, 75),
            (158, 55),
            (175, 42),
            (200, 22),
            (230, 15),
            (260, 22),
            (285, 45),
            (298, 72),
            (301, 90),
            (293, 110),
            (280, 128),
            (268, 137),
            (264, 150),
            (258, 172),
            (275, 178),
            (295, 205),
            (305, 235),
            (325, 247),
            (345, 270),
            (355, 310),
            (360, 345),
            (360, 420),
            (10, 420),
            (20, 380),
            (30, 330),
            (40, 285),
            (60, 250),
            (90, 225),
            (112, 208),
            (114, 190),
            (122, 175),
            (135, 158),
            (160, 149),
            (183, 148),
            (182, 135),
            (170, 125),
            (160, 112),
            (153, 95),
        ),
    ),
    (
        Placed("obama.jpg", 0.48, 641, 320),
        (
            (357, 165),
            (362, 120),
            (380, 80),
            (420, 45),
            (480, 28),
            (530, 32),
            (575, 50),
            (602, 90),
            (613, 140),
            (617, 188),
            (636, 200),
            (642, 215),
            (630, 270),
            (615, 297),
            (604, 295),
            (598, 320),
            (585, 370),
            (605, 405),
            (640, 430),
            (740, 470),
            (800, 500),
            (830, 540),
            (842, 600),
            (835, 700),
            (835, 800),
            (110, 800),
            (110, 760),
            (125, 720),
            (150, 650),
            (180, 570),
            (200, 525),
            (240, 500),
            (340, 455),
            (395, 430),
            (402, 395),
            (400, 385),
            (385, 340),
            (375, 297),
            (362, 295),
            (350, 265),
            (338, 215),
            (340, 197),
            (355, 200),
        ),
    ),
    (
        Placed("grace_hopper.jpg", 0.68, 290, 277),
        (
            (155, 95),
            (175, 85),
            (180, 60),
            (200, 48),
            (220, 40),
            (225, 28),
            (250, 22),
            (280, 22),
            (298, 32),
            (303, 42),
            (330, 50),
            (345, 65),
            (353, 86),
            (365, 86),
            (371, 105),
            (370, 150),
            (372, 185),
            (375, 200),
            (370, 235),
            (362, 265),
            (355, 290),
            (340, 303),
            (330, 312),
            (333, 320),
            (348, 335),
            (438, 365),
            (483, 385),
            (503, 440),
            (511, 560),
            (511, 599),
            (15, 599),
            (23, 450),
            (48, 385),
            (118, 355),
            (178, 340),
            (198, 320),
            (194, 300),
            (175, 285),
            (162, 265),
            (157, 230),
            (153, 195),
            (156, 160),
            (155, 130),
        ),
    ),
)

# Masks in pixels of the originals, measured by eye: the upper and the lower edge from the left of the
# picture to its right, and where the four straps end at the ears.
MASKS: tuple[tuple[Placed, Mask], ...] = (
    (
        ROOM_LEFT,
        Mask(
            kind="surgical",
            top=((434, 392), (515, 376), (560, 358), (596, 346), (630, 366), (660, 396), (690, 424)),
            bottom=((446, 508), (490, 556), (535, 586), (578, 598), (612, 586), (645, 556), (672, 512)),
            straps=((408, 312), (410, 400), (712, 392), (700, 462)),
            nose=0.30,
            light=0.35,
            exposure=0.80,
        ),
    ),
    (
        ROOM_RIGHT,
        Mask(
            kind="cloth",
            top=((640, 470), (700, 486), (755, 486), (797, 485), (835, 488), (870, 497), (898, 502)),
            bottom=((650, 555), (690, 602), (735, 628), (780, 634), (825, 626), (862, 596), (886, 556)),
            straps=((612, 430), (622, 505), (918, 470), (900, 540)),
            nose=0.20,
            light=0.0,
            exposure=0.95,
        ),
    ),
    (
        FRONT[2][0],
        Mask(
            kind="ffp2",
            top=((192, 247), (215, 238), (242, 228), (264, 207), (288, 228), (312, 237), (335, 245)),
            bottom=((203, 292), (220, 318), (242, 335), (264, 340), (288, 334), (312, 314), (327, 290)),
            straps=((176, 216), (182, 262), (350, 214), (346, 262)),
            nose=0.02,
            light=-0.1,
            exposure=0.97,
        ),
    ),
)


def cut_out(picture: NDArray[np.uint8], outline: tuple[Point, ...], band: int) -> NDArray[np.float32]:
    """Find a person near an outline.

    Args:
        picture: (H, W, 3) BGR.
        outline: about the person's border, pixels.
        band: how far, in pixels, the true border may be from the outline.
    Returns:
        (H, W) 0 to 1: how much of each pixel is the person.
    """
    inside = np.zeros(picture.shape[:2], np.uint8)
    cv2.fillPoly(inside, [np.array(outline, np.int32)], 1)
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * band + 1, 2 * band + 1))
    state = np.full(inside.shape, cv2.GC_BGD, np.uint8)
    state[cv2.dilate(inside, kernel) == 1] = cv2.GC_PR_BGD
    state[inside == 1] = cv2.GC_PR_FGD
    # Borders of the picture do not erode what goes on beyond them.
    state[cv2.erode(inside, kernel, borderValue=1) == 1] = cv2.GC_FGD
    cv2.setRNGSeed(1)
    cv2.grabCut(picture, state, (0, 0, 1, 1), np.zeros((1, 65)), np.zeros((1, 65)), 6, cv2.GC_INIT_WITH_MASK)
    person = ((state == cv2.GC_FGD) | (state == cv2.GC_PR_FGD)).astype(np.uint8)
    count, parts, stats, _ = cv2.connectedComponentsWithStats(person)
    if count > 1:
        person = (parts == 1 + int(np.argmax(stats[1:, cv2.CC_STAT_AREA]))).astype(np.uint8)
    person = cv2.morphologyEx(person, cv2.MORPH_CLOSE, np.ones((5, 5), np.uint8))
    soft = cv2.GaussianBlur(person.astype(np.float32), (0, 0), band / 4)
    # Pull the border inwards by a trace, or a rim of the old background shows.
    return np.clip((soft - 0.42) / 0.4, 0, 1)


def place(canvas: Image.Image, placed: Placed, picture: Image.Image, alpha: Image.Image | None) -> None:
    """Paste a picture, scaled, onto the canvas."""
    # One affine map keeps fractions of a pixel; shrinking first keeps it free of aliasing.
    shrink = max(1.0, 1.0 / placed.scale)
    size = (round(picture.width / shrink), round(picture.height / shrink))
    rest = placed.scale * picture.width / size[0]
    matrix = (1 / rest, 0, -placed.x / rest, 0, 1 / rest, -placed.y / rest)

    def fit(image: Image.Image) -> Image.Image:
        small = image.resize(size, Image.Resampling.LANCZOS)
        return small.transform(CANVAS, Image.Transform.AFFINE, matrix, Image.Resampling.BICUBIC)

    mask = fit(alpha if alpha is not None else Image.new("L", picture.size, 255))
    if alpha is not None:
        shadow = mask.filter(ImageFilter.GaussianBlur(7)).point(lambda v: int(v * 0.35))
        canvas.paste((10, 8, 8), (0, 0), shadow)
    canvas.paste(fit(picture), (0, 0), mask)


def compose(originals: Path) -> Image.Image:
    """Return the finished picture, RGB."""

    def load(placed: Placed) -> Image.Image:
        return Image.open(originals / placed.file).convert("RGB")

    canvas = Image.new("RGB", CANVAS)
    place(canvas, ROOM_RIGHT, load(ROOM_RIGHT), None)
    left = Image.new("RGB", CANVAS)
    place(left, ROOM_LEFT, load(ROOM_LEFT), None)
    ramp = np.clip((SEAM[1] - np.arange(CANVAS[0])) / (SEAM[1] - SEAM[0]), 0, 1)
    fade = np.broadcast_to((ramp * 255).astype(np.uint8), (CANVAS[1], CANVAS[0]))
    canvas.paste(left, (0, 0), Image.fromarray(np.ascontiguousarray(fade)))
    # The room is lit from behind: lift its people a little, towards the light of the studio portraits.
    canvas = ImageEnhance.Brightness(canvas).enhance(1.12)
    drawn = [m for m in MASKS if m[0] in (ROOM_LEFT, ROOM_RIGHT)]
    for placed, mask in drawn:
        canvas = draw_mask(canvas, mask.moved(placed.to_canvas))
    for placed, outline in FRONT:
        picture = load(placed)
        band = max(4, round(5 / placed.scale))
        alpha = cut_out(np.asarray(picture)[..., ::-1].copy(), outline, band)
        place(canvas, placed, picture, Image.fromarray((alpha * 255).astype(np.uint8)))
        for owner, mask in MASKS:
            if owner is placed:
                canvas = draw_mask(canvas, mask.moved(placed.to_canvas))
    return canvas


def main() -> None:
    """Read the arguments and write the picture."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("originals", type=Path, help="folder with the five originals")
    parser.add_argument("out", type=Path)
    arguments = parser.parse_args()
    compose(arguments.originals).save(arguments.out, quality=88, optimize=True)


if __name__ == "__main__":
    main()
