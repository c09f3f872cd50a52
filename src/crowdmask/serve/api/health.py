"""``/v1/health``, ``/v1/ready`` and ``/metrics``."""

# Without postponed annotations: FastAPI reads those of routes, which name what their factory was given.

import time
from collections.abc import Callable
from typing import Annotated, Any

from fastapi import APIRouter, Depends, HTTPException, Response
from pydantic import BaseModel, Field

from crowdmask import __version__
from crowdmask.serve.api.problems import problems
from crowdmask.serve.metrics import CONTENT_TYPE, Metrics
from crowdmask.serve.service import Service


class HealthBody(BaseModel):
    """That the service lives, and what it runs."""

    status: Annotated[str, Field(examples=["ok"])]
    version: str
    model: str
    model_hash: str
    running_s: float
    cameras: Annotated[int, Field(description="Of the site.")]
    online: Annotated[int, Field(description="Of them that send frames.")]
    open_alerts: int


class ReadyBody(BaseModel):
    """Whether all parts work."""

    ready: bool


def health_router(
    model: tuple[str, str], service: Service | None, metrics: Metrics, viewer: Callable[..., Any]
) -> APIRouter:
    """Return the routes.

    Args:
        model: name and hash.
        service: the site; None: photos only.
        metrics: of the service.
        viewer: lets those in who may look.
    """
    router = APIRouter(tags=["health"])
    began_s = time.monotonic()

    @router.get("/v1/health")
    def health() -> HealthBody:
        """Say that the service lives; for watchdogs, without a login."""
        cameras = [] if service is None else service.health()
        return HealthBody(
            status="ok",
            version=__version__,
            model=model[0],
            model_hash=model[1],
            running_s=round(time.monotonic() - began_s, 1),
            cameras=0 if service is None else len(service.site.cameras),
            online=sum(each.state == "live" and each.down_since is None for each in cameras),
            open_alerts=0 if service is None else len(service.alerts.open),
        )

    @router.get("/v1/ready", responses=problems(503))
    def ready() -> ReadyBody:
        """Say whether all parts work; for load balancers, without a login."""
        if service is not None and service.store_is_away:
            raise HTTPException(503, "the store cannot be written", {"Retry-After": "5"})
        return ReadyBody(ready=True)

    @router.get(
        "/metrics",
        dependencies=[Depends(viewer)],
        responses={200: {"content": {"text/plain": {"schema": {"type": "string"}}}}, **problems(401, 403)},
        response_class=Response,
    )
    def prometheus() -> Response:
        """Return the metrics as Prometheus reads them."""
        return Response(metrics.text(), media_type=CONTENT_TYPE)

    return router
