"""Whether a mask can be drawn on a face."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from crowdmask.data.synthesis.pose import Pose, estimate_pose

_LEAST_SURE: Final = 0.8
_MOST_CHANGE: Final = 13.0
# A face from forehead to chin is higher than wide; otherwise it is cut off or seen from the side.
_ASPECTS: Final = (0.55, 1.05)


@dataclass(frozen=True)
class FaceView:
    """A face's pose, and whether its eyes and its bare mouth were recognised."""

    pose: Pose
    bare: bool


def view_face(picture: NDArray[np.uint8], box: tuple[float, float, float, float]) -> FaceView | None:
    """Examine a face.

    Args:
        picture: (H, W, 3) RGB.
        box: xyxy, pixels.
    Returns:
        None if too little of the box is in the picture.
    """
    height, width = picture.shape[:2]
    x1, y1 = max(0, round(box[0])), max(0, round(box[1]))
    x2, y2 = min(width, round(box[2])), min(height, round(box[3]))
    if x2 - x1 < 8 or y2 - y1 < 8 or (x2 - x1) * (y2 - y1) < 0.9 * (box[2] - box[0]) * (box[3] - box[1]):
        return None
    face = picture[y1:y2, x1:x2]
    pose = estimate_pose(face)
    aspect = (box[2] - box[0]) / (box[3] - box[1])
    seen = pose.sure >= _LEAST_SURE and _ASPECTS[0] <= aspect <= _ASPECTS[1]
    return FaceView(pose, bool(seen and _mouth_is_bare(face, pose)))


def _mouth_is_bare(face: NDArray[np.uint8], pose: Pose) -> bool:
    """Whether the colours around the mouth are those of the cheeks; a covered mouth has other colours."""
    small = cv2.resize(face, (24, 32), interpolation=cv2.INTER_AREA)
    tones = cv2.cvtColor(small, cv2.COLOR_RGB2YCrCb)[..., 1:].astype(np.float32)
    eyes = pose.eye_line
    below = slice(int(32 * (eyes + 0.07)), int(32 * (eyes + 0.22)))
    mouth = slice(int(32 * (eyes + 0.55 * (1 - eyes))), int(32 * (eyes + 0.95 * (1 - eyes))))
    cheeks = np.median(tones[below, 4:20].reshape(-1, 2), axis=0)
    lips = np.median(tones[mouth, 7:17].reshape(-1, 2), axis=0)
    return bool(np.abs(cheeks - lips).max() <= _MOST_CHANGE)
