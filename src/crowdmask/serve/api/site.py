"""``/v1/site``: what a page needs to know of the site before anything else."""

# Without postponed annotations: FastAPI reads those of routes.

from typing import Annotated, Literal

from fastapi import APIRouter, Depends
from pydantic import BaseModel, Field

from crowdmask import __version__
from crowdmask.serve.api.problems import problems
from crowdmask.serve.auth.guards import Guards
from crowdmask.serve.service import Service


class SiteBody(BaseModel):
    """A site."""

    name: str
    timezone: Annotated[str, Field(description="In which days and weeks begin.", examples=["Europe/Berlin"])]
    mode: Annotated[Literal["operation", "statistics"], Field(description="statistics: counts only.")]
    version: Annotated[str, Field(description="Of the service.")]


def site_router(service: Service, guards: Guards) -> APIRouter:
    """Return the route.

    Args:
        service: the site.
        guards: let in those who may look.
    """
    router = APIRouter(dependencies=[Depends(guards.viewer)], responses=problems(401, 403), tags=["cameras"])

    @router.get("/v1/site")
    def site() -> SiteBody:
        """Return the name, the time zone and the mode of the site."""
        found = service.site
        return SiteBody(name=found.name, timezone=found.timezone, mode=found.mode, version=__version__)

    return router
