from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from crowdmask.live.readers.reader import LiveReader, LiveSettings
from crowdmask.live.sources import find_videos

Wait = Callable[[Callable[[], bool], float], float]
QUICK = LiveSettings(deadline_s=1.0, retry_s=0.1, most_retry_s=0.4)


def test_a_stream_that_is_killed_and_restarted_three_times_comes_back(
    rtsp: Any, open_reader: Any, wait_until: Wait
) -> None:
    rtsp.start()
    reader = open_reader(rtsp.address, LiveSettings())
    frame = reader.take(20)
    assert frame is not None
    assert frame.picture.shape == (120, 160, 3)
    assert frame.generation == reader.generation == 0
    assert frame.time_s < 5
    index, time_s = frame.index, frame.time_s
    for times in (1, 2, 3):
        rtsp.kill()
        wait_until(lambda: reader.stats.state != "live", 10)
        rtsp.start()
        back = time.monotonic()
        while frame is None or frame.generation < times:
            assert time.monotonic() - back < 10
            frame = reader.take(0.5)
        assert (frame.generation, reader.generation) == (times, times)
        assert frame.index > index
        assert frame.time_s > time_s
        index, time_s = frame.index, frame.time_s
        stats = reader.stats
        assert (stats.state, stats.reconnects) == ("live", times)
        assert stats.last_error is not None
    assert open_reader.lines[0] == f"{rtsp.address}: the stream ended; trying again"
    assert all("\n" not in line for line in open_reader.lines)


def test_a_password_that_is_wrong_missing_or_right(rtsp: Any, open_reader: Any, wait_until: Wait) -> None:
    rtsp.start("--user", "joe", "--password", "s3cret")
    right = open_reader(f"rtsp://joe:s3cret@{rtsp.place}", LiveSettings())
    wrong = open_reader(f"rtsp://joe:gue55@{rtsp.place}")
    missing = open_reader(f"rtsp://{rtsp.place}")
    gone = open_reader(f"rtsp://joe:s3cret@{rtsp.place}/nothing")
    wait_until(lambda: wrong.finished and missing.finished, 15)
    assert wrong.take(5) is None
    assert wrong.stats.state == missing.stats.state == "gave up"
    assert wrong.stats.last_error == f"rtsp://***@{rtsp.place}: wrong user or password"
    assert "asks for a password: write rtsp://USER:PASSWORD@HOST" in str(missing.stats.last_error)
    assert f"{wrong.stats.last_error}; given up after 3 tries" in open_reader.lines
    assert right.take(20) is not None
    assert right.name == f"rtsp://***@{rtsp.place}"
    wait_until(lambda: gone.stats.last_error is not None, 10)
    assert "the server has no such stream (404)" in str(gone.stats.last_error)
    assert gone.stats.state != "gave up"
    told = "\n".join([*open_reader.lines, *(repr(r.stats) + repr(r.source) for r in (right, wrong, gone))])
    assert "s3cret" not in told
    assert "gue55" not in told
    assert "joe" not in told


def test_a_frozen_stream_is_noticed(rtsp: Any, open_reader: Any, wait_until: Wait) -> None:
    rtsp.start("--still")
    reader = open_reader(rtsp.address, LiveSettings(frozen_s=2))
    assert reader.take(20) is not None
    wait_until(lambda: reader.stats.frozen, 15)
    wait_until(lambda: bool(open_reader.lines), 5)
    assert open_reader.lines == [f"{rtsp.address}: frozen: the same picture for 2 seconds"]


def test_a_camera_that_freezes_and_moves_again(camera: Any, open_reader: Any, wait_until: Wait) -> None:
    reader = open_reader(f"http://{camera.place}/camera", LiveSettings(frozen_s=0.7))
    first = frame = reader.take(20)
    while frame is not None and frame.captured - first.captured < 1:
        assert not reader.stats.frozen
        frame = reader.take(20)
    assert frame is not None
    camera.still.set()
    assert wait_until(lambda: reader.stats.frozen, 10) > 0.4
    camera.still.clear()
    wait_until(lambda: not reader.stats.frozen, 10)
    assert reader.stats.state == "live"
    assert reader.stats.reconnects == 0


