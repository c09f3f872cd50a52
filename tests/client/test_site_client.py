"""The client changes a running site: cameras, rules, alerts, links for wall screens."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

pytest.importorskip("httpx", reason="the extra 'serve' is not installed")

from crowdmask.client.client import Client
from crowdmask.errors import ServiceError
from crowdmask.store.alert_records import Alert
from crowdmask.store.audit import AuditEntry
from crowdmask.store.records import Gap

from ..live.clips import write_clip
from ..live.conftest import CameraServer, camera  # noqa: F401 - a fixture
from ..serve.conftest import Running, run_site

NOW = datetime.now(UTC).replace(microsecond=0)


@pytest.fixture
def site(tmp_path: Path, colour_model: Path) -> Iterator[tuple[Running, Client]]:
    """A service of its own with a site file, which may be changed in any way."""
    file = tmp_path / "site.yaml"
    clip = write_clip(tmp_path / "clip.mp4", 300)
    zone = "{name: A, polygon: [[0, 0], [1, 0], [1, 1]]}"
    file.write_text(
        f"name: Town hall\nstore: {tmp_path / 'site.db'}\nmodel: {colour_model}\n"
        f"cameras: [{{name: door, source: {clip}, zones: [{zone}]}}]\n"
        "alerts:\n  rules: [{name: away, when: camera_down}]\n"
        '  channels: [{kind: webhook, name: hook, url: "http://127.0.0.1:9/hook"}]\n',
        encoding="utf-8",
    )
    with run_site(tmp_path, colour_model, file=file) as running, Client(running.address) as made:
        yield running, made


def test_a_site_is_changed(site: tuple[Running, Client], camera: CameraServer) -> None:  # noqa: F811
    running, client = site
    camera.fps = 5.0
    address = f"http://{camera.place}/camera"
    assert (client.site().name, client.site().mode) == ("Town hall", "operation")
    assert client.test_camera(address).startswith(b"\xff\xd8")
    polygon = [[0.0, 0.0], [0.5, 0.0], [0.5, 0.5]]
    added = client.add_camera("hall 2 ü", address.replace("://", "://joe:s3cret@"), max_fps=5)
    assert (added.camera, added.zones) == ("hall 2 ü", ())
    assert client.set_zones(added.camera, zones=[{"name": "B", "polygon": polygon}]).zones[0]["name"] == "B"
    assert client.change_camera(added.camera, min_face_px=12).ignore == ()
    settings = client.camera_settings(added.camera)
    assert (settings["min_face_px"], settings["max_fps"], "s3cret" in str(settings)) == (12, 5, False)
    assert [each.camera for each in client.zones()] == ["door", added.camera]
    assert client.switch_privacy("door", True).state == "inactive"
    client.switch_privacy("door", False)
    (change,) = client.changes()
    assert (change.kind, change.name, change.action) == ("camera", added.camera, "added")
    client.remove_camera(added.camera)
    client.change_camera("door", max_fps=5)
    client.undo_change("camera", "door")
    assert client.changes() == []
    with pytest.raises(ServiceError) as caught:
        client.remove_camera("none")
    assert caught.value.status == 404
    assert {"added", "removed", "tried out", "changed zones", "privacy on"} <= {
        what for _, what, _ in running.audit
    }


def test_rules_and_alerts(site: tuple[Running, Client]) -> None:
    running, client = site
    rule = {"name": "few", "when": "share_below", "limit": 0.9}
    assert client.add_rule(rule)["for_s"] == 60
    assert client.replace_rule({**rule, "limit": 0.5})["limit"] == 0.5
    assert [each.name for each in client.rules()] == ["away", "few"]
    assert client.preview_rule({**rule, "name": "new"}, days=1).rule == "new"
    assert client.channels() == {"hook": "webhook"}
    assert client.test_alert("hook")["hook"] is not None  # nobody listens there
    client.remove_rule("few")
    raised = Alert(
        id="6f1c1b1e-0000-4000-8000-000000000001", rule="away", kind="camera_down", camera="door", zone=None,
        state="raised", raised_utc=datetime.now(UTC), recovered_utc=None, message="no frame for 60 s",
    )  # fmt: skip
    running.service.store.alerts.record(raised, raised.raised_utc, {})
    (alert,) = client.alerts(only_open=True, rule="away", camera="door", start=raised.raised_utc, limit=5)
    assert (alert.id, alert.raised_utc, alert.acknowledged_by) == (raised.id, raised.raised_utc, None)
    assert client.acknowledge(alert.id).acknowledged_by == "local"
    assert client.mark(alert.id, True).wrong is True
    assert client.snooze(alert.id, 60).until_utc > datetime.now(UTC)
    assert client.alert(alert.id).marked_by == "local"
    assert client.mark(alert.id, None).wrong is None
    assert client.rules()[0].snoozed[0].camera == "door"
    with pytest.raises(ServiceError, match="there is no alert") as caught:
        client.alert("none")
    assert caught.value.status == 404


def test_gaps_and_wall_screens(site: tuple[Running, Client]) -> None:
    running, client = site
    gap = Gap(camera="door", why="down", began_utc=NOW - timedelta(hours=1), last_utc=NOW, error="no route")
    running.service.store.add([gap])
    assert client.gaps(start=NOW - timedelta(hours=2), end=NOW, camera="door") == [gap]
    link = client.add_link("hall", days=2)
    assert link.token is not None
    assert link.expires_utc - link.created_utc == timedelta(days=2)
    with Client(running.address, token=link.token) as screen:
        assert screen.wall()["cameras"][0]["camera"] == "door"
        with pytest.raises(ServiceError) as caught:
            screen.links()
        assert caught.value.status == 403
        client.revoke_link(link.id)
        with pytest.raises(ServiceError) as caught:
            screen.wall()
        assert caught.value.status == 401
    kept_entry = AuditEntry(time_utc=NOW, who="anna", what="revoked", thing="link hall", address="10.0.0.9")
    running.service.store.audit.add(kept_entry)
    (entry,) = client.audit(start=NOW - timedelta(minutes=1), who="anna", limit=5)
    assert (entry.time_utc, entry.what, entry.address) == (NOW, "revoked", "10.0.0.9")
    (kept,) = client.links()
    assert (kept.token, kept.revoked_by) == (None, "local")
