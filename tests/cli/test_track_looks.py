"""``crowdmask track --look adaptive``: fewer looks, the same answers, and what is predicted says so."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from crowdmask.errors import EXIT_USAGE
from crowdmask.live.pipeline import FrameFinder
from crowdmask.media.frame_converter import FrameConverter
from crowdmask.media.video import read_frames

from .track_clips import FPS, GREY, RED, STAYS, Picture, Track, a_frame, pictures, records, write_clip


@pytest.fixture
def looks(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Return a list that gets an entry whenever the detector runs."""
    counted: list[int] = []
    find = FrameFinder.find

    def count(finder: FrameFinder, picture: Picture) -> Any:
        counted.append(1)
        return find(finder, picture)

    monkeypatch.setattr(FrameFinder, "find", count)
    return counted


def test_the_same_events_with_fewer_looks(track: Track, place: Path, clip: Path, looks: list[int]) -> None:
    assert track(clip, "--look", "every", "--events", "all.jsonl").exit_code == 0
    assert len(looks) == 60
    looks.clear()
    done = track(
        clip,
        "--look",
        "adaptive",
        "--events",
        "e.jsonl",
        "--json",
        "f.jsonl",
        "--out",
        "out.mp4",
        "--csv",
        "-",
    )
    assert done.exit_code == 0, done.output
    assert len(looks) <= 30
    assert "60 frames in" in done.output
    expected, told = records("all.jsonl"), records("e.jsonl")
    assert sorted(each["event"] for each in told) == sorted(each["event"] for each in expected)
    for one, other in zip(told, expected, strict=True):
        assert (one["event"], one["track"], one["label"]) == (other["event"], other["track"], other["label"])
        assert one["time_s"] == pytest.approx(other["time_s"], abs=0.2)

    frames = records("f.jsonl")
    assert [frame["frame"] for frame in frames] == list(range(60))  # one line a frame remains
    assert len(pictures("out.mp4")) == 60
    last: dict[int, Any] = {}
    predicted = 0
    for frame in frames:
        for face in frame["detections"]:
            what = (face["detected_label"], face["confidence"])
            if face.get("predicted", False):
                predicted += 1
                assert what == last[face["track"]]  # as the last look found it
            last[face["track"]] = what
    assert predicted >= 40


def stripes(picture: Picture, corner: tuple[int, int]) -> float:
    """Return by how much the green of a face's stripes, of 2 in 8 columns, stands out."""
    x, y = corner
    green = picture[y + 4 : y + 28, x : x + 32, 1].astype(float).reshape(24, 4, 8)
    return float(np.abs(green[:, :, :2].mean(axis=(0, 2)) - green[:, :, 3:7].mean(axis=(0, 2))).min())


