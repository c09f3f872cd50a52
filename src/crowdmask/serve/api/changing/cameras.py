"""``/v1/cameras`` and ``/v1/zones``, changed by an admin while the service runs."""

# Without postponed annotations: FastAPI reads those of routes.

import re
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, HTTPException, Path, Response
from pydantic import BaseModel, BeforeValidator, Field, SecretStr, ValidationError, WithJsonSchema
from pydantic_core import PydanticCustomError

from crowdmask.hours import Hours
from crowdmask.live.options import MOST_FPS, MOST_S
from crowdmask.live.sources import find_videos, hide_credentials
from crowdmask.serve.api.changing.parts import ChangingParts
from crowdmask.serve.api.problems import problems
from crowdmask.serve.api.values import strictly
from crowdmask.serve.auth.guards import Guards
from crowdmask.serve.site import CameraSettings, Site
from crowdmask.settings import StrictModel, describe_problems
from crowdmask.tracking.events import GRACE_S
from crowdmask.tracking.zones import Line, Point, Zone

_MOST_CAMERAS = 64
_SOURCE = r"^(rtsps?://|https?://)[^\s]{1,2000}$|^[0-9]{1,2}$"


def _to_source(value: Any) -> str:
    """Take addresses of cameras and numbers of webcams: no file of this machine, whatever its name."""
    if not isinstance(value, str) or not re.fullmatch(_SOURCE, value, re.ASCII):
        raise PydanticCustomError("source", "must be rtsp://, rtsps://, http:// or https://…, or a number")
    return value


Source = Annotated[
    SecretStr,
    BeforeValidator(_to_source),
    WithJsonSchema({"type": "string", "pattern": _SOURCE, "examples": ["rtsp://user:password@10.0.0.5/1"]}),
]
Name = Annotated[str, Field(min_length=1, max_length=255, pattern=r"^[^/\\\x00-\x1f]+$", examples=["door"])]
Corners = Annotated[tuple[Point, ...], Field(min_length=3)]


class ZonesChange(StrictModel):
    """Parts of a camera's picture; what is not given is empty."""

    units: Literal["fraction", "pixels"] = "fraction"
    zones: tuple[Zone, ...] = ()
    lines: tuple[Line, ...] = ()
    ignore: Annotated[tuple[Corners, ...], Field(description="Parts in which nobody counts.")] = ()


class CameraChange(ZonesChange):
    """What shall be other; what is not given stays."""

    source: Source = SecretStr("")
    min_face_px: Annotated[float, Field(ge=0, le=10_000)] = 0.0
    still_s: Annotated[float | None, Field(ge=60, le=7 * 86_400)] = 1800.0
    max_fps: Annotated[float | None, Field(gt=0, le=MOST_FPS)] = None
    look: Literal["adaptive", "every"] = "every"
    grace_s: Annotated[float, Field(ge=0, le=MOST_S)] = GRACE_S
    active: tuple[Hours, ...] = ()


class NewCamera(CameraChange):
    """A camera to add."""

    name: Name
    source: Source


class ZonesBody(BaseModel):
    """The zones of a camera."""

    camera: str
    units: Literal["fraction", "pixels"]
    zones: list[Zone]
    lines: list[Line]
    ignore: list[tuple[Point, ...]]


class SettingsBody(ZonesBody):
    """All settings of a camera."""

    source: Annotated[str, Field(description="Without credentials.")]
    min_face_px: float
    still_s: float | None
    max_fps: float | None
    look: Literal["adaptive", "every"]
    grace_s: float
    active: list[Hours]


CameraName = Annotated[str, Path(min_length=1, max_length=255, examples=["door"])]


def changing_cameras_router(parts: ChangingParts, guards: Guards) -> APIRouter:
    """Return the routes.

    Args:
        parts: what they work on.
        guards: let in those who may look, and those who may change things.
    """
    router = APIRouter(responses=problems(401, 403), tags=["cameras"])
    _add_cameras(router, parts, guards)
    _add_zones(router, parts, guards)
    return router


