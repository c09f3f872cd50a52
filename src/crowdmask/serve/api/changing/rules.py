"""``/v1/rules``, changed by an admin while the service runs, ``/v1/channels``, and test messages."""

# Without postponed annotations: FastAPI reads those of routes.

from collections.abc import Callable
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, HTTPException, Path, Response
from pydantic import BaseModel, ConfigDict, Field

from crowdmask.alerts.channels.channel import Sender
from crowdmask.alerts.settings import AlertRule
from crowdmask.alerts.trial import Trial, send_test
from crowdmask.errors import UsageError
from crowdmask.serve.api.changing.parts import ChangingParts
from crowdmask.serve.api.problems import problems
from crowdmask.serve.api.values import strictly
from crowdmask.serve.auth.guards import Guards

_MOST_RULES = 256
_EXAMPLE = {"name": "entrance", "when": "share_below", "limit": 0.8, "min_people": 10}

RuleName = Annotated[str, Path(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$", examples=["entrance"])]


class WholeRule(BaseModel):
    """A rule, as in the site file."""

    model_config = ConfigDict(extra="forbid", strict=True)

    rule: Annotated[AlertRule, strictly(AlertRule), Field(examples=[_EXAMPLE])]


class ChannelBody(BaseModel):
    """A channel; its address and secrets are not shown."""

    name: str
    kind: Literal["mqtt", "webhook", "email", "apprise"]


class TestRequest(BaseModel):
    """Whose channels get a test message."""

    model_config = ConfigDict(extra="forbid", strict=True)

    name: Annotated[
        str,
        Field(
            pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$",
            description="Of a rule: all its channels; or of one channel.",
            examples=["entrance"],
        ),
    ]


class TestBody(BaseModel):
    """How a test message went."""

    channel: str
    error: Annotated[str | None, Field(description="Why it did not arrive; null: it did.")]


def changing_rules_router(parts: ChangingParts, guards: Guards, sender: Callable[[], Sender]) -> APIRouter:
    """Return the routes.

    Args:
        parts: what they work on.
        guards: let in those who may look, and those who may change things.
        sender: returns who sends test messages.
    """
    router = APIRouter(responses=problems(401, 403), tags=["alerts"])
    _add_changes(router, parts, guards)
    _add_channels(router, parts, guards, sender)
    return router


def _add_changes(router: APIRouter, parts: ChangingParts, guards: Guards) -> None:
    @router.post("/v1/rules", status_code=201, responses=problems(400, 409, 422))
    def add_rule(body: WholeRule, user: Annotated[str, Depends(guards.admin)]) -> WholeRule:
        """Add a rule, which is followed from the next second on."""

        def make(old: AlertRule | None) -> AlertRule:
            if old is not None:
                raise HTTPException(409, f"there is a rule {body.rule.name} already")
            if len(parts.site().alerts.rules) >= _MOST_RULES:
                raise HTTPException(409, f"a site has {_MOST_RULES} rules at most")
            return body.rule

        parts.take_over(lambda: parts.edits.rule(body.rule.name, make))
        parts.audit(user, "added", f"rule {body.rule.name}")
        return body

    @router.put("/v1/rules/{name}", responses=problems(400, 404, 409, 422))
    def replace_rule(
        name: RuleName, body: WholeRule, user: Annotated[str, Depends(guards.admin)]
    ) -> WholeRule:
        """Replace a rule; its alerts go on where it is of the same kind, and end where it is not."""

        def make(old: AlertRule | None) -> AlertRule:
            if old is None:
                raise HTTPException(404, f"there is no rule {name}")
            if body.rule.name != name:
                raise HTTPException(409, "a rule keeps its name: add a new one, and delete this one")
            return body.rule

        parts.take_over(lambda: parts.edits.rule(name, make))
        parts.audit(user, "changed", f"rule {name}")
        return body

    @router.delete("/v1/rules/{name}", status_code=204, responses=problems(404, 409, 422))
    def delete_rule(name: RuleName, user: Annotated[str, Depends(guards.admin)]) -> Response:
        """Delete a rule; its open alerts end, and what is kept of it stays."""

        def make(old: AlertRule | None) -> None:
            if old is None:
                raise HTTPException(404, f"there is no rule {name}")

        parts.take_over(lambda: parts.edits.rule(name, make))
        parts.audit(user, "removed", f"rule {name}")
        return Response(status_code=204)


def _add_channels(
    router: APIRouter, parts: ChangingParts, guards: Guards, sender: Callable[[], Sender]
) -> None:
    @router.get("/v1/channels", dependencies=[Depends(guards.viewer)])
    def list_channels() -> list[ChannelBody]:
        """Return the channels that rules can name in `to`."""
        return [ChannelBody(name=each.name, kind=each.kind) for each in parts.site().alerts.channels]

    @router.post("/v1/test-alert", responses=problems(400, 404, 409, 422))
    def test_alert(body: TestRequest, user: Annotated[str, Depends(guards.admin)]) -> list[TestBody]:
        """Send a test message, and say whether it has arrived; nothing is kept or tried again."""
        alerts = parts.site().alerts
        if body.name not in {each.name for each in (*alerts.rules, *alerts.channels)}:
            raise HTTPException(404, f"there is no rule or channel {body.name}")
        try:
            trials: list[Trial] = send_test(alerts, body.name, sender())
        except UsageError as error:
            raise HTTPException(409, str(error)) from None
        parts.audit(user, "sent a test message", body.name)
        return [TestBody(channel=each.channel, error=each.error) for each in trials]
