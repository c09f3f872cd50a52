"""``crowdmask track`` with bad input, wrong usage, interruptions; and the original command over it."""

from __future__ import annotations

import os
import re
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from .track_clips import ROOT, Track, command, pictures, process, records, write_clip


def test_bad_sources_are_one_line_each_and_the_others_go_on(track: Track, place: Path, clip: Path) -> None:
    (place / "text.mp4").write_text("no video\n" * 50)
    (place / "empty.mp4").touch()
    whole = write_clip(place / "whole.mkv", 60).read_bytes()
    (place / "cut.mkv").write_bytes(whole[: len(whole) // 2])
    bad = ["missing.mp4", "text.mp4", "empty.mp4", "cut.mkv", "ftp://host/x", "rtsp://u:secret@127.0.0.1:1/x"]
    done = track(*bad, clip, "--for", "4", "--json", "f.jsonl", "--out", "out")
    assert done.exit_code == 1
    errors = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    assert len(errors) == len(bad)
    for name in ("missing.mp4", "text.mp4", "empty.mp4", "cut.mkv", "ftp://host/x", "127.0.0.1:1/x"):
        assert sum(name in line for line in errors) == 1, (name, errors)
    assert "secret" not in done.output
    assert re.search(r"cut.mkv: ends early after \d+ frames", done.stderr)
    kept = [frame for frame in records("f.jsonl") if frame["source"] == "cut.mkv"]
    assert 0 < len(kept) < 60
    assert len(pictures("out/cut.mp4")) == len(kept)
    assert sum(frame["source"] == str(clip) for frame in records("f.jsonl")) == 40


def test_what_an_earlier_run_wrote_is_no_source(track: Track, place: Path) -> None:
    write_clip(place / "clips" / "1.mp4", 12)
    for _ in range(2):
        done = track("clips", "--out", "clips/out", "--json", "f.jsonl")
        assert done.exit_code == 0, done.output
        assert {frame["source"] for frame in records("f.jsonl")} == {os.path.join("clips", "1.mp4")}
    assert [path.name for path in (place / "clips" / "out").iterdir()] == ["1.mp4"]
    assert track("clips/out/1.mp4", "--out", "clips/out").exit_code == 0  # named outright, it is one
    assert len(list((place / "clips" / "out").iterdir())) == 2


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["--algorithm", "guess"], 2, "no tracking algorithm 'guess'"),
        (["--blur", "eyes"], 2, "--blur is faces or none, not 'eyes'"),
        (["--out", "x.txt"], 2, "a video is written as .mp4"),
        (["--max-fps", "0"], 2, "--max-fps must be above 0"),
        (["--for", "-1"], 2, "--for must be above 0"),
        (["--zone-counts", "z"], 2, "--zone-counts needs --zones"),
        (["--zones", "missing.yaml"], 1, "cannot read the zones missing.yaml"),
        (["--json", "same", "--events", "same"], 2, "--json and --events cannot both write to 'same'"),
        (["street.mp4", "--out", "x.mp4"], 2, "2 sources need a folder"),
        (["--confidence", "2"], 2, "Invalid value"),
        (["--json", "/no/such/place/f.jsonl"], 1, "cannot write /no/such/place/f.jsonl"),
    ],
)
def test_wrong_usage(
    arguments: list[str], code: int, message: str, track: Track, place: Path, clip: Path
) -> None:
    if "street.mp4" in arguments:
        write_clip(place / "street.mp4", 5)
    if os.geteuid() == 0 and "/no/such/place/f.jsonl" in arguments:
        arguments = ["--json", "/proc/f.jsonl"]
        message = "cannot write /proc/f.jsonl"
    done = track(clip, *arguments)
    assert done.exit_code == code, done.output
    assert message in re.sub(r"[\s│]+", " ", done.stderr)


