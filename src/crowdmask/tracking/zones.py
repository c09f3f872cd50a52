"""Count people in a zone and across a line.

A zones file, in YAML; coordinates are parts of the picture's width and height, or pixels:

    units: fraction            # or: pixels
    zones:
      - name: entrance
        polygon: [[0.0, 0.4], [0.3, 0.4], [0.3, 1.0], [0.0, 1.0]]
    lines:
      - name: door             # in: to the right-hand side of the way from start to end
        start: [0.5, 1.0]
        end: [0.5, 0.0]
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from crowdmask.errors import SourceError
from crowdmask.settings import StrictModel, read_yaml
from crowdmask.tracking.mask_state import STATES, UNKNOWN
from crowdmask.tracking.pace import Pace
from crowdmask.tracking.tracker import LOST_S

Point = tuple[float, float]

_ENTER_S = 0.3  # hysteresis: a face on the border must not enter and leave with every frame
_MARGIN = 0.15  # minimum distance beyond a line, relative to the face's size
_PRESENT_S = 1.0  # a face that is missed for a moment is still there
_MAX_STEP_S = 1.0
_MOST_PX = 100_000
_NO_AREA = 1e-9  # relative to its squared extent


class Zone(StrictModel):
    """A part of the picture."""

    name: Annotated[
        str, Field(min_length=1, title="Name", description="Unique name, used in counts and events.")
    ]
    polygon: Annotated[
        tuple[Point, ...],
        Field(min_length=3, title="Polygon", description="Corners, each [x, y], in order along the edge."),
    ]


class Line(StrictModel):
    """A line to be crossed; "in" is towards the right-hand side, seen from start to end."""

    name: Annotated[str, Field(min_length=1, title="Name", description="Unique name, used in counts.")]
    start: Annotated[Point, Field(title="Start", description="One end, [x, y].")]
    end: Annotated[
        Point,
        Field(title="End", description="The other end; in is to the right, seen from start to end."),
    ]

    @model_validator(mode="after")
    def _has_length(self) -> Line:
        if self.start == self.end:
            raise ValueError("start and end are one point")
        return self


class ZonesFile(StrictModel):
    """The zones and lines of one camera."""

    units: Literal["fraction", "pixels"] = "fraction"
    zones: tuple[Zone, ...] = ()
    lines: tuple[Line, ...] = ()

    @model_validator(mode="after")
    def _fits(self) -> ZonesFile:
        if not self.zones and not self.lines:
            raise ValueError("neither zones nor lines")
        names = [zone.name for zone in self.zones] + [line.name for line in self.lines]
        twice = [name for name in names if names.count(name) > 1]
        if twice:
            raise ValueError(f"the name {twice[0]!r} is given twice")
        points = [point for zone in self.zones for point in zone.polygon]
        points += [point for line in self.lines for point in (line.start, line.end)]
        if not all(math.isfinite(value) for point in points for value in point):
            raise ValueError("a coordinate is not a finite number")
        if any(value > _MOST_PX for point in points for value in point):
            raise ValueError(f"a coordinate is above {_MOST_PX:,}")
        for zone in self.zones:
            if not _has_area(zone.polygon):
                raise ValueError(f"the zone {zone.name!r} has no area: give its corners in order around it")
        if any(value < 0 for point in points for value in point):
            raise ValueError("a coordinate is negative")
        if self.units == "fraction" and any(value > 1 for point in points for value in point):
            raise ValueError("a coordinate is above 1: for pixels say  units: pixels")
        return self


def read_zones(path: str | Path) -> ZonesFile:
    """Read a zones file.

    Raises:
        SourceError: it cannot be read or is invalid.
    """
    hint = "docs/tracking.md shows a zones file"
    return read_yaml(Path(path), ZonesFile, error=SourceError, what="the zones", hint=hint)


@dataclass(frozen=True)
class ZoneCounts:
    """The counts of one zone or line.

    Attributes:
        name, kind: of the zone or line; kind is "zone" or "line".
        entered, left: number by state at that moment; for a line: crossings inwards and outwards.
        present: number of people in the zone now, by state; for a line always 0.
        masked_share: share of people with a mask among those present with a known state; None: nobody.
        masked_share_so_far: the same over the whole time until now, weighted by each person's time
            in the zone (for a line: over all crossings); None: nobody yet.
    """

    name: str
    kind: str
    entered: dict[str, int]
    left: dict[str, int]
    present: dict[str, int]
    masked_share: float | None
    masked_share_so_far: float | None

    def to_record(self) -> dict[str, Any]:
        """Return plain values for JSON; "in" and "out" stand for entered and left."""
        return {
            "name": self.name,
            "kind": self.kind,
            "in": self.entered,
            "out": self.left,
            "present": self.present,
            "masked_share": None if self.masked_share is None else round(self.masked_share, 4),
            "masked_share_so_far": (
                None if self.masked_share_so_far is None else round(self.masked_share_so_far, 4)
            ),
        }


@dataclass(eq=False)
class _Visit:
    """One track at one zone: whether it is inside, and since when it seems to be otherwise."""

    inside: bool
    seen_s: float
    state: str
    other_s: float | None = None


@dataclass(eq=False)
class _Area:
    name: str
    corners: NDArray[np.float64]
    visits: dict[int, _Visit] = field(default_factory=dict)
    entered: Counter[str] = field(default_factory=Counter)
    left: Counter[str] = field(default_factory=Counter)
    present: Counter[str] = field(default_factory=Counter)
    seconds: Counter[str] = field(default_factory=Counter)

    def update(
        self,
        time_s: float,
        step_s: float,
        tracks: Sequence[int],
        inside: Sequence[bool],
        labels: Sequence[str],
        lost_s: float,
    ) -> None:
        for track, is_in, label in zip(tracks, inside, labels, strict=True):
            visit = self.visits.setdefault(track, _Visit(False, time_s, label))
            visit.seen_s, visit.state = time_s, label
            if is_in == visit.inside:
                visit.other_s = None
            elif visit.other_s is None:
                visit.other_s = time_s
            elif time_s - visit.other_s >= _ENTER_S:
                visit.inside, visit.other_s = is_in, None
                (self.entered if is_in else self.left)[label] += 1
        # A track that was lost inside has left.
        for track in [key for key, visit in self.visits.items() if time_s - visit.seen_s > lost_s]:
            visit = self.visits.pop(track)
            if visit.inside:
                self.left[visit.state] += 1
        self.present = Counter(
            visit.state
            for visit in self.visits.values()
            if visit.inside and time_s - visit.seen_s <= _PRESENT_S
        )
        for state, number in self.present.items():
            self.seconds[state] += number * step_s  # type: ignore[assignment]

    def go_on_from(self, before: _Area) -> None:
        self.visits, self.entered, self.left = before.visits, before.entered, before.left
        self.present, self.seconds = before.present, before.seconds

    def counts(self) -> ZoneCounts:
        return ZoneCounts(
            self.name, "zone", _by_state(self.entered), _by_state(self.left), _by_state(self.present),
            _masked(self.present), _masked(self.seconds),
        )  # fmt: skip


@dataclass(eq=False)
class _Gate:
    """A line, and for each track the last position where it was clearly on one side."""

    name: str
    start: NDArray[np.float64]
    way: NDArray[np.float64]
    places: dict[int, tuple[float, float, NDArray[np.float64]]] = field(default_factory=dict)
    entered: Counter[str] = field(default_factory=Counter)
    left: Counter[str] = field(default_factory=Counter)

    def update(
        self,
        time_s: float,
        tracks: Sequence[int],
        centres: NDArray[np.float64],
        sizes: NDArray[np.float64],
        labels: Sequence[str],
        lost_s: float,
    ) -> None:
        length = float(np.hypot(*self.way))
        reach = centres - self.start
        beyond = (self.way[0] * reach[:, 1] - self.way[1] * reach[:, 0]) / length
        for row, track in enumerate(tracks):
            if abs(beyond[row]) < _MARGIN * sizes[row]:
                continue
            before = self.places.get(track)
            self.places[track] = (time_s, float(beyond[row]), centres[row])
            if before is None or before[1] * beyond[row] > 0:
                continue
            # Where the path between the two positions meets the line, and whether the line is long enough.
            share = before[1] / (before[1] - beyond[row])
            met = before[2] + share * (centres[row] - before[2]) - self.start
            if 0 <= met @ self.way <= length * length:
                (self.entered if beyond[row] > 0 else self.left)[labels[row]] += 1
        for track in [key for key, place in self.places.items() if time_s - place[0] > 2 * lost_s]:
            del self.places[track]

    def counts(self) -> ZoneCounts:
        return ZoneCounts(
            self.name, "line", _by_state(self.entered), _by_state(self.left), _by_state(Counter()),
            None, _masked(self.entered + self.left),
        )  # fmt: skip


class ZoneCounter:
    """Counts at all zones and lines of one source."""

    def __init__(self, zones: ZonesFile, width: int, height: int, before: ZoneCounter | None = None) -> None:
        """Place the zones in the picture.

        Args:
            width, height: of the picture, pixels.
            before: the previous counter, which this one replaces: unchanged zones and lines keep their
                counts.
        """
        scale = np.array([width, height] if zones.units == "fraction" else [1, 1], np.float64)
        self.polygons: list[tuple[str, NDArray[np.float64]]] = [
            (zone.name, np.array(zone.polygon) * scale) for zone in zones.zones
        ]
        """Name and corners (K, 2) in pixels of each zone, for drawing."""
        self.lines: list[tuple[str, NDArray[np.float64], NDArray[np.float64]]] = [
            (line.name, np.array(line.start) * scale, np.array(line.end) * scale) for line in zones.lines
        ]
        """Name, start and end in pixels of each line, for drawing."""
        self._areas = [_Area(name, corners) for name, corners in self.polygons]
        self._gates = [_Gate(name, start, end - start) for name, start, end in self.lines]
        self._time_s: float | None = None
        self._pace = Pace()
        self.size, self._file = (width, height), zones
        """Width and height of the picture that they refer to."""
        if before is not None and before._file.units == zones.units:
            self._go_on_from(before)

    @property
    def problems(self) -> list[str]:
        """Probable mistakes, one line each: shapes outside the picture, as if made for another size."""
        width, height = self.size
        shapes = [(f"zone {name}", corners) for name, corners in self.polygons]
        shapes += [(f"line {name}", np.array([start, end])) for name, start, end in self.lines]
        told = []
        for name, corners in shapes:
            most = corners.max(axis=0)
            if (most <= (width, height)).all():
                continue
            least = corners.min(axis=0)
            nothing = bool((least >= (width, height)).any())
            what = "lies beyond" if nothing else "reaches beyond"
            so = "nothing is counted there" if nothing else "only its part inside counts"
            told.append(f"{name} {what} the picture of {width} x {height} pixels: {so}; see  units")
        return told

    def _go_on_from(self, before: ZoneCounter) -> None:
        areas = dict(zip(before._file.zones, before._areas, strict=True))
        gates = dict(zip(before._file.lines, before._gates, strict=True))
        self._time_s, self._pace = before._time_s, before._pace
        for zone, new in zip(self._file.zones, self._areas, strict=True):
            if zone in areas:
                new.go_on_from(areas[zone])
        for line, gate in zip(self._file.lines, self._gates, strict=True):
            if line in gates:
                gate.entered, gate.left = gates[line].entered, gates[line].left
                # Positions are pixels, so in another size they are wrong.
                gate.places = gates[line].places if before.size == self.size else {}

    def zone_of(self, xyxy: NDArray[np.float32]) -> list[str | None]:
        """Return the first zone that each face's centre lies in."""
        inside = [self._inside(area, xyxy) for area in self._areas]
        return [
            next((area.name for area, part in zip(self._areas, inside, strict=True) if part[row]), None)
            for row in range(len(xyxy))
        ]

    def update(
        self,
        time_s: float,
        tracks: NDArray[np.int64],
        xyxy: NDArray[np.float32],
        labels: Sequence[str],
    ) -> list[ZoneCounts]:
        """Take the next frame.

        Args:
            time_s: its time.
            tracks: (N,) the number of each face; those without one (-1) are not counted.
            xyxy: (N, 4) their boxes.
            labels: (N) their states.
        Returns:
            The current counts of each zone and then each line.
        """
        # A time without frames, as after a lost connection, says nothing about who was there.
        step_s = 0.0 if self._time_s is None else min(max(time_s - self._time_s, 0.0), _MAX_STEP_S)
        self._time_s = time_s
        self._pace.add(time_s)
        lost_s = self._pace.patience(LOST_S)
        known = np.flatnonzero(tracks >= 0)
        numbers, boxes = tracks[known].tolist(), xyxy[known].astype(np.float64)
        states = [labels[row] for row in known.tolist()]
        for area in self._areas:
            area.update(time_s, step_s, numbers, self._inside(area, boxes), states, lost_s)
        centres, sides = (boxes[:, :2] + boxes[:, 2:]) / 2, boxes[:, 2:] - boxes[:, :2]
        sizes = np.sqrt(np.maximum(sides.prod(axis=1), 0))
        for gate in self._gates:
            gate.update(time_s, numbers, centres, sizes, states, lost_s)
        return self.counts()

    def counts(self) -> list[ZoneCounts]:
        """Return the current counts of each zone and then each line."""
        return [area.counts() for area in self._areas] + [gate.counts() for gate in self._gates]

    def _inside(self, area: _Area, xyxy: NDArray[Any]) -> list[bool]:
        boxes = np.asarray(xyxy, np.float64).reshape(-1, 4)
        return _in_polygon((boxes[:, :2] + boxes[:, 2:]) / 2, area.corners).tolist()


