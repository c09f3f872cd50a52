"""`crowdmask.Tracker`: frames or a source in, a value per frame out."""

from __future__ import annotations

import os
import subprocess
import sys
import uuid
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import crowdmask
from crowdmask import Detector, TrackedFrame, Tracker
from crowdmask.errors import SourceError, UsageError, VideoError
from crowdmask.tracking.zones import ZonesFile

from .clips import FPS, PUT_ON_S, two_people, write_clip

DOOR = {"name": "door", "polygon": [(0.4, 0.4), (0.7, 0.4), (0.7, 0.8), (0.4, 0.8)]}


@pytest.fixture(scope="module")
def detector(colour_model: Path) -> Detector:
    return Detector(colour_model, threads=1)


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_clip(tmp_path_factory.mktemp("clip") / "street.mp4")


def told(values: list[TrackedFrame]) -> list[tuple[str, int]]:
    return sorted((event.event, event.frame) for seen in values for event in seen.events)


def test_a_file_gives_a_value_a_frame(detector: Detector, clip: Path) -> None:
    tracker = Tracker(detector, zones=ZonesFile.model_validate({"zones": [DOOR]}))
    values = list(tracker.track(clip))
    assert [seen.frame for seen in values] == list(range(60))
    assert {seen.source for seen in values} == {str(clip)}
    last = values[-1]
    assert sorted(last.tracks.tolist()) == [1, 2]
    assert last.states == ["with_mask", "with_mask"]
    assert last.zones[0].present["with_mask"] == 1
    assert [name for name, _ in told(values)] == ["mask_put_on", "person_appeared", "person_appeared"]
    put_on = next(event for seen in values for event in seen.events if event.event == "mask_put_on")
    assert put_on.time_s == pytest.approx(PUT_ON_S, abs=0.5)
    assert {seen.run for seen in values} == {tracker.run} == {put_on.run}
    assert uuid.UUID(tracker.run).version == 4
    assert last.picture is not None
    assert last.draw().shape == (192, 320, 3)
    blurred = last.draw(blur=True)
    assert not np.array_equal(blurred, last.draw())
    with pytest.raises(ValueError, match="no picture"):
        replace(last, picture=None).draw()


@pytest.mark.parametrize("with_times", [True, False])
@pytest.mark.parametrize("every", [1, 2])
def test_frames_give_what_the_file_gives(with_times: bool, every: int, detector: Detector) -> None:
    def frames() -> Iterator[Any]:
        for index in range(60):
            yield (index / FPS, two_people(index)) if with_times else two_people(index)

    values = list(Tracker(detector, fps=FPS, every=every).track(frames()))
    assert [seen.frame for seen in values] == list(range(0, 60, every))
    assert [seen.time_s for seen in values] == pytest.approx([i / FPS for i in range(0, 60, every)])
    assert [name for name, _ in told(values)] == ["mask_put_on", "person_appeared", "person_appeared"]
    frame = next(frame for name, frame in told(values) if name == "mask_put_on")
    assert abs(frame - PUT_ON_S * FPS) <= 5


def test_with_adaptive_looks_a_value_a_frame_remains(detector: Detector, clip: Path) -> None:
    def counted(tracker: Tracker) -> int:
        assert tracker._pipeline is not None
        return tracker._pipeline.times.frames

    every, adaptive = Tracker(detector, look="every"), Tracker(detector, look="adaptive")
    expected, values = list(every.track(clip)), list(adaptive.track(clip))
    assert [seen.frame for seen in values] == list(range(60))
    assert [name for name, _ in told(values)] == [name for name, _ in told(expected)]
    assert (counted(every), 60 - counted(adaptive)) == (60, sum(seen.predicted for seen in values))
    assert sum(seen.predicted for seen in values) >= 20
    assert all(seen.picture is not None and seen.picture.shape == (192, 320, 3) for seen in values)
    own = [*adaptive.track(two_people(index) for index in range(60))]
    assert [seen.frame for seen in own] == list(range(60))
    at_once = [adaptive.update(two_people(index), index / FPS) for index in range(60)]
    assert [seen.frame for seen in at_once] == list(range(60))
    assert any(seen.predicted for seen in at_once)
    assert adaptive.finish() == []


