"""Cameras that come and go, change, fail and are listened to, on real files and servers."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from crowdmask.errors import OutputError, UsageError
from crowdmask.inference.detector import Detector
from crowdmask.live.health import Health
from crowdmask.live.listeners import Listener
from crowdmask.live.options import CameraOptions
from crowdmask.live.records import Records
from crowdmask.live.session import Session
from crowdmask.live.tracked_frame import TrackedFrame, View
from crowdmask.media.video import read_frames
from crowdmask.tracking.events import Event
from crowdmask.tracking.zones import ZonesFile

from .clips import write_clip

Wait = Callable[[Callable[[], bool], float], float]
DOOR = {"name": "door", "polygon": [(0.4, 0.4), (0.7, 0.4), (0.7, 0.8), (0.4, 0.8)]}
YARD = {"name": "yard", "polygon": [(0.0, 0.0), (0.4, 0.0), (0.4, 0.4), (0.0, 0.4)]}
LONG = 3000  # frames: a minute and more of work, so that it is still worked on when it is to end


@pytest.fixture(scope="module")
def detector(colour_model: Path) -> Detector:
    return Detector(colour_model, threads=1)


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_clip(tmp_path_factory.mktemp("clip") / "street.mp4")


@pytest.fixture(scope="module")
def long_clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_clip(tmp_path_factory.mktemp("clip") / "long.mp4", LONG)


@pytest.fixture
def session(detector: Detector) -> Iterator[Session]:
    with Session(detector) as session:
        yield session


class Heard:
    """Keep all that a session tells."""

    def __init__(self) -> None:
        self.frames: list[tuple[str, View]] = []
        self.results: list[tuple[str, TrackedFrame]] = []
        self.events: list[tuple[str, Event]] = []
        self.health: list[Health] = []

    @property
    def listener(self) -> Listener:
        return Listener(
            frames=lambda *told: self.frames.append(told),
            results=lambda *told: self.results.append(told),
            events=lambda *told: self.events.append(told),
            health=lambda _, health: self.health.append(health),
        )

    def count(self, camera: str) -> int:
        return sum(name == camera for name, _ in self.results)


@contextmanager
def logged(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    with caplog.at_level(logging.INFO, "crowdmask.live"):
        yield


def health_of(session: Session, camera: str) -> Health:
    return next(each for each in session.health() if each.camera == camera)


def test_a_listener_hears_frames_results_events_and_health(session: Session, clip: Path) -> None:
    heard = Heard()
    session.listen(heard.listener)
    assert session.add(str(clip), camera="street") == "street"
    session.wait()
    assert [view.result.frame for _, view in heard.frames] == list(range(60))
    assert [result.frame for _, result in heard.results] == list(range(60))
    assert sorted(event.event for _, event in heard.events) == [
        "mask_put_on", "person_appeared", "person_appeared",
    ]  # fmt: skip
    told = [*heard.frames, *heard.results, *heard.events]
    assert {camera for camera, _ in told} == {"street"}
    assert [health.news for health in heard.health] == ["started", "ended"]
    health = health_of(session, "street")
    assert (health.state, health.frames, health.restarts, health.down_since) == ("ended", 60, 0, None)
    assert health.is_over
    assert {health.run} == {event.run for _, event in heard.events} == {r.run for _, r in heard.results}


def test_files_are_worked_on_one_after_another(session: Session, clip: Path) -> None:
    heard = Heard()
    session.listen(heard.listener)
    for name in "abc":
        session.add(str(clip), camera=name)
    session.wait()
    assert [camera for camera, _ in heard.results] == [*"a" * 60, *"b" * 60, *"c" * 60]


def test_a_camera_is_removed_while_another_goes_on(
    session: Session, camera: Any, wait_until: Wait, tmp_path: Path
) -> None:
    heard = Heard()
    session.listen(heard.listener)
    address = f"http://{camera.place}/camera"
    session.add(address, camera="left", options=CameraOptions(out=tmp_path / "left.mp4"))
    session.add(address, camera="right")
    wait_until(lambda: heard.count("left") > 3 and heard.count("right") > 3, 20)
    assert session.remove("left")
    seen = heard.count("left"), heard.count("right")
    assert len(list(read_frames(tmp_path / "left.mp4"))) == seen[0]  # its video is whole
    wait_until(lambda: heard.count("right") > seen[1] + 3, 20)
    assert heard.count("left") == seen[0]
    assert [health.camera for health in session.health()] == ["right"]
    with pytest.raises(UsageError, match="no camera 'left'"):
        session.remove("left")
    session.add(address, camera="left")  # and may come back, as another run
    wait_until(lambda: heard.count("left") > seen[0], 20)
    assert len({result.run for name, result in heard.results if name == "left"}) == 2


def test_a_file_that_waits_for_its_turn_is_removed_at_once(session: Session, long_clip: Path) -> None:
    session.add(str(long_clip), camera="first")
    session.add(str(long_clip), camera="second")
    assert health_of(session, "second").state == "queued"
    assert session.remove("second", timeout_s=1)
    assert session.remove("first")
    assert session.runs == []


def test_zones_are_taken_over_without_a_new_run(session: Session, long_clip: Path, wait_until: Wait) -> None:
    heard = Heard()
    session.listen(heard.listener)
    both = ZonesFile.model_validate({"zones": [DOOR, YARD]})
    session.add(str(long_clip), camera="street", options=CameraOptions(paced=False))
    wait_until(lambda: heard.count("street") > 10, 20)
    assert heard.results[-1][1].zones == []

    session.change("street", replace(session.options("street"), zones=both))
    wait_until(lambda: any(counts.present["with_mask"] for counts in heard.results[-1][1].zones), 20)
    before = heard.results[-1][1]
    assert [counts.name for counts in before.zones] == ["door", "yard"]
    assert session.snapshot("street") is not None  # drawn with its zones

    moved = {**DOOR, "polygon": [(0.8, 0.8), (0.9, 0.8), (0.9, 0.9)]}
    zones = ZonesFile.model_validate({"zones": [YARD, moved]})
    session.change("street", replace(session.options("street"), zones=zones, grace_s=1.0, blur=True))
    wait_until(lambda: [counts.name for counts in heard.results[-1][1].zones] == ["yard", "door"], 20)
    now = heard.results[-1][1]
    yard, door = now.zones
    assert sum(yard.entered.values()) == 1  # the same zone keeps its counts, another of its name does not
    assert sum(door.entered.values()) == 0
    session.change("street", replace(session.options("street"), zones=None))
    wait_until(lambda: heard.results[-1][1].zones == [], 20)
    assert {result.run for _, result in heard.results} == {now.run}
    frames = [result.frame for _, result in heard.results]
    assert frames == list(range(len(frames)))  # none was left out
    assert health_of(session, "street").restarts == 0


def test_another_algorithm_begins_a_new_run(session: Session, camera: Any, wait_until: Wait) -> None:
    heard = Heard()
    session.listen(heard.listener)
    session.add(f"http://{camera.place}/camera", camera="door")
    wait_until(lambda: heard.count("door") > 2, 20)
    first = health_of(session, "door").run
    session.change("door", replace(session.options("door"), algorithm="bytetrack"))
    wait_until(lambda: heard.results[-1][1].run != first, 20)
    health = health_of(session, "door")
    assert (health.run != first, health.restarts) == (True, 0)
    session.restart("door")
    assert health_of(session, "door").restarts == 1
    wait_until(lambda: heard.results[-1][1].run not in (first, health.run), 20)


class Broken:
    """Somewhere to write to that is full after some frames."""

    def __init__(self, after: int) -> None:
        self.left = after

    def write(self, result: TrackedFrame) -> None:
        self.left -= 1
        if self.left < 0:
            raise OutputError("the disk is full")

    def finish(self, source: str, run: str, events: list[Event], last: TrackedFrame | None) -> None:
        pass


def test_an_output_that_fails_ends_its_camera_alone(
    session: Session, camera: Any, wait_until: Wait, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    heard = Heard()
    session.listen(heard.listener)
    address = f"http://{camera.place}/camera"
    (tmp_path / "folder.mp4").mkdir()
    with logged(caplog):
        session.add(address, camera="full", outputs=[Broken(3)])
        session.add(address, camera="video", options=CameraOptions(out=tmp_path / "folder.mp4"))
        session.add(address, camera="good")
        wait_until(lambda: all(health_of(session, name).is_over for name in ("full", "video")), 20)
        seen = heard.count("good")
        wait_until(lambda: heard.count("good") > seen + 3, 20)
    full = health_of(session, "full")
    assert (full.state, full.last_error) == ("failed", "the disk is full")
    assert full.down_since is not None
    assert full.down_since.tzinfo is not None
    assert "folder.mp4" in (health_of(session, "video").last_error or "")
    assert health_of(session, "good").state == "live"
    assert health_of(session, "good").last_error is None
    assert "full: the disk is full" in caplog.messages


def test_a_listener_that_raises_is_logged_and_stops_nothing(
    session: Session, clip: Path, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    heard = Heard()

    def broken(*_: object) -> None:
        raise RuntimeError("a mistake of the listener's")

    session.listen(Listener(frames=broken, results=broken, events=broken, health=broken))
    session.listen(heard.listener)
    with logged(caplog):
        session.add(str(clip), camera="street")
        session.wait()
    assert len(heard.frames) == len(heard.results) == 60
    assert len(heard.events) == 3
    for kind in ("View", "TrackedFrame", "Event", "Health"):
        # Once, with its traceback, and not with every frame.
        assert caplog.messages.count(f"street: a listener for {kind} failed") == 1
    assert "a mistake of the listener's" in caplog.text
    assert health_of(session, "street").state == "ended"
    assert capfd.readouterr().err == ""  # a program decides itself what it prints


def test_who_stops_listening_hears_no_more(session: Session, camera: Any, wait_until: Wait) -> None:
    one, other = Heard(), Heard()
    end = session.listen(one.listener)
    session.add(f"http://{camera.place}/camera", camera="door")
    wait_until(lambda: len(one.frames) > 2, 20)
    end()
    session.listen(other.listener)  # and whoever comes later is told from then on
    heard = len(one.results)
    wait_until(lambda: len(other.frames) > 3 and len(other.results) > 3, 20)
    assert len(one.results) <= heard + 1


def test_snapshots_are_drawn_and_blurred_on_demand(
    session: Session, long_clip: Path, wait_until: Wait
) -> None:
    session.add(str(long_clip), camera="street", options=CameraOptions(blur=True))
    assert session.snapshot("street") is None
    wait_until(lambda: session.snapshot("street") is not None, 20)
    wait_until(lambda: health_of(session, "street").frames > 20, 20)
    face = np.s_[20:80, 40:120]
    plain = session.snapshot("street", blur=False, annotated=False)
    drawn = session.snapshot("street", blur=False)
    hidden = session.snapshot("street", annotated=False)
    assert plain is not None
    assert drawn is not None
    assert hidden is not None
    assert plain.shape == drawn.shape == hidden.shape == (192, 320, 3)
    for other in (drawn, hidden):
        assert np.abs(plain[face].astype(int) - other[face]).mean() > 1


def test_a_server_that_dies_and_comes_back_is_told(
    session: Session, rtsp: Any, wait_until: Wait, caplog: pytest.LogCaptureFixture
) -> None:
    heard = Heard()
    session.listen(heard.listener)
    rtsp.start()
    with logged(caplog):
        session.add(f"rtsp://joe:s3cret@{rtsp.place}", camera="door")
        wait_until(lambda: health_of(session, "door").state == "live", 20)
        assert health_of(session, "door").down_since is None
        wait_until(lambda: heard.count("door") > 3, 20)
        rtsp.kill()
        wait_until(lambda: health_of(session, "door").down_since is not None, 20)
        lost = health_of(session, "door")
        rtsp.start()
        wait_until(lambda: health_of(session, "door").reconnects == 1, 30)
        seen = heard.count("door")
        wait_until(lambda: heard.count("door") > seen, 20)
        # Lost, and there again.
        wait_until(lambda: [each.news for each in heard.health].count("connection") >= 2, 20)
    assert lost.state in ("waiting", "connecting")
    health = health_of(session, "door")
    assert (health.down_since, health.state, health.restarts) == (None, "live", 0)
    assert health.latency_ms is not None
    assert health.result_age_s is not None
    assert health.run == lost.run
    assert [each.news for each in heard.health[:2]] == ["started", "receiving"]
    assert any(line.startswith("door: ") and "trying again" in line for line in caplog.messages)
    everything = caplog.text + str(heard.health) + str(session.health())
    assert "s3cret" not in everything
    assert "***@" in everything


def test_an_internal_error_ends_one_camera_and_keeps_its_password(
    session: Session, camera: Any, wait_until: Wait, caplog: pytest.LogCaptureFixture
) -> None:
    address = f"http://{camera.place}/camera?password=s3cret"

    class Mistaken(Broken):
        def write(self, result: TrackedFrame) -> None:
            raise KeyError(address)

    with logged(caplog):
        session.add(address, camera="door", outputs=[Mistaken(0)])
        wait_until(lambda: health_of(session, "door").state == "failed", 20)
    health = health_of(session, "door")
    assert "internal error: KeyError" in (health.last_error or "")
    assert "Mistaken" in caplog.text or "raise KeyError" in caplog.text
    assert "s3cret" not in caplog.text + str(health)


def test_records_name_source_run_and_track(session: Session, clip: Path, tmp_path: Path) -> None:
    files = [str(tmp_path / name) for name in ("frames", "events", "tracks", "zones")]
    zones = ZonesFile.model_validate({"zones": [YARD]})
    with Records(*files) as records:
        for name in ("a", "b"):
            session.add(str(clip), camera=name, options=CameraOptions(zones=zones), outputs=[records])
        session.wait()
    runs = [health.run for health in session.health()]
    for path in (files[0], files[1], files[3]):
        told = [json.loads(line) for line in Path(path).read_text().splitlines()]
        assert {record["run"] for record in told} == set(runs)
        assert {record["source"] for record in told} == {str(clip)}
    rows = [line.split(",") for line in Path(files[2]).read_text().splitlines()[1:]]
    assert sorted((row[-1], row[1]) for row in rows) == sorted((run, track) for run in runs for track in "12")


def test_a_listener_may_remove_its_own_camera(session: Session, camera: Any, wait_until: Wait) -> None:
    removed = threading.Event()

    def remove(name: str, _: TrackedFrame) -> None:
        session.remove(name)
        removed.set()

    session.listen(Listener(results=remove))
    session.add(f"http://{camera.place}/camera", camera="door")
    assert removed.wait(4)  # sooner than it would wait for its own end
    assert session.runs == []


def test_a_hanging_file_does_not_keep_others_from_their_turn(
    session: Session, clip: Path, wait_until: Wait
) -> None:
    begun, over = threading.Event(), threading.Event()

    class Hanging(Broken):
        def write(self, result: TrackedFrame) -> None:
            begun.set()
            over.wait(60)

    session.add(str(clip), camera="hangs", outputs=[Hanging(0)])
    session.add(str(clip), camera="next")
    assert begun.wait(20)
    assert not session.remove("hangs", timeout_s=0.2)
    wait_until(lambda: health_of(session, "next").state == "ended", 20)
    over.set()
