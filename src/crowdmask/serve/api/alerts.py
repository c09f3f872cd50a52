"""``/v1/alerts`` and ``/v1/rules``: alerts and what people say of them, and what a rule would do."""

# Without postponed annotations: FastAPI reads those of routes, which name what their factory was given.

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, HTTPException, Path, Query
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from crowdmask.alerts.forecast import forecast
from crowdmask.alerts.judging import Judge
from crowdmask.alerts.settings import AlertRule, AlertSettings
from crowdmask.alerts.snapshot import Snapshot
from crowdmask.serve.api.problems import problems
from crowdmask.serve.api.values import WHOLE, Time, strictly
from crowdmask.store.alert_records import Snooze, StoredAlert
from crowdmask.store.alerts import AlertStore

History = Callable[[datetime, datetime], Iterable[Snapshot]]
"""Returns what cameras and zones saw in a time, in its order."""

Who = Callable[..., Any]
"""A dependency that lets somebody in, and returns the user's name."""


@dataclass(frozen=True, kw_only=True)
class AlertParts:
    """What the resource works on.

    Attributes:
        store: the alerts.
        settings: returns the rules and channels in force.
        judge: with the rates of the model that runs.
        history: what was seen; None: nothing is kept.
        now: the clock, UTC.
        changed: is told who did what to which alert, for the audit log.
    """

    store: AlertStore
    settings: Callable[[], AlertSettings]
    judge: Judge
    history: History | None = None
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    changed: Callable[[str, str, str], None] = lambda user, what, alert: None


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class AlertBody(BaseModel):
    """An alert and what people said of it."""

    id: str
    rule: str
    kind: str
    camera: str
    zone: str | None
    state: Literal["raised", "recovered"]
    raised_utc: AwareDatetime
    recovered_utc: AwareDatetime | None
    message: str
    recovery: str | None
    values: dict[str, str | float | int | None]
    acknowledged_utc: AwareDatetime | None
    acknowledged_by: str | None
    wrong: bool | None
    marked_utc: AwareDatetime | None
    marked_by: str | None


class SnoozeBody(BaseModel):
    """Where a rule sends no messages for now."""

    camera: str
    zone: str | None
    until_utc: AwareDatetime
    by: str


class RuleBody(BaseModel):
    """A rule and how its alerts were judged."""

    name: str
    when: str
    settings: Annotated[AlertRule, Field(description="The whole rule, as in the site file.")]
    channels: list[str]
    alerts: Annotated[int, Field(description="Alerts that are kept.")]
    right: Annotated[int, Field(description="Of them marked as right.")]
    wrong: Annotated[int, Field(description="Of them marked as wrong.")]
    wrong_share: Annotated[float | None, Field(description="Of the marked ones; null: none was marked.")]
    snoozed: list[SnoozeBody]


class SnoozeRequest(_Strict):
    """For how long no messages are sent of the alert's rule at its camera and zone."""

    minutes: Annotated[int, Field(ge=1, le=7 * 1440, examples=[60]), WHOLE]


class MarkRequest(_Strict):
    """Whether the alert was wrong; null takes back what was said."""

    wrong: Annotated[bool | None, Field(examples=[True])]


class PreviewRequest(_Strict):
    """A rule that need not be saved, and how many days to look back."""

    rule: Annotated[
        AlertRule,
        strictly(AlertRule),
        Field(examples=[{"name": "entrance", "when": "share_below", "limit": 0.8, "min_people": 10}]),
    ]
    days: Annotated[int, Field(ge=1, le=31), WHOLE] = 7


class RaisedBody(BaseModel):
    """When and where the rule would have told."""

    camera: str
    time_utc: AwareDatetime
    message: str


class PreviewBody(BaseModel):
    """What a rule would have done."""

    rule: str
    days: Annotated[float, Field(description="How much is kept of its cameras.")]
    alerts: int
    alerts_a_day: Annotated[float | None, Field(description="Null: too little is kept.")]
    expected_false: Annotated[float | None, Field(description="Of the alerts; null: the rates do not tell.")]
    raised: list[RaisedBody]


_NOT_FOUND = problems(404, 422)
_UNREADABLE = problems(400)
AlertId = Annotated[str, Path(min_length=1, max_length=36, pattern=r"^[0-9A-Za-z-]+$")]


def alerts_router(parts: AlertParts, viewer: Who, admin: Who) -> APIRouter:
    """Return the routes.

    Args:
        parts: what they work on.
        viewer: lets those in who may look.
        admin: lets those in who may acknowledge, snooze and mark.
    """
    router = APIRouter(responses=problems(401, 403), tags=["alerts"])
    _add_reading(router, parts, viewer)
    _add_changing(router, parts, admin)
    _add_rules(router, parts, viewer)
    return router


