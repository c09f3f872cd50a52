"""JPEG artefacts on the drawing, as in the photo around it."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]


def recompress(
    drawn: Pixels, before: Pixels, rng: np.random.Generator, keep: NDArray[np.bool_] | None = None
) -> Pixels:
    """Compress a drawn part of a photo as JPEG, and use only the drawing.

    Args:
        drawn: (H, W, 3) with the drawing.
        before: (H, W, 3) without it.
        rng: random generator for the quality.
        keep: (H, W) pixels that stay unchanged.
    """
    quality = int(rng.integers(62, 94))
    # JPEG stores colours at half size; at this size that would only blur the drawing.
    _, data = cv2.imencode(".jpg", drawn, [cv2.IMWRITE_JPEG_QUALITY, quality])
    again = np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR))
    changed = (drawn != before).any(2)
    result = drawn.copy()
    result[changed] = again[changed]
    if keep is not None:
        result[keep] = before[keep]
    return result