def _in_polygon(points: NDArray[np.float64], corners: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Return whether each point (N, 2) lies in a polygon (K, 2), which may extend beyond the picture.

    Source: Haines, Point in Polygon Strategies (Graphics Gems IV, 1994): an odd number of ray crossings.
    """
    x, y = points[:, :1], points[:, 1:]
    (x1, y1), (x2, y2) = corners.T, np.roll(corners, -1, axis=0).T
    passes = (y1 > y) != (y2 > y)
    rise = np.where(y2 == y1, 1.0, y2 - y1)  # without an edge, nothing crosses
    return (passes & (x < x1 + (y - y1) / rise * (x2 - x1))).sum(axis=1) % 2 == 1


def _has_area(polygon: Sequence[Point]) -> bool:
    corners = np.array(polygon, np.float64)
    corners = corners - corners.mean(axis=0)
    (x, y), (x2, y2) = corners.T, np.roll(corners, -1, axis=0).T
    extent = float(np.abs(corners).max())
    return abs(float((x * y2 - x2 * y).sum())) > _NO_AREA * extent * extent


def _by_state(counted: Counter[str]) -> dict[str, int]:
    return {state: int(counted[state]) for state in STATES}


def _masked(counted: Counter[str]) -> float | None:
    known = sum(number for state, number in counted.items() if state != UNKNOWN)
    return counted["with_mask"] / known if known else None
