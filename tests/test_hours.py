from __future__ import annotations

from datetime import datetime, time
from pathlib import Path

import pytest

from crowdmask.errors import DataError
from crowdmask.hours import Hours
from crowdmask.settings import read_yaml


def read(tmp_path: Path, text: str) -> Hours:
    path = tmp_path / "hours.yaml"
    path.write_text(text, encoding="utf-8")
    return read_yaml(path, Hours)


@pytest.mark.parametrize(
    ("days", "moment", "expected"),
    [
        ("", "2026-11-27 21:59", False),
        ("", "2026-11-27 22:00", True),
        ("", "2026-11-28 05:59", True),
        ("", "2026-11-28 06:00", False),
        ("days: [fri]", "2026-11-27 23:00", True),
        ("days: [fri]", "2026-11-28 03:00", True),  # begun on Friday
        ("days: [fri]", "2026-11-27 03:00", False),  # begun on Thursday
        ("days: [fri]", "2026-11-28 23:00", False),
    ],
)
def test_hours_go_over_midnight(tmp_path: Path, days: str, moment: str, expected: bool) -> None:
    # YAML takes 22:00 without quotes for the number 1320.
    hours = read(tmp_path, f'start: 22:00\nend: "06:00"\n{days}\n')
    assert (hours.start, hours.end) == (time(22), time(6))
    assert hours.hold(datetime.fromisoformat(moment)) is expected


@pytest.mark.parametrize(
    ("moment", "expected"), [("08:29", False), ("08:30", True), ("16:59", True), ("17:00", False)]
)
def test_hours_within_a_day(tmp_path: Path, moment: str, expected: bool) -> None:
    hours = read(tmp_path, "start: 8:30\nend: 17:00\n")
    assert hours.hold(datetime.fromisoformat(f"2026-11-27 {moment}")) is expected


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("start: 25:00\nend: 1:00", 'start: must be a time of day from "00:00" to "23:59"'),
        ("start: noon\nend: 1:00", "start: must be a time of day"),
        ("start: 1:00\nend: 1:00", "start and end are the same time"),
        ("start: 1:00\nend: 2:00\ndays: []", "days: must not be empty"),
        ("start: 1:00\nend: 2:00\ndays: [someday]", "days"),
    ],
)
def test_wrong_hours_are_refused(tmp_path: Path, text: str, why: str) -> None:
    with pytest.raises(DataError, match=why.replace("(", r"\(")):
        read(tmp_path, text)
