"""Until when a rule is quiet."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta, tzinfo

from crowdmask.hours import Hours

_MOST = timedelta(days=7)
_MINUTE = timedelta(minutes=1)


def quiet_until(hours: Sequence[Hours], now: datetime, timezone: tzinfo) -> datetime | None:
    """Return when the current quiet hours end; None: it is not a quiet hour.

    Hours that follow each other are one, and days that are changed to or from summer time are as long as the
    clock on the wall says.

    Args:
        hours: in local time.
        now: UTC.
        timezone: the site's.
    Returns:
        UTC, at most a week ahead.
    """

    def is_quiet(moment: datetime) -> bool:
        return any(each.hold(moment.astimezone(timezone)) for each in hours)

    if not is_quiet(now):
        return None
    end = now.replace(second=0, microsecond=0) + _MINUTE
    while end - now < _MOST and is_quiet(end):
        end += _MINUTE
    return end
