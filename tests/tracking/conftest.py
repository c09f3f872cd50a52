"""Made-up detections: people who stand, sway and put masks on, as a detector would see them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from crowdmask.detections import Detections
from crowdmask.labels import MASK_WORN_INCORRECT, WITH_MASK, WITHOUT_MASK

FPS = 30.0


@dataclass(frozen=True)
class Actor:
    """Somebody in the scene.

    Attributes:
        centre: where the face is, pixels.
        side: of the face, pixels.
        label: at the start.
        changes: (time, label): a gesture of `gesture_s` ends then, and the label is another.
        hands: (from, to): a hand before the mouth without a mask in it.
        confidence: mean confidence outside gestures.
    """

    centre: tuple[float, float]
    side: float = 60.0
    label: int = WITHOUT_MASK
    changes: tuple[tuple[float, int], ...] = ()
    hands: tuple[tuple[float, float], ...] = ()
    confidence: float = 0.9
    gesture_s: float = 1.5
    lost_s: float = 0.8
    speed: tuple[float, float] = (0.0, 0.0)

    def label_at(self, time_s: float) -> int:
        return next((label for at, label in reversed(self.changes) if at <= time_s), self.label)

    def look(self, time_s: float, random: np.random.Generator) -> tuple[np.ndarray, float, int] | None:
        """Return box, confidence and label as seen at a time; None: not found."""
        label, confidence = self.label_at(time_s), self.confidence + 0.05 * random.normal()
        for at, _ in self.changes:
            begun = time_s - (at - self.gesture_s)
            if not 0 <= begun < self.gesture_s:
                continue
            middle = (self.gesture_s - self.lost_s) / 2
            if middle <= begun < middle + self.lost_s:
                return None
            if random.random() < 0.4:
                label = int(random.integers(0, 3))
            confidence = random.uniform(0.15, 0.7)
        if any(begin <= time_s < end for begin, end in self.hands):
            label = int(random.choice([WITH_MASK, WITHOUT_MASK, MASK_WORN_INCORRECT], p=[0.5, 0.3, 0.2]))
            confidence = random.uniform(0.15, 0.7)
        if random.random() < 0.02:
            return None
        sway = 0.15 * self.side * np.sin(time_s * np.array([1.3, 0.9]) + self.side)
        centre = np.array(self.centre) + np.array(self.speed) * time_s + sway
        half = self.side / 2 * (1 + 0.03 * random.normal())
        box = np.concatenate([centre - half, centre + half]) + 0.02 * self.side * random.normal(size=4)
        return box, float(np.clip(confidence, 0.05, 0.99)), label


@dataclass(frozen=True)
class Scene:
    """Actors, and the frames that a detector would make of them."""

    actors: tuple[Actor, ...]
    seconds: float
    fps: float = FPS
    seed: int = 0

    def frames(self) -> Iterator[tuple[int, float, Detections, list[int]]]:
        """Yield frame number, time, detections and which actor each of them is."""
        random = np.random.default_rng(self.seed)
        for frame in range(round(self.seconds * self.fps)):
            time_s = frame / self.fps
            seen = [(who, actor.look(time_s, random)) for who, actor in enumerate(self.actors)]
            found = sorted(
                ((who, look) for who, look in seen if look is not None), key=lambda each: -each[1][1]
            )
            detections = Detections(
                np.array([look[0] for _, look in found], np.float32).reshape(-1, 4),
                np.array([look[1] for _, look in found], np.float32),
                np.array([look[2] for _, look in found], np.int64),
            )
            yield frame, time_s, detections, [who for who, _ in found]


MakeScene = Callable[..., Scene]


@pytest.fixture(scope="session")
def four_people() -> MakeScene:
    """Return a function that makes a scene: four put masks on, one takes his off, beside a painted face."""

    def make(seed: int = 0, **options: Any) -> Scene:
        on, off = WITH_MASK, WITHOUT_MASK
        people = (
            Actor((100, 200), 62, changes=((4.0, on),), **options),
            Actor((220, 190), 58, changes=((6.0, on), (14.0, off)), **options),
            Actor((340, 210), 66, changes=((8.0, on),), **options),
            Actor((460, 195), 60, changes=((9.5, on),), **options),
        )
        return Scene((*people, Actor((560, 90), 40, confidence=0.6)), 20.0, seed=seed)

    return make
