"""``/v1/counts`` and ``/v1/gaps``: what was seen, and when nothing was."""

# Without postponed annotations: FastAPI reads those of routes.

import csv
import io
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Annotated, Any

from fastapi import APIRouter, Depends, HTTPException, Query, Request, Response
from fastapi.responses import JSONResponse
from pydantic import AwareDatetime, BaseModel, Field

from crowdmask.alerts.judging import Judge, Share
from crowdmask.serve.api.login import Audit
from crowdmask.serve.api.problems import problems
from crowdmask.serve.api.values import Time
from crowdmask.serve.auth.guards import Guards
from crowdmask.serve.service import Service
from crowdmask.store.charts import Per
from crowdmask.store.records import Counts
from crowdmask.tracking.mask_state import STATES

_MOST_ROWS = {"minute": 2, "hour": 62, "day": 3660, "week": 3660}
"""So many days may be asked for at once."""

Start = Annotated[Time | None, Query(description="From then on; none: the last day.")]
End = Annotated[Time | None, Query(description="Before; none: now.")]
Camera = Annotated[str | None, Query(max_length=255, description="Only of this one.")]

_COLUMNS = ("start_utc", "camera", "zone", "observed_s", "down_s", "frozen_s")
_SHARES = ("share", "share_low", "share_high")
# A row takes some milliseconds; 300 draws put the ends of an interval right to about .01.
_DRAWS, _MOST_INTERVALS, _KEPT_SHARES = 300, 400, 20_000
_AS_FILE = {"Content-Disposition": 'attachment; filename="counts.csv"'}
_EXAMPLE = {
    "start_utc": "2026-05-04T08:00:00.000Z", "camera": "door", "zone": None, "observed_s": 3598.0,
    "down_s": 2.0, "frozen_s": 0.0, "people": 112, "share_with_mask": 0.87,
    "person_s": {"with_mask": 870.0, "without_mask": 100.0, "mask_worn_incorrect": 30.0, "unknown": 12.0},
}  # fmt: skip
_COUNTS: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "Rows; as CSV where the header Accept asks for text/csv.",
        "content": {
            "application/json": {
                "schema": {"type": "array", "items": {"type": "object"}}, "example": [_EXAMPLE],
            },
            "text/csv": {"schema": {"type": "string"}},
        },
    }
}  # fmt: skip


def to_csv(rows: Sequence[Counts], shares: Sequence[Mapping[str, float | None]] | None = None) -> str:
    """Return counts as CSV, a column for the seconds of each state; null is an empty field.

    Args:
        rows: the counts.
        shares: of each row, with its interval; None: without.
    """
    written = io.StringIO()
    table = csv.writer(written)
    states = (f"{state}_s" for state in STATES)
    table.writerow([*_COLUMNS, *states, "people", "share_with_mask", *(_SHARES if shares else ())])
    for number, row in enumerate(rows):
        record = row.to_record()
        seconds = [record["person_s"][state] for state in STATES]
        first = [to_cell(record[name]) for name in _COLUMNS]
        more = [shares[number][name] for name in _SHARES] if shares else []
        table.writerow([*first, *seconds, record["people"], record["share_with_mask"], *more])
    return written.getvalue()


def to_cell(value: Any) -> Any:
    """Return a value of a CSV file; keeps spreadsheets from reading a name as a formula."""
    return f"'{value}" if isinstance(value, str) and value.startswith(("=", "+", "-", "@")) else value


class GapBody(BaseModel):
    """A span in which a camera was not looked at."""

    camera: str
    why: Annotated[str, Field(description="down: no frame came; frozen: the same picture all the time.")]
    began_utc: AwareDatetime
    last_utc: Annotated[AwareDatetime, Field(description="When it was last seen to go on.")]
    error: Annotated[str | None, Field(description="What went wrong, in one line.")]


def counts_router(service: Service, guards: Guards, audit: Audit) -> APIRouter:
    """Return the routes.

    Args:
        service: the site.
        guards: let in those who may look.
        audit: is told of exports.
    """
    router = APIRouter(responses=problems(401, 403, 409, 422), tags=["counts"])
    judge = Judge(service.judge.rates, draws=_DRAWS)

    # What is over does not change, so a chart that is looked at again costs nothing.
    @lru_cache(_KEPT_SHARES)
    def share_of(seconds: tuple[float, ...], people: int, observed_s: float) -> Share | None:
        return judge.over_time(dict(zip(STATES, seconds, strict=True)), "with_mask", people, observed_s)

    @router.get("/v1/counts", responses=_COUNTS)
    def counts(
        request: Request,
        user: Annotated[str, Depends(guards.figures)],
        start: Start = None,
        end: End = None,
        camera: Camera = None,
        zone: Annotated[str | None, Query(max_length=255, description="None: the whole picture.")] = None,
        per: Annotated[Per, Query(description="How long each is, in the site's time zone.")] = "hour",
        interval: Annotated[
            bool,
            Query(
                description="Also `share`, corrected for the detector's measured errors, with its 95 % "
                "interval `share_low` to `share_high`; null: nobody with a known state was in view, or there "
                "are more than 400 rows."
            ),
        ] = False,
    ) -> Response:
        """Return seconds in view by state; what was not looked at is a gap, and is not there."""
        begin, until = span_of(start, end, _MOST_ROWS[per])
        found = service.store.counts(
            start=begin, end=until, camera=camera, zone=zone, per=per, timezone=service.site.clock
        )
        shares = _shares(found, share_of) if interval else None
        if "text/csv" in request.headers.get("accept", "").lower():
            audit(user, "exported", "counts")
            return Response(to_csv(found, shares), media_type="text/csv", headers=_AS_FILE)
        records = [each.to_record() for each in found]
        return JSONResponse(
            [{**record, **share} for record, share in zip(records, shares, strict=True)]
            if shares
            else records
        )

    @router.get("/v1/gaps", dependencies=[Depends(guards.viewer)])
    def gaps(start: Start = None, end: End = None, camera: Camera = None) -> list[GapBody]:
        """Return when cameras were not looked at though they should have been, in the order of time."""
        begin, until = span_of(start, end, 3660)
        found = service.store.gaps(start=begin, end=until, camera=camera)
        return [GapBody(**vars(each)) for each in found]

    return router


def _shares(
    rows: Sequence[Counts], share_of: Callable[[tuple[float, ...], int, float], Share | None]
) -> list[dict[str, float | None]]:
    if len(rows) > _MOST_INTERVALS:
        return [dict.fromkeys(_SHARES) for _ in rows]
    found = []
    for row in rows:
        seconds = tuple(row.person_s.get(state, 0.0) for state in STATES)
        share = share_of(seconds, row.people, row.observed_s)
        values = (None,) * 3 if share is None else (share.share, share.low, share.high)
        rounded = (None if value is None else round(value, 5) for value in values)
        found.append(dict(zip(_SHARES, rounded, strict=True)))
    return found


def span_of(start: datetime | None, end: datetime | None, most_days: int) -> tuple[datetime, datetime]:
    """Return from when, and before when; what is left out is the last day.

    Raises:
        HTTPException: 409, it is too long, or no span.
    """
    until = end or datetime.now(UTC)
    try:
        begin = start or until - timedelta(days=1)
        if not timedelta(0) <= until - begin <= timedelta(days=most_days):
            raise HTTPException(409, f"`start` must be before `end`, and at most {most_days} days")
        begin.timestamp(), until.timestamp()
    except OverflowError as error:
        raise HTTPException(409, "a time out of range") from error
    return begin, until
