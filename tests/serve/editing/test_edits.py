"""Changes are kept beside the site file, for its owner only, win over it, and count after a restart."""

from __future__ import annotations

import stat
from collections.abc import Callable
from pathlib import Path
from threading import Barrier, Thread
from typing import Any

import pytest
import yaml
from pydantic import TypeAdapter

from crowdmask.alerts.settings import AlertRule
from crowdmask.errors import OutputError, UsageError
from crowdmask.serve.editing.edits import Edits
from crowdmask.serve.site import CameraSettings, Site

RULE = {"name": "away", "when": "camera_down", "for_s": 60, "cameras": ["hall"]}
SQUARE = [[0, 0], [1, 0], [1, 1]]


def camera(name: str, **values: Any) -> CameraSettings:
    return CameraSettings.model_validate({"name": name, "source": f"rtsp://me:hidden@{name}/1", **values})


def rule(**values: Any) -> AlertRule:
    made: AlertRule = TypeAdapter(AlertRule).validate_python({**RULE, **values})
    return made


@pytest.fixture
def site() -> Site:
    return Site.model_validate(
        {"cameras": [camera("door"), camera("hall", grace_s=3)], "alerts": {"rules": [RULE]}}
    )


@pytest.fixture
def taken() -> list[Site]:
    return []


@pytest.fixture
def edits(tmp_path: Path, site: Site, taken: list[Site]) -> Edits:
    made = Edits(tmp_path / "site.yaml", taken.append)
    taken.append(made.begin(site))
    return made


def to(item: Any) -> Callable[[Any], Any]:
    return lambda old: item


def test_changes_outlive_a_restart(tmp_path: Path, site: Site, edits: Edits, taken: list[Site]) -> None:
    edits.camera("yard", to(camera("yard")))
    edits.camera("hall", lambda old: old and old.model_copy(update={"min_face_px": 20.0}))
    edits.rule("away", to(rule(for_s=120.0)))
    edits.rule("frozen", to(rule(name="frozen", when="camera_frozen")))
    edits.camera("door", to(None))
    assert [each.name for each in taken[-1].cameras] == ["hall", "yard"]
    assert (taken[-1].cameras[0].min_face_px, taken[-1].cameras[0].grace_s) == (20, 3)
    assert [each.name for each in taken[-1].alerts.rules] == ["away", "frozen"]
    kept = tmp_path / "site.changes.yaml"
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert sorted(tmp_path.iterdir()) == [kept]
    content = yaml.safe_load(kept.read_text(encoding="utf-8"))
    # Only what differs is kept: the rest goes on following the site file, and its secrets stay there.
    assert content["cameras"]["hall"] == {"min_face_px": 20.0}
    assert content["rules"]["away"] == {"for_s": 120.0}
    again = Edits(tmp_path / "site.yaml", taken.append).begin(site)
    assert (again.cameras, again.alerts) == (taken[-1].cameras, taken[-1].alerts)
    assert again.cameras[1].source.get_secret_value() == "rtsp://me:hidden@yard/1"


def test_the_site_file_goes_on_counting_for_what_was_not_changed(edits: Edits, taken: list[Site]) -> None:
    edits.camera("hall", lambda old: old and old.model_copy(update={"min_face_px": 20.0}))
    new = Site.model_validate({"cameras": [camera("hall", grace_s=7, min_face_px=5)]})
    edits.take_over(new)
    assert (taken[-1].cameras[0].grace_s, taken[-1].cameras[0].min_face_px) == (7, 20)
    # What is in the site file no longer is gone, whatever was changed of it.
    edits.take_over(Site.model_validate({"cameras": [camera("yard")]}))
    assert [each.name for each in taken[-1].cameras] == ["yard"]


