"""The two detectors of others that we measure ourselves against (their files are not shipped).

Each is called the way a user calls our `Detector`, and its time can be taken stage by stage.
"""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from crowdmask import boxes
from crowdmask.detections import Detections
from crowdmask.labels import WITH_MASK, WITHOUT_MASK

YOLO_FILE, AIZOO_FILE = "yolov5n-pruned-640.onnx", "aizoo-360.onnx"
MAX_DETECTIONS = 500


@dataclass(frozen=True)
class Placement:
    """Where the picture lies in the input: input = picture * scale + offset, both (x, y)."""

    scale: tuple[float, float]
    offset: tuple[float, float]
    width: int
    height: int

    def to_picture(self, xyxy: NDArray[np.float32]) -> NDArray[np.float32]:
        """Turn input pixels into pixels of the picture, clipped to it."""
        offset, scale = np.tile(self.offset, 2), np.tile(self.scale, 2)
        return boxes.clip(((xyxy - offset) / scale).astype(np.float32), self.width, self.height)


class Peer(ABC):
    """What the peers have in common; its methods bear the names of our own detector's stages."""

    side: int
    nms_iou: float
    default_confidence: float

    def __init__(self, path: Path, confidence: float | None = None, threads: int | None = None) -> None:
        import onnxruntime  # after crowdmask, which keeps it from reporting its use

        options = onnxruntime.SessionOptions()
        if threads:
            options.intra_op_num_threads = threads
        self._session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        self._input = self._session.get_inputs()[0].name
        self.confidence = self.default_confidence if confidence is None else confidence
        self.model_name = path.stem
        self.model_hash = hashlib.sha256(path.read_bytes()).hexdigest()[:16]

    def detect(self, picture: NDArray[np.uint8]) -> Detections:
        """Find the faces of an RGB uint8 picture (H, W, 3)."""
        tensor, placement = self.prepare(picture)
        return self.decode(self.network(tensor), placement)

    @abstractmethod
    def prepare(self, picture: NDArray[np.uint8]) -> tuple[NDArray[np.float32], Placement]:
        """Return the input (1, 3, side, side) and where the picture lies in it."""

    def network(self, tensor: NDArray[np.float32]) -> list[NDArray[np.float32]]:
        """Run the network alone."""
        outputs: list[NDArray[np.float32]] = self._session.run(None, {self._input: tensor})
        return outputs

    @abstractmethod
    def decode(self, outputs: list[NDArray[np.float32]], placement: Placement) -> Detections:
        """Turn the network's outputs into faces of the picture."""


def _to_tensor(picture: NDArray[np.uint8]) -> NDArray[np.float32]:
    return np.ascontiguousarray(picture.transpose(2, 0, 1)[None], dtype=np.float32) / np.float32(255)


class PrunedYolo(Peer):
    """yolov5n pruned to 425 KB (youzhonghui/Mask-Detection-In-425KB)."""

    side, nms_iou, default_confidence = 640, 0.45, 0.25
    _labels = np.array([WITHOUT_MASK, WITH_MASK])

    def prepare(self, picture: NDArray[np.uint8]) -> tuple[NDArray[np.float32], Placement]:
        """Scale so that the long side fits and centre on grey."""
        height, width = picture.shape[:2]
        scale = min(self.side / width, self.side / height)
        new_width, new_height = round(width * scale), round(height * scale)
        left, top = (self.side - new_width) // 2, (self.side - new_height) // 2
        canvas = np.full((self.side, self.side, 3), 114, np.uint8)
        resized = Image.fromarray(picture).resize((new_width, new_height), Image.Resampling.BILINEAR)
        canvas[top : top + new_height, left : left + new_width] = np.asarray(resized)
        return _to_tensor(canvas), Placement((scale, scale), (left, top), width, height)

    def decode(self, outputs: list[NDArray[np.float32]], placement: Placement) -> Detections:
        """Score is objectness times class; the surer class of each box; suppression within a class."""
        rows = outputs[0][0]
        rows = rows[rows[:, 4] >= self.confidence]
        scores = rows[:, 4:5] * rows[:, 5:7]
        best = scores.argmax(axis=1)
        confidence = scores.max(axis=1)
        kept = confidence >= self.confidence
        rows, best, confidence = rows[kept], best[kept], confidence[kept]
        xyxy = np.concatenate([rows[:, :2] - rows[:, 2:4] / 2, rows[:, :2] + rows[:, 2:4] / 2], axis=1)
        # Boxes of different classes are moved apart, so that one suppression serves both.
        apart = xyxy + (best[:, None] * 10_000).astype(np.float32)
        order = boxes.suppress(apart, confidence, self.nms_iou, MAX_DETECTIONS)
        return Detections(placement.to_picture(xyxy[order]), confidence[order], self._labels[best[order]])


