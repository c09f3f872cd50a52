"""The web application of a site: its resources, and what keeps strangers out."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from urllib.parse import urlsplit

from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse
from starlette.middleware.trustedhost import TrustedHostMiddleware

from crowdmask import __version__
from crowdmask.serve.api.alerts import AlertParts, alerts_router
from crowdmask.serve.api.cameras import cameras_router
from crowdmask.serve.api.counts import counts_router
from crowdmask.serve.history import read_history
from crowdmask.serve.service import LOG, Service

LOCAL_USER = "local"
"""Who changes something, while there are no users: somebody on this machine."""

_HEADERS = {
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
    "cache-control": "no-store",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
}
_CHANGES = ("POST", "PUT", "PATCH", "DELETE")


def create_app(service: Service) -> FastAPI:
    """Return the application.

    It answers this machine only: a page elsewhere that leads a browser here by a name of its own, or that
    sends something from there, is refused.

    Args:
        service: the site, started or not.
    """
    # The pages for trying the API would load scripts from elsewhere.
    app = FastAPI(title="crowdmask", version=__version__, docs_url=None, redoc_url=None)
    app.add_middleware(TrustedHostMiddleware, allowed_hosts=["127.0.0.1", "localhost", "[::1]", "::1"])

    @app.middleware("http")
    async def guard(request: Request, call: Callable[[Request], Awaitable[Response]]) -> Response:
        origin = request.headers.get("origin")
        from_here = origin is None or urlsplit(origin).netloc == request.headers.get("host")
        if request.method in _CHANGES and not from_here:
            return JSONResponse({"detail": "sent from another page"}, 403, _HEADERS)
        answer = await call(request)
        for name, value in _HEADERS.items():
            answer.headers.setdefault(name, value)
        return answer

    def somebody_here() -> str:
        return LOCAL_USER

    parts = AlertParts(
        store=service.store.alerts,
        settings=lambda: service.site.alerts,
        judge=service.judge,
        history=lambda start, end: read_history(service.store, start, end),
        changed=lambda user, what, alert: LOG.info("%s %s alert %s", user, what, alert),
    )
    app.include_router(alerts_router(parts, somebody_here, somebody_here))
    app.include_router(cameras_router(service))
    app.include_router(counts_router(service))

    @app.get("/v1/health", tags=["service"])
    def health() -> dict[str, str | float | int]:
        """Say that the service lives, and for how long."""
        running_s = (datetime.now(UTC) - service.started_utc).total_seconds()
        cameras = service.health()
        return {
            "status": "ok",
            "version": __version__,
            "running_s": round(running_s, 1),
            "cameras": len(service.site.cameras),
            "online": sum(each.state == "live" and each.down_since is None for each in cameras),
            "open_alerts": len(service.alerts.open),
        }

    return app
