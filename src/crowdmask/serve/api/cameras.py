"""``/v1/cameras``: how the cameras fare, and what they see now."""

# Without postponed annotations: FastAPI reads those of routes.

import io
from typing import Annotated

from fastapi import APIRouter, HTTPException, Path, Response
from PIL import Image
from pydantic import AwareDatetime, BaseModel, Field

from crowdmask.errors import UsageError
from crowdmask.live.health import Health
from crowdmask.serve.service import Service


class CameraBody(BaseModel):
    """A camera and how it fares."""

    name: str
    source: Annotated[str | None, Field(description="Without credentials; null while it is not active.")]
    state: Annotated[str, Field(description="live, connecting, waiting …; inactive: outside its hours.")]
    zones: list[str]
    fps: float
    frozen: bool
    reconnects: int
    restarts: int
    latency_ms: float | None
    down_since: AwareDatetime | None
    last_error: str | None


def cameras_router(service: Service) -> APIRouter:
    """Return the routes.

    Args:
        service: the site.
    """
    router = APIRouter(tags=["cameras"])

    @router.get("/v1/cameras")
    def list_cameras() -> list[CameraBody]:
        """Return all cameras of the site."""
        health = {each.camera: each for each in service.health()}
        return [
            _body(camera.name, [zone.name for zone in camera.zones], health.get(camera.name))
            for camera in service.site.cameras
        ]

    @router.get(
        "/v1/cameras/{name}/snapshot",
        response_class=Response,
        responses={
            200: {"content": {"image/jpeg": {}}, "description": "The newest frame, faces blurred."},
            404: {"description": "There is no such camera, or it is not active."},
            503: {"description": "No frame has come yet."},
        },
    )
    def snapshot(name: Annotated[str, Path(min_length=1, max_length=255)]) -> Response:
        """Return what a camera sees now; faces are always blurred."""
        try:
            picture = service.session.snapshot(name, blur=True)
        except UsageError as error:
            raise HTTPException(404, f"no camera {name!r} is active") from error
        if picture is None:
            raise HTTPException(503, "no frame has come yet", {"retry-after": "1"})
        written = io.BytesIO()
        Image.fromarray(picture).save(written, "JPEG", quality=85)
        return Response(written.getvalue(), media_type="image/jpeg")

    return router


def _body(name: str, zones: list[str], health: Health | None) -> CameraBody:
    return CameraBody(
        name=name,
        source=None if health is None else health.source,
        state="inactive" if health is None else health.state,
        zones=zones,
        fps=0.0 if health is None else health.fps,
        frozen=health is not None and health.frozen,
        reconnects=0 if health is None else health.reconnects,
        restarts=0 if health is None else health.restarts,
        latency_ms=None if health is None else health.latency_ms,
        down_since=None if health is None else health.down_since,
        last_error=None if health is None else health.last_error,
    )
