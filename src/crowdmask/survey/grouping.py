"""Divide looks and faces into groups, and looks into clusters."""

from __future__ import annotations

import os
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray

from crowdmask.errors import DataError, UsageError
from crowdmask.survey.cells import N_WIDTHS, Floats, describe_width, width_class
from crowdmask.survey.design import Design, Row, source_values
from crowdmask.survey.sightings import LOOK_S, Sightings

ALL = "all"
FOLDER, CAMERA, HOUR, DAY, ZONE, FACE_SIZE = "folder", "camera", "hour", "day", "zone", "face-size"
WAYS = (FOLDER, CAMERA, HOUR, DAY, ZONE, FACE_SIZE)
NO_TIME = "time unknown"
NO_ZONE = "no zone"


@dataclass(frozen=True, eq=False)
class Group:
    """A part of the sightings.

    Attributes:
        name: displayed name.
        looks: (L,) bool.
        faces: (F,) bool; its faces; None: all faces of its looks.
        widths: its width classes; None: all.
    """

    name: str
    looks: NDArray[np.bool_]
    faces: NDArray[np.bool_] | None = None
    widths: tuple[int, ...] | None = None

    @property
    def seed(self) -> int:
        """A number made of its name, which may be no valid text: each group has draws of its own."""
        return zlib.crc32(self.name.encode("utf-8", "surrogatepass"))


def make_groups(seen: Sightings, by: str | None, design: Design | None) -> list[Group]:
    """Divide the sightings into groups.

    Args:
        seen: all sightings.
        by: one of `WAYS`, "group" for the groups of the design, or None for one group of all.
        design: the user's information about the sources.
    Raises:
        UsageError: unknown way of grouping, or the records lack the information for it.
    """
    everything = np.ones(seen.looks, bool)
    if by is None:
        return [Group(ALL, everything)]
    if by == "group":
        return _of_design(seen, design)
    if by == FACE_SIZE:
        return _of_widths(seen, everything)
    if by == ZONE:
        return _of_zones(seen, everything)
    if by not in WAYS:
        raise UsageError(f"`by` {by}: choose from {', '.join(WAYS)}, or give a CSV file")
    names = np.array(_look_names(seen, by, design), dtype=object)
    return [Group(name, names == name) for name in sorted(set(names.tolist()))]


def cameras(seen: Sightings, design: Design | None) -> list[str]:
    """Return the camera of each source: from the table, or the video itself or the photo's folder."""
    rows = source_values(design, seen.sources) if design is not None else {}
    return [_camera(source, rows.get(source, []), seen.is_video) for source in seen.sources]


def _camera(source: str, rows: Sequence[Row], is_video: bool) -> str:
    for row in rows:
        if row.camera is not None:
            return row.camera
    return source if is_video else os.path.dirname(source) or "."


@dataclass(frozen=True, eq=False)
class Clusters:
    """The clusters, which were sampled as a whole: visits, days, places.

    Attributes:
        names: (L,) the cluster of each look.
        stratum: its stratum, by the name of the cluster.
        weight: how many it represents, by name of the cluster.
        stated: whether the user stated them.
    """

    names: list[str]
    stratum: dict[str, str]
    weight: dict[str, float]
    stated: bool


def make_clusters(seen: Sightings, design: Design | None) -> Clusters:
    """Determine the clusters: from the table; without a table, photos of one camera within 60 s.

    Raises:
        DataError: one cluster has two strata or weights, or a source has none.
    """
    if design is None or "cluster" not in design.columns:
        return Clusters(_runs(seen, design), {}, {}, False)
    of_source: dict[str, str] = {}
    stratum: dict[str, str] = {}
    weight: dict[str, float] = {}
    for source, rows in source_values(design, seen.sources).items():
        named = {row.cluster for row in rows if row.cluster is not None}
        if len(named) > 1:
            raise DataError(f"{design.name}: {source} is in {len(named)} clusters: a photo can be in one")
        for row in rows:
            if row.cluster is None:
                continue
            of_source[source] = row.cluster
            if stratum.setdefault(row.cluster, row.stratum or "") != (row.stratum or ""):
                raise DataError(f"{design.name}: the cluster {row.cluster} has two strata")
            if weight.setdefault(row.cluster, row.weight) != row.weight:
                raise DataError(f"{design.name}: the cluster {row.cluster} has two weights")
    names = [of_source.get(source, "") for source in seen.sources]
    stated = [names[index] for index in seen.source]
    if not seen.is_video:
        stated = _joined(stated, _runs(seen, design), seen, stratum, weight)
    return Clusters(stated, stratum, weight, True)


