"""``crowdmask track`` on real servers."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from queue import Empty, Queue
from threading import Thread
from typing import IO, Any

import pytest
from typer.testing import CliRunner

from crowdmask.cli.main import app
from crowdmask.media.video import read_frames

SOURCE = Path(__file__).parents[2] / "src"


def records(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def pass_on(stream: IO[str], lines: Queue[str]) -> None:
    for line in stream:
        lines.put(line)


def test_several_cameras_share_one_command(camera: Any, tmp_path: Path, colour_model: Path) -> None:
    addresses = [f"http://{camera.place}/camera", f"http://{camera.place}/camera?password=s3cret"]
    (tmp_path / "cameras.txt").write_text("\n".join(addresses))
    out, frames = tmp_path / "out", tmp_path / "f.jsonl"
    words = ["track", str(tmp_path / "cameras.txt"), "--for", "3", "--stats", "--out", str(out)]
    words += ["--json", str(frames), "--model", str(colour_model), "--threads", "1", "--max-fps", "8"]
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 0, done.output
    assert "s3cret" not in done.output + frames.read_text() + str(list(out.iterdir()))
    by_source: dict[str, list[dict[str, Any]]] = {}
    for record in records(frames):
        by_source.setdefault(record["source"], []).append(record)
    assert sorted(by_source) == [addresses[0], f"http://{camera.place}/camera?password=***"]
    for source, seen in by_source.items():
        assert 5 <= len(seen) <= 25  # at most eight a second
        times = [record["time_s"] for record in seen]
        assert times == sorted(set(times))
        told = r"[\d.]+ frames/s, frames \d+, dropped \d+, reconnects 0, latency \d+ ms"
        assert re.search(rf"stats: {re.escape(source)}: {told}", done.stderr), done.stderr
    written = [list(read_frames(path)) for path in sorted(out.iterdir())]
    assert sorted(map(len, written)) == sorted(map(len, by_source.values()))


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("joe:wrong@{place}/locked", "wrong user or password; given up"),
        ("{place}/nothing", "404"),
        ("{place}/text", "sends nothing that FFmpeg takes for a video"),
    ],
)
def test_a_bad_stream_is_one_error_and_the_others_go_on(
    path: str, message: str, camera: Any, tmp_path: Path, colour_model: Path
) -> None:
    bad, good = f"http://{path.format(place=camera.place)}", f"http://{camera.place}/camera"
    words = ["track", bad, good, "--for", "5", "--json", str(tmp_path / "f.jsonl")]
    done = CliRunner().invoke(app, [*words, "--model", str(colour_model), "--threads", "1"])
    assert done.exit_code == 1
    errors = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    assert len(errors) == 1
    assert message in errors[0]
    assert "wrong@" not in done.output
    assert {record["source"] for record in records(tmp_path / "f.jsonl")} == {good}


def test_a_stream_that_never_sends_is_given_up_on_and_tried_again(
    silent: Any, tmp_path: Path, colour_model: Path
) -> None:
    words = ["track", f"http://{silent.place}", "--for", "9", "--model", str(colour_model), "--stats"]
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 1
    assert len(silent.accepted) >= 2
    assert "no answer for 5 seconds" in done.stderr


def test_rtsp_killed_and_started_again(rtsp: Any, tmp_path: Path, colour_model: Path) -> None:
    rtsp.start()
    frames, out = tmp_path / "f.jsonl", tmp_path / "out.mp4"
    words = ["track", rtsp.address, "--stats", "--json", "-", "--out", str(out), "--model", str(colour_model)]
    running = subprocess.Popen(
        [sys.executable, "-m", "crowdmask", *words, "--threads", "1"],
        env={**os.environ, "PYTHONPATH": str(SOURCE)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert running.stdout is not None
    assert running.stderr is not None
    lines: Queue[str] = Queue()
    told: Queue[str] = Queue()
    streams = ((running.stdout, lines), (running.stderr, told))
    readers = [Thread(target=pass_on, args=each) for each in streams]
    for reader in readers:
        reader.start()
    said = [""]

    def wait_for(words: str) -> None:
        while words not in said[-1]:
            said.append(told.get(timeout=30))

    try:
        lines.get(timeout=60)
        for _ in range(3):
            rtsp.kill()
            wait_for("trying again")
            while not lines.empty():
                lines.get()
            rtsp.start()
            lines.get(timeout=10)  # back within ten seconds
            wait_for("receiving again")
        running.send_signal(signal.SIGINT)
        assert running.wait(timeout=60) == 130
    except Empty:
        pytest.fail(f"no frame came: {said}")
    finally:
        running.kill()
        for reader, (stream, _) in zip(readers, streams, strict=True):
            reader.join(10)
            stream.close()
    said += list(told.queue)
    assert re.search(r"stats: .*reconnects 3,", "".join(said)), said
    assert len(list(read_frames(out))) >= 4
    assert not frames.exists()
