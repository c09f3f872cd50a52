from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from crowdmask.errors import UsageError
from crowdmask.inference.detector import Detector
from crowdmask.inference.model_file import InputSpec, ModelInfo
from crowdmask.live.file_run import between
from crowdmask.live.pipeline import FrameFinder, Pipeline, Settings, input_size_for
from crowdmask.live.tracked_frame import TrackedFrame
from crowdmask.media.video import Frame
from crowdmask.tracking.ignoring import Ignored
from crowdmask.tracking.zones import Zone, ZonesFile

FPS = 10.0


@pytest.fixture(scope="module")
def finder(colour_model: Path) -> FrameFinder:
    return FrameFinder(Detector(colour_model, threads=1))


def picture(*faces: tuple[int, int, tuple[int, int, int]]) -> NDArray[np.uint8]:
    """Return a grey picture with squares at cells of the colour model's grid."""
    drawn = np.full((192, 320, 3), 60, np.uint8)
    for column, row, colour in faces:
        drawn[32 * row : 32 * row + 32, 32 * column : 32 * column + 32] = colour
    return drawn


def follow(pipeline: Pipeline, pictures: list[NDArray[np.uint8]], start: int = 0) -> list[TrackedFrame]:
    return [
        pipeline.process(Frame("cam", start + i, (start + i) / FPS, each, 0.0))
        for i, each in enumerate(pictures)
    ]


RED, DIM = (255, 0, 0), (100, 0, 0)


def test_a_sure_face_is_numbered_and_an_unsure_one_keeps_the_number(finder: FrameFinder) -> None:
    pipeline = Pipeline("cam", FPS, finder, Settings())
    results = follow(pipeline, [picture((2, 2, RED))] * 8 + [picture((2, 2, DIM))] * 3)
    assert results[0].tracks.tolist() == [-1]
    assert [result.tracks.tolist() for result in results[4:]] == [[1]] * 7
    assert results[-1].detections.confidence[0] < 0.5  # shown, since it continues a track
    assert results[-1].states == ["with_mask"]
    assert (pipeline.tracks, pipeline.times.frames) == (1, 11)
    alone = follow(Pipeline("cam", FPS, finder, Settings()), [picture((2, 2, DIM))] * 5)
    assert [len(result.detections) for result in alone] == [0] * 5
    assert [len(result.hidden) for result in alone] == [1] * 5  # but it is blurred


def test_a_face_that_is_missed_is_blurred_for_half_a_second(finder: FrameFinder) -> None:
    pipeline = Pipeline("cam", FPS, finder, Settings())
    results = follow(pipeline, [picture((2, 2, RED))] * 8 + [picture()] * 8)
    assert [len(result.detections) for result in results[8:]] == [0] * 8
    assert [len(result.hidden) for result in results[8:]] == [1] * 5 + [0] * 3
    assert results[8].hidden[0] == pytest.approx([64, 64, 96, 96], abs=4)


def test_after_a_reconnect_tracks_begin_anew(finder: FrameFinder) -> None:
    pipeline = Pipeline("cam", FPS, finder, Settings())
    follow(pipeline, [picture((2, 2, RED))] * 8)
    pipeline.restart()
    results = follow(pipeline, [picture((2, 2, RED))] * 8, start=8)
    assert results[-1].tracks.tolist() == [2]


def test_a_picture_too_small_for_a_face(finder: FrameFinder) -> None:
    assert len(finder.find(np.zeros((6, 300, 3), np.uint8))) == 0


def test_an_unknown_algorithm_is_refused(finder: FrameFinder) -> None:
    with pytest.raises(UsageError, match="no tracking algorithm 'guess'"):
        Pipeline("cam", FPS, finder, Settings(algorithm="guess"))


@pytest.mark.parametrize(
    ("own", "resize", "width", "height", "expected"),
    [
        (768, "fit", 640, 360, 512),
        (768, "fit", 1280, 720, 512),
        (768, "fit", 1080, 1920, 768),
        (768, "fit", 3840, 2160, 768),
        (320, "fit", 640, 360, 320),
        (300, "stretch", 1920, 1080, 300),
    ],
)
def test_the_input_suits_the_frames(
    own: int, resize: str, width: int, height: int, expected: int, colour_model: Path
) -> None:
    info: ModelInfo = Detector(colour_model, threads=1).info
    spec: InputSpec = replace(info.input, size=own, resize=resize)
    assert input_size_for(replace(info, input=spec), width, height) == expected


