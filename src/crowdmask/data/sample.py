"""One annotated picture, independent of the file format, and a set of them."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from crowdmask.data.problems import Problems
from crowdmask.errors import DataError


@dataclass(frozen=True, eq=False)
class Sample:
    """A picture and the faces in it.

    Attributes:
        path: the picture.
        name: its path relative to the data set's root, as in split files.
        source: the source that it belongs to.
        width, height: pixels of the upright picture.
        boxes: (N, 4) float32 xyxy, pixels, in our convention (forehead to chin), clipped.
        class_id: (N,) int64, index into `crowdmask.labels.LABELS`.
        ignore: (N,) bool; True for a region where a detection is neither right nor wrong.
        weight: how often training draws it, relative to 1 for others of its source.
    """

    path: Path
    name: str
    source: str
    width: int
    height: int
    boxes: NDArray[np.float32]
    class_id: NDArray[np.int64]
    ignore: NDArray[np.bool_]
    weight: float = 1.0

    def __post_init__(self) -> None:
        n = len(self.boxes)
        if self.boxes.shape != (n, 4) or self.class_id.shape != (n,) or self.ignore.shape != (n,):
            raise ValueError(
                f"{self.name}: boxes must be (N, 4), class_id and ignore (N,) with one N, not "
                f"{self.boxes.shape}, {self.class_id.shape}, {self.ignore.shape}"
            )

    def with_ignored(self, regions: NDArray[np.float32]) -> Sample:
        """Return the sample with additional ignored regions, (M, 4) xyxy."""
        m = len(regions)
        return replace(
            self,
            boxes=np.concatenate([self.boxes, regions.reshape(-1, 4)]).astype(np.float32),
            class_id=np.concatenate([self.class_id, np.zeros(m, np.int64)]),
            ignore=np.concatenate([self.ignore, np.ones(m, bool)]),
        )


@dataclass
class Dataset:
    """Samples by split, and the problems with the rest."""

    samples: dict[str, list[Sample]] = field(default_factory=dict)
    problems: Problems = field(default_factory=Problems)

    def split(self, name: str) -> list[Sample]:
        """Return the samples of one split.

        Raises:
            DataError: the data set has no such split.
        """
        if not self.samples.get(name):
            have = ", ".join(sorted(k for k, v in self.samples.items() if v)) or "none"
            raise DataError(f"the data set has no photos in its split '{name}'; it has: {have}")
        return self.samples[name]