def _add_cameras(router: APIRouter, parts: ChangingParts, guards: Guards) -> None:
    @router.post("/v1/cameras", status_code=201, responses=problems(400, 409, 422))
    def add_camera(
        body: Annotated[NewCamera, strictly(NewCamera)], user: Annotated[str, Depends(guards.admin)]
    ) -> ZonesBody:
        """Add a camera, which is looked at from the next second on."""

        def make(old: CameraSettings | None) -> CameraSettings:
            if old is not None:
                raise HTTPException(409, f"there is a camera {body.name!r} already")
            if len(parts.site().cameras) >= _MOST_CAMERAS:
                raise HTTPException(409, f"a site has {_MOST_CAMERAS} cameras at most")
            return _settings({"name": body.name}, body)

        parts.take_over(lambda: parts.edits.camera(body.name, make))
        parts.audit(user, "added", f"camera {body.name}")
        return _zones(_found(parts.site(), body.name))

    @router.get(
        "/v1/cameras/{name}/settings", dependencies=[Depends(guards.admin)], responses=problems(404, 422)
    )
    def read_camera(name: CameraName) -> SettingsBody:
        """Return the settings of a camera; no password is shown."""
        camera = _found(parts.site(), name)
        return SettingsBody(
            **dict(_zones(camera)),
            source=hide_credentials(camera.source.get_secret_value()),
            min_face_px=camera.min_face_px,
            still_s=camera.still_s,
            max_fps=camera.max_fps,
            look=camera.look,
            grace_s=camera.grace_s,
            active=list(camera.active),
        )

    @router.patch("/v1/cameras/{name}", responses=problems(400, 404, 409, 422))
    def change_camera(
        name: CameraName,
        body: Annotated[CameraChange, strictly(CameraChange)],
        user: Annotated[str, Depends(guards.admin)],
    ) -> ZonesBody:
        """Change a camera; people in view keep their numbers, unless its source or `look` is another."""
        parts.take_over(lambda: parts.edits.camera(name, lambda old: _settings(_known(old, name), body)))
        parts.audit(user, f"changed {', '.join(sorted(body.model_fields_set))}", f"camera {name}")
        return _zones(_found(parts.site(), name))

    @router.delete("/v1/cameras/{name}", status_code=204, responses=problems(404, 409, 422))
    def remove_camera(name: CameraName, user: Annotated[str, Depends(guards.admin)]) -> Response:
        """Remove a camera; what was counted stays."""

        def make(old: CameraSettings | None) -> None:
            _known(old, name)
            _check_rules(parts.site(), name, None)

        parts.take_over(lambda: parts.edits.camera(name, make))
        parts.audit(user, "removed", f"camera {name}")
        return Response(status_code=204)


def _add_zones(router: APIRouter, parts: ChangingParts, guards: Guards) -> None:
    @router.get("/v1/zones", dependencies=[Depends(guards.viewer)], tags=["zones"])
    def list_zones() -> list[ZonesBody]:
        """Return the zones of all cameras."""
        return [_zones(camera) for camera in parts.site().cameras]

    @router.put("/v1/zones/{name}", responses=problems(400, 404, 409, 422), tags=["zones"])
    def replace_zones(
        name: CameraName,
        body: Annotated[ZonesChange, strictly(ZonesChange)],
        user: Annotated[str, Depends(guards.admin)],
    ) -> ZonesBody:
        """Replace the zones of a camera from the next frame on; those that are as they were count on."""

        def make(old: CameraSettings | None) -> CameraSettings:
            new = _settings(_known(old, name), body, all_of_it=True)
            _check_rules(parts.site(), name, new)
            return new

        parts.take_over(lambda: parts.edits.camera(name, make))
        parts.audit(user, "changed zones", f"camera {name}")
        return _zones(_found(parts.site(), name))


def _found(site: Site, name: str) -> CameraSettings:
    """Return a camera that has just been changed; somebody else may have removed it since."""
    for camera in site.cameras:
        if camera.name == name:
            return camera
    raise HTTPException(404, f"there is no camera {name!r}")


def _check_rules(site: Site, name: str, new: CameraSettings | None) -> None:
    """Refuse, in words for who sits at a page, to take away what a rule needs.

    Args:
        new: what the camera will be; None: it goes.
    """
    cameras = [each for each in site.cameras if each.name != name] + ([new] if new else [])
    for rule in site.alerts.rules:
        first = f"the rule {rule.name!r} is about"
        if new is None and name in rule.cameras:
            raise HTTPException(409, f"{first} the camera {name!r}: change or remove the rule first")
        zone = getattr(rule, "zone", None)
        followed = [each for each in cameras if not rule.cameras or each.name in rule.cameras]
        if zone is not None and not any(zone == has.name for each in followed for has in each.zones):
            raise HTTPException(409, f"{first} the zone {zone!r}: change or remove the rule first")


def _known(camera: CameraSettings | None, name: str) -> dict[str, Any]:
    if camera is None:
        raise HTTPException(404, f"there is no camera {name!r}")
    return dict(camera)


def _settings(known: dict[str, Any], body: ZonesChange, *, all_of_it: bool = False) -> CameraSettings:
    given = {name: value for name, value in body if all_of_it or name in body.model_fields_set}
    try:
        camera = CameraSettings.model_validate({**known, **given})
    except ValidationError as error:
        raise HTTPException(409, "; ".join(describe_problems(error))) from None
    if "source" in given:
        found = find_videos([camera.source.get_secret_value()])
        if found.problems or len(found.sources) != 1:
            raise HTTPException(409, "source: no camera has such an address")
    return camera


def _zones(camera: CameraSettings) -> ZonesBody:
    return ZonesBody(
        camera=camera.name,
        units=camera.units,
        zones=list(camera.zones),
        lines=list(camera.lines),
        ignore=list(camera.ignore),
    )
