"""Turn the network's output into faces.

Nearly all default boxes are background, so scores are compared first, and only the few that pass
are decoded, suppressed and calibrated.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, reduce
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crowdmask import boxes
from crowdmask.default_boxes import boxes_at, count_boxes
from crowdmask.detections import Detections
from crowdmask.errors import ModelError
from crowdmask.inference.model_file import Calibration, ModelInfo
from crowdmask.inference.preprocess import Prepared

MAX_CANDIDATES = 3000
"""Maximum number of boxes, the most confident ones, that are decoded and suppressed."""

MIN_BOX_PX = 1.0
"""Minimum side of a face's box, in pixels of the photo."""

# A larger exponent would make a box larger than any picture, or overflow.
_MAX_EXPONENT = 8.0


@dataclass(frozen=True, eq=False)
class RawFaces:
    """Boxes with the network's scores, before calibration and thresholds.

    Attributes:
        xyxy: (N, 4) float32, pixels of the upright photo.
        scores: (N, L) float32, 0 to 1, joint probability of a face and each label.
    """

    xyxy: NDArray[np.float32]
    scores: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.xyxy)

    def __getitem__(self, index: Any) -> RawFaces:
        """Return a part of the boxes: a mask or an array of indices."""
        return RawFaces(self.xyxy[index], self.scores[index])

    @property
    def best(self) -> NDArray[np.float32]:
        """The highest score of each box, (N,)."""
        best: NDArray[np.float32] = self.scores.max(axis=1, initial=0)
        return best


@dataclass(frozen=True)
class Decoder:
    """Turns the output of one model into detections.

    Attributes:
        info: the model's metadata.
        threshold: minimum confidence of each label, in the order of the model's labels.
    """

    info: ModelInfo
    threshold: tuple[float, ...]

    def __call__(
        self, scores: NDArray[np.float32], deltas: NDArray[np.float32], prepared: Prepared
    ) -> Detections:
        """Decode one picture.

        Args:
            scores: (A, L) float32, 0 to 1, joint probability of a face and each label.
            deltas: (A, 4) float32, SSD offsets from the default boxes.
            prepared: the network's input.
        Returns:
            Faces, highest confidence first, in pixels of the upright photo, clipped to it.
        Raises:
            ModelError: the number of boxes differs from the model's grid.
        """
        return self.one_a_face(self.boxes(scores, deltas, prepared))

    def boxes(self, scores: NDArray[np.float32], deltas: NDArray[np.float32], prepared: Prepared) -> RawFaces:
        """Do the first step: the boxes that may pass a threshold, before non-maximum suppression."""
        return boxes_above(self.least_raw, scores, deltas, prepared, self.info)

    def one_a_face(self, raw: RawFaces) -> Detections:
        """Do the second step: `suppress`, then `label`."""
        return self.label(suppress(raw, self.info))

    def label(self, raw: RawFaces) -> Detections:
        """Assign labels and confidences to boxes, one a face; keep those that pass the thresholds."""
        class_id = raw.scores.argmax(axis=1)
        confidence = raw.best
        if self.info.calibration is not None:
            confidence = calibrate(confidence, class_id, self.info.calibration)
        passed = np.flatnonzero(confidence >= np.asarray(self.threshold, np.float32)[class_id])
        order = passed[np.argsort(-confidence[passed], kind="stable")]
        return Detections(raw.xyxy[order], confidence[order], class_id[order], self.info.labels)

    @cached_property
    def least_raw(self) -> float:
        """Return the score below which no label can reach its threshold."""
        if self.info.calibration is None:
            return min(self.threshold) - 1e-6
        tables = zip(self.info.calibration, self.threshold, strict=True)
        return min(lowest_raw(table, least) for table, least in tables)


def boxes_above(
    least: float,
    scores: NDArray[np.float32],
    deltas: NDArray[np.float32],
    prepared: Prepared,
    info: ModelInfo,
) -> RawFaces:
    """Decode the boxes whose best score is high enough; there are still several for each face.

    Args:
        least: minimum score, not calibrated.
        scores, deltas, prepared: see `Decoder`.
        info: of the model.
    Returns:
        Up to `MAX_CANDIDATES` boxes, highest score first, clipped to the photo.
    Raises:
        ModelError: the number of boxes differs from the model's grid.
    """
    height, width = prepared.tensor.shape[1:3]
    number = count_boxes(info.grid, width, height)
    if scores.shape != (number, len(info.labels)) or deltas.shape != (number, 4):
        raise ModelError(
            f"the model {info.name} does not fit its metadata: {number} default boxes at "
            f"{width} x {height}, but scores {scores.shape} and deltas {deltas.shape}: export it again"
        )
    best = reduce(np.maximum, scores.T)  # column by column: faster than a maximum along short rows
    index = np.flatnonzero(best >= least)
    index = index[np.argsort(-best[index], kind="stable")[:MAX_CANDIDATES]]
    found = decode_boxes(deltas[index], boxes_at(info.grid, width, height, index), info.variances)
    found /= np.array([prepared.scale_x, prepared.scale_y] * 2, np.float32)
    found = boxes.clip(found, prepared.width, prepared.height)
    solid = ((found[:, 2:] - found[:, :2]) >= MIN_BOX_PX).all(axis=1)
    return RawFaces(found[solid], scores[index[solid]])


def suppress(raw: RawFaces, info: ModelInfo) -> RawFaces:
    """Keep one box for each face (non-maximum suppression).

    The raw scores decide the order: calibration is done separately for each label, and its small
    errors would reorder boxes of one face with different labels.
    """
    return raw[boxes.suppress(raw.xyxy, raw.best, info.nms_iou, info.max_detections)]


def calibrate(
    raw: NDArray[np.float32], class_id: NDArray[np.int64], tables: tuple[Calibration, ...]
) -> NDArray[np.float32]:
    """Turn scores into calibrated confidences: the share of such answers that are right.

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
    """Return (slightly below) the lowest score whose calibrated confidence is `least` or more.

    Args:
        least: confidence, 0 to 1.
    Returns:
        The score; -inf if every score passes, inf if none does.
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
