"""Collect the faces of photos."""

from __future__ import annotations

from array import array
from collections.abc import Iterable
from typing import Any

import numpy as np

from crowdmask.survey.sightings import FACE, Sightings


class Photos:
    """Faces of photos in compact arrays, so that a hundred thousand records stay small."""

    def __init__(self) -> None:
        """Begin empty."""
        self.sources: list[str] = []
        self.seen: set[str] = set()
        self.twice = 0
        self.look, self.label = array("i"), array("b")
        self.width, self.confidence = array("f"), array("f")

    def take(self, source: str, faces: Iterable[tuple[int, float, float, int]]) -> None:
        """Append a photo.

        Args:
            source: displayed name; a second photo with the same name is counted, and left out.
            faces: label, width, confidence and track (not used) of each.
        """
        if source in self.seen:
            self.twice += 1
            return
        self.seen.add(source)
        look = len(self.sources)
        self.sources.append(source)
        for label, width, confidence, _ in faces:
            self.look.append(look)
            self.label.append(label)
            self.width.append(width)
            self.confidence.append(confidence)

    def sightings(self, about: dict[str, Any]) -> Sightings:
        """Return all photos; `about` has other fields of `Sightings`."""
        number = len(self.sources)
        if self.twice:
            about["problems"] += (f"{self.twice} photos occur more than once: each counts once",)
        return Sightings(
            FACE, tuple(self.sources), np.arange(number, dtype=np.int32),
            np.full(number, np.nan), np.full(number, np.nan), np.zeros(number), np.zeros(number),
            np.ones(number, np.int64), np.frombuffer(self.look, np.int32), np.frombuffer(self.label, np.int8),
            np.frombuffer(self.width, np.float32), np.frombuffer(self.confidence, np.float32),
            np.ones(len(self.look), np.float32), **about,
        )  # fmt: skip
