"""Pass on to listeners what the cameras of a session see."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from threading import Lock
from typing import Any, TypeAlias

from crowdmask.live.health import Health
from crowdmask.live.tracked_frame import TrackedFrame, View
from crowdmask.tracking.events import Event

LOG = logging.getLogger("crowdmask.live")
"""Log of what happens to cameras; it never contains a password."""
# Without a handler Python would print warnings on standard error, in addition to the command's output.
LOG.addHandler(logging.NullHandler())

_LOG_AGAIN_S = 60.0
"""How often a listener that fails with every frame is logged at most."""

FrameListener: TypeAlias = Callable[[str, View], None]
ResultListener: TypeAlias = Callable[[str, TrackedFrame], None]
EventListener: TypeAlias = Callable[[str, Event], None]
HealthListener: TypeAlias = Callable[[str, Health], None]


@dataclass(frozen=True, kw_only=True, eq=False)
class Listener:
    """Functions that are called with the name of a camera and what it saw; each is optional.

    They are called in the cameras' threads, several at the same time, so they must return quickly and use
    locks. If one raises an error, it is logged, and the camera continues.

    Attributes:
        frames: receives every frame to show, in the drawing thread; for a file, when it is done.
        results: receives the result of each frame with detection.
        events: receives each event.
        health: receives a report when a camera starts, is lost, is restored, freezes or ends.
    """

    frames: FrameListener | None = None
    results: ResultListener | None = None
    events: EventListener | None = None
    health: HealthListener | None = None


class Listeners:
    """The listeners of one session; thread-safe."""

    def __init__(self) -> None:
        """Begin empty."""
        self._lock = Lock()
        self._all: tuple[Listener, ...] = ()
        self._logged: dict[tuple[Listener, str], float] = {}

    @property
    def want_frames(self) -> bool:
        """Whether any listener wants frames."""
        return any(each.frames is not None for each in self._all)

    def add(self, listener: Listener) -> Callable[[], None]:
        """Add a listener; return a function that removes it."""
        with self._lock:
            self._all = (*self._all, listener)
        return lambda: self._remove(listener)

    def frame(self, camera: str, view: View) -> None:
        """Pass on a frame to show."""
        for each in self._all:
            self._call(each, each.frames, camera, view)

    def result(self, camera: str, result: TrackedFrame) -> None:
        """Pass on the result of a frame."""
        for each in self._all:
            self._call(each, each.results, camera, result)

    def event(self, camera: str, event: Event) -> None:
        """Pass on an event."""
        for each in self._all:
            self._call(each, each.events, camera, event)

    def health(self, camera: str, health: Health) -> None:
        """Pass on the health of a camera."""
        for each in self._all:
            self._call(each, each.health, camera, health)

    def _remove(self, listener: Listener) -> None:
        with self._lock:
            self._all = tuple(each for each in self._all if each is not listener)
            self._logged = {key: when for key, when in self._logged.items() if key[0] is not listener}

    def _call(
        self, listener: Listener, function: Callable[[str, Any], None] | None, camera: str, value: Any
    ) -> None:
        if function is None:
            return
        try:
            function(camera, value)
        except Exception:
            kind, now = type(value).__name__, time.monotonic()
            with self._lock:
                if now - self._logged.get((listener, kind), -math.inf) < _LOG_AGAIN_S:
                    return
                self._logged[listener, kind] = now
            LOG.exception("%s: a listener for %s failed", camera, kind)
