"""Ask for strong evidence before a far face is said to be bare."""

from __future__ import annotations

from collections import deque

FAR_FACE_PX = 24.0
"""Below this, a mask of the colour of skin, or a soft picture, looks like a bare face."""

_WINDOW_S = 2.0
_SHARE = 0.9
# How sure, as the mean square of the confidence: a little less is enough where it lasts.
_SURENESS = 0.65
_LASTING_SURENESS = 0.45
_LASTING_LOOKS = 5
_LASTING_S = 0.8
_SLACK = 0.1  # so that it does not flicker


class FarEvidence:
    """What speaks for a face's labels over a longer time: the frames of one moment may all mislead alike.

    Strong evidence is nearly all for one label, and either very sure, or sure in several looks over most of
    a second.
    """

    def __init__(self) -> None:
        """Begin without a look."""
        self._looks: deque[tuple[float, int, float]] = deque()
        self._told = False

    def add(self, time_s: float, label: int, weight: float, slow_s: float) -> None:
        """Take a look.

        Args:
            label: what the detector says.
            weight: the square of its confidence.
            slow_s: the longest step between two frames that the window grows with.
        """
        step_s = time_s - self._looks[-1][0] if self._looks else 0.0
        self._looks.append((time_s, label, weight))
        reach_s = max(_WINDOW_S, _LASTING_LOOKS * min(step_s, slow_s))
        while time_s - self._looks[0][0] > reach_s:
            self._looks.popleft()

    def is_strong(self, label: int) -> bool:
        """Say whether so much speaks for a label that it may be told."""
        own = [(time_s, weight) for time_s, seen, weight in self._looks if seen == label]
        total, weight = sum(each for _, _, each in self._looks), sum(each for _, each in own)
        lasts = len(own) >= _LASTING_LOOKS and own[-1][0] - own[0][0] >= _LASTING_S
        needed = (_LASTING_SURENESS if lasts else _SURENESS) - (_SLACK if self._told else 0.0)
        self._told = bool(own) and weight >= _SHARE * total and weight >= needed * len(own)
        return self._told
