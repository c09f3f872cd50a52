from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from crowdmask import boxes

coordinate = st.floats(-500, 1500, width=32)


@st.composite
def many_boxes(draw: st.DrawFn, most: int = 12) -> np.ndarray:
    n = draw(st.integers(0, most))
    corner = draw(arrays(np.float32, (n, 2), elements=coordinate))
    sides = draw(arrays(np.float32, (n, 2), elements=st.floats(1, 400, width=32)))
    return np.concatenate([corner, corner + sides], axis=1)


@pytest.mark.parametrize(
    ("a", "b", "iou", "ioa"),
    [
        pytest.param((0, 0, 10, 10), (0, 0, 10, 10), 1, 1, id="the same"),
        pytest.param((0, 0, 10, 10), (10, 0, 20, 10), 0, 0, id="side by side"),
        pytest.param((0, 0, 10, 10), (5, 0, 15, 10), 1 / 3, 1 / 2, id="half over"),
        pytest.param((2, 2, 4, 4), (0, 0, 10, 10), 4 / 100, 1, id="inside"),
        pytest.param((0, 0, 10, 10), (2, 2, 4, 4), 4 / 100, 4 / 100, id="around"),
        pytest.param((5, 5, 5, 9), (0, 0, 10, 10), 0, 0, id="without area"),
        pytest.param((9, 9, 1, 1), (0, 0, 10, 10), 0, 0, id="inverted"),
    ],
)
def test_overlap(a: tuple[int, ...], b: tuple[int, ...], iou: float, ioa: float) -> None:
    one, other = np.array([a], np.float32), np.array([b], np.float32)
    assert boxes.iou(one, other)[0, 0] == pytest.approx(iou)
    assert boxes.ioa(one, other)[0, 0] == pytest.approx(ioa)


@given(many_boxes(), many_boxes())
def test_iou_is_symmetric_and_between_0_and_1(a: np.ndarray, b: np.ndarray) -> None:
    overlap = boxes.iou(a, b)
    assert overlap.shape == (len(a), len(b))
    np.testing.assert_allclose(overlap, boxes.iou(b, a).T, atol=1e-6)
    assert ((overlap >= 0) & (overlap <= 1 + 1e-5)).all()
    assert (overlap <= boxes.ioa(a, b) + 1e-5).all()


@given(many_boxes())
def test_a_box_overlaps_itself_wholly(a: np.ndarray) -> None:
    np.testing.assert_allclose(np.diag(boxes.iou(a, a)), 1, rtol=1e-5)


@given(many_boxes(), st.floats(1, 800), st.floats(1, 800))
def test_clip_stays_inside_and_changes_nothing_twice(a: np.ndarray, width: float, height: float) -> None:
    cut = boxes.clip(a, width, height)
    assert (cut[:, ::2] >= 0).all()
    assert (cut[:, 1::2] <= np.float32(height)).all()
    assert (cut[:, ::2] <= np.float32(width)).all()
    np.testing.assert_array_equal(boxes.clip(cut, width, height), cut)
    assert (boxes.area(cut) <= boxes.area(a) * (1 + 1e-5)).all()


part = st.floats(-0.4, 0.4)


@given(many_boxes(), st.tuples(part, part, part, part))
def test_trim_can_be_undone(a: np.ndarray, convention: tuple[float, float, float, float]) -> None:
    left, top, right, bottom = convention
    across, down = 1 - left - right, 1 - top - bottom
    inverse = (-left / across, -top / down, -right / across, -bottom / down)
    np.testing.assert_allclose(boxes.trim(boxes.trim(a, convention), inverse), a, atol=0.02)


def test_trim_cuts_the_part_of_each_side() -> None:
    trimmed = boxes.trim(np.array([[100, 100, 200, 300]], np.float32), (0.1, 0.2, 0.3, -0.1))
    np.testing.assert_allclose(trimmed, [[110, 140, 170, 320]])


@given(many_boxes(30), st.floats(0.05, 0.95), st.integers(0, 30), st.randoms(use_true_random=False))
def test_suppression(a: np.ndarray, threshold: float, limit: int, random: object) -> None:
    confidence = np.array([random.random() for _ in a], np.float32)  # type: ignore[attr-defined]
    kept = boxes.suppress(a, confidence, threshold, limit)
    assert len(kept) <= limit
    assert len(set(kept.tolist())) == len(kept)
    assert (np.diff(confidence[kept]) <= 0).all()
    overlap = boxes.iou(a[kept], a[kept])
    np.fill_diagonal(overlap, 0)
    assert (overlap <= threshold + 1e-4).all()
    if len(kept) < limit:  # whatever was left out lies over something more confident that was kept
        for i in set(range(len(a))) - set(kept.tolist()):
            over = boxes.iou(a[i : i + 1], a[kept])[0] >= threshold - 1e-4
            assert (over & (confidence[kept] >= confidence[i])).any()


@given(st.integers(0, 250), st.floats(0.1, 0.9), st.sampled_from([1, 40, 10_000]), st.integers(0, 99))
def test_suppression_is_that_of_one_box_after_another(
    number: int, threshold: float, limit: int, seed: int
) -> None:
    random = np.random.default_rng(seed)
    corner, size = random.uniform(0, 200, (number, 2)), random.uniform(0, 60, (number, 2))
    a = np.concatenate([corner, corner + size], axis=1).astype(np.float32)
    confidence = random.random(number).round(2).astype(np.float32)  # some are equal
    expected: list[int] = []
    for i in np.argsort(-confidence, kind="stable").tolist():
        if len(expected) < limit and not (boxes.iou(a[i : i + 1], a[expected]) > threshold).any():
            expected.append(i)
    assert boxes.suppress(a, confidence, threshold, limit).tolist() == expected


def test_suppression_keeps_the_first_of_equals_and_boxes_without_area() -> None:
    a = np.array([[0, 0, 9, 9], [0, 0, 9, 9], [20, 20, 20, 30]], np.float32)
    assert boxes.suppress(a, np.array([0.5, 0.5, 0.9], np.float32), 0.5, 10).tolist() == [2, 0]
