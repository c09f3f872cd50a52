"""The lighter filter gives the numbers of the library's own, and the same tracks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from trackers.core.botsort.tracklet import BoTSORTTracklet
from trackers.utils.predict_timing import PredictTiming

from crowdmask.tracking import face_state, tracker
from crowdmask.tracking.face_state import FaceState


def test_the_installed_library_takes_it() -> None:
    assert face_state.fits()


@pytest.mark.parametrize(
    "steps",
    [
        pytest.param([1.0], id="every frame in time"),
        pytest.param([0.97, 1.04, 1.0], id="nearly in time"),
        pytest.param([1.0, 4.0, 0.4, 2.5], id="uneven"),
    ],
)
def test_same_numbers_as_the_library(steps: list[float]) -> None:
    random = np.random.default_rng(2)
    box = np.array([100.0, 50.0, 130.0, 90.0])
    own, light = BoTSORTTracklet(box), BoTSORTTracklet(box, FaceState)
    for frame in range(60):
        timing = PredictTiming(step := steps[frame % len(steps)], step / 30, frame_rate=30.0)
        assert light.predict(timing) == pytest.approx(own.predict(timing), rel=1e-9)
        box = box + np.array([3.0, 1.0, 3.2, 1.3]) * step + random.normal(0, 1, 4)
        if frame % 10 < 7:  # it is missed now and then
            own.update(box)
            light.update(box)
        assert light.get_state_bbox() == pytest.approx(own.get_state_bbox(), rel=1e-9)
    assert light.state_estimator.kf.state == pytest.approx(own.state_estimator.kf.state, rel=1e-9)


@pytest.mark.parametrize("algorithm", ["cbiou", "botsort"])
def test_same_tracks_as_the_library(
    algorithm: str, four_people: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    def follow() -> tuple[type, list[list[int]]]:
        faces = tracker.FaceTracker(algorithm, 30.0)
        tracks = [
            faces.update(detections, None, time_s).tolist()
            for _, time_s, detections, _ in four_people(seed=3).frames()
        ]
        return faces._library.state_estimator_class, tracks

    light, found = follow()
    monkeypatch.setattr(face_state, "fits", lambda: False)
    own, expected = follow()
    assert light is FaceState
    assert own is not FaceState
    assert found == expected
    assert max(max(each, default=0) for each in found) >= 5
