"""``/v1/audit``: who logged in, looked at pictures, exported, or changed something."""

# Without postponed annotations: FastAPI reads those of routes.

from typing import Annotated

from fastapi import APIRouter, Depends, Query
from pydantic import AwareDatetime, BaseModel

from crowdmask.serve.api.problems import problems
from crowdmask.serve.api.values import WHOLE, Time
from crowdmask.serve.auth.guards import Guards
from crowdmask.store.audit import AuditLog


class AuditBody(BaseModel):
    """One line of the log."""

    time_utc: AwareDatetime
    who: str
    what: str
    thing: str
    address: str


def audit_router(log: AuditLog, guards: Guards) -> APIRouter:
    """Return the route.

    Args:
        log: of the store.
        guards: let in admins.
    """
    router = APIRouter(responses=problems(401, 403, 422), tags=["audit"])

    @router.get("/v1/audit", dependencies=[Depends(guards.admin)])
    def audit(
        start: Annotated[Time | None, Query(description="From then on.")] = None,
        end: Annotated[Time | None, Query(description="Before.")] = None,
        who: Annotated[str | None, Query(max_length=255, description="Only of this user.")] = None,
        limit: Annotated[int, Query(ge=1, le=10_000), WHOLE] = 1000,
    ) -> list[AuditBody]:
        """Return who did what to what, the newest first."""
        found = log.entries(start=start, end=end, who=None if who is None else who[:255], limit=limit)
        return [AuditBody(**vars(each)) for each in found]

    return router
