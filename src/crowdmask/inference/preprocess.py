"""Turn a picture into the network's input."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from crowdmask.inference.model_file import InputSpec
from crowdmask.media.pictures import Picture

# Pillow first reduces by a whole factor, which is fast, and uses its filter for the rest. A
# picture of less than three times the input size is resized in one step.
REDUCING_GAP = 1.5


@dataclass(frozen=True, eq=False)
class Prepared:
    """One picture as input of the network.

    Attributes:
        tensor: uint8 (1, H, W, 3) RGB.
        scale_x, scale_y: input pixels per pixel of the upright photo.
        width, height: of the upright photo, pixels.
    """

    tensor: NDArray[np.uint8]
    scale_x: float
    scale_y: float
    width: int
    height: int


def input_sides(width: int, height: int, spec: InputSpec) -> tuple[tuple[int, int], tuple[int, int]]:
    """Return the size that a picture is resized to, and the size of the input with padding.

    Args:
        width, height: of the picture.
        spec: see `InputSpec`.
    """
    if spec.resize == "stretch":
        return (spec.size, spec.size), (spec.size, spec.size)
    scale = spec.size / max(width, height)
    resized = max(1, round(width * scale)), max(1, round(height * scale))
    across, down = (math.ceil(side / spec.multiple) * spec.multiple for side in resized)
    return resized, (across, down)


def prepare(picture: Picture, spec: InputSpec) -> Prepared:
    """Resize (and pad) a picture as in training.

    Args:
        picture: at least one pixel on each side.
        spec: see `InputSpec`; its `size` may differ from the trained one with "fit".
    """
    (width, height), (across, down) = input_sides(picture.width, picture.height, spec)
    resized = resize(picture.image, width, height)
    if (across, down) == (width, height):
        tensor = np.asarray(resized)[None]
    else:
        tensor = np.full((1, down, across, 3), spec.pad, np.uint8)
        tensor[0, :height, :width] = np.asarray(resized)
    return Prepared(tensor, width / picture.width, height / picture.height, picture.width, picture.height)


def resize(image: Image.Image, width: int, height: int) -> Image.Image:
    """Resize an RGB image as in training."""
    return image.resize((width, height), Image.Resampling.BILINEAR, reducing_gap=REDUCING_GAP)
