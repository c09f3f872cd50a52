from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from crowdmask.alerts.quiet import quiet_until
from crowdmask.hours import Hours

BERLIN = ZoneInfo("Europe/Berlin")
NIGHT = Hours(start="22:00", end="06:00")
MORNING = Hours(start="06:00", end="07:30", days=["sat"])


@pytest.mark.parametrize(
    ("hours", "now", "expected"),
    [
        ([], "2026-11-27T23:00", None),
        ([NIGHT], "2026-11-27T20:59", None),
        ([NIGHT], "2026-11-27T21:00", "2026-11-28T05:00"),  # Berlin is an hour ahead
        ([NIGHT, MORNING], "2026-11-27T21:00:30", "2026-11-28T06:30"),
        ([NIGHT], "2026-10-24T20:00", "2026-10-25T05:00"),  # the night is an hour longer: summer time ends
        ([NIGHT], "2026-03-28T21:00", "2026-03-29T04:00"),  # and an hour shorter
        (
            [Hours(start="00:00", end="12:00"), Hours(start="12:00", end="00:00")],
            "2026-11-27T12:00",
            "2026-12-04T12:00",
        ),
    ],
)
def test_quiet_until(hours: list[Hours], now: str, expected: str | None) -> None:
    found = quiet_until(hours, datetime.fromisoformat(now).replace(tzinfo=UTC), BERLIN)
    assert found == (expected and datetime.fromisoformat(expected).replace(tzinfo=UTC))
