"""The farther look: the whole picture once more, smaller, where it shows near faces or none.

Faces that fill a picture are larger than those that the network was trained on. Seen smaller they are found
more often, and labelled better.
"""

from __future__ import annotations

import numpy as np

from crowdmask.inference.closer import LEAST_ZOOM
from crowdmask.inference.decode import RawFaces
from crowdmask.inference.model_file import ModelInfo

# Minimum sum of the scores of other faces for which the first pass stands.
_LEAST_SUM = 0.3


def worth_while(info: ModelInfo) -> bool:
    """Return whether this model has a farther look that is clearly smaller than its input."""
    look, spec = info.farther_look, info.input
    return look is not None and spec.resize == "fit" and look.size * LEAST_ZOOM <= spec.size


def shows_near_faces_only(found: RawFaces, side: int, info: ModelInfo) -> bool:
    """Return whether a first pass shows near faces or none, so that the picture is seen again, smaller.

    Args:
        found: faces of the first pass of at least `crowdmask.inference.closer.LEAST_SCORE`, one box each.
        side: the longer one of the picture, in the pixels of the boxes.
        info: of the model.
    """
    look = info.farther_look
    if look is None:
        return False
    sizes = np.sqrt((found.xyxy[:, 2:] - found.xyxy[:, :2]).prod(axis=1)) * info.input.size / side
    return bool(found.best[sizes < look.face_px].sum() < _LEAST_SUM)