def _add_reading(router: APIRouter, parts: AlertParts, viewer: Who) -> None:
    @router.get("/v1/alerts", dependencies=[Depends(viewer)])
    def list_alerts(
        only_open: Annotated[bool, Query(alias="open", description="Only those that go on.")] = False,
        rule: Annotated[str | None, Query(max_length=64)] = None,
        camera: Annotated[str | None, Query(max_length=255)] = None,
        start: Annotated[Time | None, Query(description="Raised from then on.")] = None,
        end: Annotated[Time | None, Query(description="Raised before.")] = None,
        limit: Annotated[int, Query(ge=1, le=1000), WHOLE] = 100,
    ) -> list[AlertBody]:
        """Return alerts, the newest first."""
        found = parts.store.alerts(
            start=start, end=end, only_open=only_open, rule=rule, camera=camera, limit=limit
        )
        return [_body(each) for each in found]

    @router.get("/v1/alerts/{alert_id}", dependencies=[Depends(viewer)], responses=_NOT_FOUND)
    def get_alert(alert_id: AlertId) -> AlertBody:
        """Return one alert."""
        return _body(_found(parts, alert_id))


def _add_changing(router: APIRouter, parts: AlertParts, admin: Who) -> None:
    @router.post("/v1/alerts/{alert_id}/acknowledge", responses=_NOT_FOUND)
    def acknowledge(alert_id: AlertId, user: Annotated[str, Depends(admin)]) -> AlertBody:
        """Say that you have seen it; the first one who does counts."""
        parts.store.acknowledge(alert_id, user, parts.now())
        return _changed(parts, alert_id, user, "acknowledged")

    @router.post("/v1/alerts/{alert_id}/snooze", responses=_NOT_FOUND | _UNREADABLE)
    def snooze(alert_id: AlertId, body: SnoozeRequest, user: Annotated[str, Depends(admin)]) -> SnoozeBody:
        """Send no messages of its rule at its camera and zone for a while; the pages go on showing them."""
        alert = _found(parts, alert_id).alert
        until = parts.now() + timedelta(minutes=body.minutes)
        parts.store.snooze(
            Snooze(rule=alert.rule, camera=alert.camera, zone=alert.zone, until_utc=until, by=user)
        )
        parts.changed(user, "snoozed", alert_id)
        return SnoozeBody(camera=alert.camera, zone=alert.zone, until_utc=until, by=user)

    @router.post("/v1/alerts/{alert_id}/mark", responses=_NOT_FOUND | _UNREADABLE)
    def mark(alert_id: AlertId, body: MarkRequest, user: Annotated[str, Depends(admin)]) -> AlertBody:
        """Say whether it was wrong."""
        parts.store.mark(alert_id, body.wrong, user, parts.now())
        return _changed(parts, alert_id, user, "marked")


def _add_rules(router: APIRouter, parts: AlertParts, viewer: Who) -> None:
    @router.get("/v1/rules", dependencies=[Depends(viewer)])
    def list_rules() -> list[RuleBody]:
        """Return the rules, and how many of their alerts were wrong."""
        settings, judged = parts.settings(), {each.rule: each for each in parts.store.judged()}
        snoozes = parts.store.snoozes(parts.now())
        return [
            RuleBody(
                name=rule.name,
                when=rule.when,
                settings=rule,
                channels=list(settings.channels_of(rule)),
                alerts=judged[rule.name].alerts if rule.name in judged else 0,
                right=judged[rule.name].right if rule.name in judged else 0,
                wrong=judged[rule.name].wrong if rule.name in judged else 0,
                wrong_share=judged[rule.name].wrong_share if rule.name in judged else None,
                snoozed=[
                    SnoozeBody(camera=each.camera, zone=each.zone, until_utc=each.until_utc, by=each.by)
                    for each in snoozes
                    if each.rule == rule.name
                ],
            )
            for rule in settings.rules
        ]

    @router.post("/v1/rules/preview", dependencies=[Depends(viewer)], responses=problems(400, 409, 422))
    def preview(body: PreviewRequest) -> PreviewBody:
        """Say how many alerts a rule would have given on the last days, and how many of them are false."""
        end = parts.now()
        start = end - timedelta(days=body.days)
        seen = [] if parts.history is None else parts.history(start, end)
        (found,) = forecast([body.rule], seen, parts.judge)
        return PreviewBody.model_validate(found.to_record())


def _found(parts: AlertParts, alert_id: str) -> StoredAlert:
    stored = parts.store.get(alert_id)
    if stored is None:
        raise HTTPException(404, f"there is no alert {alert_id}")
    return stored


def _changed(parts: AlertParts, alert_id: str, user: str, what: str) -> AlertBody:
    stored = _found(parts, alert_id)
    parts.changed(user, what, alert_id)
    return _body(stored)


def _body(stored: StoredAlert) -> AlertBody:
    return AlertBody.model_validate(stored.to_record())
