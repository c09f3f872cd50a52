"""``/v1/links``: links for wall screens; ``/v1/wall``: the figures that they show."""

# Without postponed annotations: FastAPI reads those of routes.

from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Depends, HTTPException, Path, Response
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from crowdmask.serve.api.login import Audit
from crowdmask.serve.api.problems import problems
from crowdmask.serve.api.values import WHOLE
from crowdmask.serve.auth.guards import Guards
from crowdmask.serve.auth.links import Links
from crowdmask.serve.service import Service
from crowdmask.tracking.mask_state import STATES


class NewLink(BaseModel):
    """A link to make."""

    model_config = ConfigDict(extra="forbid", strict=True)

    name: Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[^\x00-\x1f]+$", examples=["hall"])]
    days: Annotated[int, Field(ge=1, le=366, description="After which it expires."), WHOLE] = 30


class LinkBody(BaseModel):
    """A link, without its token."""

    id: str
    name: str
    created_utc: AwareDatetime
    created_by: str
    expires_utc: AwareDatetime
    revoked_utc: AwareDatetime | None
    revoked_by: str | None


class MadeLink(LinkBody):
    """A link and its token."""

    token: Annotated[str, Field(description="Shown this once: for `/wall#TOKEN`, or as a Bearer token.")]


class WallZone(BaseModel):
    """People in a zone now."""

    zone: Annotated[str | None, Field(description="Null: the whole picture.")]
    people: Annotated[dict[str, int] | None, Field(description="By mask state; null: not known.")]
    share_with_mask: Annotated[float | None, Field(description="Of those with a known state.")]


class WallCamera(BaseModel):
    """A camera on a wall screen: figures, no picture."""

    camera: str
    online: bool
    frozen: bool
    private: bool
    zones: list[WallZone]


class WallBody(BaseModel):
    """What a wall screen shows."""

    site: str
    timezone: Annotated[str, Field(description="In which a screen shows times.", examples=["Europe/Berlin"])]
    time_utc: AwareDatetime
    cameras: list[WallCamera]


def links_router(service: Service, links: Links, guards: Guards, audit: Audit) -> APIRouter:
    """Return the routes.

    Args:
        service: the site.
        links: make, check and revoke links.
        guards: let in those who may look, and those who may change things.
        audit: is told who did what to what.
    """
    router = APIRouter(responses=problems(401, 403), tags=["wall"])

    @router.post("/v1/links", status_code=201, responses=problems(400, 422))
    def create_link(body: NewLink, user: Annotated[str, Depends(guards.admin)]) -> MadeLink:
        """Make a link for a wall screen: it shows figures only, and expires."""
        link, token = links.create(body.name, body.days, user)
        audit(user, "made", f"link {link.name} ({link.id}) until {link.expires_utc:%Y-%m-%d %H:%M} UTC")
        return MadeLink(**vars(link), token=token)

    @router.get("/v1/links", dependencies=[Depends(guards.admin)])
    def list_links() -> list[LinkBody]:
        """Return all links, the newest first, also expired and revoked ones."""
        return [LinkBody(**vars(link)) for link in links.all()]

    @router.delete("/v1/links/{link_id}", status_code=204, responses=problems(404, 422))
    def revoke_link(
        link_id: Annotated[str, Path(min_length=1, max_length=36, pattern=r"^[0-9A-Za-z-]+$")],
        user: Annotated[str, Depends(guards.admin)],
    ) -> Response:
        """Revoke a link: from now on it lets nobody in."""
        link = links.revoke(link_id, user)
        if link is None:
            raise HTTPException(404, f"there is no link {link_id}")
        audit(user, "revoked", f"link {link.name} ({link.id})")
        return Response(status_code=204)

    @router.get("/v1/wall", dependencies=[Depends(guards.figures)])
    def wall() -> WallBody:
        """Return the figures of now, for users and for wall screens."""
        return WallBody(
            site=service.site.name,
            timezone=service.site.timezone,
            time_utc=datetime.now(UTC),
            cameras=[_camera(service, camera.name) for camera in service.site.cameras],
        )

    return router


def _camera(service: Service, name: str) -> WallCamera:
    now = [each for each in service.now if each["camera"] == name]
    return WallCamera(
        camera=name,
        online=any(each["online"] for each in now),
        frozen=any(each["frozen"] for each in now),
        private=name in service.private,
        zones=[
            WallZone(zone=each["zone"], people=each["people"], share_with_mask=_share(each["people"]))
            for each in now
        ],
    )


def _share(people: dict[str, int] | None) -> float | None:
    known = 0 if people is None else sum(people[state] for state in STATES[:-1])
    return None if people is None or not known else round(people[STATES[0]] / known, 4)
