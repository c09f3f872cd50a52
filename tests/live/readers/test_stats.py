from __future__ import annotations

import numpy as np
import pytest

from crowdmask.live.readers.frozen import FrozenCheck
from crowdmask.live.readers.stats import LatencyMeter, RateMeter


@pytest.mark.parametrize(
    ("times", "now", "expected"),
    [
        pytest.param([], 10.0, 0.0, id="nothing"),
        pytest.param([9.9], 10.0, 0.0, id="one frame"),
        pytest.param([i / 25 for i in range(100)], 4.0, 25.0, id="steady"),
        pytest.param([0.0, 0.0, 0.0, *(i / 10 for i in range(60))], 6.0, 10.0, id="only the last seconds"),
        pytest.param([1.0, 1.001, 1.002], 1.01, 2.0, id="a burst is no rate"),
        pytest.param([i / 10 for i in range(21)], 4.0, 5.0, id="a stream that stopped fades out"),
        pytest.param([i / 10 for i in range(21)], 20.0, 0.0, id="and is gone"),
    ],
)
def test_rate(times: list[float], now: float, expected: float) -> None:
    meter = RateMeter()
    for each in times:
        meter.add(each)
    assert meter.fps(now) == pytest.approx(expected, rel=0.03)


def test_latency_is_the_median_of_the_last() -> None:
    meter = LatencyMeter()
    assert meter.median_ms() is None
    for seconds in (0.01, 0.02, 5.0):
        meter.add(seconds)
    assert meter.median_ms() == pytest.approx(20)
    for _ in range(200):
        meter.add(0.04)
    assert meter.median_ms() == pytest.approx(40)


def picture(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (120, 160, 3), np.uint8)


def test_a_picture_that_stays_is_still_until_it_moves() -> None:
    check = FrozenCheck()
    assert [check.still_s(picture(0), now) for now in (5.0, 6.0, 8.5)] == [0, 1, 3.5]
    assert check.still_s(picture(1), 9.0) == 0
    assert check.still_s(picture(1), 9.5) == 0.5


def test_a_living_camera_before_a_wall_is_not_frozen() -> None:
    check = FrozenCheck()
    wall = np.full((120, 160, 3), 128.0)
    for now in range(10):
        noisy = wall + np.random.default_rng(now).normal(0, 1.0, wall.shape)
        assert check.still_s(noisy.round().astype(np.uint8), float(now)) == 0


def test_a_clock_in_the_corner_moves() -> None:
    check = FrozenCheck()
    still = picture(0)
    assert check.still_s(still, 0.0) == 0
    ticked = still.copy()
    ticked[4:12, 4:40] = 255 - ticked[4:12, 4:40]
    assert check.still_s(ticked, 1.0) == 0


def test_another_size_is_another_picture() -> None:
    check = FrozenCheck()
    check.still_s(picture(0), 0.0)
    assert check.still_s(picture(0)[:60], 1.0) == 0