def _joined(
    names: list[str], runs: list[str], seen: Sightings, stratum: dict[str, str], weight: dict[str, float]
) -> list[str]:
    """Join clusters of one stratum and weight that share a series of photos: they show the same people."""
    same: dict[str, str] = {}

    def root(name: str) -> str:
        while same.get(name, name) != name:
            name = same[name]
        return name

    first: dict[tuple[str, str, float], str] = {}
    for look, (name, run) in enumerate(zip(names, runs, strict=True)):
        if name and not np.isnan(seen.time_s[look]):
            kept = first.setdefault((run, stratum[name], weight[name]), name)
            same[root(name)] = root(kept)
    return [root(name) if name else "" for name in names]


def _runs(seen: Sightings, design: Design | None) -> list[str]:
    """Name the series of photos of one camera within 60 s; for video, its minutes."""
    camera = cameras(seen, design)
    if seen.is_video:
        return [
            f"{camera[at]} {offset // LOOK_S:.0f}"
            for at, offset in zip(seen.source, seen.offset_s, strict=True)
        ]
    names = [""] * seen.looks
    by_camera: dict[str, list[int]] = {}
    for look, at in enumerate(seen.source):
        if np.isnan(seen.time_s[look]):
            names[look] = f"photo {look}"
        else:
            by_camera.setdefault(camera[at], []).append(look)
    for name, looks in by_camera.items():
        looks.sort(key=lambda look: seen.time_s[look])
        run, begun = 0, -np.inf
        for look in looks:
            if seen.time_s[look] - begun > LOOK_S:
                run, begun = run + 1, seen.time_s[look]
            names[look] = f"{name} {run}"
    return names


def local_times(time_s: Floats, offset_s: Floats) -> list[datetime | None]:
    """Return the local time of each look; None if unknown."""
    return [
        None if np.isnan(start) else datetime.fromtimestamp(start + (0 if np.isnan(offset) else offset), UTC)
        for start, offset in zip(time_s, offset_s, strict=True)
    ]


def _look_names(seen: Sightings, by: str, design: Design | None) -> list[str]:
    if by == FOLDER:
        folders = [os.path.dirname(source) or "." for source in seen.sources]
        return [folders[index] for index in seen.source]
    if by == CAMERA:
        of_source = cameras(seen, design)
        return [of_source[index] for index in seen.source]
    form = "%Y-%m-%d %H:00" if by == HOUR else "%Y-%m-%d"
    names = []
    for when, offset in zip(local_times(seen.time_s, seen.offset_s), seen.offset_s, strict=True):
        if when is not None:
            names.append(when.strftime(form))
        elif by == HOUR and not np.isnan(offset):
            names.append(f"hour {int(offset // 3600) + 1} of the recording")
        else:
            names.append(NO_TIME)
    if set(names) == {NO_TIME}:
        raise UsageError(
            f"`by` {by}: none of the sources states its time: give a CSV with the columns source and time "
            "by `design`, or `start` for one video"
        )
    return names


def _of_design(seen: Sightings, design: Design | None) -> list[Group]:
    if design is None or "group" not in design.columns:
        name = "the table" if design is None else design.name
        raise DataError(f"{name}: no column group, which `by` needs")
    matched, _ = design.match(seen.sources)
    members: dict[str, list[int]] = {}
    for row, found in zip(design.rows, matched, strict=True):
        if row.group is not None:
            members.setdefault(row.group, []).extend(int(index) for index in found)
    return [Group(name, np.isin(seen.source, indices)) for name, indices in members.items()]


def _of_widths(seen: Sightings, everything: NDArray[np.bool_]) -> list[Group]:
    classes = width_class(seen.width_px)
    if len(classes) and np.isnan(seen.width_px).all():
        raise UsageError("`by` face-size: events carry no width of faces: give the frames' records of track")
    return [Group(describe_width(index), everything, classes == index, (index,)) for index in range(N_WIDTHS)]


def _of_zones(seen: Sightings, everything: NDArray[np.bool_]) -> list[Group]:
    if seen.zone is None or not seen.zones:
        raise UsageError(
            "`by` zone: no zone is in these records: give the events of a run of track with zones"
        )
    groups = [Group(name, everything, seen.zone == index) for index, name in enumerate(seen.zones)]
    if (seen.zone < 0).any():
        groups.append(Group(NO_ZONE, everything, seen.zone < 0))
    return groups
