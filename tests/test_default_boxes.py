from __future__ import annotations

import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crowdmask.default_boxes import GridSpec, boxes_at, count_boxes, default_boxes

SPEC = GridSpec((8, 32), (((8.0, 10.0), (16.0, 20.0)), ((64.0, 64.0),)))


@pytest.mark.parametrize(
    ("width", "height", "number"),
    [
        pytest.param(64, 32, 8 * 4 * 2 + 2 * 1, id="multiples"),
        pytest.param(33, 31, 5 * 4 * 2 + 2 * 1, id="a cell for what is left over"),
        pytest.param(1, 1, 2 + 1, id="one pixel"),
    ],
)
def test_number_of_boxes(width: int, height: int, number: int) -> None:
    assert default_boxes(SPEC, width, height).shape == (number, 4)


def test_order_is_level_row_cell_shape() -> None:
    laid = default_boxes(SPEC, 64, 32)
    expected = [(4, 4, 8, 10), (4, 4, 16, 20), (12, 4, 8, 10)]
    np.testing.assert_array_equal(laid[:3], expected)
    np.testing.assert_array_equal(laid[16], (4, 12, 8, 10))  # the second row
    np.testing.assert_array_equal(laid[-2:], [(16, 16, 64, 64), (48, 16, 64, 64)])


@given(st.integers(1, 400), st.integers(1, 400), st.sampled_from([4, 8, 16, 50]))
def test_centres_lie_inside_and_evenly(width: int, height: int, stride: int) -> None:
    laid = default_boxes(GridSpec((stride,), (((20.0, 30.0),),)), width, height)
    columns, rows = math.ceil(width / stride), math.ceil(height / stride)
    assert len(laid) == columns * rows
    assert (laid[:, 0] > 0).all()
    assert (laid[:, 0] < width).all()
    assert (laid[:, 1] > 0).all()
    assert (laid[:, 1] < height).all()
    assert laid[:, :2].mean(axis=0) == pytest.approx((width / 2, height / 2), rel=1e-4)
    assert (laid[:, 2:] == (20, 30)).all()


@given(st.integers(1, 300), st.integers(1, 300), st.randoms(use_true_random=False))
def test_some_boxes_are_those_of_all(width: int, height: int, random: object) -> None:
    laid = default_boxes(SPEC, width, height)
    assert count_boxes(SPEC, width, height) == len(laid)
    index = np.array([random.randrange(len(laid)) for _ in range(20)], np.intp)  # type: ignore[attr-defined]
    np.testing.assert_array_equal(boxes_at(SPEC, width, height, index), laid[index])
    assert boxes_at(SPEC, width, height, index[:0]).shape == (0, 4)


def test_spec_survives_json() -> None:
    assert GridSpec.from_dict(json.loads(json.dumps(SPEC.to_dict()))) == SPEC


def test_shared_boxes_cannot_be_written_to() -> None:
    with pytest.raises(ValueError, match="read-only"):
        default_boxes(SPEC, 64, 32)[0, 0] = 1
