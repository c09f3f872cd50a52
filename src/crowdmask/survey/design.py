"""A user's information about the sources: a CSV of groups, clusters, weights, cameras and times."""

from __future__ import annotations

import csv
import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from crowdmask.errors import DataError, SourceError, UsageError
from crowdmask.survey.cells import Floats

COLUMNS = ("source", "group", "cluster", "stratum", "weight", "camera", "time")


@dataclass(frozen=True)
class Row:
    """One row of the table.

    Attributes:
        source: a photo, video or camera, as in the records or by its file name.
        group, cluster, stratum, camera: None if the column is missing or empty.
        weight: number of places, days or people that a cluster represents.
        time_s: when the photo was taken, or the video began, seconds since 1970 in local time.
    """

    source: str
    group: str | None
    cluster: str | None
    stratum: str | None
    weight: float
    camera: str | None
    time_s: float


@dataclass(frozen=True, eq=False)
class Design:
    """A table of information about the sources.

    Attributes:
        name: of the file.
        rows: its rows in order.
        columns: those of `COLUMNS` that it has.
    """

    name: str
    rows: tuple[Row, ...]
    columns: frozenset[str]

    def match(self, sources: Sequence[str]) -> tuple[list[NDArray[np.intp]], list[str]]:
        """Find the sources of each row.

        Args:
            sources: displayed names, each once.
        Returns:
            For each row the indices of its sources (none, or one), and the rows' sources that do not exist.
        """
        exact = {name: index for index, name in enumerate(sources)}
        real: dict[str, int] | None = None
        bare: dict[str, list[int]] = {}
        for at, name in enumerate(sources):
            bare.setdefault(os.path.basename(name), []).append(at)
        found: list[NDArray[np.intp]] = []
        missing: list[str] = []
        for row in self.rows:
            index: int | None = exact.get(row.source)
            if index is None:
                if real is None:
                    real = {os.path.normpath(name): at for at, name in enumerate(sources)}
                index = real.get(os.path.normpath(row.source))
            if index is None and os.path.basename(row.source) == row.source:
                of_name = bare.get(row.source, [])
                if len(of_name) > 1:
                    raise DataError(
                        f"{self.name}: {row.source} is the name of {len(of_name)} sources: give their paths"
                    )
                index = of_name[0] if of_name else None
            if index is None:
                missing.append(row.source)
            found.append(np.array([] if index is None else [index], np.intp))
        return found, missing


def read_design(path: str, timezone: str | None = None) -> Design:
    """Read a CSV with the column `source` and any others of `COLUMNS`.

    Args:
        path: the file; its first line names the columns, in any order.
        timezone: times with a UTC offset are converted to this time zone.
    Raises:
        SourceError: it cannot be read.
        DataError: columns are missing, or a weight or time is invalid.
    """
    try:
        text = Path(path).read_text(encoding="utf-8-sig")
    except OSError as error:
        raise SourceError(f"{path}: {(error.strerror or str(error)).lower()}") from error
    except UnicodeDecodeError as error:
        raise DataError(f"{path}: not a CSV in UTF-8: save it as UTF-8") from error
    lines = csv.DictReader(text.splitlines())
    names = [name.strip().lower() for name in lines.fieldnames or []]
    lines.fieldnames = names
    if "source" not in names:
        raise DataError(
            f"{path}: its first line must name the column source, and may name {', '.join(COLUMNS[1:])}"
        )
    rows = [
        _row(
            {
                key: (value or "").strip()
                for key, value in line.items()
                if isinstance(key, str) and not isinstance(value, list)
            },
            f"{path}: line {lines.line_num}",
            timezone,
        )
        for line in lines
    ]
    if not rows:
        raise DataError(f"{path}: no row below its first line")
    return Design(path, tuple(rows), frozenset(names) & frozenset(COLUMNS))


def parse_time(text: str, timezone: str | None = None) -> float:
    """Return a time like ``2026-03-02T08:15`` as seconds since 1970 in local time.

    Args:
        text: ISO 8601; with an offset it is converted to `timezone`.
        timezone: a name like "Europe/Zurich"; None: the time as stated.
    Raises:
        ValueError: it is not a valid time.
    """
    when = datetime.fromisoformat(text)
    if when.tzinfo is not None:
        if timezone is not None:
            when = when.astimezone(ZoneInfo(timezone))
        when = when.replace(tzinfo=None)
    return when.replace(tzinfo=UTC).timestamp()


def check_timezone(name: str) -> None:
    """Raise `UsageError` unless there is a time zone of this name."""
    try:
        ZoneInfo(name)
    except (OSError, ValueError) as error:  # ZoneInfoNotFoundError is a KeyError
        raise UsageError(f"there is no time zone {name!r}: give a name like Europe/Zurich") from error
    except KeyError as error:
        raise UsageError(f"there is no time zone {name!r}: give a name like Europe/Zurich") from error


def _row(line: dict[str, str], where: str, timezone: str | None) -> Row:
    source = line.get("source", "")
    if not source:
        raise DataError(f"{where} has no source")
    weight = 1.0
    if line.get("weight"):
        try:
            weight = float(line["weight"])
        except ValueError:
            weight = float("nan")
        if not 0 < weight < float("inf"):
            raise DataError(f"{where}: the weight {line['weight']!r} must be a number above 0")
    time_s = float("nan")
    if line.get("time"):
        try:
            time_s = parse_time(line["time"], timezone)
        except (ValueError, OverflowError) as error:
            raise DataError(
                f"{where}: the time {line['time']!r} is invalid: write it like 2026-03-02T08:15"
            ) from error
    return Row(
        source, line.get("group") or None, line.get("cluster") or None, line.get("stratum") or None,
        weight, line.get("camera") or None, time_s,
    )  # fmt: skip


def source_values(design: Design, sources: Sequence[str]) -> dict[str, list[Row]]:
    """Return the rows of each source that has one, by its displayed name."""
    matched, _ = design.match(sources)
    rows: dict[str, list[Row]] = {}
    for row, found in zip(design.rows, matched, strict=True):
        for index in found:
            rows.setdefault(sources[index], []).append(row)
    return rows


def times_of(design: Design | None, sources: Sequence[str], start_s: float | None) -> Floats:
    """Return when each source was taken or began, (S,); NaN if unknown."""
    times = np.full(len(sources), np.nan if start_s is None else start_s)
    if design is not None and "time" in design.columns:
        matched, _ = design.match(sources)
        for row, found in zip(design.rows, matched, strict=True):
            if not np.isnan(row.time_s):
                times[found] = row.time_s
    return times
