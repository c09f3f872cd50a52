"""Totals of a batch: photos, faces by label, failures by kind."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from crowdmask.batch.items import PhotoFailure, PhotoItem


@dataclass
class Totals:
    """Counts that grow with each photo; the counts of several workers can be added.

    Attributes:
        photos: number of photos that were read.
        faces: number of faces found, by label.
        failures: number of photos, folders and patterns that could not be read, by kind.
    """

    photos: int = 0
    faces: Counter[str] = field(default_factory=Counter)
    failures: Counter[str] = field(default_factory=Counter)

    @property
    def failed(self) -> int:
        """How many could not be read."""
        return self.failures.total()

    @property
    def done(self) -> int:
        """How many items were counted."""
        return self.photos + self.failed

    def add(self, item: PhotoItem) -> None:
        """Count one item."""
        if isinstance(item, PhotoFailure):
            self.failures[item.kind] += 1
        else:
            self.add_counts(item.faces.counts())

    def add_counts(self, counts: Mapping[str, int]) -> None:
        """Count one photo by its number of faces of each label."""
        self.photos += 1
        self.faces.update(counts)

    def join(self, other: Totals) -> None:
        """Add the totals of another worker or shard."""
        self.photos += other.photos
        self.faces.update(other.faces)
        self.failures.update(other.failures)

    def to_record(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {
            "photos": self.photos,
            "faces": self.faces.total(),
            "counts": dict(self.faces),
            "failed": self.failed,
            "failures": dict(self.failures.most_common()),
        }
