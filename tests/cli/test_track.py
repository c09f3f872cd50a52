from __future__ import annotations

import csv
import json
import os
import re
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from numpy.typing import NDArray
from typer.testing import CliRunner, Result

from crowdmask.cli.main import app
from crowdmask.media.blur import BLOCKS
from crowdmask.media.video import probe, read_frames

Track = Callable[..., Result]

FPS, SECONDS = 10, 6
RED, GREEN, GREY = (255, 0, 0), (0, 255, 0), (60, 60, 60)
STAYS, PUTS_ON = (64, 32), (160, 96)  # left upper corners of two faces of 32 pixels
PUT_ON_S = 3.0


def a_frame(index: int) -> NDArray[np.uint8]:
    """Two people for the model that finds colours: one masked, one who puts a mask on at `PUT_ON_S`."""
    picture = np.full((192, 320, 3), GREY, np.uint8)
    for (x, y), colour in ((STAYS, RED), (PUTS_ON, GREEN if index < PUT_ON_S * FPS else RED)):
        picture[y : y + 32, x : x + 32] = colour
    return picture


def write_clip(path: Path, frames: int = FPS * SECONDS, sound: bool = False) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w") as container:
        stream: Any = container.add_stream("libx264", rate=FPS, options={"crf": "12"})
        stream.width, stream.height, stream.pix_fmt = 320, 192, "yuv420p"
        heard: Any = container.add_stream("aac", rate=48_000) if sound else None
        for index in range(frames):
            frame = av.VideoFrame.from_ndarray(a_frame(index), format="rgb24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
        for start in range(0, frames * 48_000 // FPS if sound else 0, 1024):
            quiet = av.AudioFrame.from_ndarray(np.zeros((2, 1024), np.float32), "fltp", "stereo")
            quiet.sample_rate, quiet.pts, quiet.time_base = 48_000, start, Fraction(1, 48_000)
            container.mux(heard.encode(quiet))
        if sound:
            container.mux(heard.encode(None))
    return path


@pytest.fixture(scope="session")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_clip(tmp_path_factory.mktemp("clip") / "street.mp4")


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder that the command runs in."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def track(colour_model: Path, place: Path) -> Track:
    """Run ``crowdmask track`` in this process with the model that finds colours."""

    def run(*arguments: str | Path) -> Result:
        words = ["track", "-m", str(colour_model), "--threads", "1", *map(str, arguments)]
        return CliRunner().invoke(app, words)

    return run


ROOT = Path(__file__).parents[2]


def process(*words: str | Path, **options: Any) -> subprocess.Popen[str]:
    """Run Python with this checkout's package in a process of its own."""
    return subprocess.Popen(
        [sys.executable, *map(str, words)],
        env={**os.environ, "PYTHONPATH": str(ROOT / "src"), **options.pop("env", {})},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **options,
    )


def command(colour_model: Path, *arguments: str | Path, **options: Any) -> subprocess.Popen[str]:
    """Run the same command in a process of its own."""
    model = ("--model", colour_model, "--threads", "1")
    return process("-m", "crowdmask", "track", *model, *arguments, **options)


def records(path: Path | str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in Path(path).read_text().splitlines()]


def pictures(path: Path | str) -> list[NDArray[np.uint8]]:
    return [frame.picture for frame in read_frames(path)]


def test_a_video_becomes_records_events_a_table_and_a_video(track: Track, place: Path, clip: Path) -> None:
    done = track(clip, "--out", "out.mp4", "--json", "f.jsonl", "--events", "e.jsonl", "--csv", "t.csv")
    assert done.exit_code == 0, done.output
    assert done.stderr == ""
    assert f"{clip}: 60 frames in" in done.stdout
    assert "2 tracks, 3 events, annotated video: out.mp4; a frame: detector" in done.stdout

    frames = records("f.jsonl")
    assert [frame["frame"] for frame in frames] == list(range(60))
    assert frames[25]["time_s"] == pytest.approx(2.5, abs=0.001)
    assert list(frames[0]) == ["source", "frame", "time_s", "detections"]
    assert {frame["source"] for frame in frames} == {str(clip)}
    for face in frames[-1]["detections"]:
        assert list(face) == ["box", "label", "detected_label", "confidence", "track"]
        assert (face["label"], face["detected_label"]) == ("with_mask", "with_mask")
    boxes = {face["track"]: face["box"] for face in frames[-1]["detections"]}
    assert sorted(boxes) == [1, 2]
    assert sorted(boxes.values()) == [
        pytest.approx([x, y, x + 32, y + 32], abs=0.01) for x, y in (STAYS, PUTS_ON)
    ]
    assert [face["label"] for face in frames[0]["detections"]] == ["unknown", "unknown"]
    assert {face["track"] for face in frames[0]["detections"]} == {None}
    just_after = {face["track"]: face for face in frames[31]["detections"]}
    changing = next(face for face in just_after.values() if face["box"][0] > 100)
    assert (changing["label"], changing["detected_label"]) == ("without_mask", "with_mask")

    events = records("e.jsonl")
    assert list(events[0]) == [
        "source", "frame", "time_s", "event", "track", "label", "confidence", "zone",
    ]  # fmt: skip
    assert sorted(event["event"] for event in events) == ["mask_put_on", *["person_appeared"] * 2]
    put_on = next(event for event in events if event["event"] == "mask_put_on")
    assert put_on["time_s"] == pytest.approx(PUT_ON_S, abs=0.5)
    assert boxes[put_on["track"]][0] == pytest.approx(PUTS_ON[0], abs=0.01)

    with Path("t.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert sorted(row["track"] for row in rows) == ["1", "2"]
    assert {int(row["last_frame"]) for row in rows} == {59}
    assert {float(row["mean_width_px"]) for row in rows} == {32.0}
    stays = next(row for row in rows if int(row["track"]) != put_on["track"])
    assert (stays["label"], stays["without_mask_frames"]) == ("with_mask", "0")

    info = probe("out.mp4")
    assert (info.width, info.height, info.fps) == (320, 192, 10)
    drawn, source = pictures("out.mp4"), pictures(clip)
    assert len(drawn) == len(source)
    inside = np.s_[36:60, 68:92]
    assert np.abs(drawn[30][inside].astype(int) - source[30][inside]).mean() < 10
    blue = drawn[50][40:56, 62]  # left of the masked face: its frame
    assert (blue[:, 2] > blue[:, 0] + 50).all()
    assert sorted(path.name for path in place.iterdir()) == ["e.jsonl", "f.jsonl", "out.mp4", "t.csv"]


def test_records_alone_on_standard_output(track: Track, clip: Path) -> None:
    done = track(clip, "--events", "-")
    assert [json.loads(line)["source"] for line in done.stdout.splitlines()] == [str(clip)] * 3
    assert "60 frames" in done.stderr


def test_nothing_is_written_or_said_unasked(track: Track, place: Path, clip: Path) -> None:
    done = track(clip, "--quiet")
    assert (done.exit_code, done.stdout, done.stderr) == (0, "", "")
    assert list(place.iterdir()) == []


def test_sound_is_kept(track: Track, place: Path) -> None:
    track(write_clip(place / "loud.mp4", 20, sound=True), "--out", "out.mp4")
    assert probe("out.mp4").has_audio


@pytest.mark.parametrize(
    ("options", "looked_at"),
    [
        (("--every", "7"), list(range(0, 60, 7))),
        (("--max-fps", "5"), list(range(0, 60, 2))),
        (("--max-fps", "100"), list(range(60))),
        (("--for", "2.05"), list(range(21))),
    ],
)
@pytest.mark.parametrize("blur", ["none", "faces"])
def test_which_frames_are_looked_at(
    options: tuple[str, ...], looked_at: list[int], blur: str, track: Track, clip: Path
) -> None:
    done = track(clip, *options, "--json", "f.jsonl", "--out", "out.mp4", "--blur", blur)
    assert done.exit_code == 0, done.output
    assert [frame["frame"] for frame in records("f.jsonl")] == looked_at
    written = list(read_frames("out.mp4"))
    expected = 21 if "--for" in options else 60  # every frame is in the video
    assert [frame.time_s for frame in written] == pytest.approx([i / FPS for i in range(expected)], abs=0.001)
    track(clip, *options, "--json", "alone.jsonl")
    assert [frame["frame"] for frame in records("alone.jsonl")] == looked_at


def face_detail(picture: NDArray[np.uint8], corner: tuple[int, int]) -> float:
    """Return how much neighbouring pixels differ in the middle of a face."""
    x, y = corner
    face = picture[y + 4 : y + 28, x + 4 : x + 28].astype(int)
    return float(np.abs(np.diff(face, axis=1)).mean())


@pytest.mark.parametrize("every", [1, 4])
def test_blurred_faces_are_blocks_in_every_frame(
    every: int, track: Track, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A face with fine stripes, which nobody can read any more once it is a few blocks.
    plain = a_frame

    def striped(index: int) -> NDArray[np.uint8]:
        picture = plain(index)
        x, y = STAYS
        picture[y : y + 32, x : x + 32 : 8] = (255, 80, 80)
        picture[y : y + 32, x + 1 : x + 32 : 8] = (255, 80, 80)
        return picture

    monkeypatch.setitem(globals(), "a_frame", striped)
    clip = write_clip(place / "striped.mp4", 20)
    assert track(clip, "--out", "plain.mp4", "--every", every).exit_code == 0
    assert track(clip, "--out", "blurred.mp4", "--every", every, "--blur", "faces").exit_code == 0
    before, after = pictures("plain.mp4"), pictures("blurred.mp4")
    assert len(before) == len(after) == 20
    assert min(face_detail(picture, STAYS) for picture in before) > 10
    assert max(face_detail(picture, STAYS) for picture in after) < 6
    assert BLOCKS <= 6


def test_several_sources_have_a_video_each(track: Track, place: Path, clip: Path) -> None:
    for name in ("a/1.mp4", "b/1.mp4", "b/2.mkv"):
        write_clip(place / name, 12)
    (place / "list.txt").write_text("# mine\nb/2.mkv\n")
    done = track("a", "b/1.mp4", "list.txt", "--out", "out", "--json", "f.jsonl")
    assert done.exit_code == 0, done.output
    assert sorted(path.name for path in (place / "out").iterdir()) == ["1-2.mp4", "1.mp4", "2.mp4"]
    names = {os.path.normpath(frame["source"]) for frame in records("f.jsonl")}
    assert names == {"a/1.mp4", "b/1.mp4", "b/2.mkv"}
    assert all(len(pictures(path)) == 12 for path in (place / "out").iterdir())


def test_what_an_earlier_run_wrote_is_no_source(track: Track, place: Path) -> None:
    write_clip(place / "clips" / "1.mp4", 12)
    for _ in range(2):
        done = track("clips", "--out", "clips/out", "--json", "f.jsonl")
        assert done.exit_code == 0, done.output
        assert {frame["source"] for frame in records("f.jsonl")} == {os.path.join("clips", "1.mp4")}
    assert [path.name for path in (place / "clips" / "out").iterdir()] == ["1.mp4"]
    assert track("clips/out/1.mp4", "--out", "clips/out").exit_code == 0  # named outright, it is one
    assert len(list((place / "clips" / "out").iterdir())) == 2


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


ZONES = """
zones:
  - name: door
    polygon: [[0.4, 0.4], [0.7, 0.4], [0.7, 0.8], [0.4, 0.8]]
"""


def test_zones_are_counted_drawn_and_named_in_events(track: Track, place: Path, clip: Path) -> None:
    (place / "zones.yaml").write_text(ZONES)
    done = track(
        clip, "--zones", "zones.yaml", "--zone-counts", "z.jsonl", "--events", "e.jsonl", "--out", "out.mp4"
    )
    assert done.exit_code == 0, done.output
    assert f"{clip}: zone door: in 1, out 0, 1 there at the end" in done.stdout
    counts = records("z.jsonl")
    assert [record["time_s"] for record in counts] == pytest.approx([0, 1, 2, 3, 4, 5, 5.9], abs=0.01)
    assert counts[2]["zones"][0]["present"]["without_mask"] == 1
    assert counts[-1]["zones"][0]["present"]["with_mask"] == 1
    zones = [(event["event"], event["zone"]) for event in records("e.jsonl")]
    assert ("mask_put_on", "door") in zones
    assert ("person_appeared", None) in zones  # who stays outside of it
    corner = pictures("out.mp4")[30][150:156, 126:131].reshape(-1, 3).astype(int)  # lower left of the zone
    assert ((corner[:, 1] > corner[:, 0] + 40) & (corner[:, 1] > corner[:, 2])).any()


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["--algorithm", "guess"], 2, "no tracking algorithm 'guess'"),
        (["--blur", "eyes"], 2, "--blur is faces or none, not 'eyes'"),
        (["--out", "x.txt"], 2, "a video is written as .mp4"),
        (["--max-fps", "0"], 2, "--max-fps must be above 0"),
        (["--for", "-1"], 2, "--for must be above 0"),
        (["--zone-counts", "z"], 2, "--zone-counts needs --zones"),
        (["--zones", "missing.yaml"], 1, "missing.yaml: cannot read the zones"),
        (["--json", "same", "--events", "same"], 2, "--json and --events cannot both write to 'same'"),
        (["street.mp4", "--out", "x.mp4"], 2, "2 sources need a folder"),
        (["--confidence", "2"], 2, "Invalid value"),
        (["--json", "/no/such/place/f.jsonl"], 1, "/no/such/place/f.jsonl: cannot be written"),
    ],
)
def test_wrong_usage(
    arguments: list[str], code: int, message: str, track: Track, place: Path, clip: Path
) -> None:
    if "street.mp4" in arguments:
        write_clip(place / "street.mp4", 5)
    if os.geteuid() == 0 and "/no/such/place/f.jsonl" in arguments:
        arguments = ["--json", "/proc/f.jsonl"]
        message = "/proc/f.jsonl: cannot be written"
    done = track(clip, *arguments)
    assert done.exit_code == code, done.output
    assert message in re.sub(r"[\s│]+", " ", done.stderr)


def test_a_source_is_never_overwritten(track: Track, place: Path) -> None:
    clip = write_clip(place / "street.mp4", 12)
    before = clip.read_bytes()
    done = track(clip, "--out", "street.mp4")
    assert (done.exit_code, "this is the source" in done.stderr) == (1, True)
    assert track(clip, "--out", ".").exit_code == 0
    assert clip.read_bytes() == before
    assert len(pictures("street-2.mp4")) == 12


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interruption_leaves_whole_files(number: int, colour_model: Path, place: Path) -> None:
    clip = write_clip(place / "long.mp4", 1500)
    running = command(colour_model, clip, "--out", "out.mp4", "--json", "f.jsonl", "--csv", "t.csv")
    part = place / "out.part.mp4"
    waited = time.monotonic() + 60
    while not part.exists() and running.poll() is None and time.monotonic() < waited:
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


@pytest.mark.parametrize("arguments", [("--out", "out.mp4"), ("--json", "/dev/full")])
def test_a_full_disk_is_one_line(arguments: tuple[str, str], colour_model: Path, place: Path) -> None:
    if arguments[1] == "/dev/full" and not Path("/dev/full").exists():
        pytest.skip("no /dev/full on this system")
    clip = write_clip(place / "street.mp4", 300)
    running = command(colour_model, clip, *arguments, preexec_fn=small_files)
    _, told = running.communicate(timeout=120)
    assert running.returncode == 1
    assert told.count("\n") == 1
    assert told.startswith(f"error: {arguments[1]}: cannot be written: ")


def test_stats_of_a_file(track: Track, clip: Path) -> None:
    done = track(clip, "--stats")
    assert re.search(
        r"stats: .*street.mp4: [\d.]+ frames/s, frames 60, dropped 0, reconnects 0, latency \d+ ms, ended",
        done.stderr,
    )


def test_the_original_option_for_a_face_model_is_accepted(track: Track, clip: Path) -> None:
    done = track(clip, "-f", "face_detector", "-c", "0.5")
    assert done.exit_code == 0
    assert "--face face_detector is no longer needed" in done.stderr


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


def test_walkers_are_five_masked_people(shared: Path, place: Path) -> None:
    clip = shared / "video" / "five-masked-walkers.mp4"
    words = ["track", str(clip), "--csv", "t.csv", "--json", "f.jsonl"]
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 0, done.output
    with Path("t.csv").open(newline="") as file:
        long = [row for row in csv.DictReader(file) if int(row["frames"]) >= 30]
    assert 5 <= len(long) <= 7
    assert {row["label"] for row in long} == {"with_mask"}
    assert len(records("f.jsonl")) == 347
