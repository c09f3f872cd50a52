"""Augmentation: changes to a crop as cameras, networks or hands cause them."""

from __future__ import annotations

import io
import math

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageEnhance, ImageFilter

from crowdmask import boxes as box_arithmetic
from crowdmask.labels import WITHOUT_MASK
from crowdmask.training.recipe import Augmentation
from crowdmask.training.views import LEAST_VISIBLE, Crop, flip

_LEAST_OCCLUDED_PX = 20
_MOST_TURNED = 30.0
_GREY = (114, 114, 114)


def augment(crop: Crop, chances: Augmentation, rng: np.random.Generator) -> Crop:
    """Return a changed copy; boxes change only with a flip or rotation, labels only with a drawn mask."""
    if rng.random() < chances.flip:
        crop = flip(crop)
    if chances.rotate and rng.random() < chances.rotate:
        crop = rotated(crop, rng.uniform(-_MOST_TURNED, _MOST_TURNED))
    if chances.synthetic:
        crop = _synthesize(crop, chances.synthetic, rng)
    picture = crop.picture
    if chances.occlude and len(crop.boxes):
        picture = _occlude(picture, crop, chances.occlude, rng)
    image = Image.fromarray(picture)
    if rng.random() < chances.colour:
        image = _colour(image, rng)
    if rng.random() < chances.grey:
        image = image.convert("L").convert("RGB")
    if rng.random() < chances.coarse:
        part = rng.uniform(0.35, 0.8)
        size = image.size
        small = image.resize(
            (max(1, int(size[0] * part)), max(1, int(size[1] * part))), Image.Resampling.BILINEAR
        )
        image = small.resize(size, Image.Resampling.BICUBIC)
    image = _degrade(image, chances, rng)
    if rng.random() < chances.blur:
        image = image.filter(ImageFilter.GaussianBlur(rng.uniform(0.4, 1.8)))
    if rng.random() < chances.noise:
        noise = rng.standard_normal((*image.size[::-1], 3), np.float32) * rng.uniform(3, 14)
        image = Image.fromarray(np.clip(np.asarray(image) + noise, 0, 255).astype(np.uint8))
    if rng.random() < chances.jpeg:
        buffer = io.BytesIO()
        image.save(buffer, "JPEG", quality=int(rng.integers(25, 85)))
        image = Image.open(buffer).convert("RGB")
    return Crop(np.array(image), crop.boxes, crop.labels, crop.ignore)


def rotated(crop: Crop, degrees: float) -> Crop:
    """Rotate a crop about its centre, with grey borders; a face's box becomes that of the rotated ellipse."""
    side = crop.picture.shape[1]
    image = Image.fromarray(crop.picture).rotate(degrees, Image.Resampling.BILINEAR, fillcolor=_GREY)
    # Pillow rotates counter-clockwise.
    angle = -math.radians(degrees)
    cos, sin = math.cos(angle), math.sin(angle)

    def turn(boxes: NDArray[np.float32]) -> NDArray[np.float32]:
        boxes = boxes.reshape(-1, 4)
        centre = (boxes[:, :2] + boxes[:, 2:]) / 2 - side / 2
        width, height = (boxes[:, 2:] - boxes[:, :2]).T / 2
        centre = centre @ np.array([[cos, sin], [-sin, cos]], np.float32) + side / 2
        half = np.stack([np.hypot(width * cos, height * sin), np.hypot(width * sin, height * cos)], 1)
        return np.concatenate([centre - half, centre + half], 1).astype(np.float32)

    boxes, ignore = turn(crop.boxes), turn(crop.ignore)
    clipped = box_arithmetic.clip(boxes, side, side)
    visible = box_arithmetic.area(clipped) / np.maximum(box_arithmetic.area(boxes), 1e-6)
    sides = clipped[:, 2:] - clipped[:, :2]
    judged = (visible >= LEAST_VISIBLE) & (sides > 1).all(1)
    lost = clipped[~judged & (sides > 1).all(1)]
    ignored = np.concatenate([box_arithmetic.clip(ignore, side, side), lost]).astype(np.float32)
    return Crop(np.array(image), clipped[judged], crop.labels[judged], ignored)


