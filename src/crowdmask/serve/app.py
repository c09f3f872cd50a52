"""The web application: routes over the parts of a running service."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from fastapi import APIRouter, FastAPI
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from crowdmask import __version__
from crowdmask.alerts.channels.channel import Sender
from crowdmask.live.health import Health
from crowdmask.serve.api.alerts import AlertParts, alerts_router
from crowdmask.serve.api.audit import audit_router
from crowdmask.serve.api.cameras import cameras_router
from crowdmask.serve.api.changing.cameras import changing_cameras_router
from crowdmask.serve.api.changing.changes import changes_router
from crowdmask.serve.api.changing.parts import ChangingParts
from crowdmask.serve.api.changing.rules import changing_rules_router
from crowdmask.serve.api.changing.trying import trying_router
from crowdmask.serve.api.counts import counts_router
from crowdmask.serve.api.description import describe_security
from crowdmask.serve.api.detect import DetectParts, detect_router
from crowdmask.serve.api.events import events_router
from crowdmask.serve.api.health import health_router
from crowdmask.serve.api.links import links_router
from crowdmask.serve.api.live import LiveParts, live_router
from crowdmask.serve.api.login import Audit, login_router
from crowdmask.serve.api.pages import pages_router
from crowdmask.serve.api.photo_page import photo_page_router
from crowdmask.serve.api.pictures import pictures_router
from crowdmask.serve.api.problems import add_problem_handlers
from crowdmask.serve.api.site import site_router
from crowdmask.serve.api.stream import stream_router
from crowdmask.serve.auth.guards import Guards
from crowdmask.serve.auth.headers import SecurityHeaders
from crowdmask.serve.auth.links import Links
from crowdmask.serve.auth.sessions import Sessions
from crowdmask.serve.bodies import Bodies
from crowdmask.serve.detecting import Workers
from crowdmask.serve.editing.edits import Edits
from crowdmask.serve.following.looking import Looking
from crowdmask.serve.following.pictures import Pictures
from crowdmask.serve.history import read_history
from crowdmask.serve.http_settings import HttpSettings
from crowdmask.serve.metrics import Metrics
from crowdmask.serve.rate import RateLimit
from crowdmask.serve.service import LOG, Service

_ABOUT = (
    "Detects faces with and without masks on photos, and tells what the cameras of a site see. Every problem "
    'is `{"error": "one line"}` with a status code. With users or tokens in the settings, requests need a '
    "session or the header `Authorization: Bearer TOKEN`."
)


@dataclass(frozen=True)
class Parts:
    """The parts of an application.

    Attributes:
        settings: returns those in force.
        workers: detect on photos.
        service: the site's cameras, its store and alerts; None: photos only.
        edits: of the site's cameras and rules; None: they last until the service ends.
        metrics: of the service.
        audit: is told who did what to what.
    """

    settings: Callable[[], HttpSettings]
    workers: Workers
    service: Service | None = None
    edits: Edits | None = None
    metrics: Metrics = field(default_factory=Metrics)
    audit: Audit = lambda user, what, thing: LOG.info("%s: %s %s", user, what, thing)


def create_app(parts: Parts) -> FastAPI:
    """Return the application, for any ASGI server with one process."""
    settings = parts.settings()
    kept = None if parts.service is None else parts.service.store.sessions
    sessions = Sessions(parts.settings, kept=kept)
    links = None if parts.service is None else Links(parts.service.store.links)
    guards = Guards(parts.settings, sessions, links)
    app = FastAPI(
        title="crowdmask", version=__version__, description=_ABOUT, docs_url=None, redoc_url=None,
        openapi_url="/v1/openapi.json",
    )  # fmt: skip
    add_problem_handlers(app)
    detecting = DetectParts(
        parts.workers,
        Bodies(settings),
        settings.batch_photos,
        RateLimit(settings.requests_a_minute),
        parts.metrics,
    )
    app.include_router(detect_router(detecting, guards.viewer))
    detector = parts.workers.detector
    app.include_router(
        health_router((detector.info.name, detector.model_hash), parts.service, parts.metrics, guards.viewer)
    )
    app.include_router(login_router(guards, sessions, lambda: parts.settings().is_open, parts.audit))
    service = parts.service
    if service is not None and links is not None:
        app.include_router(trying_router(lambda: service.site, detector, guards, parts.audit))
        app.include_router(links_router(service, links, guards, parts.audit))
        edits = parts.edits or _edits(service)
        for router in _site_routers(service, edits, guards, parts.audit):
            app.include_router(router)
        app.include_router(pages_router())
        _add_gauges(parts.metrics, service, parts.workers)
    app.include_router(photo_page_router(is_first=parts.service is None))
    describe_security(app, lambda: parts.settings().is_open)
    # The last one added is the outermost.
    app.add_middleware(_Measured, metrics=parts.metrics)
    app.add_middleware(SecurityHeaders)
    return app


def _edits(service: Service) -> Edits:
    made = Edits(None, service.change)
    made.begin(service.site)
    return made


def _site_routers(service: Service, edits: Edits, guards: Guards, audit: Audit) -> list[APIRouter]:
    alerts = AlertParts(
        store=service.store.alerts,
        settings=lambda: service.site.alerts,
        judge=service.judge,
        history=lambda start, end: read_history(service.store, start, end, service.site.step),
        changed=lambda user, what, alert: audit(user, what, f"alert {alert}"),
    )
    pictures, looking = (
        Pictures(service.session, allowed=lambda: service.site.mode != "statistics"),
        Looking(audit),
    )
    live = LiveParts(pictures, service.hub, lambda: [camera.name for camera in service.site.cameras], looking)
    changing = ChangingParts(lambda: service.site, edits, audit)
    return [
        alerts_router(alerts, guards.viewer, guards.admin),
        site_router(service, guards),
        cameras_router(service, guards, looking, audit),
        pictures_router(pictures, looking, guards),
        counts_router(service, guards, audit),
        events_router(service, guards, audit),
        audit_router(service.store.audit, guards),
        stream_router(service.hub, guards),
        live_router(live, guards),
        changing_cameras_router(changing, guards),
        changing_rules_router(changing, guards, lambda: Sender(service.site.name, service.site.clock)),
        changes_router(changing, guards),
    ]


def _add_gauges(metrics: Metrics, service: Service, workers: Workers) -> None:
    def of_cameras(value: Callable[[Health], float]) -> Callable[[], Mapping[str, float]]:
        return lambda: {each.camera: value(each) for each in service.health()}

    metrics.add_gauge("camera_up", "Whether frames come.", of_cameras(lambda each: each.down_since is None))
    metrics.add_gauge("camera_fps", "Frames a second that come.", of_cameras(lambda each: each.fps))
    metrics.add_gauge("camera_frames", "Frames that came in this run.", of_cameras(lambda e: e.frames))
    metrics.add_gauge(
        "camera_dropped", "Of them, those that were not looked at.", of_cameras(lambda e: e.dropped)
    )
    metrics.add_gauge("camera_frozen", "Whether the picture stands still.", of_cameras(lambda e: e.frozen))
    metrics.add_gauge(
        "camera_reconnects", "How often the connection came back.", of_cameras(lambda each: each.reconnects)
    )
    metrics.add_gauge(
        "camera_restarts", "How often it was begun anew after a failure.", of_cameras(lambda e: e.restarts)
    )
    metrics.add_gauge("open_alerts", "Alerts that go on.", lambda: {"": len(service.alerts.open)})
    keeper = service.keeper
    metrics.add_gauge(
        "store_away", "Whether the store takes nothing.", lambda: {"": keeper.state().away_since is not None}
    )
    metrics.add_gauge("records_spooled", "Records that wait on disk.", lambda: {"": keeper.state().spooled})
    metrics.add_gauge(
        "records_refused", "Records lost for lack of room.", lambda: {"": keeper.state().refused}
    )
    metrics.add_gauge("photos_waiting", "Photos waiting or looked at.", lambda: {"": workers.open})


class _Measured:
    """Counts requests by route, method and status, and measures the time to the beginning of the answer."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app, self._metrics = app, metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began = time.perf_counter()

        async def measured(message: Message) -> None:
            if message["type"] == "http.response.start":
                route = getattr(scope.get("route"), "path", "other")
                seconds = time.perf_counter() - began
                self._metrics.answered(scope["method"], route, message["status"], seconds)
            await send(message)

        await self._app(scope, receive, measured)
