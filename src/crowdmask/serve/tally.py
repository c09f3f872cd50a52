"""Add up what cameras see: the last second for rules, and the minute for the store."""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from threading import Lock

from crowdmask.alerts.snapshot import Snapshot
from crowdmask.live.health import Health
from crowdmask.live.tracked_frame import TrackedFrame
from crowdmask.tracking.events import Event

_MOST_STEP_S = 2.0
"""What is seen holds for so long at most: a longer pause was not looked at."""


@dataclass
class _Place:
    """One camera, or a zone of it, since the last step."""

    person_s: defaultdict[str, float] = field(default_factory=lambda: defaultdict(float))
    people: Counter[str] = field(default_factory=Counter)
    tracks: set[tuple[str, int]] = field(default_factory=set)
    events: Counter[str] = field(default_factory=Counter)


@dataclass
class _Camera:
    places: dict[str | None, _Place] = field(default_factory=dict)
    seen_s: float | None = None
    counted_s: float = 0.0
    observed_s: float = 0.0
    frozen_since_s: float | None = None

    def place(self, zone: str | None) -> _Place:
        return self.places.setdefault(zone, _Place())


class Tally:
    """Takes results and events in the threads of the cameras, and gives a snapshot of each step.

    Live times go by arrival, not by the stream's clock.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """Begin with nothing.

        Args:
            clock: seconds, never set back.
        """
        self._clock, self._lock = clock, Lock()
        self._cameras: dict[str, _Camera] = {}
        self._taken_s = clock()

    def result(self, camera: str, result: TrackedFrame) -> None:
        """Add the result of a frame."""
        now_s = self._clock()
        zones = {each.name: each.present for each in result.zones if each.kind == "zone"}
        where = result.placed.zone_of(result.detections.xyxy) if result.placed is not None and zones else []
        with self._lock:
            known = self._cameras.setdefault(camera, _Camera())
            self._pass(known, now_s)
            whole = known.place(None)
            rows = [(int(track), state) for track, state in zip(result.tracks, result.states, strict=True)]
            whole.people = Counter(state for track, state in rows if track >= 0)
            # Numbers begin anew with each run.
            whole.tracks |= {(result.run, track) for track, _ in rows if track >= 0}
            for name, present in zones.items():
                known.place(name).people = Counter(present)
            for (track, _), zone in zip(rows, where, strict=False):
                if track >= 0 and zone in zones:
                    known.place(zone).tracks.add((result.run, track))
            known.seen_s = now_s

    def event(self, camera: str, event: Event) -> None:
        """Add an event."""
        with self._lock:
            known = self._cameras.setdefault(camera, _Camera())
            known.place(None).events[event.event] += 1
            if event.zone is not None:
                known.place(event.zone).events[event.event] += 1

    def take(self, health: Sequence[Health], zones: Mapping[str, Sequence[str]]) -> list[Snapshot]:
        """Return the step since the last call, for every camera and zone, and start the next one.

        Args:
            health: of all cameras.
            zones: the names of each camera's zones.
        """
        now_s, now = self._clock(), datetime.now(UTC)
        with self._lock:
            step_s, self._taken_s = now_s - self._taken_s, now_s
            for camera in set(self._cameras) - {each.camera for each in health}:
                del self._cameras[camera]
            snapshots: list[Snapshot] = []
            for each in health:
                known = self._cameras.setdefault(each.camera, _Camera())
                self._pass(known, now_s)
                snapshots += _snapshots(known, each, (None, *zones.get(each.camera, ())), now, now_s, step_s)
        return snapshots

    @staticmethod
    def _pass(camera: _Camera, now_s: float) -> None:
        """Let the time that has not been counted pass with those who were in view then."""
        if camera.seen_s is not None:
            lasted_s = max(0.0, min(now_s, camera.seen_s + _MOST_STEP_S) - camera.counted_s)
            camera.observed_s += lasted_s
            for place in camera.places.values():
                for state, number in place.people.items():
                    place.person_s[state] += number * lasted_s
            if now_s > camera.seen_s + _MOST_STEP_S:  # nobody knows who is there now
                for place in camera.places.values():
                    place.people = Counter()
        camera.counted_s = now_s


def _snapshots(
    camera: _Camera, health: Health, zones: Sequence[str | None], now: datetime, now_s: float, step_s: float
) -> list[Snapshot]:
    """Return the step of a camera and its zones, and begin the next."""
    if not health.frozen:
        camera.frozen_since_s = None
    elif camera.frozen_since_s is None:
        camera.frozen_since_s = now_s
    places, observed_s = camera.places, min(camera.observed_s, step_s)
    camera.observed_s = 0.0
    camera.places = {zone: _Place(people=place.people) for zone, place in places.items()}
    snapshots = []
    for zone in zones:
        place = places.get(zone) or _Place()
        snapshots.append(
            Snapshot(
                time_utc=now,
                camera=health.camera,
                zone=zone,
                step_s=step_s,
                # A picture that stands still is not looked at, whoever is in it.
                observed_s=0.0 if health.frozen else observed_s,
                person_s={} if health.frozen else dict(place.person_s),
                people={} if health.frozen else dict(place.people),
                tracks=frozenset() if health.frozen else frozenset(place.tracks),
                events=dict(place.events),
                online=health.state == "live" and health.down_since is None,
                down_s=0.0 if health.down_since is None else (now - health.down_since).total_seconds(),
                frozen_s=0.0 if camera.frozen_since_s is None else max(now_s - camera.frozen_since_s, 0.001),
            )
        )
    return snapshots
