from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest

from crowdmask.detections import Detections
from crowdmask.live.health import Health
from crowdmask.live.tracked_frame import TrackedFrame
from crowdmask.serve.tracked import Gaps, Tracked
from crowdmask.store.records import TrackMinute

NOW = datetime(2026, 11, 27, 12, 0, 30, tzinfo=UTC)


class Clock:
    now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


def frame(*faces: tuple[int, str, int, float], run: str = "r") -> TrackedFrame:
    """Return a frame of faces: track, state, what the detector says, and width."""
    number = len(faces)
    xyxy = np.array([[0, 0, width, 10] for *_, width in faces], np.float32).reshape(-1, 4)
    detections = Detections(
        xyxy=xyxy,
        confidence=np.full(number, 0.8, np.float32),
        class_id=np.array([each[2] for each in faces], np.int64),
    )
    return TrackedFrame(
        source="rtsp://cam/", frame=0, time_s=0.0, detections=detections, run=run, hidden=xyxy, events=[],
        tracks=np.array([each[0] for each in faces], np.int64), states=[each[1] for each in faces],
        confidence=np.full(number, 0.9, np.float32), zones=[],
    )  # fmt: skip


def play(*steps: tuple[float, TrackedFrame | None]) -> list[TrackMinute]:
    """Play frames at seconds; None takes what was seen. Returns the last word about each track and minute."""
    clock = Clock()
    tracked, last = Tracked("h", clock), {}
    for at_s, seen in steps:
        clock.now_s = 100.0 + at_s
        if seen is not None:
            tracked.result("door", seen, NOW + timedelta(seconds=at_s))
        for each in tracked.take():
            last[each.run, each.track, each.start_utc] = each
    return [last[key] for key in sorted(last)]


def test_time_is_shared_by_label_and_sums_up_over_minutes() -> None:
    with_mask = (7, "with_mask", 0, 20.0)
    (first, second) = play(
        (0, frame((7, "unknown", 1, 10.0))),
        (1, frame(with_mask)),
        (2, frame(with_mask)),
        (29.5, frame(with_mask)),  # a pause: only two seconds of it were looked at
        (30.5, frame(with_mask)),  # the next minute
        (31.5, None),
    )
    assert first.label_s == pytest.approx(
        {"with_mask": 1 + 2 + 1, "without_mask": 1, "mask_worn_incorrect": 0}
    )
    assert (first.unjudged_s, first.frames, first.width_px) == (1.0, 4, 17.5)
    assert first.confidence == pytest.approx({"with_mask": 0.8, "without_mask": 0.8})
    assert (second.start_utc, second.label_s["with_mask"]) == (first.start_utc + timedelta(minutes=1), 1.0)
    assert (first.camera, first.source, first.model_hash, first.lost_s) == ("door", "rtsp://cam/", "h", 0.0)


def test_who_is_lost_for_a_while_was_not_seen() -> None:
    here, other = (7, "with_mask", 0, 20.0), (8, "with_mask", 0, 20.0)
    first, second = play(
        (0, frame(here, other)), (1, frame(other)), (2, frame(other)), (3, frame(here, other)), (4, frame())
    )
    assert (first.lost_s, first.label_s["with_mask"]) == (2.0, 2.0)
    assert (second.lost_s, second.label_s["with_mask"]) == (0.0, 4.0)


def test_faces_without_a_track_are_kept_together_and_runs_apart() -> None:
    loose, here = (-1, "unknown", 1, 30.0), (7, "with_mask", 0, 20.0)
    steps = [(0, frame(loose, loose, here)), (1, frame(here, run="s")), (2, frame(run="s"))]
    found = {(each.run, each.track): sum(each.label_s.values()) for each in play(*steps)}
    assert found == {("r", -1): 2.0, ("r", 7): 1.0, ("s", 7): 1.0}


def test_nothing_is_told_twice() -> None:
    tracked = Tracked("h", Clock())
    tracked.result("door", frame((7, "with_mask", 0, 20.0)), NOW)
    assert len(tracked.take()) == 1
    tracked.result("door", frame(), NOW)
    assert tracked.take() == []


def test_gaps_go_on_and_end() -> None:
    def health(**values: Any) -> list[Health]:
        return [Health(camera="door", source="s", run="r", state="live", **values)]

    gaps, at = Gaps(), [NOW + timedelta(seconds=each) for each in range(6)]
    assert gaps.take(health(), at[0]) == []
    down = health(down_since=NOW, last_error="no route")
    (first,), (second,) = gaps.take(down, at[1]), gaps.take(down, at[2])
    assert (first.why, first.began_utc, first.last_utc, first.error) == ("down", NOW, at[1], "no route")
    assert (second.began_utc, second.last_utc) == (NOW, at[2])
    frozen, ended = gaps.take(health(frozen=True), at[3])
    assert (frozen.why, frozen.began_utc, ended.why, ended.last_utc) == ("frozen", at[3], "down", at[3])
    assert gaps.take(health(frozen=True), at[4])[0].began_utc == at[3]
    assert [each.last_utc for each in gaps.take(health(), at[5])] == [at[5]]
    assert gaps.take([], at[5]) == []
