"""How the API says that something cannot be done: ``{"error": "one line"}`` and a status code."""

from __future__ import annotations

import logging
import re
import time
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field
from sqlalchemy.exc import SQLAlchemyError
from starlette.exceptions import HTTPException

from crowdmask.errors import CrowdmaskError, StoreError
from crowdmask.serve.detecting import BusyError, CallerGoneError
from crowdmask.store.engine import reason

LOG = logging.getLogger("crowdmask.serve")

_GONE = 499
_REPEAT_S = 60.0
_WORDS = {
    400: "The request cannot be read.",
    401: "Who asks is not known.",
    403: "Who asks may not do this.",
    404: "There is no such thing.",
    406: "No such kind of answer.",
    408: "The upload took too long.",
    409: "The values do not fit together, or not to what there is.",
    413: "The upload, or the picture, is too large.",
    415: "It is not a photo.",
    422: "It cannot be used.",
    429: "Too many requests; Retry-After says when to try again.",
    503: "Too much work at once; Retry-After says when to try again.",
}


class Problem(BaseModel):
    """Why something cannot be done."""

    error: str = Field(description="One line for people.", examples=["photo: not a picture"])


def problems(*codes: int) -> dict[int | str, dict[str, Any]]:
    """Return the documentation of these status codes."""
    return {code: {"model": Problem, "description": _WORDS[code]} for code in codes}


def add_problem_handlers(app: FastAPI) -> None:
    """Let all errors be answered in one form; what is no error of the caller is logged."""
    told = _Repeated()

    @app.exception_handler(HTTPException)
    def _http(request: Request, error: HTTPException) -> JSONResponse:
        headers = dict(error.headers or {})
        if error.status_code == 405 and (methods := _methods(app, request.url.path)):
            headers["Allow"] = ", ".join(sorted(methods))
        return JSONResponse({"error": str(error.detail)}, error.status_code, headers)

    @app.exception_handler(RequestValidationError)
    def _invalid(request: Request, error: RequestValidationError) -> JSONResponse:
        words = [
            f"{'.'.join(str(part) for part in each['loc'][1:])}: {each['msg']}" for each in error.errors()[:8]
        ]
        # Each value is as described, but they contradict one another: a check of our own has said so.
        contradict = all(
            each["type"] == "value_error" and each["loc"][0] == "body" for each in error.errors()
        )
        return JSONResponse({"error": "; ".join(words)}, 409 if contradict else 422)

    @app.exception_handler(BusyError)
    def _busy(request: Request, error: BusyError) -> JSONResponse:
        return JSONResponse({"error": str(error)}, 503, {"Retry-After": str(error.retry_after_s)})

    @app.exception_handler(CallerGoneError)
    def _gone(request: Request, error: CallerGoneError) -> JSONResponse:
        return JSONResponse({"error": str(error)}, _GONE)

    @app.exception_handler(StoreError)
    @app.exception_handler(SQLAlchemyError)
    @app.exception_handler(TimeoutError)  # of a socket to a database that hangs; SQLAlchemy passes it on
    def _away(request: Request, error: Exception) -> JSONResponse:
        why = reason(error) if isinstance(error, SQLAlchemyError) else str(error)
        told.tell(f"the store cannot be used: {why}")
        return JSONResponse({"error": "the store cannot be used now"}, 503, {"Retry-After": "5"})

    @app.exception_handler(CrowdmaskError)
    def _ours(request: Request, error: CrowdmaskError) -> JSONResponse:
        return JSONResponse({"error": str(error)}, 422)

    @app.exception_handler(Exception)
    def _internal(request: Request, error: Exception) -> JSONResponse:
        LOG.exception("internal error at %s %s", request.method, request.url.path, exc_info=error)
        return JSONResponse({"error": "internal error: the service's log has the details"}, 500)


class _Repeated:
    """Logs the same line once a minute at most: pages ask again and again while a store is away."""

    def __init__(self) -> None:
        self._line, self._told_s = "", 0.0

    def tell(self, line: str) -> None:
        now_s = time.monotonic()
        if line != self._line or now_s - self._told_s >= _REPEAT_S:
            self._line, self._told_s = line, now_s
            LOG.warning("%s", line)


def _methods(app: FastAPI, path: str) -> set[str]:
    """Return the described methods of a path; a framework's own answer names those of its first route.

    A path without a placeholder comes first: `/v1/cameras/test` is no camera of that name.
    """
    described = app.openapi()["paths"]
    if path in described:
        return {method.upper() for method in described[path]}
    return {
        method.upper()
        for template, methods in described.items()
        if re.fullmatch(re.sub(r"\\{\w+\\}", "[^/]+", re.escape(template)), path)
        for method in methods
    }
