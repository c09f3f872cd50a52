from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

pytest.importorskip("torch", reason="the extra 'train' is not installed")

import torch

from crowdmask import boxes as numpy_boxes
from crowdmask.default_boxes import VARIANCES
from crowdmask.inference.decode import decode_boxes
from crowdmask.models.box_coding import decode, encode, iou_and_giou, pairwise_iou, to_xyxy

numbers = st.floats(-200, 800, width=32)
sides = st.floats(4, 400, width=32)


def rows(columns: int, values: st.SearchStrategy[float]) -> st.SearchStrategy[np.ndarray]:
    return hnp.arrays(np.float32, (5, columns), elements=values)


@st.composite
def xyxy(draw: st.DrawFn) -> torch.Tensor:
    corner, size = draw(rows(2, numbers)), draw(rows(2, sides))
    return torch.from_numpy(np.concatenate([corner, corner + size], 1))


@st.composite
def anchors(draw: st.DrawFn) -> torch.Tensor:
    return torch.from_numpy(np.concatenate([draw(rows(2, numbers)), draw(rows(2, sides))], 1))


@settings(deadline=None, max_examples=50)
@given(xyxy(), anchors())
def test_decode_turns_back_what_encode_made(boxes, defaults):
    # The network's range; sizes further apart are held back on purpose.
    assert decode(encode(boxes, defaults), defaults).numpy() == pytest.approx(boxes.numpy(), abs=0.05)


@settings(deadline=None, max_examples=50)
@given(rows(4, st.floats(-20, 20, width=32)), anchors())
def test_training_and_detection_decode_alike(deltas, defaults):
    ours = decode(torch.from_numpy(deltas), defaults).numpy()
    assert decode_boxes(deltas, defaults.numpy(), VARIANCES) == pytest.approx(ours, rel=1e-4, abs=1e-2)


def test_wild_sizes_stay_finite():
    defaults = torch.tensor([[10.0, 10.0, 300.0, 300.0]])
    assert torch.isfinite(decode(torch.tensor([[0.0, 0.0, 1e6, -1e6]]), defaults)).all()


@settings(deadline=None, max_examples=50)
@given(xyxy(), xyxy())
def test_overlap_is_that_of_the_evaluation(a, b):
    iou, part = pairwise_iou(a, b)
    assert iou.numpy() == pytest.approx(numpy_boxes.iou(a.numpy(), b.numpy()), abs=1e-4)
    assert part.numpy() == pytest.approx(numpy_boxes.ioa(a.numpy(), b.numpy()), abs=1e-4)
    paired, giou = iou_and_giou(a, b)
    assert paired.numpy() == pytest.approx(np.diag(iou.numpy()), abs=1e-4)
    assert (giou <= paired + 1e-5).all()
    assert (giou >= -1).all()


@pytest.mark.parametrize(
    ("a", "b", "iou", "giou"),
    [
        ([0, 0, 2, 2], [0, 0, 2, 2], 1, 1),
        ([0, 0, 1, 1], [1, 0, 2, 1], 0, 0),
        ([0, 0, 1, 1], [3, 0, 4, 1], 0, -0.5),
        ([0, 0, 2, 1], [1, 0, 3, 1], 1 / 3, 1 / 3),
        ([0, 0, 1, 1], [1, 1, 2, 2], 0, -0.5),
    ],
)
def test_giou_by_hand(a, b, iou, giou):
    found = iou_and_giou(torch.tensor([a], dtype=torch.float32), torch.tensor([b], dtype=torch.float32))
    assert [float(v) for v in found] == pytest.approx([iou, giou])


def test_centre_and_sides_become_corners():
    assert to_xyxy(torch.tensor([[10.0, 20.0, 4.0, 6.0]])).tolist() == [[8, 17, 12, 23]]
