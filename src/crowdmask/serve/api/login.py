"""``/v1/login``, ``/v1/logout`` and ``/v1/me``."""

# Without postponed annotations: FastAPI reads those of routes, which name what their factory was given.

from collections.abc import Callable
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, HTTPException, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from crowdmask.serve.api.problems import problems
from crowdmask.serve.auth.guards import COOKIE, Guards
from crowdmask.serve.auth.sessions import Sessions, TooManyTriesError

Audit = Callable[[str, str, str], None]
"""Is told who did what to what."""


class Login(BaseModel):
    """Name and password."""

    model_config = ConfigDict(extra="forbid", strict=True)

    name: Annotated[str, Field(max_length=64, examples=["anna"])]
    password: Annotated[str, Field(max_length=1024, examples=["a long password"])]


class Me(BaseModel):
    """Who is logged in."""

    name: str
    role: Annotated[Literal["viewer", "admin", "wall"], Field(description="wall: figures only.")]
    csrf: Annotated[str, Field(description="Goes with each change as the header X-CSRF-Token.")]
    open: Annotated[bool, Field(description="Nobody needs to log in.")]


def login_router(guards: Guards, sessions: Sessions, is_open: Callable[[], bool], audit: Audit) -> APIRouter:
    """Return the routes."""
    router = APIRouter(tags=["login"])

    @router.post("/v1/login", responses=problems(400, 401, 422, 429))
    def log_in(request: Request, response: Response, body: Login) -> Me:
        """Begin a session; its cookie comes with the answer."""
        address = request.client.host if request.client else ""
        try:
            found = sessions.log_in(body.name, body.password, address)
        except TooManyTriesError as error:
            audit(body.name, "login refused: too many tries", address)
            raise HTTPException(429, str(error), {"Retry-After": str(error.retry_after_s)}) from None
        if found is None:
            audit(body.name, "login failed", address)
            raise HTTPException(401, "the name or the password is wrong")
        key, identity = found
        audit(identity.name, "login", address)
        response.set_cookie(
            COOKIE, key, httponly=True, samesite="strict", secure=request.url.scheme == "https", path="/"
        )
        return Me(name=identity.name, role=identity.role, csrf=identity.csrf, open=False)

    @router.post("/v1/logout", responses=problems(401, 403))
    def log_out(request: Request, response: Response, user: Annotated[str, Depends(guards.viewer)]) -> None:
        """End the session."""
        key = request.cookies.get(COOKIE)
        if key:
            sessions.log_out(key)
            audit(user, "logout", "")
        response.delete_cookie(COOKIE, path="/")

    @router.get("/v1/me", responses=problems(401, 403))
    def me(request: Request) -> Me:
        """Say who is logged in."""
        identity = guards.identify(request)
        return Me(name=identity.name, role=identity.role, csrf=identity.csrf, open=is_open())

    return router
