"""What a camera, or a zone of it, saw in the last moment: all that rules look at."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True, kw_only=True)
class Snapshot:
    """One step, about a second long.

    Attributes:
        time_utc: its end.
        camera: the configured name.
        zone: None: the whole picture.
        step_s: how long it was.
        observed_s: how much of it was looked at: what was not is neither empty nor full, and a picture that
            stands still is not looked at.
        person_s: seconds that people were in view, by state (the labels and ``unknown``).
        people: how many are in view now, by state.
        tracks: who was in view, by run and number of the track; None: not known, then the most that were in
            view at once count as different people.
        events: how many events of each kind became known.
        online: whether frames come.
        down_s: how long none has come; 0: they come.
        frozen_s: how long the picture has stood still; 0: it does not.
        private: whether the camera's privacy switch is on, so that nothing is looked at.
    """

    time_utc: datetime
    camera: str
    zone: str | None = None
    step_s: float = 1.0
    observed_s: float = 1.0
    person_s: Mapping[str, float] = field(default_factory=dict)
    people: Mapping[str, int] = field(default_factory=dict)
    tracks: frozenset[Hashable] | None = None
    events: Mapping[str, int] = field(default_factory=dict)
    online: bool = True
    down_s: float = 0.0
    frozen_s: float = 0.0
    private: bool = False

    @property
    def total_people(self) -> int:
        """The number of people in view now, including those with an unknown state."""
        return sum(self.people.values())
