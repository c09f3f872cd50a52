"""Tell whoever listens what the cameras of a session see."""

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
"""What happens to cameras, for the program's own log; nothing that is logged holds a password."""
# Without a handler Python would print warnings on standard error, beside what the command says.
LOG.addHandler(logging.NullHandler())

_LOG_AGAIN_S = 60.0
"""A listener that fails with every frame is logged so often at most."""

FrameListener: TypeAlias = Callable[[str, View], None]
ResultListener: TypeAlias = Callable[[str, TrackedFrame], None]
EventListener: TypeAlias = Callable[[str, Event], None]
HealthListener: TypeAlias = Callable[[str, Health], None]


@dataclass(frozen=True, kw_only=True, eq=False)
class Listener:
    """Functions to be called with the name of a camera and what it saw; each may be left out.

    They are called in the threads of the cameras, several at once, so they have to return soon and use locks.
    One that raises is logged, and the camera goes on.

    Attributes:
        frames: gets every frame to show, in the thread that draws; of a file at the time it is done.
        results: gets what is known of each frame that was looked at.
        events: gets each event.
        health: is told when a camera starts, is lost, comes back, freezes or ends.
    """

    frames: FrameListener | None = None
    results: ResultListener | None = None
    events: EventListener | None = None
    health: HealthListener | None = None


class Listeners:
    """The listeners of one session; for any thread."""

    def __init__(self) -> None:
        """Begin with none."""
        self._lock = Lock()
        self._all: tuple[Listener, ...] = ()
        self._logged: dict[tuple[Listener, str], float] = {}

    @property
    def want_frames(self) -> bool:
        """Whether anybody looks at frames, so that they have to be handed on."""
        return any(each.frames is not None for each in self._all)

    def add(self, listener: Listener) -> Callable[[], None]:
        """Tell this one from now on; returns what ends it."""
        with self._lock:
            self._all = (*self._all, listener)
        return lambda: self._remove(listener)

    def frame(self, camera: str, view: View) -> None:
        """Tell of a frame to show."""
        for each in self._all:
            self._call(each, each.frames, camera, view)

    def result(self, camera: str, result: TrackedFrame) -> None:
        """Tell what is known of a frame."""
        for each in self._all:
            self._call(each, each.results, camera, result)

    def event(self, camera: str, event: Event) -> None:
        """Tell of an event."""
        for each in self._all:
            self._call(each, each.events, camera, event)

    def health(self, camera: str, health: Health) -> None:
        """Tell how a camera fares."""
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
