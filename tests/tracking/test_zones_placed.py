"""Zones fit the picture: refused where they cannot be meant, placed anew in another size, cut at its edge."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from crowdmask.tracking.zones import ZoneCounter, ZonesFile

HALF = [[0.0, 0.0], [0.5, 0.0], [0.5, 1.0], [0.0, 1.0]]


def file(polygon: Any, units: str = "fraction") -> ZonesFile:
    return ZonesFile.model_validate({"units": units, "zones": [{"name": "door", "polygon": polygon}]})


def boxes(*centres: tuple[float, float]) -> Any:
    return np.array([[x - 5, y - 5, x + 5, y + 5] for x, y in centres], np.float32)


@pytest.mark.parametrize(
    ("polygon", "told"),
    [
        ([[0, 0], [math.nan, 0], [1, 1]], "finite"),
        ([[0, 0], [math.inf, 0], [1, 1]], "finite"),
        ([[0, 0], [0.5, 0.5], [1, 1]], "no area"),
        ([[0.2, 0.2], [0.2, 0.2], [0.2, 0.2]], "no area"),
        ([[0, 0], [1, 1], [1, 0], [0, 1]], "in order around it"),
    ],
)
def test_what_cannot_be_meant_is_refused(polygon: Any, told: str) -> None:
    with pytest.raises(ValidationError, match=told):
        file(polygon)


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_lines_are_of_numbers(value: float) -> None:
    with pytest.raises(ValidationError, match="finite"):
        ZonesFile.model_validate({"lines": [{"name": "l", "start": [0, 0], "end": [value, 1]}]})


def test_a_polygon_beyond_the_picture_keeps_its_shape() -> None:
    # A triangle whose right corner lies far outside: clamped corner by corner it would grow steeper.
    counter = ZoneCounter(file([[0, 0], [2000, 360], [0, 360]], "pixels"), 640, 360)
    inside = counter.zone_of(boxes((600, 90), (600, 120), (10, 350)))
    assert inside == [None, "door", "door"]
    assert counter.problems == [
        "zone door reaches beyond the picture of 640 x 360 pixels: only its part inside counts; see  units"
    ]


def test_a_zone_outside_is_told() -> None:
    counter = ZoneCounter(file([[700, 10], [1900, 10], [1900, 1000]], "pixels"), 640, 360)
    assert "lies beyond the picture of 640 x 360 pixels: nothing is counted" in counter.problems[0]
    assert ZoneCounter(file([[0, 0], [640, 0], [640, 360]], "pixels"), 640, 360).problems == []


def test_in_another_size_the_zone_moves_and_its_counts_stay() -> None:
    small = ZoneCounter(file(HALF), 640, 360)
    for i in range(10):
        counts = small.update(i / 10, np.array([1]), boxes((200, 100)), ["with_mask"])
    large = ZoneCounter(file(HALF), 1280, 720, before=small)
    for i in range(10, 20):
        counts = large.update(i / 10, np.array([1, 2]), boxes((400, 200), (600, 200)), ["with_mask"] * 2)
    assert counts[0].entered["with_mask"] == 2
    assert counts[0].present["with_mask"] == 2
    assert counts[0].left["with_mask"] == 0
