"""Find the faces of a video's frames: one run of the network each, and large ones scaled faster than photos.

A face in a video is seen many times, so time counts more than the last detail of each frame. Pillow, which
scales photos exactly as in training, takes about as long as the network for a frame of 1280 x 720.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from crowdmask.detections import Detections
from crowdmask.inference.decode import Decoder
from crowdmask.inference.detector import MIN_PICTURE_PX, Detector
from crowdmask.inference.model_file import InputSpec
from crowdmask.inference.preprocess import Prepared, input_sides, resize

_MOST_LINEAR = 1.34
"""Up to this reduction linear interpolation takes every pixel into account, and Pillow is fast, too."""


class FrameDetector:
    """Find the faces of frames, including those of low confidence.

    Like `Detector.detect_with_candidates` without a closer look, apart from the scaling.
    """

    def __init__(self, detector: Detector, input_size: int, floor: float) -> None:
        """Prepare for one input size.

        Args:
            detector: its network and thresholds are used.
            input_size: long side of the network's input, pixels.
            floor: minimum confidence of a face, 0 to 1; a label's own threshold if that is lower.
        Raises:
            UsageError: a size that the model does not take.
        """
        self._detector = detector.with_options(input_size=input_size, tiles="off", closer_look=False)
        thresholds = tuple(min(least, floor) for least in detector.threshold)
        self._decoder = Decoder(self._detector.info, thresholds)

    def find(self, picture: NDArray[np.uint8]) -> Detections:
        """Return all possible faces, highest confidence first, in pixels of the picture.

        Args:
            picture: RGB uint8 (H, W, 3).
        """
        if min(picture.shape[:2]) < MIN_PICTURE_PX:
            return Detections.empty(self._detector.labels)
        prepared = prepare_frame(picture, self._detector.info.input)
        scores, deltas = self._detector.network(prepared.tensor)
        return self._decoder(scores, deltas, prepared).found_in(picture)


def prepare_frame(picture: NDArray[np.uint8], spec: InputSpec) -> Prepared:
    """Resize (and pad) a frame to the network's input.

    Args:
        picture: RGB uint8 (H, W, 3).
        spec: see `InputSpec`.
    """
    height, width = picture.shape[:2]
    resized, padded = input_sides(width, height, spec)
    scaled = scale(picture, *resized)
    if padded == resized:
        tensor = scaled[None]
    else:
        tensor = np.full((1, padded[1], padded[0], 3), spec.pad, np.uint8)
        tensor[0, : resized[1], : resized[0]] = scaled
    return Prepared(tensor, resized[0] / width, resized[1] / height, width, height)


def scale(picture: NDArray[np.uint8], width: int, height: int) -> NDArray[np.uint8]:
    """Scale a picture: by means of whole blocks and linearly for the rest, or exactly as photos are scaled.

    Args:
        picture: uint8 (H, W, 3).
        width, height: wanted size, pixels.
    """
    import cv2

    rows, columns = picture.shape[:2]
    across, down = max(1, columns // width), max(1, rows // height)
    if max(across, down) == 1 and max(columns / width, rows / height) <= _MOST_LINEAR:
        return np.asarray(resize(Image.fromarray(picture), width, height), np.uint8)
    if max(across, down) > 1:
        # Whole factors take a tenth of the time of others; a part of the last block is left out.
        columns, rows = columns // across, rows // down
        part = picture[: rows * down, : columns * across]
        picture = np.asarray(cv2.resize(part, (columns, rows), interpolation=cv2.INTER_AREA), np.uint8)
    is_near = max(columns / width, rows / height) <= _MOST_LINEAR
    how = cv2.INTER_LINEAR if is_near else cv2.INTER_AREA
    return np.asarray(cv2.resize(picture, (width, height), interpolation=how), np.uint8)
