from __future__ import annotations

import math

import numpy as np
import pytest

pytest.importorskip("torch", reason="the extra 'train' is not installed")

import torch

from crowdmask.default_boxes import default_boxes
from crowdmask.models.registry import build
from crowdmask.models.ssdlite import SsdLite

# Of the published prototxt.
MIN_SIZES = (60, 105, 150, 195, 240, 285)
MAX_SIZES = (None, 150, 195, 240, 285, 300)
SIDES = (19, 10, 5, 3, 2, 1)
PER_CELL = (3, 6, 6, 6, 6, 6)


def test_there_are_1917_boxes():
    assert sum(side**2 * n for side, n in zip(SIDES, PER_CELL, strict=True)) == 1917
    boxes = default_boxes(SsdLite.grid, 300, 300)
    assert boxes.shape == (1917, 4)
    starts = np.cumsum([0, *(side**2 * n for side, n in zip(SIDES, PER_CELL, strict=True))])
    for side, start, end in zip(SIDES, starts[:-1], starts[1:], strict=True):
        assert len(np.unique(boxes[start:end, 0])) == len(np.unique(boxes[start:end, 1])) == side
        assert boxes[start, :2] == pytest.approx([150 / side] * 2)


@pytest.mark.parametrize("level", range(6))
def test_the_sizes_and_aspects_are_those_published(level):
    low, high = MIN_SIZES[level], MAX_SIZES[level]
    shapes = SsdLite.grid.shapes[level]
    assert len(shapes) == PER_CELL[level]
    assert shapes[0] == (low, low)
    aspects = sorted(round(w / h, 3) for w, h in shapes)
    if high is None:
        assert aspects == [0.5, 1, 2]
        areas = {low**2}
    else:
        assert aspects == [0.333, 0.5, 1, 1, 2, 3]
        assert shapes[1] == pytest.approx((math.sqrt(low * high),) * 2, abs=1e-3)
        areas = {low**2, low * high}
    assert {min(areas, key=lambda a: abs(a - w * h)) for w, h in shapes} == areas
    assert all(min(abs(w * h / a - 1) for a in areas) < 1e-3 for w, h in shapes)


def test_the_network_answers_for_each_box():
    model = build("ssdlite").eval()
    pictures = torch.randint(0, 256, (2, 3, 300, 300), dtype=torch.uint8)
    with torch.no_grad():
        raw = model(pictures)
    assert raw.logits.shape == (2, 1917, 4)
    assert raw.deltas.shape == (2, 1917, 4)
    scores = model.probabilities(raw.logits)
    assert scores.shape == (2, 1917, 3)
    assert scores.min() >= 0
    assert scores.sum(-1).max() < 1


def test_the_first_head_sits_on_the_expansion_of_layer_14():
    """As published: 576 channels of stride 16, not the 160 behind them."""
    model = SsdLite()
    assert model.judge[0][0][0].in_channels == 576
    assert model.judge[1][0][0].in_channels == 1280
    assert [extra[2][0].out_channels for extra in model.extras] == [512, 256, 256, 128]
