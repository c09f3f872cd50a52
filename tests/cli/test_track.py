"""What ``crowdmask track`` finds, writes and says."""

from __future__ import annotations

import csv
import json
import os
import re
import uuid
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from typer.testing import CliRunner

from crowdmask.cli.main import app
from crowdmask.drawing.blur import BLOCKS
from crowdmask.media.video import probe, read_frames

from .track_clips import FPS, PUT_ON_S, PUTS_ON, STAYS, Track, a_frame, pictures, process, records, write_clip


def test_a_video_becomes_records_events_a_table_and_a_video(track: Track, place: Path, clip: Path) -> None:
    done = track(clip, "--out", "out.mp4", "--json", "f.jsonl", "--events", "e.jsonl", "--csv", "t.csv")
    assert done.exit_code == 0, done.output
    assert done.stderr == ""
    assert f"{clip}: 60 frames in" in done.stdout
    assert "2 tracks, 3 events, annotated video: out.mp4; a frame: detector" in done.stdout

    frames = records("f.jsonl")
    assert [frame["frame"] for frame in frames] == list(range(60))
    assert frames[25]["time_s"] == pytest.approx(2.5, abs=0.001)
    assert list(frames[0]) == ["source", "frame", "time_s", "detections", "run"]
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
        "source", "frame", "time_s", "event", "track", "label", "confidence", "zone", "run",
    ]  # fmt: skip
    assert sorted(event["event"] for event in events) == ["mask_put_on", *["person_appeared"] * 2]
    put_on = next(event for event in events if event["event"] == "mask_put_on")
    assert put_on["time_s"] == pytest.approx(PUT_ON_S, abs=0.5)
    assert boxes[put_on["track"]][0] == pytest.approx(PUTS_ON[0], abs=0.01)

    with Path("t.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert sorted(row["track"] for row in rows) == ["1", "2"]
    runs = {record["run"] for record in [*frames, *events, *rows]}
    assert len(runs) == 1
    assert uuid.UUID(runs.pop()).version == 4
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
def test_blurred_faces_are_blocks_in_every_frame(every: int, track: Track, place: Path) -> None:
    # A face with fine stripes, which nobody can read any more once it is a few blocks.
    def striped(index: int) -> NDArray[np.uint8]:
        picture = a_frame(index)
        x, y = STAYS
        picture[y : y + 32, x : x + 32 : 8] = (255, 80, 80)
        picture[y : y + 32, x + 1 : x + 32 : 8] = (255, 80, 80)
        return picture

    clip = write_clip(place / "striped.mp4", 20, draw=striped)
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


NEEDLESS = (
    "matplotlib",
    "requests",
    "scipy.interpolate",
    "scipy.special",
    "supervision.annotators",
    "yaml",
)


@pytest.mark.parametrize("look", ["every", "adaptive"])
def test_the_start_imports_nothing_in_vain(look: str, colour_model: Path, clip: Path, place: Path) -> None:
    words = ["track", str(clip), "-m", str(colour_model), "--look", look, "--quiet", "--csv", "t.csv"]
    program = (
        "import sys\nfrom crowdmask.cli.main import app\n"
        f"app({words!r}, standalone_mode=False)\n"
        f"print([name for name in {NEEDLESS!r} if name in sys.modules], 'trackers' in sys.modules)"
    )
    told, errors = process("-c", program, cwd=place).communicate(timeout=120)
    assert told == "[] True\n", errors
    assert len(Path("t.csv").read_text().splitlines()) == 3  # people were followed all the same
