from __future__ import annotations

from pathlib import Path

import pytest

from crowdmask.errors import UsageError
from crowdmask.serve.site import read_site, site_of

WHOLE = """
name: Town hall
timezone: Europe/Berlin
store: {env: STORE}
cameras:
  - name: door
    source: {env: DOOR}
    max_fps: 5
    ignore: [[[0.8, 0], [1, 0], [1, 0.3]]]
    min_face_px: 12
    zones: [{name: A, polygon: [[0, 0], [1, 0], [1, 1]]}]
  - name: yard
    source: "0"
    look: adaptive
    active: [{start: 8:00, end: 18:00, days: [mon, tue]}]
alerts:
  rules:
    - {name: few, when: share_below, limit: 0.8, zone: A}
    - {name: down, when: camera_down, cameras: [yard]}
retention: {events_days: 7}
http: {port: 9000}
"""


@pytest.fixture(autouse=True)
def _secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STORE", "postgresql://ada:hunter2@db/site")
    monkeypatch.setenv("DOOR", "rtsp://ada:hunter2@10.0.0.5/")


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "site.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_whole_site(tmp_path: Path) -> None:
    site = read_site(written(tmp_path, WHOLE))
    door, yard = site.cameras
    assert (door.options.max_fps, door.options.blur, door.options.zones.zones[0].name) == (5, True, "A")
    assert (door.options.ignored.min_face_px, len(door.options.ignored.regions.zones)) == (12, 1)
    assert (yard.options.ignored.regions, yard.options.still_s) == (None, 1800)
    assert (door.options.look, yard.options.look, yard.options.is_adaptive) == ("every", "adaptive", True)
    assert (yard.options.zones, yard.active[0].days) == (None, ("mon", "tue"))
    assert (site.http.port, site.http.host, site.retention.counts_days) == (9000, "127.0.0.1", 730)
    assert "hunter2" not in repr(site) + site.model_dump_json()
    assert door.source.get_secret_value() == "rtsp://ada:hunter2@10.0.0.5/"


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ("Europe/Berlin", "Berlin", "timezone: is no time zone: write it like Europe/Berlin"),
        ("name: yard", "name: door", "two cameras have the name 'door'"),
        ("zone: A}", "zone: B}", "alerts.rules.few.zone: none of its cameras has a zone 'B'"),
        ("[yard]", "[hall]", "alerts.rules.down.cameras: there is no camera 'hall'"),
        (
            "max_fps: 5",
            "max_fsp: 5",
            "cameras.0.max_fsp: there is no such key",
        ),
        ("port: 9000", "host: 0.0.0.0", "http: host is 0.0.0.0, which others reach"),
        ("[1, 1]]", "[2, 1]]", "a coordinate is above 1: for pixels say units: pixels"),
        ("[1, 0.3]]]", "[1, 3]]]", "a coordinate is above 1"),
        ("{env: DOOR}", "{env: NONE}", "the environment variable NONE is not set"),
        ("limit: 0.8", "limit: 80%", "must be a"),
    ],
)
def test_a_wrong_site_is_refused_in_one_line(tmp_path: Path, old: str, new: str, why: str) -> None:
    assert old in WHOLE
    with pytest.raises(UsageError) as caught:
        read_site(written(tmp_path, WHOLE.replace(old, new)))
    assert why in str(caught.value)
    assert "docs/service.md" in str(caught.value)
    assert "hunter2" not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_cameras_of_the_command_line(tmp_path: Path) -> None:
    site = site_of(None, ["0", "rtsp://10.0.0.5/"], host=None, port=0)
    assert [camera.name for camera in site.cameras] == ["camera 1", "camera 2"]
    assert (site.http.port, site.store.get_secret_value()) == (0, "crowdmask.db")
    assert site_of(written(tmp_path, WHOLE), [], host="::1", port=None).http.host == "::1"
    with pytest.raises(UsageError, match="`config` or cameras, not both"):
        site_of(written(tmp_path, WHOLE), ["0"], host=None, port=None)
    with pytest.raises(UsageError, match="which others reach"):
        site_of(None, ["0"], host="0.0.0.0", port=None)
    with pytest.raises(UsageError, match="cannot read the site"):
        site_of(tmp_path / "none.yaml", [], host=None, port=None)


@pytest.mark.parametrize(
    ("old", "new", "at"),
    [
        ("name: yard", "nmae: yard", "nmae"),
        ("limit: 0.8", "limit: 1.8", "limit: 1.8"),
        ("when: camera_down", "when: never", "{name: down"),
        ("http: {port: 9000}", "http: {port: 90000}", "port: 90000"),
        ("max_fps: 5", "max_fps: 5\n    max_fps: 6", "max_fps: 6"),
        ("look: adaptive", "look: sometimes", "look"),
        ("retention: {events_days: 7}", "retention: {events_days: 7", ": {port"),
    ],
)
def test_problems_name_line_and_column(tmp_path: Path, old: str, new: str, at: str) -> None:
    assert old in WHOLE
    text = WHOLE.replace(old, new)
    before = text[: text.index(at)]
    line, column = before.count("\n") + 1, len(before) - before.rfind("\n")
    with pytest.raises(UsageError, match=f"line {line}, column {column}[^0-9]"):
        read_site(written(tmp_path, text))
