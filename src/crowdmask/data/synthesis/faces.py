"""Change a bare face in one call: draw a mask of some kind and state, or another object."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from crowdmask.data.synthesis.masks import Box, Pixels, draw_mask
from crowdmask.data.synthesis.occluders import draw_occluder
from crowdmask.labels import WITHOUT_MASK

OCCLUDED_SHARE: Final = 0.2
"""Part of the changed faces that is covered by something other than a mask."""


def change_face(
    picture: Pixels,
    box: Box,
    rng: np.random.Generator,
    occluded: float = OCCLUDED_SHARE,
    keep: NDArray[np.bool_] | None = None,
) -> tuple[Pixels, int]:
    """Draw a mask or an occluder on a bare face; an unrecognised face is returned unchanged.

    Args:
        picture: (H, W, 3) RGB; not changed.
        box: xyxy of the face, forehead to chin, pixels.
        rng: random generator.
        occluded: probability of an occluder, 0 to 1.
        keep: (H, W) pixels of the picture that stay unchanged, such as other faces.
    Returns:
        The picture (the same array if nothing was drawn), and the label of the face.
    """
    if rng.random() < occluded:
        return draw_occluder(picture, box, rng, keep=keep), WITHOUT_MASK
    return draw_mask(picture, box, rng, keep=keep)


def others(boxes: NDArray[np.float32], index: int, shape: tuple[int, ...]) -> NDArray[np.bool_]:
    """Return the pixels of all boxes but one, (H, W)."""
    covered = np.zeros(shape[:2], bool)
    for number, box in enumerate(boxes):
        if number != index:
            x1, y1 = np.maximum(np.floor(box[:2]).astype(int), 0)
            x2, y2 = np.maximum(np.ceil(box[2:]).astype(int), 0)
            covered[y1:y2, x1:x2] = True
    return covered
