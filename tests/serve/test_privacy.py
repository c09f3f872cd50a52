"""Privacy switch, statistics mode, and the report for a data-protection impact assessment."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from crowdmask.alerts.snapshot import Snapshot
from crowdmask.errors import UsageError
from crowdmask.inference.detector import Detector
from crowdmask.serve.cells import Cells
from crowdmask.serve.privacy_report import privacy_report
from crowdmask.serve.service import Service
from crowdmask.serve.site import Site
from crowdmask.store.store import Store, open_store
from crowdmask.survey.rates import shipped_rates

from ..alerts.conftest import wait_for
from ..live.clips import write_clip

NOON = datetime(2026, 11, 27, 12, tzinfo=UTC)


def minutes(first: int, people: int, number: int = 1) -> list[Snapshot]:
    """Return minutes, each with people of its own."""
    return [
        Snapshot(
            time_utc=NOON + timedelta(minutes=minute + 1), camera="door", step_s=60.0, observed_s=60.0,
            person_s={"with_mask": 30.0 * people}, tracks=frozenset((minute, each) for each in range(people)),
        )
        for minute in range(first, first + number)
    ]  # fmt: skip


def cells(*snapshots: Snapshot) -> list[tuple[int, int, float]]:
    """Return start in minutes, people and seconds looked at of each finished cell."""
    counter = Cells()
    rows = [row for each in snapshots for row in counter.add([each])]
    return [(int((row.start_utc - NOON).total_seconds() // 60), row.people, row.observed_s) for row in rows]


def test_cells_are_twenty_minutes_long() -> None:
    assert cells(*minutes(0, 1, 45)) == [(0, 20, 1200.0), (20, 20, 1200.0)]


def test_a_cell_of_few_people_is_joined_to_the_next() -> None:
    few = minutes(0, 2) + minutes(1, 0, 19) + minutes(20, 1) + minutes(21, 0, 19)
    assert cells(*few, *minutes(40, 3), *minutes(60, 0)) == [(40, 6, 2460.0)]
    assert cells(*minutes(0, 0, 21)) == [(0, 0, 1200.0)]  # nobody is nobody
    assert cells(*minutes(0, 4, 1), *minutes(20, 0, 40)) == []


def site(**values: Any) -> Site:
    return Site(**({"cameras": [{"name": "door", "source": "0"}]} | values))


@pytest.mark.parametrize(
    ("rule", "why"),
    [
        ({"name": "a", "when": "event"}, "rules.a: mode statistics has no alerts about a person"),
        ({"name": "a", "when": "share_below", "limit": 0.5, "min_people": 4}, "must be 5 or more"),
    ],
)
def test_statistics_have_no_rules_about_a_person(rule: dict[str, Any], why: str) -> None:
    with pytest.raises(ValueError, match=why):
        site(mode="statistics", alerts={"rules": [rule]})
    site(alerts={"rules": [rule]})
    site(mode="statistics", alerts={"rules": [{"name": "a", "when": "share_below", "limit": 0.5}]})


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with open_store(tmp_path / "site.db") as opened:
        yield opened


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    return write_clip(tmp_path / "clip.mp4", 40)


def test_a_private_camera_looks_at_nothing_over_restarts(
    store: Store, clip: Path, colour_model: Path
) -> None:
    settings = site(cameras=[{"name": "door", "source": str(clip)}])
    detector = Detector(colour_model, threads=1)
    first = Service(settings, store, detector)
    first.start()
    wait_for(lambda: first.session.snapshot("door") is not None)
    first.switch_privacy("door", True, "ada")
    assert (first.health(), first.private) == ([], {"door"})
    with pytest.raises(UsageError, match="no camera 'yard'"):
        first.switch_privacy("yard", True, "ada")
    first.stop()
    second = Service(settings, store, detector)
    second.start()
    assert (second.health(), second.private) == ([], {"door"})
    second.switch_privacy("door", False, "ada")
    wait_for(lambda: second.health() and second.session.snapshot("door") is not None)
    second.stop()
    assert store.switches.private() == set()


def test_statistics_keep_no_event_and_no_minute(store: Store, clip: Path, colour_model: Path) -> None:
    settings = site(cameras=[{"name": "door", "source": str(clip)}], mode="statistics")
    service = Service(settings, store, Detector(colour_model, threads=1))
    service.start()
    wait_for(lambda: any(run.events for run in service.session.runs), 20)
    service.stop()
    assert store.events() == []
    assert store.counts(start=NOON - timedelta(days=3650), end=NOON + timedelta(days=36500)) == []


@pytest.mark.parametrize(
    ("mode", "there", "not_there"),
    [
        ("operation", ["Events (somebody came", "for 30 days", "single people: bare"], ["20 minutes"]),
        ("statistics", ["Counts of 20 minutes", "No picture is shown", "No rule is about"], ["Events ("]),
    ],
)  # fmt: skip
def test_the_report_answers_from_the_settings(mode: str, there: list[str], not_there: list[str]) -> None:
    rules = (
        [{"name": "bare", "when": "event"}] if mode == "operation" else [{"name": "empty", "when": "nobody"}]
    )
    settings = site(
        name="Town hall",
        mode=mode,
        store="postgresql://ada:hunter2@db/site",
        timezone="Europe/Berlin",
        cameras=[
            {
                "name": "door",
                "source": "rtsp://ada:hunter2@10.0.0.5/",
                "active": [{"start": "08:00", "end": "18:00"}],
            }
        ],
        alerts={
            "rules": rules,
            "channels": [{"kind": "apprise", "name": "phone", "urls": ["ntfy://hunter2"]}],
        },
    )
    report = privacy_report(settings, shipped_rates(None, "crowd"), NOON)
    for text in (
        *there,
        "# Data protection: Town hall",
        "door: 08:00 to 18:00 on mon",
        "the sign for the door",
    ):
        assert text.lower() in report.lower(), text
    assert "another company" in report
    assert "% of such faces are missed" in report
    assert not any(text in report for text in not_there)
    assert "hunter2" not in report
    assert "were not measured" in privacy_report(settings, None)


def test_the_report_says_who_can_reach_the_service() -> None:
    """An assessment that says "this machine only" of an open port would be wrong."""
    alone = privacy_report(Site(), None)
    assert "answers this machine only" in alone
    assert "without a login" in alone
    user = {"name": "anna", "password_hash": "x", "role": "admin"}
    token = {"name": "program", "token": "t" * 32}
    http = {"host": "0.0.0.0", "users": [user], "tokens": [token]}
    open_ = privacy_report(Site.model_validate({"http": http}), None)
    assert "answers this machine only" not in open_
    assert "answers other machines, at 0.0.0.0, only with a login or token" in open_
    assert "viewers (program) and admins (anna)" in open_
    assert "t" * 32 not in open_
