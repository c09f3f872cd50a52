"""The parts of a data set that are measured separately."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from crowdmask.evaluation.matching import ScoredPicture
from crowdmask.labels import WITHOUT_MASK

ALL, MASKS = "all", "masks"

# Widths of faces in pixels of the picture: from (inclusive), to (exclusive).
FACE_WIDTHS_PX: dict[str, tuple[float, float]] = {
    "8-16": (8.0, 16.0),
    "16-32": (16.0, 32.0),
    "32-64": (32.0, 64.0),
    "64+": (64.0, np.inf),
}


def slices(pictures: Sequence[ScoredPicture]) -> dict[str, list[ScoredPicture]]:
    """Return the pictures by slice.

    Returns:
        ``all``; ``masks``, the sources in which somebody wears a mask, if there are others, too
        (faces of a source without masks are easy to label and would inflate the label accuracy); then each
        source by name.
    """
    by_source: dict[str, list[ScoredPicture]] = {}
    for picture in pictures:
        by_source.setdefault(picture.source, []).append(picture)
    masked = [name for name, group in by_source.items() if any(_has_mask(picture) for picture in group)]
    result = {ALL: list(pictures)}
    if 0 < len(masked) < len(by_source):
        result[MASKS] = [picture for picture in pictures if picture.source in masked]
    return result | dict(sorted(by_source.items()))


def _has_mask(picture: ScoredPicture) -> bool:
    return bool((picture.face_class_id != WITHOUT_MASK).any())
