"""Decide each track's label from its detections over time, so that it does not flicker."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from crowdmask.detections import Detections
from crowdmask.labels import LABELS
from crowdmask.tracking.far_faces import FAR_FACE_PX, FarEvidence
from crowdmask.tracking.pace import Pace

UNKNOWN = "unknown"
STATES: tuple[str, ...] = (*LABELS, UNKNOWN)

WINDOW_S = 1.0
MIN_FACE_PX = 12.0

_MIN_SIGHTINGS = 3
_MIN_EVIDENCE = 1.0
_FIRST_SHARE = 0.7
_CHANGE_SHARE = 0.65
_SLOW_WINDOW_S = 5.0
_SLOW_STEPS = 2.5
_FORGET_S = 10.0
_GROWN = 1.15  # a face that was too small must grow by this factor to count again


@dataclass(frozen=True, eq=False)
class States:
    """The states of the faces of one frame, in the order of its detections.

    Attributes:
        label: N of `STATES`; "unknown" for a face without a track.
        confidence: (N,) float32, 0 to 1: the share of the evidence for the label, slightly less if
            there is little evidence; 0 for "unknown".
        since: (N,) float64, the time at which the state began, seconds; NaN for "unknown".
    """

    label: list[str]
    confidence: NDArray[np.float32]
    since: NDArray[np.float64]


@dataclass(eq=False)
class _Votes:
    seen_s: float
    sightings: deque[tuple[float, int, float]] = field(default_factory=deque)
    weight: list[float] = field(default_factory=lambda: [0.0] * len(LABELS))
    state: int | None = None
    since: float = float("nan")
    small: bool = True
    far: bool = True
    evidence: FarEvidence = field(default_factory=FarEvidence)

    def add(
        self, time_s: float, label: int, weight: float, window_s: float, slow_s: float, stands_for: int
    ) -> None:
        step_s = time_s - self.sightings[-1][0] if self.sightings else 0.0
        if self.sightings and self.sightings[-1][1] == label:
            weight *= stands_for  # where two detections agree, those between would have agreed, too
        self.sightings.append((time_s, label, weight))
        self.weight[label] += weight
        # At low frame rates it covers three detections; after a gap, nothing before the gap.
        reach_s = max(window_s, min(_SLOW_STEPS * step_s, slow_s))
        while time_s - self.sightings[0][0] > reach_s:
            _, old_label, old_weight = self.sightings.popleft()
            self.weight[old_label] -= old_weight

    def decide(self) -> None:
        total = sum(self.weight)
        if len(self.sightings) < _MIN_SIGHTINGS or total < _MIN_EVIDENCE:
            return
        best = max(range(len(LABELS)), key=self.weight.__getitem__)
        needed = _FIRST_SHARE if self.state is None else _CHANGE_SHARE
        if best != self.state and self.weight[best] >= needed * total:
            self.since = self._began(best)
            self.state = best

    def is_told(self) -> bool:
        """Return whether the state may be reported: "no mask" for a distant face needs strong evidence."""
        if self.state is None or not self.far or LABELS[self.state] == "with_mask":
            return self.state is not None
        return self.evidence.is_strong(self.state)

    def _began(self, label: int) -> float:
        """Return the time that best separates the evidence against a label from the evidence for it."""
        level = best = 0.0
        began: float | None = None
        for time_s, seen, weight in self.sightings:
            if seen == label and began is None:
                began = time_s
            level += -weight if seen == label else weight
            if level > best:
                best, began = level, None
        return self.sightings[-1][0] if began is None else began


class MaskStates:
    """Keeps the state of every track of one source.

    A detection votes for its label with its squared confidence, for `window_s`, so ten uncertain frames do
    not outvote five certain ones. A state is set once there is enough evidence, and changed only if another
    label has clearly more than half of it.
    """

    def __init__(self, window_s: float = WINDOW_S, min_face_px: float = MIN_FACE_PX) -> None:
        """Begin without tracks.

        Args:
            window_s: how long a detection counts, seconds.
            min_face_px: minimum shorter side of a face; a smaller one is "unknown" and does not vote.
        """
        self.window_s = window_s
        self.min_face_px = min_face_px
        self._votes: dict[int, _Votes] = {}
        self._pace = Pace()
        self._swept_s = float("-inf")

    def update(
        self, time_s: float, tracks: NDArray[np.int64], detections: Detections, stands_for: int = 1
    ) -> States:
        """Take the next frame.

        Args:
            time_s: its time; frames may come at any rate.
            tracks: (N,) the number of each face, -1: none.
            detections: the faces.
            stands_for: number of frames since the last one: those between were not looked at, since they
                promised nothing new.
        """
        self._pace.add(time_s)
        slow_s, forget_s = self._pace.patience(_SLOW_WINDOW_S), self._pace.patience(_FORGET_S)
        n = len(detections)
        labels, confidence, since = [UNKNOWN] * n, np.zeros(n, np.float32), np.full(n, np.nan)
        sides = (detections.xyxy[:, 2:] - detections.xyxy[:, :2]).min(axis=1, initial=np.inf).tolist()
        seen = zip(
            tracks.tolist(), detections.class_id.tolist(), detections.confidence.tolist(), sides, strict=True
        )
        for row, (track, label, sureness, side) in enumerate(seen):
            if track < 0:
                continue
            votes = self._votes.setdefault(track, _Votes(time_s))
            votes.seen_s = time_s
            votes.small = side < self.min_face_px * (_GROWN if votes.small else 1)
            if votes.small:
                continue
            votes.add(time_s, label, sureness * sureness, self.window_s, slow_s, stands_for)
            votes.evidence.add(time_s, label, sureness * sureness, slow_s)
            votes.decide()
            votes.far = side < FAR_FACE_PX * (_GROWN if votes.far else 1)
            if votes.state is not None and votes.is_told():
                labels[row] = LABELS[votes.state]
                total = sum(votes.weight)
                confidence[row] = max(votes.weight[votes.state], 0.0) / (total + 0.02)
                since[row] = votes.since
        if time_s - self._swept_s > forget_s:
            self._swept_s = time_s
            self._votes = {key: v for key, v in self._votes.items() if time_s - v.seen_s <= forget_s}
        return States(labels, confidence, since)
