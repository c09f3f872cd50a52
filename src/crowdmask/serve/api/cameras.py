"""``/v1/cameras``: how the cameras fare, and what they see now."""

# Without postponed annotations: FastAPI reads those of routes.

import io
from typing import Annotated

from fastapi import APIRouter, Depends, HTTPException, Path, Query, Response
from PIL import Image
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from crowdmask.errors import UsageError
from crowdmask.live.health import Health
from crowdmask.serve.api.login import Audit
from crowdmask.serve.api.problems import problems
from crowdmask.serve.auth.guards import Guards
from crowdmask.serve.following.looking import Looking
from crowdmask.serve.service import Service
from crowdmask.serve.site import CameraSettings


class CameraBody(BaseModel):
    """A camera and how it fares."""

    name: str
    source: Annotated[str | None, Field(description="Without credentials; null while it is not active.")]
    state: Annotated[str, Field(description="live, connecting, waiting …; inactive: outside its hours.")]
    zones: list[str]
    fps: Annotated[float, Field(description="Frames a second that come.")]
    frames: Annotated[int, Field(description="That came in this run.")]
    dropped: Annotated[int, Field(description="Of them, those that were not looked at.")]
    frozen: bool
    reconnects: int
    restarts: int
    latency_ms: float | None
    down_since: AwareDatetime | None
    last_error: str | None
    private: Annotated[bool, Field(description="Whether nothing of it is looked at for now.")]


class PrivacyRequest(BaseModel):
    """Whether nothing of a camera may be looked at."""

    model_config = ConfigDict(extra="forbid", strict=True)

    on: Annotated[bool, Field(examples=[True])]


def cameras_router(service: Service, guards: Guards, looking: Looking, audit: Audit) -> APIRouter:
    """Return the routes.

    Args:
        service: the site.
        guards: let in those who may look, and those who may change things.
        looking: notes who looks at what.
        audit: is told who did what to what.
    """
    router = APIRouter(dependencies=[Depends(guards.viewer)], responses=problems(401, 403), tags=["cameras"])

    @router.get("/v1/cameras")
    def list_cameras() -> list[CameraBody]:
        """Return all cameras of the site."""
        health = {each.camera: each for each in service.health()}
        return [_body(service, camera, health.get(camera.name)) for camera in service.site.cameras]

    @router.get(
        "/v1/cameras/{name}/snapshot",
        response_class=Response,
        responses={
            200: {"content": {"image/jpeg": {}}, "description": "The newest frame, faces blurred."},
            **problems(404, 422),
        },
    )
    def snapshot(
        name: Annotated[str, Path(min_length=1, max_length=255)],
        user: Annotated[str, Depends(guards.viewer)],
        annotated: Annotated[bool, Query(description="With boxes, zones and counts.")] = True,
    ) -> Response:
        """Return what a camera sees now; faces are always blurred. Mode statistics shows nothing."""
        if service.site.mode == "statistics":
            raise HTTPException(404, "mode statistics shows no pictures")
        try:
            picture = service.session.snapshot(name, blur=True, annotated=annotated)
        except UsageError as error:
            raise HTTPException(404, f"no camera {name!r} is active") from error
        if picture is None:
            raise HTTPException(404, f"no frame of {name!r} has come yet", {"retry-after": "1"})
        looking.begins(user, name)
        written = io.BytesIO()
        Image.fromarray(picture).save(written, "JPEG", quality=85)
        return Response(written.getvalue(), media_type="image/jpeg")

    @router.put("/v1/cameras/{name}/privacy", responses=problems(400, 404, 422))
    def switch_privacy(
        name: Annotated[str, Path(min_length=1, max_length=255)],
        body: PrivacyRequest,
        user: Annotated[str, Depends(guards.admin)],
    ) -> CameraBody:
        """Look at nothing of a camera, over restarts, or look at it again."""
        camera = next((each for each in service.site.cameras if each.name == name), None)
        if camera is None:
            raise HTTPException(404, f"there is no camera {name!r}")
        service.switch_privacy(name, body.on, user)
        audit(user, f"privacy {'on' if body.on else 'off'}", f"camera {name}")
        health = {each.camera: each for each in service.health()}
        return _body(service, camera, health.get(name))

    return router


def _body(service: Service, camera: CameraSettings, health: Health | None) -> CameraBody:
    return CameraBody(
        name=camera.name,
        source=None if health is None else health.source,
        state="inactive" if health is None else health.state,
        zones=[zone.name for zone in camera.zones],
        private=camera.name in service.private,
        fps=0.0 if health is None else health.fps,
        frames=0 if health is None else health.frames,
        dropped=0 if health is None else health.dropped,
        frozen=health is not None and health.frozen,
        reconnects=0 if health is None else health.reconnects,
        restarts=0 if health is None else health.restarts,
        latency_ms=None if health is None else health.latency_ms,
        down_since=None if health is None else health.down_since,
        last_error=None if health is None else health.last_error,
    )
