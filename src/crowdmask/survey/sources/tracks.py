"""Convert the events of ``crowdmask track --events`` to person-time and passages."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from crowdmask.labels import LABELS
from crowdmask.survey.breaks import NearEnds, Tracks, near_ends
from crowdmask.survey.cells import Floats
from crowdmask.survey.sightings import LOOK_S, PASSAGE, UNKNOWN, Sightings
from crowdmask.survey.sources.stays import MOST_STEPS, mean_stay_s
from crowdmask.survey.uncertainty import USUAL_STAY_S

APPEARED, LEFT = "person_appeared", "person_left"
_LABEL_INDEX = {label: index for index, label in enumerate(LABELS)}


@dataclass
class _Life:
    began_s: float
    ended_s: float
    zone: str | None = None
    changes: list[tuple[float, int]] = field(default_factory=list)
    """The states of a track over time."""


@dataclass
class Lives:
    """Tracks reconstructed from their events; a number that begins again is a new track."""

    sources: dict[str, int] = field(default_factory=dict)
    open: dict[tuple[int, int], _Life] = field(default_factory=dict)
    done: list[tuple[int, _Life]] = field(default_factory=list)

    def take(self, record: dict[str, Any]) -> None:
        """Process the next event.

        Args:
            record: one line of ``--events``.
        """
        time_s = float(record["time_s"])
        if not np.isfinite(time_s):
            raise ValueError("has an impossible time")
        label = _LABEL_INDEX.get(record["label"], UNKNOWN)
        if label == UNKNOWN and record["label"] != "unknown":
            raise ValueError(f"has a label that is none of {', '.join(LABELS)}")
        source = self.sources.setdefault(str(record["source"]), len(self.sources))
        key = (source, int(record["track"]))
        if record["event"] == APPEARED and key in self.open:
            self.done.append((source, self.open.pop(key)))
        life = self.open.setdefault(key, _Life(time_s, time_s))
        life.ended_s = max(life.ended_s, time_s)
        life.zone = life.zone or record.get("zone")
        life.changes.append((time_s, label))
        if record["event"] == LEFT:
            self.done.append((source, self.open.pop(key)))

    def all(self) -> list[tuple[int, _Life]]:
        """Return every track with the number of its source, including those that have not ended."""
        return [*self.done, *((source, life) for (source, _), life in self.open.items())]


def sightings_of_lives(lives: Lives, unit: str, about: dict[str, Any]) -> Sightings:
    """Return tracks as person-time or passages; the widths of their faces are unknown.

    Args:
        lives: all.
        unit: `PERSON_TIME` or `PASSAGE`.
        about: other fields of `Sightings`.
    """
    rows: list[tuple[int, int, int, float, int]] = []
    zones: dict[str, int] = {}
    for source, life in lives.all():
        zone = -1 if life.zone is None else zones.setdefault(life.zone, len(zones))
        spans = _spans(life)
        if unit == PASSAGE:
            time = np.zeros(len(LABELS) + 1)
            for _, label, seconds in spans:
                time[label] += seconds + 1e-6
            kind = int(time[: len(LABELS)].argmax()) if time[: len(LABELS)].any() else UNKNOWN
            rows.append((source, int(life.began_s // LOOK_S), kind, 1.0, zone))
        else:
            rows += [(source, minute, label, seconds, zone) for minute, label, seconds in spans]
    table = np.array(rows, np.float64).reshape(-1, 5)
    near_end = _near_ends(lives, table[:, 2]) if unit == PASSAGE else None
    first: dict[int, float] = {}
    last: dict[int, float] = {}
    for source, life in lives.all():
        first[source] = min(life.began_s, first.get(source, life.began_s))
        last[source] = max(life.ended_s, last.get(source, life.ended_s))
    looks = [
        (source, minute)
        for source in range(len(lives.sources))
        for minute in range(int(first[source] // LOOK_S), int(last[source] // LOOK_S) + 1)
    ]
    place = {look: number for number, look in enumerate(looks)}
    observed = np.array(
        [
            min(last[source], (minute + 1) * LOOK_S) - max(first[source], minute * LOOK_S)
            for source, minute in looks
        ]
    )
    at = np.array([place[int(source), int(minute)] for source, minute in table[:, :2]], np.int32)
    number = len(looks)
    return Sightings(
        unit, tuple(lives.sources), np.array([source for source, _ in looks], np.int32), np.full(number,
        np.nan),
        np.array([minute * LOOK_S for _, minute in looks]), observed, np.zeros(number), np.zeros(number,
        np.int64),
        at, table[:, 2].astype(np.int8), np.full(len(table), np.nan, np.float32),
        np.full(len(table), np.nan, np.float32), table[:, 3].astype(np.float32),
        tuple(zones), table[:, 4].astype(np.int16),
        near_end=near_end, stay_s=None if unit == PASSAGE else _stay_s(lives, first, last), **about,
    )  # fmt: skip


def _near_ends(lives: Lives, label: Floats) -> NearEnds:
    """Return when others ended that were seen with the same label: places are unknown, so all are near."""
    every = lives.all()
    times = np.array([(life.began_s, life.ended_s) for _, life in every]).reshape(-1, 2)
    source = np.array([source for source, _ in every], np.int64) * (len(LABELS) + 1) + label.astype(np.int64)
    nowhere = np.zeros((len(every), 3))
    return near_ends(Tracks(source, times[:, 0], times[:, 1], nowhere, nowhere))


def _stay_s(lives: Lives, first: dict[int, float], last: dict[int, float]) -> float:
    """Return how long people stay in view, from how many tracks there are in each second."""
    seconds = {source: last[source] - first[source] for source in first}
    steps = {source: np.zeros(int(long) + 2) for source, long in seconds.items() if long < MOST_STEPS}
    if not steps:
        return USUAL_STAY_S
    for source, life in lives.all():
        if source not in steps:
            continue
        # Seconds that were begun count in part: the sum of these steps is the number of people.
        for time, way in ((life.began_s, 1), (life.ended_s, -1)):
            at, part = divmod(time - first[source], 1.0)
            steps[source][int(at)] += way * (1 - part)
            steps[source][int(at) + 1] += way * part
    there = {source: np.maximum(np.cumsum(each)[:-1], 0.0) for source, each in steps.items()}
    return mean_stay_s(
        np.concatenate([np.full(len(each), source) for source, each in there.items()]),
        np.concatenate([np.arange(len(each), dtype=np.float64) for each in there.values()]),
        np.ones(sum(map(len, there.values()))),
        np.concatenate(list(there.values())),
    )


def _spans(life: _Life) -> list[tuple[int, int, float]]:
    """Return minute, label and seconds of each part of a track."""
    spans = []
    changes = sorted(life.changes, key=lambda change: change[0])
    ends = [time for time, _ in changes[1:]] + [life.ended_s]
    for (start, label), end in zip(changes, ends, strict=True):
        at = start
        while at < end:
            minute = int(at // LOOK_S)
            stop = min(end, (minute + 1) * LOOK_S)
            spans.append((minute, label, stop - at))
            at = stop
    return spans