def test_a_face_that_moves_between_looks_is_blurred_in_every_frame(track: Track, place: Path) -> None:
    def striped(index: int) -> Picture:
        picture = np.full((192, 320, 3), GREY, np.uint8)
        x, y = corner_of(index)
        picture[y : y + 32, x : x + 32] = RED
        picture[y : y + 32, x : x + 32 : 8] = (255, 80, 80)
        picture[y : y + 32, x + 1 : x + 32 : 8] = (255, 80, 80)
        return picture

    def corner_of(index: int) -> tuple[int, int]:
        return (32 + 32 * (index // 5), 64)

    clip = write_clip(place / "striped.mp4", 30, draw=striped)
    done = track(clip, "--look", "adaptive", "--blur", "faces", "--out", "out.mp4", "--json", "f.jsonl")
    assert done.exit_code == 0, done.output
    before, after = pictures(clip), pictures("out.mp4")
    assert len(after) == 30
    assert min(stripes(picture, corner_of(i)) for i, picture in enumerate(before)) > 40
    assert max(stripes(picture, corner_of(i)) for i, picture in enumerate(after)) < 8
    faces = [face for frame in records("f.jsonl") for face in frame["detections"]]
    assert any(face.get("predicted") for face in faces)


def test_a_still_scene_with_nobody_is_seldom_looked_at_or_converted(
    track: Track, place: Path, looks: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    converted: list[int] = []
    upright = FrameConverter.upright

    def count(converter: FrameConverter, frame: Any) -> Picture:
        converted.append(1)
        return upright(converter, frame)

    monkeypatch.setattr(FrameConverter, "upright", count)
    clip = write_clip(place / "empty.mp4", 12 * FPS, draw=lambda _: np.full((192, 320, 3), GREY, np.uint8))
    done = track(clip, "--look", "adaptive", "--json", "f.jsonl")
    assert done.exit_code == 0, done.output
    assert len(looks) <= 14  # once a second
    assert len(converted) == len(looks)
    assert [frame["frame"] for frame in records("f.jsonl")] == list(range(120))


def test_somebody_who_enters_an_empty_scene_is_told_of_in_time(track: Track, place: Path) -> None:
    def enters(index: int) -> Picture:
        return a_frame(index) if index >= 37 else np.full((192, 320, 3), GREY, np.uint8)

    clip = write_clip(place / "enters.mp4", 60, draw=enters)
    appeared = {}
    for look in ("every", "adaptive"):
        assert track(clip, "--look", look, "--events", f"{look}.jsonl").exit_code == 0
        appeared[look] = [e["time_s"] for e in records(f"{look}.jsonl") if e["event"] == "person_appeared"]
    assert len(appeared["every"]) == 2
    assert appeared["adaptive"] == pytest.approx(appeared["every"], abs=0.2)


def test_a_cut_is_looked_at(track: Track, place: Path) -> None:
    random = np.random.default_rng(5)
    scenes = [np.repeat(np.repeat(random.integers(0, 90, (12, 20, 3)), 16, 0), 16, 1) for _ in range(2)]

    def cut(index: int) -> Picture:
        picture = scenes[index >= 23].astype(np.uint8) // (1 if index < 23 else 3)
        picture[::2] //= 1 if index < 23 else 2
        x, y = STAYS if index < 23 else (224, 96)
        picture[y : y + 32, x : x + 32] = RED
        return picture

    clip = write_clip(place / "cut.mp4", 40, draw=cut)
    assert track(clip, "--look", "adaptive", "--json", "f.jsonl").exit_code == 0
    places = {
        frame["frame"]: [
            (round(face["box"][0]), face.get("predicted", False)) for face in frame["detections"]
        ]
        for frame in records("f.jsonl")
    }
    assert (224, False) in places[23]
    assert not any(left == STAYS[0] for left, _ in places[23])
    assert (STAYS[0], False) in places[22]  # the last frame of a take tells how long people stayed
    assert not any(left == 224 for left, _ in places[22])


@pytest.mark.parametrize("words", [("--every", "3"), ("--max-fps", "5")])
def test_nothing_is_predicted_where_a_pace_is_asked_for(
    words: tuple[str, ...], track: Track, place: Path, clip: Path
) -> None:
    for look in ("every", "adaptive"):
        assert track(clip, "--look", look, *words, "--json", f"{look}.jsonl").exit_code == 0
    every, adaptive = (
        [{**frame, "run": None} for frame in records(f"{look}.jsonl")] for look in ("every", "adaptive")
    )
    assert every == adaptive


def test_another_word_is_refused(track: Track, place: Path, clip: Path) -> None:
    done = track(clip, "--look", "sometimes")
    assert done.exit_code == EXIT_USAGE
    assert "adaptive or every" in done.stderr
    assert "Traceback" not in done.output
    assert list(place.iterdir()) == []


def test_the_video_keeps_its_times(track: Track, place: Path, clip: Path) -> None:
    assert track(clip, "--look", "adaptive", "--for", "2.05", "--out", "out.mp4").exit_code == 0
    times = [frame.time_s for frame in read_frames("out.mp4")]
    assert times == pytest.approx([i / FPS for i in range(21)], abs=0.001)
