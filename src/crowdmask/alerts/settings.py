"""What an operator wants to be told of, and where to: the section ``alerts`` of a site's settings."""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

from pydantic import ConfigDict, Field, model_validator

from crowdmask.alerts.channel_settings import ChannelSettings
from crowdmask.hours import Hours
from crowdmask.settings import StrictModel

EventName: TypeAlias = Literal[
    "person_appeared", "person_left", "mask_put_on", "mask_taken_off", "mask_incorrect", "no_mask"
]
FigureName: TypeAlias = Literal["with_mask", "any_mask"]
Name: TypeAlias = Annotated[
    str,
    Field(
        pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$",
        title="Name",
        description="Letters, digits, - and _: it is part of topics and addresses.",
    ),
]


class _Rule(StrictModel):
    """What all rules have; numbers are numbers, neither text nor true."""

    model_config = ConfigDict(strict=True)

    name: Name
    cameras: Annotated[
        tuple[str, ...],
        Field(strict=False, title="Cameras", description="Their names; empty: all."),
    ] = ()
    to: Annotated[
        tuple[str, ...],
        Field(strict=False, title="Channels", description="Their names; empty: all."),
    ] = ()
    cooldown_s: Annotated[
        float,
        Field(
            ge=0,
            le=7 * 86_400,
            title="Cool-down",
            description="Seconds after an alert has ended in which the same is not told again.",
        ),
    ] = 300.0
    recovery: Annotated[
        bool, Field(title="Recovery", description="Whether a message tells that it is over.")
    ] = True
    quiet_hours: Annotated[
        tuple[Hours, ...],
        Field(
            strict=False,
            title="Quiet hours",
            description="Messages wait until their end, and are left out where it is over by then. "
            "MQTT states and the pages go on.",
        ),
    ] = ()


class _LastingRule(_Rule):
    """A rule over a state that lasts."""

    recover_after_s: Annotated[
        float,
        Field(ge=0, le=86_400, title="Recover after", description="Seconds of better state that end it."),
    ] = 30.0


class ShareRule(_LastingRule):
    """Tells when the share of people with a mask is under a limit, beyond the detector's own errors."""

    when: Literal["share_below"]
    zone: Annotated[
        str | None, Field(title="Zone", description="Of the cameras; none: the whole picture.")
    ] = None
    figure: Annotated[
        FigureName,
        Field(
            title="Figure",
            description="Which share: with_mask (worn correctly) or any_mask (worn incorrectly, too).",
        ),
    ] = "with_mask"
    limit: Annotated[float, Field(gt=0, lt=1, title="Limit", description="The share, 0 to 1.")]
    for_s: Annotated[
        float,
        Field(ge=10, le=86_400, title="Over", description="The share of the last so many seconds."),
    ] = 60.0
    min_people: Annotated[
        int,
        Field(ge=1, le=10_000, title="Least people", description="Fewer different people make no share."),
    ] = 10


class EventRule(_Rule):
    """Tells of events, for example `no_mask` in a zone."""

    when: Literal["event"]
    event: Annotated[EventName, Field(title="Event", description="Which kind of event.")] = "no_mask"
    zone: Annotated[
        str | None, Field(title="Zone", description="Of the cameras; none: the whole picture.")
    ] = None
    count: Annotated[
        int, Field(ge=1, le=10_000, title="Number", description="So many within the time make an alert.")
    ] = 1
    within_s: Annotated[
        float, Field(ge=1, le=86_400, title="Within", description="Seconds in which they are counted.")
    ] = 60.0


class DownRule(_LastingRule):
    """Tells when a camera sends nothing."""

    when: Literal["camera_down"]
    for_s: Annotated[float, Field(ge=1, le=86_400, title="For", description="Seconds without a frame.")] = (
        60.0
    )


class FrozenRule(_LastingRule):
    """Tells when a camera sends the same picture all the time."""

    when: Literal["camera_frozen"]
    for_s: Annotated[
        float, Field(ge=1, le=86_400, title="For", description="Seconds of the same picture.")
    ] = 60.0


class NobodyRule(_LastingRule):
    """Tells when nobody was seen for long: the place is empty, or the camera looks elsewhere."""

    when: Literal["nobody"]
    zone: Annotated[
        str | None, Field(title="Zone", description="Of the cameras; none: the whole picture.")
    ] = None
    for_s: Annotated[
        float,
        Field(ge=60, le=7 * 86_400, title="For", description="Seconds of looking without anybody in view."),
    ] = 3600.0


AlertRule: TypeAlias = Annotated[
    ShareRule | EventRule | DownRule | FrozenRule | NobodyRule, Field(discriminator="when")
]
"""One rule; `when` says of which kind."""


class AlertSettings(StrictModel):
    """Rules and channels."""

    rules: Annotated[tuple[AlertRule, ...], Field(title="Rules", description="What is told.")] = ()
    channels: Annotated[
        tuple[ChannelSettings, ...], Field(title="Channels", description="Where it is told.")
    ] = ()
    keep_trying_h: Annotated[
        float,
        Field(gt=0, le=24 * 14, title="Keep trying", description="Hours after which a message is given up."),
    ] = 24.0

    @model_validator(mode="after")
    def _fits(self) -> AlertSettings:
        for what, names in (
            ("rules", [rule.name for rule in self.rules]),
            ("channels", [channel.name for channel in self.channels]),
        ):
            twice = [name for name in names if names.count(name) > 1]
            if twice:
                raise ValueError(f"two of the {what} have the name {twice[0]}")
        channels = {channel.name for channel in self.channels}
        for rule in self.rules:
            for name in rule.to:
                if name not in channels:
                    raise ValueError(f"rules.{rule.name}.to: there is no channel {name}")
        return self

    def channels_of(self, rule: _Rule) -> tuple[str, ...]:
        """Return the names of the channels that a rule is told by."""
        return rule.to or tuple(channel.name for channel in self.channels)
