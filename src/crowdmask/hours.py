"""Times of the day in settings, as "22:00" to "06:00", on all or some days of the week."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, PlainSerializer, WithJsonSchema, model_validator

from crowdmask.settings import StrictModel

Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
DAYS: tuple[Day, ...] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def _to_time(value: Any) -> time:
    """Read a time of day.

    YAML reads 22:00 without quotes as a base-60 number, 1320, which is the number of minutes.
    """
    if isinstance(value, time):
        return value
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 24 * 60:
        return time(value // 60, value % 60)
    if isinstance(value, str):
        hour, colon, minute = value.partition(":")
        digits = (hour + minute).isascii() and (hour + minute).isdecimal()
        if (
            colon
            and digits
            and len(hour) in (1, 2)
            and len(minute) == 2
            and int(hour) < 24
            and int(minute) < 60
        ):
            return time(int(hour), int(minute))
    raise ValueError('must be a time of day from "00:00" to "23:59"')


TimeOfDay = Annotated[
    time,
    BeforeValidator(_to_time),
    PlainSerializer(lambda value: value.strftime("%H:%M"), return_type=str, when_used="json"),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "string", "pattern": "^([01]?[0-9]|2[0-3]):[0-5][0-9]$"},
                {"type": "integer", "minimum": 0, "maximum": 1439, "description": "Minutes since midnight."},
            ],
            "examples": ["22:00"],
        }
    ),
]
"""Hours and minutes, local to the site."""


class Hours(StrictModel):
    """A part of the day; if the end is before the start, it is on the next day."""

    start: Annotated[TimeOfDay, Field(title="Start", description="Begins at this time, local to the site.")]
    end: Annotated[TimeOfDay, Field(title="End", description="Ends before this time.")]
    days: Annotated[
        tuple[Day, ...],
        Field(min_length=1, title="Days", description="Days of the week on which it begins."),
    ] = DAYS

    @model_validator(mode="after")
    def _lasts(self) -> Hours:
        if self.start == self.end:
            raise ValueError("start and end are the same time")
        return self

    def hold(self, local: datetime) -> bool:
        """Return whether a moment lies within these hours.

        Args:
            local: the site's local time.
        """
        now, today = local.time(), DAYS[local.weekday()]
        if self.start < self.end:
            return today in self.days and self.start <= now < self.end
        yesterday = DAYS[(local - timedelta(days=1)).weekday()]
        return (today in self.days and now >= self.start) or (yesterday in self.days and now < self.end)
