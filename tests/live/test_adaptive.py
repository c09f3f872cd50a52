"""Frames of a file that were skipped are looked at after all, where somebody has come or gone since."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from crowdmask.inference.detector import Detector
from crowdmask.live.adaptive import AdaptiveFrames
from crowdmask.live.options import CameraOptions
from crowdmask.live.pipeline import FrameFinder, Pipeline, Settings
from crowdmask.live.tracked_frame import TrackedFrame
from crowdmask.media.video import Frame

FPS, FRAMES = 30.0, 120
RED = (255, 0, 0)


@pytest.fixture(scope="module")
def finder(colour_model: Path) -> FrameFinder:
    return FrameFinder(Detector(colour_model, threads=1))


def a_frame(index: int, comes: int, goes: int) -> Frame:
    """Return a frame with one person who is always there, and another for some time only."""
    drawn = np.full((192, 320, 3), 60, np.uint8)
    drawn[64:96, 64:96] = RED
    if comes <= index < goes:
        drawn[64:96, 224:256] = RED
    return Frame("cam", index, index / FPS, drawn, 0.0)


def faces(result: TrackedFrame) -> tuple[int, int]:
    return result.frame, len(result.detections)


@pytest.mark.parametrize("comes", [46, 47, 48, 49, 50, 61])
def test_who_comes_between_two_detections_is_seen_from_the_first_frame(
    comes: int, finder: FrameFinder
) -> None:
    frames = [a_frame(index, comes, comes + 40) for index in range(FRAMES)]
    every = Pipeline("cam", FPS, finder, Settings())
    adaptive = Pipeline("cam", FPS, finder, Settings(adaptive=True))
    held = AdaptiveFrames(adaptive)
    expected = [every.process(frame) for frame in frames]
    told = [result for frame in frames for _, result in held.take(frame)]
    told += [result for _, result in held.finish()]
    assert adaptive.times.frames < FRAMES / 2
    assert [faces(result) for result in told] == [faces(result) for result in expected]
    first = next(result for result in told if len(result.detections) == 2)
    assert (first.frame, first.predicted) == (comes, False)
    moments = [
        [
            (event.event, event.track, event.label, event.frame)
            for result in results
            for event in result.events
        ]
        for results in (told, expected)
    ]
    assert moments[0] == moments[1]


def test_files_are_detected_adaptively_and_live_sources_on_every_frame() -> None:
    options = CameraOptions()
    assert (options.for_source(is_live=False).is_adaptive, options.for_source(is_live=True).is_adaptive) == (
        True,
        False,
    )
    assert not CameraOptions(paced=True).for_source(is_live=False).is_adaptive
    for look in ("adaptive", "every"):
        given = CameraOptions(look=look)
        assert given.for_source(is_live=True) is given.for_source(is_live=False) is given