class Aizoo(Peer):
    """The 360 px SSD of AIZOOTech/FaceMaskDetection."""

    side, nms_iou, default_confidence = 360, 0.4, 0.5
    _grids = (45, 23, 12, 6, 4)
    _sizes = ((0.04, 0.056), (0.08, 0.11), (0.16, 0.22), (0.32, 0.45), (0.64, 0.72))
    _ratios = (1.0, 0.62, 0.42)
    _labels = np.array([WITH_MASK, WITHOUT_MASK])

    def __init__(self, path: Path, confidence: float | None = None, threads: int | None = None) -> None:
        super().__init__(path, confidence, threads)
        self._anchors = self._make_anchors()

    def prepare(self, picture: NDArray[np.uint8]) -> tuple[NDArray[np.float32], Placement]:
        """Squeeze the picture into the square."""
        height, width = picture.shape[:2]
        resized = Image.fromarray(picture).resize((self.side, self.side), Image.Resampling.BILINEAR)
        scale = (self.side / width, self.side / height)
        return _to_tensor(np.asarray(resized)), Placement(scale, (0, 0), width, height)

    def decode(self, outputs: list[NDArray[np.float32]], placement: Placement) -> Detections:
        """Offsets of centre and size from the anchors; suppression across classes."""
        deltas, scores = outputs[0][0], outputs[1][0]
        best, confidence = scores.argmax(axis=1), scores.max(axis=1)
        kept = confidence >= self.confidence
        deltas, anchors, best, confidence = deltas[kept], self._anchors[kept], best[kept], confidence[kept]
        centre = anchors[:, :2] + deltas[:, :2] * 0.1 * anchors[:, 2:]
        half = anchors[:, 2:] * np.exp(deltas[:, 2:] * 0.2) / 2
        xyxy = np.concatenate([centre - half, centre + half], axis=1) * np.float32(self.side)
        order = boxes.suppress(xyxy, confidence, self.nms_iou, MAX_DETECTIONS)
        return Detections(placement.to_picture(xyxy[order]), confidence[order], self._labels[best[order]])

    def _make_anchors(self) -> NDArray[np.float32]:
        """Return (11000, 4) cx, cy, width, height in parts of the input."""
        levels = []
        for grid, sizes in zip(self._grids, self._sizes, strict=True):
            middle = (np.arange(grid) + 0.5) / grid
            centres = np.stack(np.meshgrid(middle, middle), axis=-1).reshape(-1, 1, 2)
            # Both sizes as squares, then the smaller one in the other ratios of width to height.
            pairs = [(size, 1.0) for size in sizes] + [(sizes[0], ratio) for ratio in self._ratios[1:]]
            shapes = np.array([[(size * ratio**0.5, size / ratio**0.5) for size, ratio in pairs]])
            centres, shapes = np.broadcast_arrays(centres, shapes)
            levels.append(np.concatenate([centres, shapes], axis=-1).reshape(-1, 4))
        return np.concatenate(levels).astype(np.float32)


def load_peers(folder: Path, confidence: float | None = None, threads: int | None = None) -> dict[str, Any]:
    """Open both peers by name; `confidence` left out means each one's own."""
    return {
        "yolov5n-pruned-640": PrunedYolo(folder / YOLO_FILE, confidence, threads),
        "aizoo-360": Aizoo(folder / AIZOO_FILE, confidence, threads),
    }
