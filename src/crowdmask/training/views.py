"""The part of a photo that the network sees, and its scale."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from crowdmask import boxes as box_arithmetic
from crowdmask.data.sample import Sample
from crowdmask.training.recipe import Views

# A face of which the crop shows less than this is ignored.
LEAST_VISIBLE = 0.35
# Smaller faces cannot be recognised by anybody and are ignored.
_LEAST_WIDTH, _LEAST_HEIGHT = 4.0, 5.0
_LARGEST_SCALE = 3.0
_TEXTURE_ZOOM = (2.0, 6.0)
_SQUEEZE = (0.6, 1.6)


@dataclass(eq=False)
class Crop:
    """A square view of a photo.

    Attributes:
        picture: (S, S, 3) uint8 RGB.
        boxes: (N, 4) float32 xyxy of the faces to find.
        labels: (N,) int64.
        ignore: (M, 4) float32 xyxy, ignored regions.
    """

    picture: NDArray[np.uint8]
    boxes: NDArray[np.float32]
    labels: NDArray[np.int64]
    ignore: NDArray[np.float32]


@dataclass(frozen=True)
class Window:
    """The position of a crop: scale of x and y, and its corner in pixels of the scaled photo."""

    scale_x: float
    scale_y: float
    left: float
    top: float


def draw_window(
    sample: Sample,
    views: Views,
    side: int,
    use_px: int,
    aspect: float,
    rng: np.random.Generator,
    square: bool = False,
    squeeze: float = 0.0,
) -> Window:
    """Draw the position of one crop at random.

    Args:
        sample: the photo.
        views: probabilities of the kinds of crops.
        side: of the crop, pixels.
        use_px: long side of whole photos in detection, pixels.
        aspect: maximum relative stretch of one side.
        rng: random generator.
        square: the detector stretches whole photos to a square, so crops are stretched in the same way.
        squeeze: probability of a much larger stretch instead, as in pictures with a wrong aspect ratio.
    """
    at_use = use_px / max(sample.width, sample.height)
    faces = np.flatnonzero(~sample.ignore)
    kinds = np.array([views.use, views.face if len(faces) else 0.0, views.whole])
    if views.texture:
        kinds = np.append(kinds, views.texture)
    kind = rng.choice(len(kinds), p=kinds / kinds.sum()) if kinds.sum() else 0
    face = None
    if kind == 1:
        face = sample.boxes[_draw_face(sample, faces, rng)]
        width = float(np.exp(rng.uniform(*np.log(views.face_px))))
        scale = width / float(face[2] - face[0])
        # Much larger faces would be blurred, much smaller ones would leave the crop empty: stay near the
        # scale of use.
        scale = float(np.clip(scale, 0.3 * at_use, max(_LARGEST_SCALE, 1.5 * at_use)))
    elif kind == 0:
        scale = at_use * float(np.exp(rng.uniform(*np.log(views.use_scale))))
        if len(faces) and rng.random() < 0.5:
            face = sample.boxes[_draw_face(sample, faces, rng)]
    elif kind == 2:
        scale = side / max(sample.width, sample.height) * rng.uniform(0.8, 1.15)
    else:
        scale = at_use * float(np.exp(rng.uniform(*np.log(_TEXTURE_ZOOM))))
    stretch = rng.uniform(1 - aspect, 1 + aspect)
    if squeeze and rng.random() < squeeze:
        stretch = float(np.exp(rng.uniform(*np.log(_SQUEEZE))))
    scale_x, scale_y = scale * np.sqrt(stretch), scale / np.sqrt(stretch)
    if square:
        longest = max(sample.width, sample.height)
        scale_x, scale_y = scale_x * longest / sample.width, scale_y * longest / sample.height
    corner = []
    for at, length, factor in ((0, sample.width, scale_x), (1, sample.height, scale_y)):
        room = length * factor - side
        if face is None or room <= 0:
            corner.append(rng.uniform(min(0.0, room), max(0.0, room)))
        else:
            centre = (face[at] + face[at + 2]) / 2 * factor
            corner.append(float(np.clip(centre - rng.uniform(0.15, 0.85) * side, 0, room)))
    return Window(float(scale_x), float(scale_y), *corner)


def cut(photo: Image.Image, sample: Sample, window: Window, side: int, pad: int) -> Crop:
    """Cut a crop out of a photo as in detection: antialiased bilinear, grey outside the photo.

    Args:
        photo: RGB; may be a smaller copy of the sample's picture.
        sample: its annotations, in pixels of the full-size picture.
        window: position of the crop.
        side: of the crop, pixels.
        pad: grey value outside the photo.
    """
    canvas = Image.new("RGB", (side, side), (pad, pad, pad))
    left, top = max(0, round(-window.left)), max(0, round(-window.top))
    right = min(side, round(sample.width * window.scale_x - window.left))
    bottom = min(side, round(sample.height * window.scale_y - window.top))
    if right > left and bottom > top:
        kx, ky = photo.width / sample.width, photo.height / sample.height
        region = (
            max(0.0, (left + window.left) / window.scale_x * kx),
            max(0.0, (top + window.top) / window.scale_y * ky),
            min(float(photo.width), (right + window.left) / window.scale_x * kx),
            min(float(photo.height), (bottom + window.top) / window.scale_y * ky),
        )
        part = photo.resize((right - left, bottom - top), Image.Resampling.BILINEAR, box=region)
        canvas.paste(part, (left, top))
    factors = np.array([window.scale_x, window.scale_y] * 2, np.float32)
    corner = np.array([window.left, window.top] * 2, np.float32)
    boxes = sample.boxes * factors - corner
    clipped = box_arithmetic.clip(boxes, side, side)
    visible = box_arithmetic.area(clipped) / np.maximum(box_arithmetic.area(boxes), 1e-6)
    width, height = clipped[:, 2] - clipped[:, 0], clipped[:, 3] - clipped[:, 1]
    seen = (width > 1) & (height > 1)
    judged = (
        seen
        & ~sample.ignore
        & (visible >= LEAST_VISIBLE)
        & (width >= _LEAST_WIDTH)
        & (height >= _LEAST_HEIGHT)
    )
    return Crop(np.array(canvas), clipped[judged], sample.class_id[judged], clipped[seen & ~judged])


def flip(crop: Crop) -> Crop:
    """Mirror a crop left to right."""
    side = crop.picture.shape[1]

    def mirror(boxes: NDArray[np.float32]) -> NDArray[np.float32]:
        return np.stack([side - boxes[:, 2], boxes[:, 1], side - boxes[:, 0], boxes[:, 3]], 1)

    return Crop(
        np.ascontiguousarray(crop.picture[:, ::-1]), mirror(crop.boxes), crop.labels, mirror(crop.ignore)
    )


def _draw_face(sample: Sample, faces: NDArray[np.intp], rng: np.random.Generator) -> int:
    """Draw a face at random, with all labels of the photo equally likely."""
    labels = sample.class_id[faces]
    weights = 1.0 / np.bincount(labels, minlength=3)[labels]
    return int(rng.choice(faces, p=weights / weights.sum()))