@pytest.mark.parametrize("scheme", ["rtsp", "http"])
def test_a_server_that_accepts_and_never_sends_is_given_up_on_and_tried_again(
    scheme: str, silent: Any, open_reader: Any, wait_until: Wait
) -> None:
    reader = open_reader(f"{scheme}://{silent.place}")
    assert reader.take(0.3) is None
    assert not reader.finished
    wait_until(lambda: len(silent.accepted) >= 3 and reader.stats.state == "connecting", 20)
    assert reader.stats.last_error == f"{scheme}://{silent.place}: no answer for 1 second"
    assert reader.stats.frames == 0
    assert open_reader.lines == [f"{reader.stats.last_error}; trying again"]  # said once, not every time


def test_reads_that_hang_whatever_their_time_out_are_abandoned_and_not_piled_up(
    silent: Any, open_reader: Any, wait_until: Wait
) -> None:
    reader = open_reader(
        f"http://{silent.place}", LiveSettings(deadline_s=0.2, timeout_s=600, retry_s=0.05, most_retry_s=0.05)
    )
    wait_until(lambda: len(silent.accepted) == 3, 20)
    with pytest.raises(AssertionError, match="in time"):  # no fourth while three hang
        wait_until(lambda: len(silent.accepted) > 3, 1.5)
    assert str(reader.stats.last_error).endswith("no answer for 0.2 seconds")
    start = time.monotonic()
    reader.close()
    assert time.monotonic() - start < 2
    assert reader.stats.state == "closed"
    assert reader.finished


def test_a_camera_that_falls_silent_is_connected_to_anew(
    camera: Any, open_reader: Any, wait_until: Wait
) -> None:
    reader = open_reader(f"http://{camera.place}/camera")
    assert reader.take(20) is not None
    camera.stalled.set()
    wait_until(lambda: len(camera.requests) >= 2, 20)
    assert f"http://{camera.place}/camera: no frame for 1 second; trying again" in open_reader.lines
    camera.stalled.clear()
    wait_until(lambda: reader.stats.state == "live", 20)
    assert reader.generation == 1
    frame = reader.take(5)
    assert frame is not None
    assert frame.generation == 1
    wait_until(lambda: open_reader.lines[-1].endswith("receiving again"), 5)


def test_a_camera_of_slow_frames_is_waited_for(camera: Any, open_reader: Any, wait_until: Wait) -> None:
    camera.fps = 1 / 0.7
    reader = open_reader(f"http://{camera.place}/camera", LiveSettings(usual_s=0.5, retry_s=0.1))
    wait_until(lambda: reader.stats.frames >= 6, 60)
    since = reader.stats.reconnects
    wait_until(lambda: reader.stats.frames >= 10, 30)
    assert reader.stats.reconnects == since
    camera.stalled.set()
    wait_until(lambda: len(open_reader.lines) > 0 and "no frame for 1." in open_reader.lines[-1], 30)


@pytest.mark.parametrize(
    ("options", "transport", "told"),
    [
        pytest.param((), "auto", None, id="auto"),
        pytest.param((), "udp", None, id="udp"),
        pytest.param(("--udp-only",), "auto", None, id="auto falls back"),
        pytest.param(("--udp-only",), "udp", None, id="udp only"),
        pytest.param(
            ("--udp-only",),
            "tcp",
            "sends nothing by this RTSP transport: choose auto, tcp or udp",
            id="refused",
        ),
    ],
)
def test_rtsp_over_tcp_and_udp(
    options: tuple[str, ...],
    transport: str,
    told: str | None,
    rtsp: Any,
    open_reader: Any,
    wait_until: Wait,
) -> None:
    rtsp.start(*options)
    reader = open_reader(rtsp.address, LiveSettings(rtsp_transport=transport))
    if told is None:
        wait_until(lambda: reader.stats.frames > 10, 20)
        frame = reader.take(5)
        assert frame is not None
        assert frame.picture.shape == (120, 160, 3)
        assert open_reader.lines == []
    else:
        wait_until(lambda: reader.stats.last_error is not None, 20)
        assert reader.stats.last_error == f"{rtsp.address}: {told}"


def test_the_newest_frame_wins_and_the_others_are_counted(
    camera: Any, open_reader: Any, wait_until: Wait
) -> None:
    camera.fps = 50
    reader = open_reader(f"http://{camera.place}/camera", LiveSettings())
    first = reader.take(20)
    assert first is not None
    wait_until(lambda: reader.stats.frames > first.index + 20, 20)
    frame = reader.take(0)
    assert frame is not None
    assert frame.index >= first.index + 20
    assert frame.time_s - first.time_s == pytest.approx(frame.captured - first.captured, abs=0.01)
    assert time.monotonic() - frame.captured < 1
    stats = reader.stats
    assert stats.dropped >= 19
    assert stats.dropped <= stats.frames - 2  # two were taken
    assert stats.fps > 5
    assert stats.latency_ms is None
    wait_until(lambda: time.monotonic() - frame.captured > 0.1, 5)
    reader.done(frame)
    assert reader.stats.latency_ms == pytest.approx((time.monotonic() - frame.captured) * 1000, abs=30)
    assert float(np.std(frame.picture)) > 10  # the noise that was sent


