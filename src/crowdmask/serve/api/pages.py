"""``/`` and its neighbours: the pages of the service, as files of the package."""

from __future__ import annotations

from importlib.resources import files
from importlib.resources.abc import Traversable

from fastapi import APIRouter, HTTPException, Response

_TYPES = {"html": "text/html", "css": "text/css", "js": "text/javascript"}
VIEWS = ("", "history", "screens", "setup")
"""Paths at which the page's shell stands; pages/shell/routes.js says what it shows there."""


def pages_router() -> APIRouter:
    """Return the routes; anybody may read the files, which tell nothing of the site."""
    router = APIRouter(include_in_schema=False)
    read = _read(files("crowdmask.serve") / "pages")

    def shell() -> Response:
        return _answer("index.html")

    for view in VIEWS:
        router.get(f"/{view}")(shell)

    @router.get("/wall")
    def wall() -> Response:
        return _answer("wall/index.html")

    @router.get("/pages/{name:path}")
    def file(name: str) -> Response:
        if name not in read:
            raise HTTPException(404, "there is no such page")
        return _answer(name)

    def _answer(name: str) -> Response:
        return Response(read[name], media_type=_TYPES[name.rpartition(".")[2]])

    return router


def _read(folder: Traversable, above: str = "") -> dict[str, bytes]:
    """Return the files of a folder and those below it by their paths."""
    found = {}
    for each in folder.iterdir():
        if each.is_dir():
            found.update(_read(each, f"{above}{each.name}/"))
        elif each.name.endswith(tuple(_TYPES)):
            found[f"{above}{each.name}"] = each.read_bytes()
    return found
