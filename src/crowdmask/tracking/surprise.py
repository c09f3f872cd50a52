"""Compare a detection with what the one before lets expect, to know whether the frames between matter."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from crowdmask.boxes import iou
from crowdmask.detections import Detections

_SAME = 0.3  # IoU with the expected place: a face moves and turns within a sixth of a second


def is_surprising(
    found: Detections, sure: NDArray[np.bool_], places: NDArray[np.float32], lost: NDArray[np.float32]
) -> bool:
    """Return whether somebody has come or gone since the last detection.

    If so, one of the frames between shows when. Another label is no surprise: a state is a matter of a
    second, and a frame that is not as its track is followed by a detection on each.

    Args:
        found: the faces of this frame, including those of low confidence.
        sure: (N,) those that reach their label's threshold.
        places: (K, M, 4) boxes xyxy where M people may be now, K guesses for each.
        lost: (L, 4) where those may be whom the last detection missed.
    """
    people = places.shape[1]
    if not len(found):
        return people > 0
    known: NDArray[np.bool_] = np.asarray((iou(lost, found.xyxy) >= _SAME).any(axis=0))
    if people:
        overlap = np.max([iou(each, found.xyxy) for each in places], axis=0)
        best = overlap.argmax(axis=1)
        if bool((overlap.max(axis=1) < _SAME).any()) or len(np.unique(best)) < people:
            return True
        known[best] = True
    return bool((sure & ~known).any())
