"""Report when somebody appears, leaves, puts a mask on or takes it off."""

from __future__ import annotations

from bisect import bisect_left
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from numpy.typing import NDArray

from crowdmask.tracking.mask_state import UNKNOWN, States
from crowdmask.tracking.pace import Pace
from crowdmask.tracking.tracker import LOST_S

PERSON_APPEARED, PERSON_LEFT = "person_appeared", "person_left"
MASK_PUT_ON, MASK_TAKEN_OFF = "mask_put_on", "mask_taken_off"
MASK_INCORRECT, NO_MASK = "mask_incorrect", "no_mask"
EVENTS: tuple[str, ...] = (
    PERSON_APPEARED,
    PERSON_LEFT,
    MASK_PUT_ON,
    MASK_TAKEN_OFF,
    MASK_INCORRECT,
    NO_MASK,
)

GRACE_S = 5.0

_APPEAR_S = 0.5
_MIN_SIGHTINGS = 3
# Minimum duration of a new state: a hand in front of the mouth looks like a mask for a moment, and a mask
# is worn incorrectly on its way to the face.
_HOLD_S = {"with_mask": 1.5, "without_mask": 1.5, "mask_worn_incorrect": 3.0}
_FIRST_HOLD_S = 1.0
_SURE = 0.75  # minimum part of the newest evidence that must agree by then; not required after twice the time
_INCORRECT_PAUSE_S = 10.0
_SWEEP_S = 0.25
_MEMORY_S = 30.0


