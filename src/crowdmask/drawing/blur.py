"""Make faces unreadable: each becomes a few large blocks of one colour."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from crowdmask.errors import UsageError

if TYPE_CHECKING:  # it needs the extra for video, photos do not
    from crowdmask.media.planes import Planes

FACES, NONE = "faces", "none"
CHOICES = (FACES, NONE)

BLUR_CONFIDENCE = 0.1
"""Minimum confidence at which a possible face is blurred; lower than the one at which faces are shown."""

BLOCKS = 4
"""Maximum width of a blurred face in blocks: too few to recognise anybody."""

MARGIN = 0.2
"""The part of a face's size that is also blurred on each side: hair, chin, a box that lags behind."""

_LEAST_BLOCK_PX = 3


def check_choice(choice: str) -> bool:
    """Return whether faces are to be blurred.

    Raises:
        UsageError: it is none of `CHOICES`.
    """
    if choice not in CHOICES:
        raise UsageError(f"`blur` is {' or '.join(CHOICES)}, not {choice!r}")
    return choice == FACES


def blur_array(picture: NDArray[np.uint8], xyxy: NDArray[np.float32]) -> None:
    """Blur faces in place.

    Args:
        picture: uint8 (H, W, 3), writable.
        xyxy: (N, 4) boxes of faces, pixels; they may extend beyond the picture.
    """
    height, width = picture.shape[:2]
    for x1, y1, x2, y2, block in _regions(xyxy, width, height):
        picture[y1:y2, x1:x2] = _pixelated(picture[y1:y2, x1:x2], block)


def blur_planes(planes: Planes, xyxy: NDArray[np.float32]) -> None:
    """Blur faces in the planes of a video's frame, in place; see `blur_array`.

    Each block covers whole points of colour, so that brightness and colour are hidden alike.
    """
    width, height = planes.size
    for x1, y1, x2, y2, block in _regions(xyxy, width, height):
        left, top, right, bottom, half = x1 // 2, y1 // 2, (x2 + 1) // 2, (y2 + 1) // 2, (block + 1) // 2
        luma = planes.luma[2 * top : 2 * bottom, 2 * left : 2 * right]
        luma[:] = _pixelated(luma, 2 * half)
        for chroma in planes.chroma[:, top:bottom, left:right]:
            chroma[:] = _pixelated(chroma, half)


def _pixelated(region: NDArray[np.uint8], block: int) -> NDArray[np.uint8]:
    """Return a part of a picture in blocks of one colour."""
    height, width = region.shape[:2]
    small = np.asarray(Image.fromarray(np.ascontiguousarray(region)).reduce(block))
    return small.repeat(block, axis=0)[:height].repeat(block, axis=1)[:, :width]


def blur_on(image: Image.Image, xyxy: NDArray[np.float32], scale: tuple[float, float] = (1.0, 1.0)) -> None:
    """Blur faces in an upright RGB image, in place.

    Args:
        xyxy: (N, 4) boxes of faces, in pixels of the photo.
        scale: image pixels per pixel of the photo, horizontally and vertically.
    """
    boxes = xyxy * np.array([*scale, *scale], np.float32)
    for x1, y1, x2, y2, block in _regions(boxes, image.width, image.height):
        small = image.crop((x1, y1, x2, y2)).reduce(block)
        large = small.resize((small.width * block, small.height * block), Image.Resampling.NEAREST)
        image.paste(large.crop((0, 0, x2 - x1, y2 - y1)), (x1, y1))


def _regions(xyxy: NDArray[np.float32], width: int, height: int) -> list[tuple[int, int, int, int, int]]:
    """Return what to blur: left, top, right and bottom within the picture, and the side of a block."""
    regions = []
    for box in xyxy:
        left, top, right, bottom = (float(v) for v in box)
        across, down = right - left, bottom - top
        if not (across > 0 and down > 0):  # also false if an edge is not a number
            continue
        x1, x2 = max(0, math.floor(left - MARGIN * across)), min(width, math.ceil(right + MARGIN * across))
        y1, y2 = max(0, math.floor(top - MARGIN * down)), min(height, math.ceil(bottom + MARGIN * down))
        if x1 >= x2 or y1 >= y2:
            continue
        # The longer side decides: a face cut by the border is too short in the other direction.
        block = max(_LEAST_BLOCK_PX, math.ceil(max(across, down) / BLOCKS))
        regions.append((x1, y1, x2, y2, block))
    return regions