def test_a_source_is_never_overwritten(track: Track, place: Path) -> None:
    clip = write_clip(place / "street.mp4", 12)
    before = clip.read_bytes()
    done = track(clip, "--out", "street.mp4")
    assert (done.exit_code, "this is one of the inputs" in done.stderr) == (2, True)
    assert track(clip, "--out", ".").exit_code == 0
    assert clip.read_bytes() == before
    assert len(pictures("street-2.mp4")) == 12


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interruption_leaves_whole_files(number: int, colour_model: Path, place: Path) -> None:
    clip = write_clip(place / "long.mp4", 1500)
    running = command(colour_model, clip, "--out", "out.mp4", "--json", "f.jsonl", "--csv", "t.csv")
    waited, part = time.monotonic() + 60, ".out.mp4.*.part.mp4"
    while not list(place.glob(part)) and running.poll() is None and time.monotonic() < waited:
        time.sleep(0.02)
    assert running.poll() is None, "it was over before it could be interrupted"
    running.send_signal(number)
    _, told = running.communicate(timeout=60)
    assert running.returncode == 130
    assert "interrupted; what was written is whole" in told
    frames = records("f.jsonl")
    assert 0 < len(frames) < 1500
    assert len(pictures("out.mp4")) == len(frames)
    assert Path("t.csv").read_text().startswith("source,track,label")
    assert sorted(path.name for path in place.iterdir()) == ["f.jsonl", "long.mp4", "out.mp4", "t.csv"]


def small_files() -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)


@pytest.mark.usefixtures("unmeasured")
@pytest.mark.parametrize("arguments", [("--out", "out.mp4"), ("--json", "/dev/full")])
def test_a_full_disk_is_one_line(arguments: tuple[str, str], colour_model: Path, place: Path) -> None:
    if arguments[1] == "/dev/full" and not Path("/dev/full").exists():
        pytest.skip("no /dev/full on this system")
    clip = write_clip(place / "street.mp4", 300)
    running = command(colour_model, clip, *arguments, preexec_fn=small_files)
    _, told = running.communicate(timeout=120)
    assert running.returncode == 1
    assert told.count("\n") == 1
    assert told.startswith(f"error: cannot write {arguments[1]}: ")


REALTIME = ROOT / "Detect-Masks-Realtime.py"


def test_the_original_command_without_a_display_says_what_to_do(place: Path) -> None:
    running = process(REALTIME, "-c", "0.5", env={"DISPLAY": "", "WAYLAND_DISPLAY": ""})
    out, told = running.communicate(timeout=120)
    if not sys.platform.startswith("linux"):
        pytest.skip("only Linux says by its environment whether there is a display")
    assert (running.returncode, out) == (1, "")
    assert told.count("\n") == 1
    assert "no display" in told
    assert "crowdmask track SOURCE --out FILE.mp4" in told


@pytest.fixture
def display() -> Iterator[str]:
    """A screen in memory."""
    if shutil.which("Xvfb") is None:
        pytest.skip("no Xvfb, the X server without a screen (on Debian: apt install xvfb)")
    read, write = os.pipe()
    with subprocess.Popen(
        ["Xvfb", "-displayfd", str(write), "-screen", "0", "800x600x24"],
        pass_fds=(write,),
        stderr=subprocess.DEVNULL,
    ) as server:
        os.close(write)
        with os.fdopen(read) as told:
            number = told.readline().strip()
        yield f":{number}"
        server.terminate()


def test_the_original_command_shows_a_window(display: str, place: Path, colour_model: Path) -> None:
    clip = write_clip(place / "street.mp4", 30)
    arguments = ("--source", clip, "-m", colour_model)
    running = process(REALTIME, *arguments, env={"DISPLAY": display})
    try:
        out, told = running.communicate(timeout=120)
    finally:
        running.kill()
    assert (running.returncode, told) == (0, ""), told
    assert "30 frames in" in out
    seconds = float(re.search(r"in ([\d.]+) s", out)[1])  # type: ignore[index]
    assert seconds >= 2.8  # as fast as it happened, not faster


def test_a_missing_camera_is_one_line(display: str, place: Path, colour_model: Path) -> None:
    running = process(REALTIME, "--source", "63", "-m", colour_model, env={"DISPLAY": display})
    _, told = running.communicate(timeout=120)
    assert running.returncode == 1
    assert told.count("\n") == 1
    assert "camera 63: no such camera" in told


def test_a_video_that_cannot_be_written_ends_its_source_alone(track: Track, place: Path) -> None:
    for name in ("a.mp4", "b.mp4"):
        write_clip(place / name, 12)
    (place / "out" / "a.mp4").mkdir(parents=True)
    done = track("a.mp4", "b.mp4", "--out", "out", "--json", "f.jsonl")
    assert done.exit_code == 1
    errors = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    assert len(errors) == 1
    assert os.path.join("out", "a.mp4") in errors[0]
    assert len(pictures("out/b.mp4")) == 12
    assert sum(frame["source"] == "b.mp4" for frame in records("f.jsonl")) == 12
