"""The marks of JPEG on what was drawn: the photo around it has them too."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]


def recompress(
    drawn: Pixels, before: Pixels, rng: np.random.Generator, keep: NDArray[np.bool_] | None = None
) -> Pixels:
    """Pass a drawn part of a photo through JPEG, and take over only what was drawn.

    Args:
        drawn: (H, W, 3) with the drawing.
        before: (H, W, 3) without it.
        rng: decides the quality.
        keep: (H, W) pixels that stay as they were.
    """
    quality = int(rng.integers(62, 94))
    # A photo's colours are stored at half its size; at this size that would only wash the thing out.
    _, data = cv2.imencode(".jpg", drawn, [cv2.IMWRITE_JPEG_QUALITY, quality])
    again = np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR))
    changed = (drawn != before).any(2)
    result = drawn.copy()
    result[changed] = again[changed]
    if keep is not None:
        result[keep] = before[keep]
    return result