def _degrade(image: Image.Image, chances: Augmentation, rng: np.random.Generator) -> Image.Image:
    """Degrade a picture like poor cameras and networks: dark, blurred, low resolution."""
    if chances.dark and rng.random() < chances.dark:
        gamma = float(np.exp(rng.uniform(-0.8, 1.1)))
        table = (np.linspace(0, 1, 256) ** gamma * 255).round().astype(np.uint8)
        image = image.point(table.tolist() * 3)
    if chances.motion and rng.random() < chances.motion:
        kernel = np.zeros((5, 5))
        angle = rng.uniform(0, math.pi)
        for at in np.linspace(-2, 2, 9):
            kernel[round(2 + at * math.sin(angle)), round(2 + at * math.cos(angle))] = 1
        for _ in range(int(rng.integers(1, 4))):
            image = image.filter(ImageFilter.Kernel((5, 5), kernel.ravel().tolist(), float(kernel.sum())))
    if chances.blocky and rng.random() < chances.blocky:
        size, part = image.size, float(np.exp(rng.uniform(*np.log((0.1, 0.5)))))
        few = (max(1, int(size[0] * part)), max(1, int(size[1] * part)))
        kind = Image.Resampling.NEAREST if rng.random() < 0.4 else Image.Resampling.BICUBIC
        image = image.resize(few, Image.Resampling.BOX).resize(size, kind)
    return image


def _synthesize(crop: Crop, chance: float, rng: np.random.Generator) -> Crop:
    """Draw masks, and other objects, on bare faces that are completely inside the crop."""
    # Imports OpenCV, which a run without such faces does not need.
    from crowdmask.data.synthesis.faces import change_face, others

    picture, labels, side = crop.picture, crop.labels.copy(), crop.picture.shape[0]
    every = np.concatenate([crop.boxes, crop.ignore.reshape(-1, 4)])
    for index, box in enumerate(crop.boxes):
        whole = box.min() >= 1 and box.max() <= side - 1
        if labels[index] != WITHOUT_MASK or box[2] - box[0] < _LEAST_OCCLUDED_PX or not whole:
            continue
        if rng.random() < chance:
            place = (float(box[0]), float(box[1]), float(box[2]), float(box[3]))
            keep = others(every, index, picture.shape)
            picture, labels[index] = change_face(picture, place, rng, keep=keep)
    return Crop(picture, crop.boxes, labels, crop.ignore)


def _colour(image: Image.Image, rng: np.random.Generator) -> Image.Image:
    image = ImageEnhance.Color(image).enhance(rng.uniform(0.5, 1.5))
    # One table for contrast, brightness, gamma and the light's colour: one lookup for each channel.
    ramp = np.linspace(0, 1, 256)
    contrast, light, gamma = (
        rng.uniform(0.65, 1.4),
        rng.uniform(-0.15, 0.15),
        np.exp(rng.uniform(-0.35, 0.35)),
    )
    table: list[NDArray[np.uint8]] = []
    for tint in rng.uniform(0.9, 1.1, 3):
        curve = ((ramp**gamma - 0.5) * contrast + 0.5 + light) * tint
        table.append((np.clip(curve, 0, 1) * 255).round().astype(np.uint8))
    return image.point(np.concatenate(table).tolist())


def _occlude(
    picture: NDArray[np.uint8], crop: Crop, chance: float, rng: np.random.Generator
) -> NDArray[np.uint8]:
    """Cover parts of faces with other parts of the picture.

    A bare face is covered anywhere, but mostly in front of the mouth, which is not a mask. A
    masked one is covered from a side or from above, so that its mask stays visible.
    """
    picture = picture.copy()
    side = picture.shape[0]
    for box, label in zip(crop.boxes, crop.labels, strict=True):
        width, height = box[2] - box[0], box[3] - box[1]
        if width < _LEAST_OCCLUDED_PX or rng.random() >= chance:
            continue
        part_x, part_y = rng.uniform(0.3, 0.8), rng.uniform(0.2, 0.5)
        if label == WITHOUT_MASK:
            x, y = rng.uniform(0, 1 - part_x), rng.uniform(0.2, 1 - part_y)
        else:
            part_x, part_y = rng.uniform(0.2, 0.35), rng.uniform(0.3, 0.9)
            x, y = rng.choice([0.0, 1 - part_x]), rng.uniform(0, 1 - part_y)
        w, h = max(2, int(part_x * width)), max(2, int(part_y * height))
        left, top = int(box[0] + x * width), int(box[1] + y * height)
        w, h = min(w, side - left), min(h, side - top)
        if w < 2 or h < 2:
            continue
        from_left, from_top = int(rng.integers(0, side - w + 1)), int(rng.integers(0, side - h + 1))
        patch = picture[from_top : from_top + h, from_left : from_left + w].copy()
        rows, columns = np.ogrid[-1 : 1 : h * 1j, -1 : 1 : w * 1j]
        # A rounded shape: straight edges would make the patch easy to recognise.
        inside = np.abs(columns) ** 3 + np.abs(rows) ** 3 <= 1
        picture[top : top + h, left : left + w][inside] = patch[inside]
    return picture