def test_people_between_two_frames(finder: FrameFinder) -> None:
    pipeline = Pipeline("cam", FPS, finder, Settings())
    before = follow(pipeline, [picture((2, 2, RED), (6, 2, RED))] * 5)[-1]
    one = before.detections[:1]
    after = replace(one, xyxy=one.xyxy + 40)
    moved = replace(before, time_s=before.time_s + 1, detections=after, tracks=before.tracks[:1])
    place = between(before, moved, before.time_s + 0.25)
    assert place == pytest.approx(before.detections.xyxy[:1] + 10, abs=1e-3)


def test_what_is_ignored_is_not_followed_but_blurred(finder: FrameFinder) -> None:
    region = ZonesFile(zones=(Zone(name="poster", polygon=((0, 0), (0.5, 0), (0.5, 1), (0, 1))),))
    faces = picture((2, 2, RED), (7, 2, RED))
    pipeline = Pipeline("cam", FPS, finder, Settings(ignored=Ignored(region)))
    last = follow(pipeline, [faces] * 8)[-1]
    assert (len(last.detections), len(last.hidden), pipeline.tracks) == (1, 2, 1)
    pipeline.change(Settings(ignored=Ignored(min_face_px=40)))
    assert len(follow(pipeline, [faces], 8)[0].detections) == 0
    pipeline.change(Settings())
    assert len(follow(pipeline, [faces], 9)[0].detections) == 2


def test_a_face_that_never_moves_is_reported_and_counts_no_longer(finder: FrameFinder) -> None:
    zone = ZonesFile(zones=(Zone(name="A", polygon=((0, 0), (1, 0), (1, 1), (0, 1))),))
    pipeline = Pipeline("cam", FPS, finder, Settings(zones=zone, still_s=2.0))
    results = follow(pipeline, [picture((2, 2, RED))] * 120)
    assert sum(results[15].zones[0].present.values()) == 1
    assert sum(results[-1].zones[0].present.values()) == 0
    assert results[-1].tracks.tolist() == [-1]
    (note,) = pipeline.notes
    assert note.startswith("cam: the face at 80, 80 px has not moved for 0 minutes")
    told = [event.event for result in results for event in result.events]
    assert told == ["person_appeared", "person_left"]


def test_a_frame_that_is_not_due_is_predicted_and_blurred(finder: FrameFinder) -> None:
    pipeline = Pipeline("cam", FPS, finder, Settings(adaptive=True))
    seen = follow(pipeline, [picture((2, 2, RED))] * 20)[-1]
    same = Frame("cam", 20, 20 / FPS, picture((2, 2, RED)), 0.0)
    assert not pipeline.is_due(same)
    guessed = pipeline.predict(same)
    assert (guessed.predicted, guessed.frame, guessed.states) == (True, 20, seen.states)
    assert guessed.tracks.tolist() == [1]
    assert guessed.detections.confidence.tolist() == seen.detections.confidence.tolist()
    assert (guessed.hidden[0][:2] < seen.detections.xyxy[0][:2]).all()
    assert pipeline.times.frames == 20
    somebody = Frame("cam", 21, 21 / FPS, picture((2, 2, RED), (7, 4, RED)), 0.0)
    assert pipeline.is_due(somebody)
    assert len(pipeline.process(somebody).detections) == 2


def test_the_last_frame_of_a_take_is_looked_at_after_the_cut(finder: FrameFinder) -> None:
    pipeline = Pipeline("cam", FPS, finder, Settings(adaptive=True))
    follow(pipeline, [picture((2, 2, RED))] * 20)
    held = Frame("cam", 20, 20 / FPS, picture((2, 2, RED)), 0.0)
    assert not pipeline.is_due(held)
    other = np.tile(np.linspace(0, 250, 320, dtype=np.uint8)[:, None], (192, 1, 3)) // np.uint8(2)
    assert pipeline.is_due(Frame("cam", 21, 21 / FPS, after := np.ascontiguousarray(other), 0.0))
    assert pipeline.is_cut
    assert pipeline.process(held, late=True).tracks.tolist() == [1]  # the tracks of before the cut
    assert 1 not in pipeline.process(Frame("cam", 22, 22 / FPS, after, 0.0)).tracks.tolist()
