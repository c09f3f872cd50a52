from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from crowdmask.evaluation.matching import FALSE, IGNORED, match

FACE = (0, 0, 10, 10)
NONE: tuple[tuple[float, ...], ...] = ()


def boxes(rows):
    return np.array(rows, np.float32).reshape(-1, 4)


@pytest.mark.parametrize(
    ("detections", "confidence", "faces", "ignored", "elsewhere", "expected"),
    [
        pytest.param([FACE], [0.9], [FACE], NONE, NONE, [0], id="found"),
        pytest.param([(0, 0, 10, 5)], [0.9], [FACE], NONE, NONE, [0], id="IoU of exactly a half"),
        pytest.param([(0, 0, 10, 4)], [0.9], [FACE], NONE, NONE, [FALSE], id="IoU of 0.4"),
        pytest.param(
            [FACE, FACE], [0.2, 0.9], [FACE], NONE, NONE, [FALSE, 0], id="the surer one of two wins"
        ),
        pytest.param([FACE, FACE], [0.9, 0.9], [FACE], NONE, NONE, [0, FALSE], id="the first of equals wins"),
        pytest.param(
            [(0, 0, 10, 9), (0, 0, 10, 10)],
            [0.9, 0.8],
            [FACE, (0, 0, 10, 8)],
            NONE,
            NONE,
            [0, 1],
            id="a face that is taken leaves the next best",
        ),
        pytest.param(
            [(0, 0, 4, 4)], [0.9], NONE, [(0, 0, 50, 50)], NONE, [IGNORED], id="inside an ignore region"
        ),
        pytest.param([(0, 0, 10, 10)], [0.9], NONE, [(5, 0, 50, 50)], NONE, [FALSE], id="half of it inside"),
        pytest.param(
            [(0, 0, 10, 10)], [0.9], NONE, [(0, 0, 10, 4.5)], NONE, [IGNORED], id="IoU 0.45 with the region"
        ),
        pytest.param([FACE], [0.9], [FACE], [FACE], NONE, [0], id="a find in an ignore region is a find"),
        pytest.param([FACE], [0.9], NONE, NONE, [FACE], [IGNORED], id="a face that is measured elsewhere"),
        pytest.param(NONE, [], [FACE], NONE, NONE, [], id="nothing said"),
        pytest.param([FACE], [0.9], NONE, NONE, NONE, [FALSE], id="nothing there"),
    ],
)
def test_match(detections, confidence, faces, ignored, elsewhere, expected):
    result = match(
        boxes(detections),
        np.array(confidence, np.float32),
        boxes(faces),
        boxes(ignored),
        elsewhere=boxes(elsewhere),
    )
    assert result.tolist() == [expected]


def test_each_threshold_is_matched_by_itself():
    detections = boxes([(0, 0, 10, 6), (0, 0, 10, 10)])
    result = match(detections, np.array([0.9, 0.8], np.float32), boxes([FACE]), boxes(NONE), (0.5, 0.75))
    assert result.tolist() == [[0, FALSE], [FALSE, 0]]


def test_faces_measured_elsewhere_count_at_the_threshold_of_the_match():
    result = match(
        boxes([(0, 0, 10, 6)]),
        np.array([0.9], np.float32),
        boxes(NONE),
        boxes(NONE),
        (0.5, 0.75),
        boxes([FACE]),
    )
    assert result.tolist() == [[IGNORED], [FALSE]]


@st.composite
def box_arrays(draw):
    count = draw(st.integers(0, 8))
    corners = draw(arrays(np.float32, (count, 2), elements=st.floats(0, 40, width=32)))
    sides = draw(arrays(np.float32, (count, 2), elements=st.floats(1, 30, width=32)))
    return np.concatenate([corners, corners + sides], axis=1)


@settings(deadline=None)
@given(box_arrays(), box_arrays(), box_arrays(), st.randoms(use_true_random=False))
def test_a_face_is_found_once_and_ignoring_takes_nothing_found_away(detections, faces, ignored, random):
    confidence = np.array([random.random() for _ in detections], np.float32)
    plain = match(detections, confidence, faces, boxes(NONE))[0]
    found = plain[plain >= 0]
    assert len(set(found.tolist())) == len(found)
    with_regions = match(detections, confidence, faces, ignored)[0]
    assert (with_regions[plain >= 0] == plain[plain >= 0]).all()
    assert set(with_regions[plain == FALSE].tolist()) <= {FALSE, IGNORED}
