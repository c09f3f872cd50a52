"""What a detector says about one picture."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from os import PathLike, fspath
from pathlib import Path
from typing import TYPE_CHECKING, Any, overload
from weakref import ref

import numpy as np
from numpy.typing import NDArray

from crowdmask.errors import CrowdmaskError, UsageError
from crowdmask.extras import needs_video
from crowdmask.labels import LABELS

if TYPE_CHECKING:
    import supervision


CLASS_NAME = "class_name"
"""Under this name `supervision` keeps the labels."""


@dataclass(frozen=True, eq=False, repr=False)
class Detections:
    """The faces of one picture, highest confidence first.

    It iterates and is indexed as `supervision.Detections` is.

    Attributes:
        xyxy: (N, 4) float32, pixels of the upright picture, clipped to it.
        confidence: (N,) float32, 0 to 1: how likely there is a face and it is as labelled.
        class_id: (N,) int64, index into `names`.
        names: the labels of the model.
        origin: where the picture is found again to draw on: its path, or a weak reference to an array or
            image, which keeps nothing in memory; None: not known.
    """

    xyxy: NDArray[np.float32]
    confidence: NDArray[np.float32]
    class_id: NDArray[np.int64]
    names: tuple[str, ...] = LABELS
    origin: str | ref[Any] | None = field(default=None, kw_only=True)

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

    def __repr__(self) -> str:
        each = ", ".join(f"{number} {label}" for label, number in self.counts().items() if number)
        return f"Detections({len(self)} {'face' if len(self) == 1 else 'faces'}{each and ': '}{each})"

    def __getstate__(self) -> dict[str, Any]:
        """Leave out a weak reference, which cannot go to another process."""
        return {**self.__dict__, "origin": self.origin if isinstance(self.origin, str) else None}

    def __iter__(
        self,
    ) -> Iterator[tuple[NDArray[np.float32], None, np.float32, np.int64, None, dict[str, str]]]:
        """Yield each face as `supervision` does: box, mask, confidence, class, track and data.

        Outlines (mask) and tracks are not known here, so both are None; data hold the label as `class_name`.
        """
        faces = zip(self.xyxy, self.confidence, self.class_id, self.labels, strict=True)
        for box, confidence, class_id, label in faces:
            yield box, None, confidence, class_id, None, {CLASS_NAME: label}

    @overload
    def __getitem__(self, index: str) -> NDArray[np.str_]: ...

    @overload
    def __getitem__(self, index: Any) -> Detections: ...

    def __getitem__(self, index: Any) -> Detections | NDArray[np.str_]:
        """Return a part of the faces: a number, a slice, a mask, indices; or the labels as "class_name".

        Raises:
            IndexError: there is no face of this number.
            KeyError: another name.
        """
        if isinstance(index, str):
            if index != CLASS_NAME:
                raise KeyError(index)
            return np.array(self.labels, dtype=str)
        if isinstance(index, (int, np.integer)) and not isinstance(index, bool):
            index = [index]
        return replace(
            self, xyxy=self.xyxy[index], confidence=self.confidence[index], class_id=self.class_id[index]
        )

    def found_in(self, picture: Any) -> Detections:
        """Return the same faces with what finds their picture again.

        Args:
            picture: as a detector takes it; only a path, an array or an image can be found again.
        """
        return replace(self, origin=_origin_of(picture))

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

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON: the faces as of `to_records`, and how many wear each label."""
        return {"detections": self.to_records(), "counts": self.counts()}

    def to_supervision(self) -> supervision.Detections:
        """Return the same faces as `supervision.Detections`, label names in ``data``.

        Raises:
            MissingExtraError: the package `supervision`, of the extra `video`, is not installed.
        """
        with needs_video("Detections.to_supervision()"):
            import supervision

        return supervision.Detections(
            xyxy=self.xyxy,
            confidence=self.confidence,
            class_id=self.class_id,
            data={CLASS_NAME: np.array(self.labels, dtype=str)},
        )

    def draw(self, picture: Any = None) -> Any:
        """Return a copy of the picture with a box and a label per face.

        Args:
            picture: uint8 RGB (H, W, 3), RGBA (H, W, 4) or grey (H, W), or a PIL image, the one these faces
                were found in; None: the picture is found again where it came from.
        Returns:
            An RGB array for an array, otherwise a PIL image.
        Raises:
            UsageError: no picture is given, and it cannot be found again.
            PictureError, TypeError, ValueError: it cannot be read.
        """
        if picture is None:
            from crowdmask.drawing.saving import draw_anew

            return draw_anew(self._picture(), self)
        from crowdmask.drawing.draw import draw_detections

        return draw_detections(picture, self)

    def save(self, to: str | PathLike[str], picture: Any = None) -> Path:
        """Write the picture with a box and a label per face.

        Args:
            to: a file whose suffix says how: .jpg, .jpeg, .png, .webp, .bmp, .tif or .tiff. An older one is
                replaced, but never the photo itself.
            picture: see `draw`; also a path, or the bytes of a photo.
        Returns:
            The file written.
        Raises:
            UsageError: no picture is given and it cannot be found again, or `to` is the photo itself.
            OutputError: the file cannot be written.
            PictureError, TypeError, ValueError: the picture cannot be read.
        """
        from crowdmask.drawing.saving import save_drawing

        return save_drawing(self._picture() if picture is None else picture, self, to)

    def _repr_png_(self) -> bytes | None:
        """Return the annotated picture, which notebooks show; None where it cannot be found again."""
        from crowdmask.drawing.saving import to_png

        try:
            return to_png(self._picture(), self)
        except CrowdmaskError:
            return None

    def _picture(self) -> Any:
        picture = self.origin() if isinstance(self.origin, ref) else self.origin
        if picture is None:
            raise UsageError("the picture of these faces is not kept in memory: give it as `picture`")
        return picture


def _origin_of(picture: Any) -> str | ref[Any] | None:
    if isinstance(picture, (str, PathLike)):
        return fspath(picture)
    if hasattr(picture, "read"):  # a file was read to its end
        return None
    try:
        return ref(picture)
    except TypeError:  # bytes, for example
        return None
