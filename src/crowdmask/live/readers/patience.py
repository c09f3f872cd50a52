"""Decide for how long a live source may be silent: cameras of a frame in many seconds are no dead ones."""

from __future__ import annotations

import time
from collections import deque
from threading import Lock

USUAL_S = 5.0
"""So long a source may be silent whose pace is not known."""

_MOST_S = 60.0
_LONGER = 3.0  # so much longer after each silence
_GAPS = 8
_KNOWN_GAPS = 2
_PATIENT_FRAMES = 2.5


class Patience:
    """How long to wait for the next frame of one source, over all its connections; for any thread.

    A fixed deadline is kept. Without one a source has the usual time, or as long as two frames and a half
    take at its own pace; where nothing comes in time, the next connection waits three times as long.
    """

    def __init__(self, deadline_s: float | None = None, usual_s: float = USUAL_S) -> None:
        """Begin without a frame.

        Args:
            deadline_s: a source may be silent for so long; None: as its pace needs it.
            usual_s: for so long at least, and where the pace is not known yet.
        """
        self._fixed_s, self._usual_s = deadline_s, usual_s
        self._lock = Lock()
        self._gaps: deque[float] = deque(maxlen=_GAPS)
        self._last: float | None = None
        self._wait_s = self._asked_s = usual_s

    def connect(self) -> float:
        """Begin a connection; return for how long FFmpeg is to wait in it, seconds."""
        with self._lock:
            self._last = None
            self._asked_s = max(self._wait_s, self._own_s())
            return self._fixed_s or self._asked_s

    def add(self) -> None:
        """Note a frame that came now."""
        now = time.monotonic()
        with self._lock:
            if self._last is not None:
                self._gaps.append(now - self._last)
            self._last = now

    @property
    def allowed_s(self) -> float:
        """For how long the source may be silent now."""
        with self._lock:
            known = self._last is not None and len(self._gaps) >= _KNOWN_GAPS
            return self._fixed_s or (max(self._usual_s, self._own_s()) if known else self._asked_s)

    def end(self, silent: bool) -> None:
        """Note why a connection ended: since nothing came in time, or otherwise."""
        with self._lock:
            self._wait_s = min(self._asked_s * _LONGER, _MOST_S) if silent else self._usual_s

    def _own_s(self) -> float:
        # The shortest would do for a steady camera; many send more while something moves.
        return min(max(self._gaps, default=0.0) * _PATIENT_FRAMES, _MOST_S)
