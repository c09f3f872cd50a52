"""Measure the time between the frames of a source, so that waiting times fit slow cameras, too."""

from __future__ import annotations

from collections import deque

_STEPS = 3
_PATIENT_FRAMES = 2.5
_MOST_PATIENT_S = 55.0  # a track is written after a minute without a detection


class Pace:
    """The usual time between two frames; a single pause, as of a stalled stream, does not change it."""

    def __init__(self) -> None:
        """Begin without frames."""
        self._last_s: float | None = None
        self._steps: deque[float] = deque(maxlen=_STEPS)

    def add(self, time_s: float) -> None:
        """Record a frame; one that is not later than the last one restarts the measurement."""
        if self._last_s is not None and time_s > self._last_s:
            self._steps.append(time_s - self._last_s)
        self._last_s = time_s

    @property
    def step_s(self) -> float:
        """The shortest of the last steps; 0 before the second frame."""
        return min(self._steps, default=0.0)

    def patience(self, usual_s: float) -> float:
        """Return how long to wait for something that usually takes `usual_s`: at least two frames."""
        return max(usual_s, min(_PATIENT_FRAMES * self.step_s, _MOST_PATIENT_S))
