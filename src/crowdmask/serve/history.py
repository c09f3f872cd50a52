"""What was seen on days that are over, as rules look at it."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import datetime, timedelta

from crowdmask.alerts.snapshot import Snapshot
from crowdmask.store.records import Counts
from crowdmask.store.store import Store
from crowdmask.tracking.mask_state import UNKNOWN

_MINUTE = timedelta(minutes=1)
_STEP = timedelta(hours=6)
_MOST_EVENTS = 1_000_000


def read_history(
    store: Store, start: datetime, end: datetime, step: timedelta = _MINUTE
) -> Iterator[Snapshot]:
    """Read minutes from a store, in the order of time.

    Args:
        store: where they are.
        start, end: minutes from, and before, UTC.
        step: how long each row is.
    """
    down: defaultdict[str, float] = defaultdict(float)
    frozen: defaultdict[str, float] = defaultdict(float)
    begin = start
    while begin < end:  # a year of cameras is not held in memory
        until = min(begin + _STEP, end)
        events = _events(store, begin, until)
        for counts in store.counts(start=begin, end=until, all_zones=True):
            if counts.zone is None:
                for sums, seconds in ((down, counts.down_s), (frozen, counts.frozen_s)):
                    sums[counts.camera] = sums[counts.camera] + seconds if seconds > 0 else 0.0
            key = (counts.camera, counts.zone, counts.start_utc)
            yield _snapshot(
                counts, step, events.get(key, Counter()), down[counts.camera], frozen[counts.camera]
            )
        begin = until


def _events(
    store: Store, start: datetime, end: datetime
) -> dict[tuple[str, str | None, datetime], Counter[str]]:
    found: dict[tuple[str, str | None, datetime], Counter[str]] = defaultdict(Counter)
    for each in store.events(start=start, end=end, limit=_MOST_EVENTS):
        minute = each.time_utc.replace(second=0, microsecond=0)
        for zone in {None, each.zone}:
            found[each.camera, zone, minute][each.event] += 1
    return found


def _snapshot(
    counts: Counts, step: timedelta, events: Counter[str], down_s: float, frozen_s: float
) -> Snapshot:
    return Snapshot(
        time_utc=counts.start_utc + step,
        camera=counts.camera,
        zone=counts.zone,
        step_s=step.total_seconds(),
        observed_s=counts.observed_s,
        person_s=counts.person_s,
        # Only how many different people it were is kept, not when each was there.
        people={UNKNOWN: counts.people} if counts.people else {},
        events=dict(events),
        online=counts.down_s < step.total_seconds(),
        down_s=down_s,
        frozen_s=frozen_s,
    )
