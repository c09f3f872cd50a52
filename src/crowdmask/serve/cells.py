"""Statistics mode: counts of 20 minutes, never of fewer than five people."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from crowdmask.alerts.snapshot import Snapshot
from crowdmask.store.records import Counts
from crowdmask.tracking.mask_state import STATES

CELL_MINUTES = 20
LEAST_PEOPLE = 5


@dataclass
class _Cell:
    start: datetime
    observed_s: float = 0.0
    down_s: float = 0.0
    frozen_s: float = 0.0
    person_s: defaultdict[str, float] = field(default_factory=lambda: defaultdict(float))
    people: set[Hashable] = field(default_factory=set)


class Cells:
    """Sums counts in memory, and returns each cell once its time is over.

    A cell with one to four people is joined to the next one, so that nobody is alone in a row. What is not
    over yet is nowhere but in memory: an end or a kill loses it.
    """

    def __init__(self) -> None:
        """Begin with nothing."""
        self._cells: dict[tuple[str, str | None], _Cell] = {}

    def add(self, snapshots: Sequence[Snapshot]) -> list[Counts]:
        """Process the next step; return the cells that have ended."""
        rows = []
        for snapshot in snapshots:
            key, start = (snapshot.camera, snapshot.zone), _start(snapshot)
            cell = self._cells.setdefault(key, _Cell(start))
            if cell.start != start:
                if 0 < len(cell.people) < LEAST_PEOPLE:
                    cell.start = start
                else:
                    rows.append(_counts(key, cell))
                    cell = self._cells[key] = _Cell(start)
            _take(cell, snapshot)
        return rows


def _start(snapshot: Snapshot) -> datetime:
    begun = (snapshot.time_utc - timedelta(seconds=snapshot.step_s)).astimezone(UTC)
    return begun.replace(minute=begun.minute - begun.minute % CELL_MINUTES, second=0, microsecond=0)


def _take(cell: _Cell, snapshot: Snapshot) -> None:
    cell.observed_s += snapshot.observed_s
    cell.down_s += min(snapshot.down_s, snapshot.step_s)
    cell.frozen_s += min(snapshot.frozen_s, snapshot.step_s)
    for state, seconds in snapshot.person_s.items():
        cell.person_s[state] += seconds
    cell.people |= snapshot.tracks or frozenset()


def _counts(key: tuple[str, str | None], cell: _Cell) -> Counts:
    return Counts(
        start_utc=cell.start,
        camera=key[0],
        zone=key[1],
        observed_s=cell.observed_s,
        down_s=cell.down_s,
        frozen_s=cell.frozen_s,
        person_s={state: cell.person_s[state] for state in STATES},
        people=len(cell.people),
    )
