"""Where people are in frames that the detector did not see."""

from __future__ import annotations

import numpy as np
import pytest

from crowdmask.detections import Detections
from crowdmask.live.predict import Look, predict
from crowdmask.live.tracked_frame import TrackedFrame
from crowdmask.media.video import Frame

STILL = np.zeros(2)


def look(time_s: float, boxes: dict[int, list[float]], corner: tuple[float, float] = (0, 0)) -> Look:
    """Return a frame with detection that saw these tracks."""
    xyxy = np.array(list(boxes.values()), np.float32).reshape(-1, 4)
    count = len(boxes)
    faces = Detections(xyxy, np.full(count, 0.8, np.float32), np.ones(count, np.int64))
    seen = TrackedFrame(
        source="cam",
        frame=round(time_s * 10),
        time_s=time_s,
        detections=faces,
        tracks=np.array(list(boxes), np.int64),
        states=["with_mask"] * count,
        confidence=np.full(count, 0.9, np.float32),
        hidden=xyxy,
        events=[],
        zones=[],
        run="r1",
    )
    return Look(seen, np.array(corner, np.float64))


def frame(time_s: float) -> Frame:
    return Frame("cam", round(time_s * 10), time_s, np.zeros((100, 200, 3), np.uint8), 0.0)


def covered(hidden: np.ndarray, box: list[float]) -> bool:
    inside = (hidden[:, :2] <= np.array(box[:2])) & (hidden[:, 2:] >= np.array(box[2:]))
    return bool(inside.all(axis=1).any())


@pytest.mark.parametrize(
    ("time_s", "expected"),
    [(1.0, [10.0, 10.0, 30.0, 30.0]), (1.1, [15.0, 10.0, 35.0, 30.0]), (1.3, [25.0, 10.0, 45.0, 30.0])],
)
def test_between_two_looks_a_face_goes_straight(time_s: float, expected: list[float]) -> None:
    before, after = look(1.0, {7: [10, 10, 30, 30]}), look(1.4, {7: [30, 10, 50, 30]})
    seen = predict(frame(time_s), STILL, before, after=after)
    assert seen.detections.xyxy[0] == pytest.approx(expected, abs=1e-4)
    assert (seen.predicted, seen.frame, seen.time_s, seen.events) == (True, frame(time_s).index, time_s, [])
    assert seen.tracks.tolist() == [7]
    assert seen.states == ["with_mask"]
    assert seen.detections.confidence == pytest.approx([0.8])  # of the last look
    assert seen.detections.class_id.tolist() == [1]
    for box in ([10.0, 10.0, 30.0, 30.0], [30.0, 10.0, 50.0, 30.0], expected):
        assert covered(seen.hidden, box)  # blurred where it was, will be, and is


@pytest.mark.parametrize(("time_s", "there"), [(1.1, True), (1.3, False)])
def test_who_has_left_by_the_next_look_is_there_for_half_of_the_time(time_s: float, there: bool) -> None:
    before, after = look(1.0, {7: [10, 10, 30, 30], 8: [60, 10, 80, 30]}), look(1.4, {8: [60, 10, 80, 30]})
    seen = predict(frame(time_s), STILL, before, after=after)
    assert seen.tracks.tolist() == ([7, 8] if there else [8])
    assert covered(seen.hidden, [10, 10, 30, 30])


def test_who_enters_is_blurred_before_the_look_that_finds_them() -> None:
    seen = predict(frame(1.2), STILL, look(1.0, {}), after=look(1.4, {9: [10, 10, 30, 30]}))
    assert len(seen.detections) == 0
    assert covered(seen.hidden, [10, 10, 30, 30])


def test_places_move_with_the_camera() -> None:
    before = look(1.0, {7: [10, 10, 30, 30]})
    after = look(1.2, {7: [50, 10, 70, 30]}, corner=(40, 0))
    seen = predict(frame(1.1), np.array([30.0, 0.0]), before, after=after)  # it moved unevenly
    assert seen.detections.xyxy[0] == pytest.approx([40, 10, 60, 30])


def test_after_the_last_look_people_keep_their_course() -> None:
    before = look(1.0, {7: [10, 10, 30, 30], 8: [60, 10, 80, 30]})
    guesses = {7: np.array([20, 10, 40, 30], np.float32)}
    seen = predict(frame(1.1), STILL, before, guesses=guesses)
    assert seen.detections.xyxy.tolist() == [[20, 10, 40, 30], [60, 10, 80, 30]]
    assert covered(seen.hidden, [10, 10, 30, 30])
    assert covered(seen.hidden, [20, 10, 40, 30])


def test_who_is_moved_out_of_the_picture_is_left_out() -> None:
    seen = predict(frame(1.1), np.array([-50.0, 0.0]), look(1.0, {7: [10, 10, 30, 30]}))
    assert len(seen.detections) == len(seen.tracks) == len(seen.states) == len(seen.confidence) == 0
