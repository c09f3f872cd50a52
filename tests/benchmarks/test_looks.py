"""The changed photos of the benchmark of looks keep their boxes on the faces; its lines say what differs."""

from __future__ import annotations

import looks
import numpy as np
import pytest
from PIL import Image

from crowdmask import Detector
from crowdmask.inference.model_file import CloserLook


@pytest.mark.parametrize("change", looks.CHANGES)
def test_a_box_stays_on_its_face(change: looks.Change) -> None:
    image = Image.new("RGB", (60, 40), (10, 10, 10))
    image.paste((200, 200, 200), (20, 10, 33, 30))
    changed, boxes = change(image, np.array([[20, 10, 33, 30], [0, 0, 60, 40]], np.float32))
    assert changed.getchannel(0).point(lambda value: 255 * (value > 100)).getbbox() == tuple(boxes[0])
    assert tuple(boxes[1]) == (0, 0, *changed.size)


def test_a_line_says_what_differs_and_how_surely() -> None:
    rows = np.array([[0.5], [0.7]])
    assert looks.cells(rows, rows * 0) == ["0.600"]
    assert looks.cells(rows, np.array([[0.01], [0.03]])) == ["0.600 (+0.020 ± 0.010)"]


@pytest.mark.parametrize(
    ("setting", "size", "look"),
    [
        ("480", 480, CloserLook(1280, 0.85)),
        ("480,960", 480, CloserLook(960, 0.85)),
        ("480,960,0.5,25", 480, CloserLook(960, 0.5, 25)),
    ],
)
def test_a_setting_is_a_size_and_a_look(setting: str, size: int, look: CloserLook) -> None:
    info = looks.with_setting(Detector("crowd", threads=1), setting).info
    assert (info.input.size, info.closer_look) == (size, look)