def test_with_adaptive_looks_a_file_that_breaks_off_is_told_as_far_as_it_goes(
    detector: Detector, tmp_path: Path
) -> None:
    broken = write_clip(tmp_path / "broken.avi")
    broken.write_bytes(broken.read_bytes()[: broken.stat().st_size * 2 // 3])
    frames: dict[str, list[int]] = {"every": [], "adaptive": []}
    for look, told_of in frames.items():
        with pytest.raises(VideoError):
            for seen in Tracker(detector, look=look).track(broken):
                told_of.append(seen.frame)
    assert frames["adaptive"] == frames["every"] == list(range(len(frames["every"])))
    assert len(frames["every"]) >= 3


def test_one_frame_after_the_other(detector: Detector) -> None:
    tracker = Tracker(detector, fps=FPS)
    values = [tracker.update(two_people(index)) for index in range(58)]
    values.append(tracker.update(two_people(58), 5.85))
    assert values[-2].time_s == pytest.approx(5.7)
    assert values[-1].tracks.tolist() == [1, 2]
    first = tracker.run
    assert tracker.finish() == []
    again = [tracker.update(two_people(index)) for index in range(5)]
    assert tracker.run != first  # another run, which numbers from 1
    assert again[-1].tracks.tolist() == [1, 2]


def test_the_last_value_of_a_file_has_what_its_end_tells(detector: Detector, tmp_path: Path) -> None:
    # A second after the mask was put on: long enough only because nothing follows.
    clip = write_clip(tmp_path / "short.mp4", 40)
    values = list(Tracker(detector).track(clip))
    assert "mask_put_on" in [event.event for event in values[-1].events]


def test_a_damaged_file_gives_what_can_be_read(detector: Detector, tmp_path: Path) -> None:
    whole = write_clip(tmp_path / "whole.mkv").read_bytes()
    cut = tmp_path / "cut.mkv"
    cut.write_bytes(whole[: len(whole) // 2])
    values = []
    with pytest.raises(VideoError, match="ends early"):
        for seen in Tracker(detector).track(cut):
            values.append(seen)
    assert 0 < len(values) < 60


def test_a_stream(detector: Detector, rtsp: Any) -> None:
    rtsp.start()
    values = []
    for seen in Tracker(detector).track(rtsp.address):
        values.append(seen)
        if len(values) == 5:
            break
    times = [seen.time_s for seen in values]
    assert times == sorted(set(times))
    assert {seen.source for seen in values} == {rtsp.address}


def test_a_stream_that_refuses_is_an_error(detector: Detector, camera: Any) -> None:
    with pytest.raises(VideoError, match="wrong user or password"):
        list(Tracker(detector).track(f"http://joe:wrong@{camera.place}/locked"))


@pytest.mark.parametrize(
    ("source", "error"),
    [("missing.mp4", SourceError), ("ftp://host/x", SourceError), (".", SourceError)],
)
def test_what_is_no_source(source: str, error: type[Exception], detector: Detector, tmp_path: Path) -> None:
    if source == ".":
        for name in ("a.mp4", "b.mp4"):
            (tmp_path / name).touch()
        source = str(tmp_path)
    with pytest.raises(error):
        Tracker(detector).track(source)


@pytest.mark.parametrize(
    "options",
    [{"fps": 0}, {"fps": float("nan")}, {"every": 0}, {"grace_s": -1}, {"grace_s": float("nan")},
     {"algorithm": "guess"}],
)  # fmt: skip
def test_wrong_options(options: dict[str, Any], detector: Detector) -> None:
    with pytest.raises(UsageError):
        Tracker(detector, **options)


@pytest.mark.parametrize(
    ("picture", "time_s", "error"),
    [
        (np.zeros((64, 64), np.uint8), 1.0, ValueError),
        (np.zeros((64, 64, 3), np.float32), 1.0, ValueError),
        ("street.mp4", 1.0, TypeError),
        (np.zeros((64, 64, 3), np.uint8), 0.0, ValueError),
        (np.zeros((64, 64, 3), np.uint8), float("nan"), ValueError),
    ],
)
def test_wrong_frames(picture: Any, time_s: float, error: type[Exception], detector: Detector) -> None:
    tracker = Tracker(detector)
    tracker.update(two_people(0), 0.0)
    with pytest.raises(error):
        tracker.update(picture, time_s)
    assert tracker.update(two_people(1), 0.5).frame == 1  # a refused one does not count


def test_the_package_stays_light() -> None:
    heavy = ("av", "cv2", "torch", "onnxruntime", "pydantic", "numpy")
    script = f"import sys, crowdmask; print([name for name in {heavy} if name in sys.modules])"
    path = str(Path(crowdmask.__file__).parents[1])
    run = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, env={"PYTHONPATH": path}
    )
    assert run.stdout.strip() == "[]"


def test_the_example_program(clip: Path, tmp_path: Path, project_root: Path) -> None:
    run = subprocess.run(
        [sys.executable, project_root / "examples" / "track_video.py", clip, "last.png"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(project_root / "src")},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    assert "people, by what they wore last" in run.stdout
    with Image.open(tmp_path / "last.png") as drawn:
        assert drawn.size == (320, 192)
