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
        description="Unique name: letters, digits, - and _. It is part of topics and addresses.",
    ),
]


class _Rule(StrictModel):
    """What all rules have; numbers are numbers, neither text nor true."""

    model_config = ConfigDict(strict=True)

    name: Name
    cameras: Annotated[
        tuple[str, ...],
        Field(strict=False, title="Cameras", description="Names of the cameras; empty: all cameras."),
    ] = ()
    to: Annotated[
        tuple[str, ...],
        Field(
            strict=False,
            title="Channels",
            description="Names of the channels that deliver the alert; empty: all channels.",
        ),
    ] = ()
    cooldown_s: Annotated[
        float,
        Field(
            ge=0,
            le=7 * 86_400,
            title="Cool-down",
            description="Seconds after the end of an alert in which the same alert is not raised again.",
        ),
    ] = 300.0
    recovery: Annotated[
        bool, Field(title="Recovery", description="Whether to send a message when the alert ends.")
    ] = True
    quiet_hours: Annotated[
        tuple[Hours, ...],
        Field(
            strict=False,
            title="Quiet hours",
            description="Messages wait until these hours end, and are dropped if the alert is over by then. "
            "MQTT states and pages are still updated.",
        ),
    ] = ()


class _LastingRule(_Rule):
    """A rule over a state that lasts."""

    recover_after_s: Annotated[
        float,
        Field(
            ge=0,
            le=86_400,
            title="Recover after",
            description="The alert ends after this many seconds in a good state.",
        ),
    ] = 30.0


class ShareRule(_LastingRule):
    """Tells when the share of people with a mask is under a limit, beyond the detector's own errors."""

    when: Annotated[
        Literal["share_below"],
        Field(title="When", description="share_below: the share of people with a mask is too low."),
    ]
    zone: Annotated[
        str | None, Field(title="Zone", description="Name of a zone of the cameras; null: the whole picture.")
    ] = None
    figure: Annotated[
        FigureName,
        Field(
            title="Figure",
            description="with_mask: correctly worn masks only; any_mask: incorrectly worn masks also count.",
        ),
    ] = "with_mask"
    limit: Annotated[
        float,
        Field(
            gt=0,
            lt=1,
            title="Limit",
            description="The alert is raised if the share is below this limit, 0 to 1.",
        ),
    ]
    for_s: Annotated[
        float,
        Field(
            ge=10, le=86_400, title="Over", description="Length of the time window of the share, in seconds."
        ),
    ] = 60.0
    min_people: Annotated[
        int,
        Field(
            ge=1,
            le=10_000,
            title="Least people",
            description="Minimum number of different people in the time window.",
        ),
    ] = 10


class EventRule(_Rule):
    """Tells of events, for example `no_mask` in a zone."""

    when: Annotated[Literal["event"], Field(title="When", description="event: events such as no_mask occur.")]
    event: Annotated[EventName, Field(title="Event", description="The kind of event.")] = "no_mask"
    zone: Annotated[
        str | None, Field(title="Zone", description="Name of a zone of the cameras; null: the whole picture.")
    ] = None
    count: Annotated[
        int,
        Field(
            ge=1,
            le=10_000,
            title="Number",
            description="Number of events within the time window that raise an alert.",
        ),
    ] = 1
    within_s: Annotated[
        float, Field(ge=1, le=86_400, title="Within", description="Length of the time window, in seconds.")
    ] = 60.0


class DownRule(_LastingRule):
    """Tells when a camera sends nothing."""

    when: Annotated[
        Literal["camera_down"], Field(title="When", description="camera_down: the camera sends no frames.")
    ]
    for_s: Annotated[
        float,
        Field(ge=1, le=86_400, title="For", description="Seconds without a frame that raise the alert."),
    ] = 60.0


class FrozenRule(_LastingRule):
    """Tells when a camera sends the same picture all the time."""

    when: Annotated[
        Literal["camera_frozen"],
        Field(title="When", description="camera_frozen: the picture does not change."),
    ]
    for_s: Annotated[
        float,
        Field(
            ge=1,
            le=86_400,
            title="For",
            description="Seconds with an unchanged picture that raise the alert.",
        ),
    ] = 60.0


class NobodyRule(_LastingRule):
    """Tells when nobody was seen for long: the place is empty, or the camera looks elsewhere."""

    when: Annotated[
        Literal["nobody"], Field(title="When", description="nobody: no person was seen for a long time.")
    ]
    zone: Annotated[
        str | None, Field(title="Zone", description="Name of a zone of the cameras; null: the whole picture.")
    ] = None
    for_s: Annotated[
        float,
        Field(
            ge=60,
            le=7 * 86_400,
            title="For",
            description="Observed seconds without any person that raise the alert.",
        ),
    ] = 3600.0


AlertRule: TypeAlias = Annotated[
    ShareRule | EventRule | DownRule | FrozenRule | NobodyRule, Field(discriminator="when")
]
"""One rule; `when` says of which kind."""


class AlertSettings(StrictModel):
    """Rules and channels."""

    rules: Annotated[tuple[AlertRule, ...], Field(title="Rules", description="The alert rules.")] = ()
    channels: Annotated[
        tuple[ChannelSettings, ...], Field(title="Channels", description="The channels that deliver alerts.")
    ] = ()
    keep_trying_h: Annotated[
        float,
        Field(
            gt=0,
            le=24 * 14,
            title="Keep trying",
            description="Hours after which an undelivered message is discarded.",
        ),
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
        """Return the names of the channels of a rule."""
        return rule.to or tuple(channel.name for channel in self.channels)