@pytest.mark.parametrize(
    ("path", "told", "state"),
    [
        pytest.param("/nothing", "the server has no such stream (404): check the path", "waiting", id="404"),
        pytest.param("/text", "sends nothing that FFmpeg takes for a video", "waiting", id="a text"),
        pytest.param(
            "/locked", "asks for a password: write http://USER:PASSWORD@HOST/...", "gave up", id="401"
        ),
        pytest.param("/locked?token=s3cret", "wrong user or password", "gave up", id="a wrong token"),
    ],
)
def test_what_a_web_server_refuses(
    path: str, told: str, state: str, camera: Any, open_reader: Any, wait_until: Wait
) -> None:
    reader = open_reader(f"http://{camera.place}{path}")
    wait_until(lambda: reader.stats.state == state, 20)
    name = f"http://{camera.place}{path.replace('s3cret', '***')}"
    assert reader.stats.last_error == f"{name}: {told}"


def test_user_and_password_for_a_web_server(camera: Any, open_reader: Any) -> None:
    reader = open_reader(f"http://joe:s3cret@{camera.place}/locked")
    frame = reader.take(20)
    assert frame is not None
    assert frame.source == f"http://***@{camera.place}/locked"


@pytest.mark.parametrize(
    ("address", "told", "state"),
    [
        pytest.param("rtsp://127.0.0.1:1/x", "connection refused: check that it is on", "waiting", id="rtsp"),
        pytest.param("http://127.0.0.1:1/x", "connection refused: check that it is on", "waiting", id="http"),
        pytest.param(
            "rtsp://camera.invalid/x", "no host of this name is known", "waiting", id="no such host"
        ),
        pytest.param("97", "no such camera: connect it, or give", "gave up", id="missing camera"),
    ],
)
def test_what_is_not_there(address: str, told: str, state: str, open_reader: Any, wait_until: Wait) -> None:
    reader = open_reader(address)
    wait_until(lambda: reader.stats.state == state, 20)
    assert told in str(reader.stats.last_error)
    assert str(reader.stats.last_error).startswith(f"{reader.name}: ")
    assert reader.finished is (state == "gave up")


def test_closing_ends_the_threads(camera: Any, wait_until: Wait) -> None:
    before = set(threading.enumerate())
    source = find_videos([f"http://{camera.place}/camera"]).sources[0]
    with LiveReader(source, QUICK) as reader:
        assert reader.take(20) is not None
        ours = {each for each in threading.enumerate() if source.name in each.name}
        assert len(ours) == 2
        assert all(each.daemon for each in ours)
    wait_until(lambda: not any(each.is_alive() for each in ours), 5)
    assert before  # the test's own thread, at least


ENDS = """
import atexit, sys, threading
atexit.register(lambda: print([each.name for each in threading.enumerate() if each.name.startswith("read")]))
from crowdmask.live.readers.reader import LiveReader
from crowdmask.live.sources import find_videos
readers = [LiveReader(source) for source in find_videos(sys.argv[2:]).sources]
print(readers[-1].take(3) is not None)
if sys.argv[1] == "closed":
    for reader in readers:
        reader.close(0.0)
"""


@pytest.mark.parametrize("left", ["open", "closed"])
def test_a_program_ends_although_reads_hang(left: str, camera: Any, silent: Any, project_root: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": str(project_root / "src")}
    start = time.monotonic()
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            ENDS,
            left,
            f"rtsp://{silent.place}",
            f"http://{silent.place}",
            f"http://{camera.place}/camera",
        ],
        capture_output=True,
        text=True,
        timeout=60,
        env=environment,
    )
    assert (done.returncode, done.stderr) == (0, "")
    frame, reading = done.stdout.splitlines()
    assert frame in ("True", "False")  # a busy machine may be late with the first frame
    assert reading == "[]"  # the first handler runs last: a thread in FFmpeg would crash the program now
    assert time.monotonic() - start < 30
