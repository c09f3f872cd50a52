"""What a detector says about one picture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from crowdmask.labels import LABELS

if TYPE_CHECKING:
    import supervision


@dataclass(frozen=True, eq=False)
class Detections:
    """The faces of one picture, highest confidence first.

    Attributes:
        xyxy: (N, 4) float32, pixels of the upright picture, clipped to it.
        confidence: (N,) float32, 0 to 1: how likely there is a face and it is as labelled.
        class_id: (N,) int64, index into `names`.
        names: the labels of the model.
    """

    xyxy: NDArray[np.float32]
    confidence: NDArray[np.float32]
    class_id: NDArray[np.int64]
    names: tuple[str, ...] = LABELS

    def __post_init__(self) -> None:
        n = len(self.xyxy)
        if self.xyxy.shape != (n, 4) or self.confidence.shape != (n,) or self.class_id.shape != (n,):
            raise ValueError(
                "xyxy must be (N, 4), confidence and class_id (N,) with the same N, not "
                f"{self.xyxy.shape}, {self.confidence.shape}, {self.class_id.shape}"
            )

    @classmethod
    def empty(cls, names: tuple[str, ...] = LABELS) -> Detections:
        """Return the value for a picture without faces."""
        return cls(np.zeros((0, 4), np.float32), np.zeros(0, np.float32), np.zeros(0, np.int64), names)

    def __len__(self) -> int:
        return len(self.xyxy)

    def __getitem__(self, index: Any) -> Detections:
        """Return a part of the faces: a slice, a mask or an array of indices."""
        return Detections(self.xyxy[index], self.confidence[index], self.class_id[index], self.names)

    def reach(self, threshold: Sequence[float]) -> NDArray[np.bool_]:
        """Return whether each face reaches the minimum confidence of its label, (N,).

        Args:
            threshold: minimum confidence of each label, 0 to 1.
        """
        reached: NDArray[np.bool_] = self.confidence >= np.asarray(threshold, np.float32)[self.class_id]
        return reached

    @property
    def labels(self) -> list[str]:
        """The label of each face."""
        return [self.names[i] for i in self.class_id]

    def counts(self) -> dict[str, int]:
        """Return how many faces wear each label; all labels are always there."""
        number = np.bincount(self.class_id, minlength=len(self.names))
        return {label: int(n) for label, n in zip(self.names, number, strict=True)}

    def to_records(self) -> list[dict[str, Any]]:
        """Return plain values for JSON: box, label and confidence of each face."""
        return [
            {
                "box": [round(float(v), 2) for v in box],
                "label": self.names[class_id],
                "confidence": round(float(confidence), 5),
            }
            for box, confidence, class_id in zip(self.xyxy, self.confidence, self.class_id, strict=True)
        ]

    def to_supervision(self) -> supervision.Detections:
        """Return the same faces as `supervision.Detections`, label names in ``data``."""
        import supervision

        return supervision.Detections(
            xyxy=self.xyxy,
            confidence=self.confidence,
            class_id=self.class_id,
            data={"class_name": np.array(self.labels, dtype=str)},
        )

    def draw(self, picture: Any) -> Any:
        """Return a copy of the picture with a box and a label per face.

        Args:
            picture: RGB uint8 (H, W, 3) or a PIL image, the one these faces were found in.
        Returns:
            The same kind of picture.
        """
        from crowdmask.drawing.draw import draw_detections

        return draw_detections(picture, self)
