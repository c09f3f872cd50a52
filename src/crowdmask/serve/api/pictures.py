"""``/v1/cameras/{name}/picture.jpg``: what a camera sees, again and again."""

# Without postponed annotations: FastAPI reads those of routes.

import time
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, HTTPException, Path, Query, Request, Response

from crowdmask.errors import UsageError
from crowdmask.serve.api.problems import problems
from crowdmask.serve.auth.guards import Guards
from crowdmask.serve.following.looking import Looking
from crowdmask.serve.following.pictures import Pictures

NUMBER_HEADER = "X-Picture-Number"
_FIRST_S = 2.0
_LONG_POLL_S = 5.0
_NUMBER = {"schema": {"type": "integer"}, "description": "Its number, for `after`."}
_ANSWERS: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The newest frame, faces blurred.",
        "content": {"image/jpeg": {"schema": {"type": "string", "format": "binary"}}},
        "headers": {NUMBER_HEADER: _NUMBER},
    },
    204: {"description": "No newer one came in five seconds: ask again."},
    304: {"description": "It is the one of the header If-None-Match."},
    **problems(401, 403, 404, 422),
}


def pictures_router(pictures: Pictures, looking: Looking, guards: Guards) -> APIRouter:
    """Return the route.

    Args:
        pictures: of the cameras.
        looking: notes who looks at what.
        guards: let those in who may look.
    """
    router = APIRouter(tags=["cameras"])

    @router.get("/v1/cameras/{name}/picture.jpg", response_class=Response, responses=_ANSWERS)
    async def picture(
        request: Request,
        name: Annotated[str, Path(min_length=1, max_length=255, examples=["door"])],
        user: Annotated[str, Depends(guards.viewer)],
        after: Annotated[
            int,
            Query(ge=0, lt=2**53, description="Wait for one that is newer than the one of this number."),
        ] = 0,
        if_none_match: Annotated[str | None, Header(description="The ETag of the one that is there.")] = None,
    ) -> Response:
        """Return what a camera sees now, at most 8 times a second; any number of viewers cost one encoder."""
        if after >= time.time_ns() // 1_000_000:  # of no picture: there is nothing to wait for
            after = 0
        try:
            shot = await pictures.newer(name, after, _LONG_POLL_S if after else _FIRST_S)
        except UsageError as error:
            raise HTTPException(404, f"no camera {name!r} is active") from error
        if shot is None and after:
            return Response(status_code=204)
        if shot is None:
            raise HTTPException(404, f"no frame of {name!r} has come yet", {"Retry-After": "1"})
        looking.begins(user, name)
        headers = {
            "ETag": f'"{shot.number}"',
            NUMBER_HEADER: str(shot.number),
            "Cache-Control": "private, no-cache",
        }
        if if_none_match == headers["ETag"]:
            return Response(status_code=304, headers=headers)
        return Response(shot.jpeg, media_type="image/jpeg", headers=headers)

    return router
