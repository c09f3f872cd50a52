"""``/photos/``: the page that detects in the browser, so that a photo does not even reach the service."""

from __future__ import annotations

import mimetypes

from fastapi import APIRouter, HTTPException, Response
from fastapi.responses import FileResponse, RedirectResponse

from crowdmask.errors import CrowdmaskError
from crowdmask.serve.service import LOG
from crowdmask.web.site import HEADERS, INDEX, PageFile, page_files

_TYPES = {
    ".js": "text/javascript",
    ".mjs": "text/javascript",
    ".wasm": "application/wasm",
    ".webmanifest": "application/manifest+json",
    ".md": "text/markdown",
    ".onnx": "application/octet-stream",
}
# What the page consists of changes with the version only; its service worker looks for a new one itself.
_KEPT = {**HEADERS, "Cache-Control": "private, max-age=3600"}
_FRESH = {**HEADERS, "Cache-Control": "no-cache"}


def photo_page_router(*, is_first: bool) -> APIRouter:
    """Return the routes; anybody may read the files, which tell nothing of the site.

    Args:
        is_first: there is no other page at ``/``.
    """
    router = APIRouter(include_in_schema=False)
    try:
        files = page_files()
    except CrowdmaskError as error:
        LOG.warning("no photo page: %s", error)
        return router

    if is_first:
        router.get("/")(_there)
    router.get("/photos")(_there)

    @router.get("/photos/{name:path}")
    def file(name: str) -> Response:
        found = files.get(name or INDEX)
        if found is None:
            raise HTTPException(404, "there is no such file of the page")
        return _answer(name or INDEX, found)

    return router


def _there() -> Response:
    return RedirectResponse("/photos/")


def _answer(name: str, file: PageFile) -> Response:
    suffix = f".{name.rpartition('.')[2]}"
    kind = _TYPES.get(suffix) or mimetypes.guess_type(name)[0] or "application/octet-stream"
    headers = _KEPT if suffix in (".wasm", ".onnx") else _FRESH
    if isinstance(file.place, bytes):
        return Response(file.place, media_type=kind, headers=headers)
    return FileResponse(file.place, media_type=kind, headers=headers)
