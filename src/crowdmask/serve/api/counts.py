"""``/v1/counts`` and ``/v1/events``: what was seen."""

# Without postponed annotations: FastAPI reads those of routes.

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, HTTPException, Query

from crowdmask.serve.api.problems import problems
from crowdmask.serve.api.values import WHOLE, Time
from crowdmask.serve.service import Service
from crowdmask.store.charts import Per

_MOST_ROWS = {"minute": 2, "hour": 62, "day": 3660, "week": 3660}
"""So many days may be asked for at once."""

Start = Annotated[Time | None, Query(description="From then on; none: the last day.")]
End = Annotated[Time | None, Query(description="Before; none: now.")]
Camera = Annotated[str | None, Query(max_length=255, description="Only of this one.")]
EventName = Literal[
    "person_appeared", "person_left", "mask_put_on", "mask_taken_off", "mask_incorrect", "no_mask"
]


def counts_router(service: Service, viewer: Callable[..., Any]) -> APIRouter:
    """Return the routes.

    Args:
        service: the site.
        viewer: lets those in who may look.
    """
    router = APIRouter(
        dependencies=[Depends(viewer)], responses=problems(401, 403, 409, 422), tags=["counts"]
    )

    @router.get("/v1/counts")
    def counts(
        start: Start = None,
        end: End = None,
        camera: Camera = None,
        zone: Annotated[str | None, Query(max_length=255, description="None: the whole picture.")] = None,
        per: Annotated[Per, Query(description="How long each is, in the site's time zone.")] = "hour",
    ) -> list[dict[str, Any]]:
        """Return seconds in view by state; what was not looked at is a gap, and is not there."""
        begin, until = _span(start, end, _MOST_ROWS[per])
        found = service.store.counts(
            start=begin, end=until, camera=camera, zone=zone, per=per, timezone=service.site.clock
        )
        return [each.to_record() for each in found]

    @router.get("/v1/events")
    def events(
        start: Start = None,
        end: End = None,
        camera: Camera = None,
        event: Annotated[EventName | None, Query(description="Only of this kind.")] = None,
        limit: Annotated[int, Query(ge=1, le=10_000), WHOLE] = 1000,
    ) -> list[dict[str, Any]]:
        """Return events, the newest first."""
        begin, until = _span(start, end, 3660)
        found = service.store.events(start=begin, end=until, camera=camera, event=event, limit=limit)
        return [each.to_record() for each in found]

    return router


def _span(start: datetime | None, end: datetime | None, most_days: int) -> tuple[datetime, datetime]:
    until = end or datetime.now(UTC)
    try:
        begin = start or until - timedelta(days=1)
        if not timedelta(0) <= until - begin <= timedelta(days=most_days):
            raise HTTPException(409, f"`start` must be before `end`, and at most {most_days} days")
        begin.timestamp(), until.timestamp()
    except OverflowError as error:
        raise HTTPException(409, "a time out of range") from error
    return begin, until
