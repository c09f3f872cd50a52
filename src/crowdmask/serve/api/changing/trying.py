"""``/v1/cameras/test``: a picture of a camera before it is added."""

# Without postponed annotations: FastAPI reads those of routes.

import io
from collections.abc import Callable
from threading import BoundedSemaphore
from typing import Annotated

from fastapi import APIRouter, Depends, HTTPException, Response
from PIL import Image
from pydantic import BaseModel, ConfigDict

from crowdmask.drawing.blur import BLUR_CONFIDENCE, blur_array
from crowdmask.errors import SourceError
from crowdmask.inference.detector import Detector
from crowdmask.live.readers.first import first_frame
from crowdmask.live.sources import find_videos
from crowdmask.serve.api.changing.cameras import Source
from crowdmask.serve.api.login import Audit
from crowdmask.serve.api.problems import problems
from crowdmask.serve.auth.guards import Guards
from crowdmask.serve.site import Site

_TIMEOUT_S = 12.0
_AT_ONE_TIME = 2


class TrialRequest(BaseModel):
    """The camera to try out."""

    model_config = ConfigDict(extra="forbid", strict=True)

    source: Source


def trying_router(site: Callable[[], Site], detector: Detector, guards: Guards, audit: Audit) -> APIRouter:
    """Return the route.

    Args:
        site: returns the one in force.
        detector: finds the faces to blur.
        guards: let in admins.
        audit: is told who looked at which camera.
    """
    router = APIRouter(responses=problems(401, 403), tags=["cameras"])
    free = BoundedSemaphore(_AT_ONE_TIME)

    @router.post(
        "/v1/cameras/test",
        response_class=Response,
        responses={
            200: {"content": {"image/jpeg": {}}, "description": "One frame, faces blurred."},
            **problems(400, 409, 422, 503),
        },
    )
    def try_camera(body: TrialRequest, user: Annotated[str, Depends(guards.admin)]) -> Response:
        """Return a picture of a camera that need not be added yet, faces blurred, or say what is wrong."""
        if site().mode == "statistics":
            raise HTTPException(409, "mode statistics shows no pictures")
        found = find_videos([body.source.get_secret_value()])
        if found.problems or len(found.sources) != 1:
            raise HTTPException(409, "source: no camera has such an address")
        (source,) = found.sources
        if not free.acquire(blocking=False):
            raise HTTPException(503, "other cameras are being tried out", {"Retry-After": "5"})
        try:
            audit(user, "tried out", f"camera {source.name}")
            picture = first_frame(source, _TIMEOUT_S).picture.copy()
        except SourceError as error:
            raise HTTPException(409, str(error)) from None
        finally:
            free.release()
        blur_array(picture, detector.detect_with_candidates(picture, floor=BLUR_CONFIDENCE).candidates.xyxy)
        written = io.BytesIO()
        Image.fromarray(picture).save(written, "JPEG", quality=85)
        height, width = picture.shape[:2]
        size = {"X-Picture-Width": str(width), "X-Picture-Height": str(height)}
        return Response(written.getvalue(), media_type="image/jpeg", headers=size)

    return router