@dataclass(frozen=True)
class Event:
    """One event.

    Attributes:
        source: shown name of the source.
        frame, time_s: when it began; it becomes certain only later.
        event: one of `EVENTS`.
        track: number of the person's track.
        label: the state of the track then.
        confidence: of that state, 0 to 1.
        zone: name of the zone where it was noticed, if any.
        run: UUID of the run; track numbers are unique within one source and run only.
    """

    source: str
    frame: int
    time_s: float
    event: str
    track: int
    label: str
    confidence: float
    zone: str | None
    run: str = ""

    def to_record(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {
            "source": self.source,
            "frame": self.frame,
            "time_s": round(self.time_s, 3),
            "event": self.event,
            "track": self.track,
            "label": self.label,
            "confidence": round(self.confidence, 4),
            "zone": self.zone,
            "run": self.run,
        }


def lived_enough(sightings: int, seconds: float) -> bool:
    """Return whether a track was in view long enough to be counted and reported."""
    return sightings >= _MIN_SIGHTINGS and seconds >= _APPEAR_S


@dataclass(eq=False)
class _Person:
    first_s: float
    seen_s: float
    label: str = UNKNOWN
    confidence: float = 0.0
    zone: str | None = None
    sightings: int = 0
    appeared: bool = False
    # The confirmed state, and the candidate that may replace it.
    settled: str | None = None
    settled_s: float = 0.0
    next_label: str | None = None
    next_s: float = 0.0
    masked: bool | None = None
    told_no_mask: bool = False
    told_incorrect_s: float = float("-inf")
    was_here: bool = False


class EventFinder:
    """Find the events of one source.

    An event is reported once it is certain, with the time when it began: late events are better than false
    ones.
    """

    def __init__(
        self, source: str, grace_s: float = GRACE_S, lost_s: float = LOST_S, *, run: str = ""
    ) -> None:
        """Begin without people.

        Args:
            source: shown name of the source, for the records.
            grace_s: seconds without a mask that cause the event `no_mask`.
            lost_s: seconds without being seen, and in two frames, that cause `person_left`.
            run: UUID of the run, for the records.
        """
        self.run = run
        self.source = source
        self.grace_s = grace_s
        self.lost_s = lost_s
        self._people: dict[int, _Person] = {}
        self._frames: deque[tuple[float, int]] = deque()
        self._swept_s = float("-inf")
        self._pace = Pace()
        self._gone: dict[int, _Person] = {}
        self.people = 0
        """Number of people who were in view long enough to be reported."""

    def update(
        self,
        frame: int,
        time_s: float,
        tracks: NDArray[Any],
        states: States,
        zones: Sequence[str | None] | None = None,
    ) -> list[Event]:
        """Take the next frame.

        Args:
            frame: its number.
            time_s: its time.
            tracks: (N,) the number of each face, -1: none.
            states: their states.
            zones: the zone of each face.
        Returns:
            The events that became certain with this frame.
        """
        self._frames.append((time_s, frame))
        self._pace.add(time_s)
        lost_s = self._pace.patience(self.lost_s)
        memory_s = max(_MEMORY_S, 2 * lost_s)
        while time_s - self._frames[0][0] > memory_s:
            self._frames.popleft()
        events: list[Event] = []
        rows = zip(
            tracks.tolist(), states.label, states.confidence.tolist(), states.since.tolist(), strict=True
        )
        for row, (track, label, confidence, since) in enumerate(rows):
            if track < 0:
                continue
            person = self._people.get(track)
            if person is None:
                person = self._people[track] = self._back(track, time_s) or _Person(time_s, time_s)
            person.seen_s, person.sightings = time_s, person.sightings + 1
            person.label, person.confidence = label, confidence
            person.zone = zones[row] if zones is not None else None
            if not person.appeared and self._has_appeared(person):
                person.appeared = True
                self.people += not person.was_here
                events.append(self._event(PERSON_APPEARED, track, person, person.first_s))
            if label != UNKNOWN:
                events += self._follow(track, person, since)
        if time_s - self._swept_s >= _SWEEP_S:
            self._swept_s = time_s
            events += self._sweep(time_s - lost_s)
            self._forget(time_s - memory_s)
        return events

    def finish(self) -> list[Event]:
        """Return the events that become certain because the source has ended.

        People in view at the end have not left.
        """
        if not self._frames:
            return []
        events = self._sweep(self._frames[-1][0] - _APPEAR_S)
        for track, person in self._people.items():
            events += self._close(track, person)
        self._people.clear()
        return events

    def _back(self, track: int, time_s: float) -> _Person | None:
        """Return the state of a person who left and came back: events are not reported twice."""
        person = self._gone.pop(track, None)
        if person is None:
            return None
        return replace(
            person, first_s=time_s, seen_s=time_s, sightings=0, appeared=False, next_label=None, was_here=True
        )

    def _has_appeared(self, person: _Person) -> bool:
        return lived_enough(person.sightings, person.seen_s - person.first_s)

    def _follow(self, track: int, person: _Person, since: float) -> list[Event]:
        """Record a known state, and confirm it once it has lasted long enough."""
        if person.label == person.settled:
            person.next_label = None
        else:
            if person.next_label != person.label:
                person.next_label, person.next_s = person.label, since
            lasted = person.seen_s - person.next_s
            hold = _FIRST_HOLD_S if person.settled is None else _HOLD_S[person.label]
            if lasted >= hold and (person.confidence >= _SURE or lasted >= 2 * hold):
                return self._settle(track, person)
        late = person.seen_s - person.settled_s >= self.grace_s
        if person.settled == person.label == "without_mask" and late and not person.told_no_mask:
            person.told_no_mask = True
            return [self._event(NO_MASK, track, person, person.seen_s)]
        return []

    def _settle(self, track: int, person: _Person) -> list[Event]:
        label, began, before = person.next_label, person.next_s, person.settled
        person.settled, person.settled_s, person.next_label = label, began, None
        if label == "mask_worn_incorrect":
            if began - person.told_incorrect_s < _INCORRECT_PAUSE_S:
                return []
            person.told_incorrect_s = began
            return [self._event(MASK_INCORRECT, track, person, began)]
        masked, was_masked = label == "with_mask", person.masked
        person.masked = masked
        if masked and was_masked is False:
            return [self._event(MASK_PUT_ON, track, person, began)]
        if not masked and before is not None:
            # A mask was worn, even if incorrectly.
            return [self._event(MASK_TAKEN_OFF, track, person, began)]
        return []

    def _sweep(self, before_s: float) -> list[Event]:
        """Report everybody as gone who was last seen before a time."""
        events: list[Event] = []
        for track in [track for track, person in self._people.items() if person.seen_s < before_s]:
            person = self._people.pop(track)
            events += self._close(track, person)
            if person.appeared:
                events.append(self._event(PERSON_LEFT, track, person, person.seen_s))
                self._gone[track] = person
        return events

    def _forget(self, before_s: float) -> None:
        """Forget people who left so long ago that the tracker does not reuse their number."""
        for track in [track for track, person in self._gone.items() if person.seen_s < before_s]:
            del self._gone[track]

    def _close(self, track: int, person: _Person) -> list[Event]:
        """Confirm a change that lasted half of the required time and cannot be contradicted any more."""
        if person.next_label is None or person.settled is None or not person.appeared:
            return []
        enough = person.seen_s - person.next_s >= _HOLD_S[person.next_label] / 2
        if not enough or person.label != person.next_label or person.confidence < _SURE:
            return []
        return self._settle(track, person)

    def _event(self, event: str, track: int, person: _Person, time_s: float) -> Event:
        index = min(bisect_left(self._frames, (time_s - 1e-6, -1)), len(self._frames) - 1)
        frame = self._frames[index][1]
        return Event(
            self.source, frame, time_s, event, track, person.label, person.confidence, person.zone, self.run
        )
