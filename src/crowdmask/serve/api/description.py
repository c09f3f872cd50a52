"""The API's description says who may ask what, where the settings name users or tokens."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fastapi import FastAPI

from crowdmask.serve.auth.guards import COOKIE

_OPEN = ("/v1/health", "/v1/ready", "/v1/login")
_SCHEMES: dict[str, Any] = {
    "token": {"type": "http", "scheme": "bearer", "description": "A token of the settings."},
    "session": {"type": "apiKey", "in": "cookie", "name": COOKIE, "description": "Given by /v1/login."},
}


def describe_security(app: FastAPI, is_open: Callable[[], bool]) -> None:
    """Let the description of an application say how one logs in.

    Args:
        app: with all its routes.
        is_open: whether everybody on this machine may do everything.
    """
    usual = app.openapi

    def described() -> dict[str, Any]:
        schema = usual()
        if is_open():
            return schema
        schema.setdefault("components", {})["securitySchemes"] = _SCHEMES
        for path, methods in schema["paths"].items():
            for operation in methods.values():
                operation["security"] = [] if path in _OPEN else [{name: []} for name in _SCHEMES]
        return schema

    app.openapi = described  # type: ignore[method-assign]
