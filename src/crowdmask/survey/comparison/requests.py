"""Make the requested comparisons of a survey."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Literal

import numpy as np

from crowdmask.errors import UsageError
from crowdmask.survey.comparison.compare import COMPARED, Difference, Paired, Side, before_and_after, compare
from crowdmask.survey.design import Design, parse_time
from crowdmask.survey.estimate import Estimate
from crowdmask.survey.grouping import cameras, local_times
from crowdmask.survey.sightings import Sightings, sort_faces
from crowdmask.survey.uncertainty import Knowledge


def compare_groups(
    groups: Sequence[tuple[str, Estimate]], pairs: Sequence[tuple[str, str]] | Literal["all"]
) -> list[Difference]:
    """Compare pairs of groups, or each with each."""
    if not pairs:
        return []
    sides = [
        Side(
            name,
            {
                figure: (share, draws)
                if (share := estimate.figures[figure].share) is not None
                and (draws := estimate.figures[figure].draws) is not None
                else None
                for figure in COMPARED
            },
            estimate.freedom,
        )
        for name, estimate in groups
    ]
    return compare(sides, None if pairs == "all" else list(pairs))


def compare_times(
    seen: Sightings, design: Design | None, known: Knowledge | None, day: str, timezone: str | None
) -> list[Difference]:
    """Compare the time from a day on with the time before, each camera, weekday and hour with itself.

    Raises:
        UsageError: the day is none, no times are known, or there are no rates.
    """
    try:
        first = parse_time(day, timezone)
    except (ValueError, OverflowError) as error:
        raise UsageError(f"`before_after` {day!r}: write it like 2026-03-02") from error
    if known is None:
        raise UsageError("`before_after` needs the error rates of the model, which are not known")
    whens = local_times(seen.time_s, seen.offset_s)
    looks = np.array([when is not None for when in whens], bool)
    if not looks.any():
        raise UsageError("`before_after`: none of the sources states its time: give a table with `design`")
    of_source = cameras(seen, design)
    cells = sort_faces(seen, looks, None, known.rates.edges, known.floor)
    pairs: dict[tuple[str, int, int], int] = {}
    days: dict[datetime, int] = {}
    parts: dict[tuple[int, int, bool], int] = {}
    at = np.zeros(len(cells.looks), np.intp)
    for number, look in enumerate(cells.looks):
        when = whens[look]
        assert when is not None  # only these looks were sorted
        pair = pairs.setdefault((of_source[seen.source[look]], when.weekday(), when.hour), len(pairs))
        midnight = when.replace(hour=0, minute=0, second=0, microsecond=0)
        of_day = days.setdefault(midnight, len(days))
        at[number] = parts.setdefault((pair, of_day, when.timestamp() >= first), len(parts))
    summed = np.zeros((len(parts), *cells.known.shape[1:]))
    np.add.at(summed, at, cells.known)
    keys = np.array(list(parts), np.intp).reshape(-1, 3)
    paired = Paired(summed, keys[:, 0], keys[:, 1], keys[:, 2].astype(bool))
    return before_and_after(paired, known, (f"from {day} on", f"before {day}"))
