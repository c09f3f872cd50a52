"""``/v1/events``: what happened to people in view."""

# Without postponed annotations: FastAPI reads those of routes.

import csv
import io
from collections.abc import Sequence
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.responses import JSONResponse

from crowdmask.serve.api.counts import Camera, End, Start, span_of, to_cell
from crowdmask.serve.api.login import Audit
from crowdmask.serve.api.problems import problems
from crowdmask.serve.api.values import WHOLE
from crowdmask.serve.auth.guards import Guards
from crowdmask.serve.service import Service
from crowdmask.store.records import StoredEvent

_MOST_DAYS = 3660
_COLUMNS = (
    "time_utc", "camera", "zone", "event", "label", "confidence", "track", "run", "source", "frame",
)  # fmt: skip
_AS_FILE = {"Content-Disposition": 'attachment; filename="events.csv"'}
_EXAMPLE = {
    "time_utc": "2026-05-04T08:00:12.345Z", "camera": "door", "zone": "A", "event": "mask_taken_off",
    "label": "without_mask", "confidence": 0.97, "track": 7, "run": "0d7c0b57-6b0c-4b5e-9c43-1d0e6f0a0a10",
    "source": "rtsp://10.0.0.5/stream", "frame": 1204,
}  # fmt: skip
_ANSWERS: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "Events, the newest first; as CSV where the header Accept asks for text/csv.",
        "content": {
            "application/json": {
                "schema": {"type": "array", "items": {"type": "object"}}, "example": [_EXAMPLE],
            },
            "text/csv": {"schema": {"type": "string"}},
        },
    }
}  # fmt: skip
EventName = Literal[
    "person_appeared", "person_left", "mask_put_on", "mask_taken_off", "mask_incorrect", "no_mask"
]


def events_to_csv(events: Sequence[StoredEvent]) -> str:
    """Return events as CSV; null is an empty field."""
    written = io.StringIO()
    table = csv.writer(written)
    table.writerow(_COLUMNS)
    for event in events:
        record = event.to_record()
        table.writerow([to_cell(record[name]) for name in _COLUMNS])
    return written.getvalue()


def events_router(service: Service, guards: Guards, audit: Audit) -> APIRouter:
    """Return the route.

    Args:
        service: the site.
        guards: let in those who may look.
        audit: is told of exports.
    """
    router = APIRouter(responses=problems(401, 403, 409, 422), tags=["events"])

    @router.get("/v1/events", responses=_ANSWERS)
    def events(
        request: Request,
        user: Annotated[str, Depends(guards.viewer)],
        start: Start = None,
        end: End = None,
        camera: Camera = None,
        zone: Annotated[str | None, Query(max_length=255, description="Only in this one.")] = None,
        event: Annotated[EventName | None, Query(description="Only of this kind.")] = None,
        limit: Annotated[int, Query(ge=1, le=10_000), WHOLE] = 1000,
    ) -> Response:
        """Return events, the newest first."""
        begin, until = span_of(start, end, _MOST_DAYS)
        found = service.store.events(
            start=begin, end=until, camera=camera, zone=zone, event=event, limit=limit
        )
        if "text/csv" in request.headers.get("accept", "").lower():
            audit(user, "exported", "events")
            return Response(events_to_csv(found), media_type="text/csv", headers=_AS_FILE)
        return JSONResponse([each.to_record() for each in found])

    return router