def test_differences_are_shown_without_passwords_and_undone(
    tmp_path: Path, edits: Edits, site: Site, taken: list[Site]
) -> None:
    edits.camera("yard", to(camera("yard")))
    edits.camera("hall", lambda old: old and camera("hall", ignore=[SQUARE]))
    edits.rule("away", to(None))
    found = {(each.kind, each.name): each for each in edits.differences()}
    assert {key: each.action for key, each in found.items()} == {
        ("camera", "yard"): "added", ("camera", "hall"): "changed", ("rule", "away"): "removed",
    }  # fmt: skip
    changed = {each.field: (each.before, each.after) for each in found["camera", "hall"].fields}
    assert set(changed) == {"ignore", "grace_s"}
    assert changed["ignore"] == ([], [SQUARE])
    assert "hidden" not in repr(found)
    assert "rtsp://***@yard/1" in repr(found)
    for kind, name in (("camera", "yard"), ("camera", "hall"), ("rule", "away")):
        assert edits.undo(kind, name)  # type: ignore[arg-type]
    assert not edits.undo("camera", "yard")
    assert (taken[-1].cameras, taken[-1].alerts, edits.differences()) == (site.cameras, site.alerts, [])
    # A change back to what the site file says is none.
    edits.camera("hall", to(camera("hall", grace_s=3)))
    assert edits.differences() == []


def test_what_does_not_fit_changes_nothing(tmp_path: Path, edits: Edits, site: Site) -> None:
    with pytest.raises(UsageError, match=r"away.cameras: there is no camera 'hall'"):
        edits.camera("hall", to(None))
    missing = Edits(tmp_path / "none" / "site.yaml", lambda new: pytest.fail("it is in force"))
    missing.begin(site)
    with pytest.raises(OutputError, match="cannot be kept"):
        missing.camera("yard", to(camera("yard")))
    assert (edits.differences(), missing.differences(), [*tmp_path.iterdir()]) == ([], [], [])


def test_what_cannot_be_put_in_force_is_not_kept(tmp_path: Path, site: Site) -> None:
    def refuse(new: Site) -> None:
        raise UsageError("a channel says no")

    edits = Edits(tmp_path / "site.yaml", refuse)
    edits.begin(site)
    with pytest.raises(UsageError, match="a channel says no"):
        edits.camera("yard", to(camera("yard")))
    assert (edits.differences(), [*tmp_path.iterdir()]) == ([], [])


def test_what_cannot_be_kept_is_not_in_force(tmp_path: Path, edits: Edits, taken: list[Site]) -> None:
    (tmp_path / "site.changes.yaml").mkdir()  # nothing can take its place
    before = taken[-1]
    with pytest.raises(OutputError, match="cannot be kept"):
        edits.camera("yard", to(camera("yard")))
    assert (taken[-1], edits.differences()) == (before, [])


def test_of_changes_at_one_time_none_is_lost(edits: Edits, taken: list[Site]) -> None:
    start = Barrier(8)

    def change(number: int) -> None:
        start.wait()
        line = {"name": f"L{number}", "start": [0, 0], "end": [1, 1]}
        edits.camera(
            "door",
            lambda old: CameraSettings.model_validate(
                {**dict(old or ()), "lines": [*(old.lines if old else ()), line]}
            ),
        )

    threads = [Thread(target=change, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {each.name for each in taken[-1].cameras[0].lines} == {f"L{number}" for number in range(8)}


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("{", "cannot be read"),
        ("- a", "must hold the sections cameras and rules"),
        ("zones: {}", "must hold the sections cameras and rules"),
        ("cameras: []\nrules: [1]", "rules must hold settings by name"),
        ("cameras: {a: 1}", "cameras must hold settings by name"),
        ("cameras: {1: {}}", "cameras must hold settings by name"),
        ("cameras: {hall: {hidden: 1}}", "hidden: there is no such key"),
        ("cameras: {hall: null}", "there is no camera 'hall'"),
        ("rules: {few: {when: share_below}}", "limit: is missing"),
    ],
)
def test_a_broken_file_of_changes(tmp_path: Path, site: Site, text: str, why: str) -> None:
    (tmp_path / "site.changes.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(UsageError, match=r"site\.changes\.yaml") as caught:
        Edits(tmp_path / "site.yaml", lambda site: None).begin(site)
    assert why in str(caught.value)


def test_without_a_site_file_they_last_until_the_end(site: Site, taken: list[Site]) -> None:
    edits = Edits(None, taken.append)
    edits.begin(site)
    edits.camera("yard", to(camera("yard")))
    assert [each.name for each in taken[0].cameras] == ["door", "hall", "yard"]
