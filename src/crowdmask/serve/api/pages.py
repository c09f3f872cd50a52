"""``/``: the pages of the service, as files of the package."""

from __future__ import annotations

from importlib.resources import files

from fastapi import APIRouter, HTTPException, Response

_TYPES = {"html": "text/html", "css": "text/css", "js": "text/javascript"}


def pages_router() -> APIRouter:
    """Return the routes; anybody may read the files, which tell nothing of the site."""
    router = APIRouter(include_in_schema=False)
    folder = files("crowdmask.serve") / "pages"
    read = {each.name: each.read_bytes() for each in folder.iterdir() if each.name.endswith(tuple(_TYPES))}

    @router.get("/")
    def first() -> Response:
        return _answer("index.html")

    @router.get("/pages/{name}")
    def file(name: str) -> Response:
        if name not in read:
            raise HTTPException(404, "there is no such page")
        return _answer(name)

    def _answer(name: str) -> Response:
        return Response(read[name], media_type=_TYPES[name.rpartition(".")[2]])

    return router
