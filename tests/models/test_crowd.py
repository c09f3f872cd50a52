from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("torch", reason="the extra 'train' is not installed")

import torch
from torch import Tensor, nn

from crowdmask.default_boxes import default_boxes
from crowdmask.errors import ModelError
from crowdmask.models.box_coding import decode
from crowdmask.models.crowd import Crowd
from crowdmask.models.registry import build


class Coordinates(nn.Module):
    """Stands for a tower: its first two channels say which column and row they are of."""

    def forward(self, x: Tensor) -> Tensor:
        out = torch.zeros_like(x)
        out[:, 0] = torch.arange(x.shape[3], dtype=x.dtype)
        out[:, 1] = torch.arange(x.shape[2], dtype=x.dtype)[:, None]
        return out


@pytest.mark.parametrize(("width", "height"), [(32, 32), (96, 160), (320, 64), (64, 352)])
def test_any_multiple_of_32_will_do(width, height):
    model = build("crowd").eval()
    with torch.no_grad():
        raw = model(torch.zeros(1, 3, height, width, dtype=torch.uint8))
    boxes = default_boxes(model.grid, width, height)
    assert raw.logits.shape == raw.deltas.shape == (1, len(boxes), 4)
    assert len(boxes) == sum(3 * (width // s) * (height // s) for s in (8, 16, 32))


def test_boxes_are_dense_and_small_enough_for_a_crowd():
    boxes = default_boxes(Crowd.grid, 640, 480)
    finest = boxes[boxes[:, 2] == boxes[:, 2].min()]
    assert np.diff(np.unique(finest[:, 0])) == pytest.approx(8)
    assert 7 <= finest[0, 2] <= 8 <= finest[0, 3] <= 9
    ratio = boxes[:, 2] / boxes[:, 3]
    assert ratio.min() > 0.7
    assert ratio.max() < 1.3
    # Between neighbouring sizes no face falls through: the worst one still has an IoU of a half.
    sizes = np.unique(np.sqrt(boxes[:, 2] * boxes[:, 3]).round(1))
    assert (sizes[1:] / sizes[:-1]).max() < 2
    assert sizes.max() > 250


def test_the_answers_come_in_the_order_of_the_grid():
    """Deltas that name the column and row, and logits that name the shape, must meet their default box."""
    model = Crowd().eval()
    width, height = 160, 96
    for level, (judge, locate) in enumerate(zip(model.judge, model.locate, strict=True)):
        model.towers[level] = Coordinates()
        with torch.no_grad():
            for head in (judge, locate):
                head.weight.zero_()
                head.bias.zero_()
            for shape in range(3):
                judge.bias[4 * shape] = 100 * level + shape
                locate.weight[4 * shape, 0] = 1
                locate.weight[4 * shape + 1, 1] = 1
    with torch.no_grad():
        raw = model(torch.zeros(1, 3, height, width))
    boxes = default_boxes(model.grid, width, height)
    stride = np.repeat([8, 16, 32], [3 * (width // s) * (height // s) for s in (8, 16, 32)])
    columns, rows = boxes[:, 0] / stride - 0.5, boxes[:, 1] / stride - 0.5
    assert raw.deltas[0, :, 0].numpy() == pytest.approx(columns)
    assert raw.deltas[0, :, 1].numpy() == pytest.approx(rows)
    shapes = [shape for level in model.grid.shapes for shape in level]
    named = raw.logits[0, :, 0].numpy().astype(int)
    expected = np.array([shapes[3 * (n // 100) + n % 100] for n in named])
    assert boxes[:, 2:] == pytest.approx(expected)


def test_at_the_start_no_box_is_a_face_and_boxes_are_the_default_ones():
    torch.manual_seed(0)
    model = Crowd().eval()
    with torch.no_grad():
        raw = model(torch.randint(0, 256, (1, 3, 96, 96), dtype=torch.uint8))
        scores = model.probabilities(raw.logits)
    assert scores.sum(-1).numpy() == pytest.approx(0.01, abs=0.01)
    boxes = torch.tensor(default_boxes(model.grid, 96, 96))
    moved = decode(raw.deltas[0], boxes)
    centre = (moved[:, :2] + moved[:, 2:]) / 2
    assert ((centre - boxes[:, :2]).abs() < 0.2 * boxes[:, 2:]).all()


def test_probabilities_are_face_times_label():
    logits = torch.tensor([[[0.0, 5.0, 5.0, -100.0], [-100.0, 1.0, 2.0, 3.0], [100.0, 0.0, 0.0, 0.0]]])
    scores = Crowd().probabilities(logits)[0]
    assert scores[0].tolist() == pytest.approx([0.25, 0.25, 0], abs=1e-5)
    assert scores[1].tolist() == pytest.approx([0, 0, 0], abs=1e-5)
    assert scores[2].tolist() == pytest.approx([1 / 3] * 3, abs=1e-5)


def test_an_architecture_that_is_not_there_names_those_that_are():
    with pytest.raises(ModelError, match="no architecture 'yolo'; choose from crowd, ssdlite"):
        build("yolo")
