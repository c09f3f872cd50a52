"""What a machine can be expected to do: by figures, and measured with a small model."""

from __future__ import annotations

from pathlib import Path

import pytest

from crowdmask.inference.detector import Detector
from crowdmask.serve.checking.capacity import LEAST_FPS, SENT_FPS, Capacity, measure

QUICK, SLOW = Capacity(40.0, 0.002), Capacity(3.0, 0.002)


@pytest.mark.parametrize(
    ("capacity", "cameras", "fps"),
    [
        (QUICK, 1, SENT_FPS),  # no camera sends more
        (QUICK, 2, (1 / 2 - 0.05) * 40),
        (QUICK, 6, (1 / 6 - 0.05) * 40),
        (QUICK, 20, 0.0),  # decoding alone takes all of it
        (QUICK, 100, 0.0),
        (SLOW, 1, 0.95 * 3),
    ],
)
def test_frames_a_second_of_each_camera(capacity: Capacity, cameras: int, fps: float) -> None:
    assert capacity.fps(cameras) == pytest.approx(fps)


@pytest.mark.parametrize(("capacity", "most"), [(QUICK, 5), (SLOW, 0), (Capacity(1e6, 1e-6), 32_258)])
def test_it_bears_so_many_that_each_is_looked_at_often_enough(capacity: Capacity, most: int) -> None:
    assert capacity.cameras == most
    if 0 < most < 1000:
        assert capacity.fps(most) >= LEAST_FPS > capacity.fps(most + 1)


@pytest.mark.parametrize(
    ("capacity", "most_fps", "told"),
    [
        (QUICK, [], []),
        (QUICK, [None], ["1 camera: about 25.0 frames a second looked at of each"]),
        (QUICK, [None, 5.0], ["2 cameras: about 5.0 frames a second looked at of each"]),
        (QUICK, [None] * 7, ["7 cameras: about 3.7", "warning: too many cameras for this machine"]),
        (QUICK, [2.0], ["1 camera: about 2.0"]),  # as the operator wants it: no warning
        (SLOW, [None], ["1 camera: about 2.8", "warning: too many"]),
    ],
)
def test_what_is_said(capacity: Capacity, most_fps: list[float | None], told: list[str]) -> None:
    first, *lines = capacity.to_lines(len(most_fps), most_fps)
    assert first.startswith(f"this machine bears about {capacity.cameras} cameras of 1920x1080: ")
    assert len(lines) == len(told)
    assert all(line.startswith(start) for line, start in zip(lines, told, strict=True))


def test_it_is_measured(colour_model: Path) -> None:
    found = measure(Detector(str(colour_model), shares_cores=True), looks=2, decoded=3)
    assert found.looks_per_s > 0
    assert 0 < found.decode_s < 10
