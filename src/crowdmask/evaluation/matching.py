"""A picture with its annotation and detections, and how labels count as classes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from crowdmask.detections import Detections
from crowdmask.matching import FALSE as FALSE
from crowdmask.matching import IGNORED as IGNORED
from crowdmask.matching import match as match

# The class of each of the three labels; each measure names its protocol.
TWO_CLASSES = np.array([0, 1, 1])
THREE_CLASSES = np.array([0, 1, 2])
ANY_FACE = np.array([0, 0, 0])


@dataclass(frozen=True, eq=False)
class ScoredPicture:
    """One picture with its annotation and its detections.

    Attributes:
        name: as in the split file.
        source: its source, which is a slice of the data set.
        boxes: (N, 4) float32 xyxy, pixels: faces and ignored regions.
        class_id: (N,) int64, index into `LABELS`.
        ignore: (N,) bool; True for an ignored region, where detections are neither right nor wrong.
        found: all detections down to a confidence of about 0.01.
        shown: the detections that a user sees at the detector's own thresholds.
    """

    name: str
    source: str
    boxes: NDArray[np.float32]
    class_id: NDArray[np.int64]
    ignore: NDArray[np.bool_]
    found: Detections
    shown: Detections

    @property
    def faces(self) -> NDArray[np.float32]:
        """The boxes of the faces that are not ignored, (M, 4)."""
        return self.boxes[~self.ignore]

    @property
    def face_class_id(self) -> NDArray[np.int64]:
        """The labels of `faces`, (M,)."""
        return self.class_id[~self.ignore]

    @property
    def ignored(self) -> NDArray[np.float32]:
        """The ignored regions, (K, 4)."""
        return self.boxes[self.ignore]
