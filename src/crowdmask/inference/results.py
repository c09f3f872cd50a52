"""Results of a detector other than plain `Detections`: two thresholds at once, and one of many pictures."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from crowdmask.detections import Detections
from crowdmask.errors import PictureError
from crowdmask.media.pictures import Picture


@dataclass(frozen=True, eq=False)
class FoundFaces:
    """The faces of one picture at two thresholds, from one run of the network.

    Attributes:
        shown: what `Detector.detect` returns: the faces that reach the detector's thresholds.
        candidates: all faces down to the floor, including those shown.
    """

    shown: Detections
    candidates: Detections

    @classmethod
    def empty(cls, labels: tuple[str, ...]) -> FoundFaces:
        """Return the value for a picture without faces."""
        nothing = Detections.empty(labels)
        return cls(nothing, nothing)


@dataclass(frozen=True, eq=False)
class PictureResult:
    """The result for one of many pictures.

    Attributes:
        source: the path, array or picture that was passed.
        picture: the opened picture; None if it could not be read.
        found: its faces; None if it could not be read.
        error: why it could not be read; None if it was.
    """

    source: Any
    picture: Picture | None = None
    found: FoundFaces | None = None
    error: PictureError | None = None

    @property
    def faces(self) -> Detections:
        """The faces that are shown.

        Raises:
            PictureError: the picture could not be read.
        """
        return self._read().shown

    @property
    def candidates(self) -> Detections:
        """All faces down to the floor.

        Raises:
            PictureError: the picture could not be read.
        """
        return self._read().candidates

    def _read(self) -> FoundFaces:
        if self.found is None:
            raise self.error or PictureError(f"{self.source}: was not read")
        return self.found
