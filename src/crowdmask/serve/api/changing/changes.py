"""``/v1/changes``: how what is in force differs from the site file."""

# Without postponed annotations: FastAPI reads those of routes.

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, HTTPException, Path, Response
from pydantic import BaseModel, Field

from crowdmask.serve.api.changing.parts import ChangingParts
from crowdmask.serve.api.problems import problems
from crowdmask.serve.auth.guards import Guards


class FieldBody(BaseModel):
    """One setting; null where there is none on that side."""

    field: Annotated[str, Field(examples=["min_face_px"])]
    before: Annotated[Any, Field(description="In the site file.", examples=[0])]
    after: Annotated[Any, Field(description="In force.", examples=[12])]


class ChangeBody(BaseModel):
    """How a camera or rule differs; addresses are without credentials."""

    kind: Literal["camera", "rule"]
    name: str
    action: Literal["added", "changed", "removed"]
    fields: list[FieldBody]


class ChangesBody(BaseModel):
    """All differences, and where they are kept."""

    file: Annotated[
        str | None,
        Field(description="Beside the site file; null: there is none, and they end with the service."),
    ]
    changes: list[ChangeBody]


def changes_router(parts: ChangingParts, guards: Guards) -> APIRouter:
    """Return the routes.

    Args:
        parts: what they work on.
        guards: let in admins.
    """
    router = APIRouter(responses=problems(401, 403), tags=["changes"])

    @router.get("/v1/changes", dependencies=[Depends(guards.admin)])
    def changes() -> ChangesBody:
        """Return how cameras and rules in force differ from the site file."""
        path = parts.edits.path
        return ChangesBody.model_validate(
            {"file": None if path is None else path.name, "changes": parts.edits.differences()},
            from_attributes=True,
        )

    @router.delete("/v1/changes/{kind}/{name}", status_code=204, responses=problems(404, 409, 422))
    def undo(
        kind: Annotated[Literal["camera", "rule"], Path()],
        name: Annotated[str, Path(min_length=1, max_length=255)],
        user: Annotated[str, Depends(guards.admin)],
    ) -> Response:
        """Go back to the site file for one camera or rule."""
        undone = [False]

        def go_back() -> None:
            undone[0] = parts.edits.undo(kind, name)

        parts.take_over(go_back)
        if not undone[0]:
            raise HTTPException(404, f"no change of a {kind} {name!r} is kept")
        parts.audit(user, "went back to the site file", f"{kind} {name}")
        return Response(status_code=204)

    return router
