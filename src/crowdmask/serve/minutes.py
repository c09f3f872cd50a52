"""Join the snapshots of a minute to the row that is kept of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from crowdmask.alerts.snapshot import Snapshot
from crowdmask.store.records import Counts
from crowdmask.tracking.mask_state import STATES

_Key = tuple[str, str | None]


@dataclass
class _Minute:
    start: datetime
    before: Counts
    observed_s: float = 0.0
    down_s: float = 0.0
    frozen_s: float = 0.0
    person_s: Counter[str] = field(default_factory=Counter)
    tracks: set[Hashable] = field(default_factory=set)

    def counts(self, camera: str, zone: str | None) -> Counts:
        before = self.before
        return Counts(
            start_utc=self.start,
            camera=camera,
            zone=zone,
            observed_s=min(before.observed_s + self.observed_s, 60.0),
            down_s=min(before.down_s + self.down_s, 60.0),
            frozen_s=min(before.frozen_s + self.frozen_s, 60.0),
            person_s={state: before.person_s.get(state, 0.0) + self.person_s[state] for state in STATES},
            people=before.people + len(self.tracks),
        )


class Minutes:
    """Returns the rows of the current minute again every second, so that a kill loses at most one second."""

    def __init__(self, begun: Sequence[Counts] = ()) -> None:
        """Begin.

        Args:
            begun: what an earlier run has kept of the running minute; it goes on from there.
        """
        self._begun = {(each.camera, each.zone, each.start_utc): each for each in begun}
        self._minutes: dict[_Key, _Minute] = {}

    def add(self, snapshots: Sequence[Snapshot]) -> list[Counts]:
        """Process the next step.

        Returns:
            The rows as they are now, to be written over what was written of their minute before.
        """
        return [self._add(each) for each in snapshots]

    def _add(self, snapshot: Snapshot) -> Counts:
        camera, zone = snapshot.camera, snapshot.zone
        # A step belongs to the minute in which it began.
        start = (snapshot.time_utc - timedelta(seconds=snapshot.step_s)).astimezone(UTC)
        start = start.replace(second=0, microsecond=0)
        known = self._minutes.get((camera, zone))
        if known is None or known.start != start:
            before = self._begun.pop((camera, zone, start), None)
            known = _Minute(start, before or Counts(start_utc=start, camera=camera, zone=zone))
            self._minutes[camera, zone] = known
        known.observed_s += snapshot.observed_s
        known.down_s += min(snapshot.down_s, snapshot.step_s)
        known.frozen_s += min(snapshot.frozen_s, snapshot.step_s)
        known.person_s.update(snapshot.person_s)
        if snapshot.tracks is not None:
            known.tracks |= snapshot.tracks
        return known.counts(camera, zone)
