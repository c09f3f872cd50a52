"""Decide how long a live source may be silent: a camera with one frame in many seconds still works."""

from __future__ import annotations

import time
from collections import deque
from threading import Lock

USUAL_S = 5.0
"""Maximum silence of a source whose frame rate is not known yet."""

_MOST_S = 60.0
_LONGER = 3.0  # factor by which it grows after each silence
_GAPS = 8
_KNOWN_GAPS = 2
_PATIENT_FRAMES = 2.5


class Patience:
    """How long to wait for the next frame of one source, over all its connections; thread-safe.

    A fixed deadline stays. Without one, it is the usual time, or two and a half frames at the source's
    own rate; if nothing comes in time, the next connection waits three times as long.
    """

    def __init__(self, deadline_s: float | None = None, usual_s: float = USUAL_S) -> None:
        """Begin without a frame.

        Args:
            deadline_s: maximum silence; None: adapted to the source's frame rate.
            usual_s: minimum of this time, also used while the frame rate is not known.
        """
        self._fixed_s, self._usual_s = deadline_s, usual_s
        self._lock = Lock()
        self._gaps: deque[float] = deque(maxlen=_GAPS)
        self._last: float | None = None
        self._wait_s = self._asked_s = usual_s

    def connect(self) -> float:
        """Begin a connection; return FFmpeg's time-out for it, seconds."""
        with self._lock:
            self._last = None
            self._asked_s = max(self._wait_s, self._own_s())
            return self._fixed_s or self._asked_s

    def add(self) -> None:
        """Record a frame that came now."""
        now = time.monotonic()
        with self._lock:
            if self._last is not None:
                self._gaps.append(now - self._last)
            self._last = now

    @property
    def allowed_s(self) -> float:
        """The current maximum silence."""
        with self._lock:
            known = self._last is not None and len(self._gaps) >= _KNOWN_GAPS
            return self._fixed_s or (max(self._usual_s, self._own_s()) if known else self._asked_s)

    def end(self, silent: bool) -> None:
        """Record whether a connection ended because nothing came in time."""
        with self._lock:
            self._wait_s = min(self._asked_s * _LONGER, _MOST_S) if silent else self._usual_s

    def _own_s(self) -> float:
        # For a steady camera the shortest gap would be enough; many send more frames while something moves.
        return min(max(self._gaps, default=0.0) * _PATIENT_FRAMES, _MOST_S)
