from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from crowdmask.errors import UsageError
from crowdmask.inference.detector import Detector
from crowdmask.serve.auth.sessions import Identity, Sessions
from crowdmask.serve.service import Service
from crowdmask.serve.site import Site, read_site
from crowdmask.serve.watch import SiteFile
from crowdmask.store.store import Store, open_store

from ..alerts.conftest import wait_for
from ..live.clips import write_clip

SITE = """
cameras:
  - {{name: door, source: {clip}{door}}}
  - {{name: yard, source: {clip}}}
alerts:
  rules: [{{name: down, when: camera_down, for_s: {for_s}}}]
"""


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with open_store(tmp_path / "site.db") as opened:
        yield opened


def test_a_changed_file_is_taken_over_and_a_broken_one_is_not(
    tmp_path: Path, store: Store, colour_model: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "crowdmask.serve")
    clip, path = write_clip(tmp_path / "clip.mp4", 200), tmp_path / "site.yaml"

    def write(text: str) -> None:
        new = path.with_suffix(".new")
        new.write_text(text, encoding="utf-8")
        os.replace(new, path)

    write(SITE.format(clip=clip, door="", for_s=60))
    service = Service(read_site(path), store, Detector(colour_model, threads=1))
    file = SiteFile(path, service.change)
    service.start()
    wait_for(lambda: service.session.snapshot("door") is not None)
    runs = {health.camera: health.run for health in service.health()}
    assert not file.look()

    write("cameras: [{name: door}]")
    assert not file.look()
    assert "the old settings stay in force" in caplog.text
    assert not file.look()  # said once
    assert len(service.site.cameras) == 2

    zone = ", zones: [{name: A, polygon: [[0, 0], [1, 0], [1, 1]]}]"
    write(SITE.format(clip=clip, door=zone, for_s=5).replace("yard", "hall"))
    assert file.look()
    wait_for(lambda: {health.camera for health in service.health()} == {"door", "hall"})
    assert service.health()[0].run == runs["door"]  # the door was not begun anew
    wait_for(lambda: service.session.options("door").zones is not None)
    assert service.alerts.settings.rules[0].for_s == 5

    write(SITE.format(clip=clip, door="", for_s=5) + "store: other.db\n")
    assert file.look()
    assert "store: needs a restart" in caplog.text
    path.unlink()
    assert not file.look()
    service.stop()


def test_video_files_play_at_once_like_cameras(tmp_path: Path, store: Store, colour_model: Path) -> None:
    path = tmp_path / "site.yaml"
    clip = write_clip(tmp_path / "clip.mp4", 200)
    path.write_text(SITE.format(clip=clip, door="", for_s=60), encoding="utf-8")
    service = Service(read_site(path), store, Detector(colour_model, threads=1))
    service.start()
    wait_for(lambda: all(service.session.snapshot(name) is not None for name in ("door", "yard")))
    assert [health.state for health in service.health()] == ["live", "live"]
    service.session.restart("door")
    wait_for(lambda: service.session.snapshot("door") is not None)
    service.stop()


def test_another_source_begins_the_camera_anew(tmp_path: Path, store: Store, colour_model: Path) -> None:
    path = tmp_path / "site.yaml"
    first, second = (write_clip(tmp_path / f"{name}.mp4", 200) for name in ("a", "b"))
    path.write_text(SITE.format(clip=first, door="", for_s=60), encoding="utf-8")
    service = Service(read_site(path), store, Detector(colour_model, threads=1))
    service.start()
    path.write_text(SITE.format(clip=second, door="", for_s=60), encoding="utf-8")
    service.change(read_site(path))
    wait_for(lambda: [health.source for health in service.health()] == [str(second)] * 2)
    service.stop()


def test_users_and_tokens_count_at_once_and_the_address_stays(
    tmp_path: Path, store: Store, colour_model: Path, caplog: pytest.LogCaptureFixture
) -> None:
    def site(**http: object) -> Site:
        return Site.model_validate({"http": http})

    tokens = [{"name": "report", "token": "t" * 32}]
    service = Service(site(host="0.0.0.0", tokens=tokens), store, Detector(colour_model, threads=1))
    sessions = Sessions(lambda: service.site.http)
    new = [{"name": "report", "token": "n" * 32, "role": "admin"}]
    service.change(site(host="0.0.0.0", port=9000, tokens=new, session_h=1))
    assert sessions.of_token("t" * 32) is None
    assert sessions.of_token("n" * 32) == Identity("report", "admin")
    assert (service.site.http.port, service.site.http.session_h) == (8000, 1)
    assert "http.port: needs a restart" in caplog.text
    # Without users and tokens everybody could come in at the address that it goes on listening at.
    with pytest.raises(UsageError, match="give users or tokens"):
        service.change(site())
    assert sessions.of_token("n" * 32) is not None
