"""Turn the network's output into faces.

Nearly all default boxes hold nothing, so scores are compared first and only the few that pass are
calibrated, decoded and suppressed.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from crowdmask import boxes
from crowdmask.default_boxes import default_boxes
from crowdmask.detections import Detections
from crowdmask.errors import ModelError
from crowdmask.inference.model_file import Calibration, ModelInfo
from crowdmask.inference.preprocess import Prepared
from crowdmask.labels import LABELS

MAX_CANDIDATES = 3000
"""So many boxes at most, the most confident, are decoded and suppressed."""

MIN_BOX_PX = 1.0
"""A box of a smaller side, in pixels of the photo, is no face."""

# exp of more would grow a box past any picture; of much more, past any number.
_MAX_EXPONENT = 8.0


@dataclass(frozen=True)
class Decoder:
    """Turns the output of one model into detections.

    Attributes:
        info: the model's own values.
        threshold: least confidence of each label, in the order of `LABELS`.
    """

    info: ModelInfo
    threshold: tuple[float, ...]

    def __call__(
        self, scores: NDArray[np.float32], deltas: NDArray[np.float32], prepared: Prepared
    ) -> Detections:
        """Decode one picture.

        Args:
            scores: (A, 3) float32, 0 to 1, joint probability of a face and each label.
            deltas: (A, 4) float32, SSD offsets from the default boxes.
            prepared: the input that gave them.
        Returns:
            Faces by falling confidence, in pixels of the upright photo, clipped to it.
        Raises:
            ModelError: the model gives another number of boxes than its grid has.
        """
        return self.suppress(*self.boxes(scores, deltas, prepared))

    def boxes(
        self, scores: NDArray[np.float32], deltas: NDArray[np.float32], prepared: Prepared
    ) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.int64]]:
        """Do the first part: boxes (K, 4), confidence (K,) and class_id (K,), still several a face."""
        height, width = prepared.tensor.shape[1:3]
        anchors = default_boxes(self.info.grid, width, height)
        if scores.shape != (len(anchors), len(LABELS)) or deltas.shape != anchors.shape:
            raise ModelError(
                f"the model {self.info.name} does not fit its metadata: {len(anchors)} default boxes at "
                f"{width} x {height}, but scores {scores.shape} and deltas {deltas.shape}: export it again"
            )
        index, class_id, confidence = self.candidates(scores)
        found = decode_boxes(deltas[index], anchors[index], self.info.variances)
        found /= np.array([prepared.scale_x, prepared.scale_y] * 2, np.float32)
        found = boxes.clip(found, prepared.width, prepared.height)
        solid = ((found[:, 2:] - found[:, :2]) >= MIN_BOX_PX).all(axis=1)
        return found[solid], confidence[solid], class_id[solid]

    def suppress(
        self, found: NDArray[np.float32], confidence: NDArray[np.float32], class_id: NDArray[np.int64]
    ) -> Detections:
        """Do the second part: one box a face."""
        kept = boxes.suppress(found, confidence, self.info.nms_iou, self.info.max_detections)
        return Detections(found[kept], confidence[kept], class_id[kept])

    def candidates(
        self, scores: NDArray[np.float32]
    ) -> tuple[NDArray[np.intp], NDArray[np.int64], NDArray[np.float32]]:
        """Pick the boxes above the threshold, the most confident first.

        Args:
            scores: (A, 3) float32.
        Returns:
            Index into the boxes (K,), class_id (K,) and calibrated confidence (K,), K up to
            `MAX_CANDIDATES`.
        """
        best = np.maximum(np.maximum(scores[:, 0], scores[:, 1]), scores[:, 2])
        index = np.flatnonzero(best >= self._least_raw())
        class_id = scores[index].argmax(axis=1)
        confidence = best[index]
        if self.info.calibration is not None:
            confidence = calibrate(confidence, class_id, self.info.calibration)
        passed = confidence >= np.asarray(self.threshold, np.float32)[class_id]
        index, class_id, confidence = index[passed], class_id[passed], confidence[passed]
        order = np.argsort(-confidence, kind="stable")[:MAX_CANDIDATES]
        return index[order], class_id[order], confidence[order]

    def _least_raw(self) -> float:
        """Return a score below which no label can reach its threshold."""
        if self.info.calibration is None:
            return min(self.threshold) - 1e-6
        tables = zip(self.info.calibration, self.threshold, strict=True)
        return min(lowest_raw(table, least) for table, least in tables)


def calibrate(
    raw: NDArray[np.float32], class_id: NDArray[np.int64], tables: tuple[Calibration, ...]
) -> NDArray[np.float32]:
    """Turn scores into the share of such answers that are right.

    Args:
        raw: (N,) scores, 0 to 1.
        class_id: (N,) index into `tables`.
    Returns:
        (N,) float32, 0 to 1.
    """
    confidence = np.zeros(len(raw), np.float32)
    for i, table in enumerate(tables):
        mine = class_id == i
        confidence[mine] = np.interp(raw[mine], table.raw, table.confidence)
    return confidence


def lowest_raw(table: Calibration, least: float) -> float:
    """Return a score (a hair below the lowest) that is calibrated to `least` or more.

    Args:
        least: confidence, 0 to 1.
    Returns:
        -inf where every score passes, inf where none does.
    """
    least -= 1e-6
    if table.confidence[0] >= least:
        return -np.inf
    if table.confidence[-1] < least:
        return np.inf
    i = int(np.searchsorted(table.confidence, least))
    (low, high), (from_, to) = table.raw[i - 1 : i + 1], table.confidence[i - 1 : i + 1]
    return low + (high - low) * (least - from_) / (to - from_) - 1e-6


def decode_boxes(
    deltas: NDArray[np.float32], anchors: NDArray[np.float32], variances: tuple[float, float]
) -> NDArray[np.float32]:
    """Turn SSD regression output into boxes.

    Args:
        deltas: (N, 4) float32, offsets of centre and size.
        anchors: (N, 4) float32 default boxes: cx, cy, width, height in input pixels.
        variances: scale of the centre, scale of the size.
    Returns:
        (N, 4) float32 xyxy in input pixels, not clipped.
    Source: Liu et al., SSD (2016), section 2.2.
    """
    centre = anchors[:, :2] + deltas[:, :2] * (variances[0] * anchors[:, 2:])
    half = anchors[:, 2:] * np.exp(np.minimum(deltas[:, 2:] * variances[1], _MAX_EXPONENT)) / 2
    return np.concatenate([centre - half, centre + half], axis=1).astype(np.float32, copy=False)
