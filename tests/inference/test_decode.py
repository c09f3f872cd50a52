from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from crowdmask.default_boxes import default_boxes
from crowdmask.errors import ModelError
from crowdmask.inference.decode import (
    MAX_CANDIDATES,
    Decoder,
    boxes_above,
    calibrate,
    decode_boxes,
    lowest_raw,
)
from crowdmask.inference.model_file import Calibration, ModelInfo, parse_metadata
from crowdmask.inference.preprocess import Prepared
from crowdmask.labels import LABELS

VARIANCES = (0.1, 0.2)


def make_info(**changes: Any) -> ModelInfo:
    value = {
        "format": 1,
        "name": "m",
        "architecture": "m",
        "labels": list(LABELS),
        "input": {"resize": "fit", "size": 64, "multiple": 32, "pad": 114},
        "grid": {"strides": [8], "shapes": [[[16.0, 16.0]]]},
        "variances": VARIANCES,
        "nms_iou": 0.45,
        "max_detections": 500,
        "threshold": dict.fromkeys(LABELS, 0.5),
        "calibration": None,
        **changes,
    }
    return parse_metadata({"crowdmask": json.dumps(value)}, "m.onnx")


def make_prepared(width: int = 64, height: int = 64, scale: float = 1.0) -> Prepared:
    tensor = np.zeros((1, height, width, 3), np.uint8)
    return Prepared(tensor, scale, scale, round(width / scale), round(height / scale))


def encode(xyxy: np.ndarray, anchors: np.ndarray) -> np.ndarray:
    """The paper's way from boxes to targets, written apart from the code under test."""
    width, height = (xyxy[:, 2] - xyxy[:, 0]), (xyxy[:, 3] - xyxy[:, 1])
    return np.stack(
        [
            ((xyxy[:, 0] + xyxy[:, 2]) / 2 - anchors[:, 0]) / (anchors[:, 2] * 0.1),
            ((xyxy[:, 1] + xyxy[:, 3]) / 2 - anchors[:, 1]) / (anchors[:, 3] * 0.1),
            np.log(width / anchors[:, 2]) / 0.2,
            np.log(height / anchors[:, 3]) / 0.2,
        ],
        axis=1,
    ).astype(np.float32)


place = st.floats(0, 600, width=32)
side = st.floats(4, 300, width=32)


@given(
    arrays(np.float32, (7, 2), elements=place),
    arrays(np.float32, (7, 2), elements=side),
    arrays(np.float32, (7, 2), elements=place),
    arrays(np.float32, (7, 2), elements=side),
)
def test_decoding_undoes_encoding(
    corner: np.ndarray, sides: np.ndarray, centre: np.ndarray, shape: np.ndarray
) -> None:
    truth = np.concatenate([corner, corner + sides], axis=1)
    anchors = np.concatenate([centre, shape], axis=1)
    found = decode_boxes(encode(truth, anchors), anchors, VARIANCES)
    np.testing.assert_allclose(found, truth, atol=0.05, rtol=1e-3)


def test_no_offset_is_the_default_box_and_a_huge_one_stays_a_number() -> None:
    anchors = np.array([[20, 30, 10, 16]], np.float32)
    np.testing.assert_allclose(
        decode_boxes(np.zeros((1, 4), np.float32), anchors, VARIANCES), [[15, 22, 25, 38]]
    )
    assert np.isfinite(decode_boxes(np.full((1, 4), 1e6, np.float32), anchors, VARIANCES)).all()


def test_boxes_come_back_in_pixels_of_the_photo_and_clipped() -> None:
    info, prepared = make_info(), make_prepared(64, 32, scale=0.25)  # a photo of 256 x 128
    anchors = default_boxes(info.grid, 64, 32)
    scores = np.zeros((len(anchors), 3), np.float32)
    wanted = np.array([[-10, 4, 12, 20], [40, 10, 60, 30]], np.float32)  # in input pixels
    deltas = np.zeros((len(anchors), 4), np.float32)
    for row, (index, label) in enumerate([(0, 1), (13, 0)]):
        deltas[index] = encode(wanted[row : row + 1], anchors[index : index + 1])[0]
        scores[index, label] = 0.9 - 0.1 * row
    found = Decoder(info, info.threshold)(scores, deltas, prepared)
    np.testing.assert_allclose(found.xyxy, [[0, 16, 48, 80], [160, 40, 240, 120]], atol=1e-3)
    assert found.labels == ["without_mask", "with_mask"]
    np.testing.assert_allclose(found.confidence, [0.9, 0.8])


def test_one_face_gets_one_label_across_classes() -> None:
    info = make_info()
    scores = np.zeros((64, 3), np.float32)
    scores[10] = (0.6, 0.7, 0.1)
    scores[11] = (0.8, 0.0, 0.0)
    deltas = np.zeros((64, 4), np.float32)
    deltas[11, 0] = -8 / 1.6  # onto the box of its left neighbour
    found = Decoder(info, info.threshold)(scores, deltas, make_prepared())
    assert found.labels == ["with_mask"]
    np.testing.assert_allclose(found.confidence, [0.8])


@pytest.mark.parametrize(
    ("threshold", "confidences"),
    [
        pytest.param((0.5, 0.5, 0.5), [0.9, 0.7, 0.5], id="one for all, reached is enough"),
        pytest.param((0.95, 0.5, 0.5), [0.7, 0.5], id="a high one for the first label"),
        pytest.param((0.9, 0.71, 0.2), [0.9, 0.5, 0.3], id="each its own"),
        pytest.param((1.0, 1.0, 1.0), [], id="none passes"),
    ],
)
def test_thresholds(threshold: tuple[float, ...], confidences: list[float]) -> None:
    scores = np.zeros((64, 3), np.float32)
    for index, label, score in [(0, 0, 0.9), (4, 1, 0.7), (32, 2, 0.5), (36, 2, 0.3)]:
        scores[index, label] = score
    found = Decoder(make_info(), threshold)(scores, np.zeros((64, 4), np.float32), make_prepared())
    np.testing.assert_allclose(found.confidence, confidences)


def test_threshold_of_0_lets_all_through_up_to_the_limits() -> None:
    info = make_info(max_detections=20, nms_iou=1.0)
    scores = np.zeros((64, 3), np.float32)
    found = Decoder(info, (0.0, 0.0, 0.0))(scores, np.zeros((64, 4), np.float32), make_prepared())
    assert len(found) == 20


def test_only_the_highest_scores_are_kept() -> None:
    rows = 60
    info, prepared = make_info(), make_prepared(8 * rows, 8 * rows)
    scores = np.zeros((rows * rows, 3), np.float32)
    scores[:, 1] = np.linspace(0.6, 0.9, len(scores))
    raw = boxes_above(0.5, scores, np.zeros((rows * rows, 4), np.float32), prepared, info)
    assert len(raw) == MAX_CANDIDATES < len(scores)
    assert raw.best[0] == scores.max()
    assert raw.best[-1] == scores[-MAX_CANDIDATES, 1]
    assert (np.diff(raw.best) <= 0).all()
    assert (raw.scores.argmax(axis=1) == 1).all()


@pytest.mark.parametrize(
    "box",
    [
        pytest.param((70, 10, 90, 30), id="outside"),
        pytest.param((63.5, 10, 90, 30), id="a sliver at the border"),
        pytest.param((10, 10, 10.4, 30), id="thinner than a pixel"),
    ],
)
def test_boxes_that_hold_no_face_are_dropped(box: tuple[float, ...]) -> None:
    info = make_info()
    anchors = default_boxes(info.grid, 64, 64)
    scores, deltas = np.zeros((64, 3), np.float32), np.zeros((64, 4), np.float32)
    scores[9, 0] = 0.9
    deltas[9] = encode(np.array([box], np.float32), anchors[9:10])[0]
    assert len(Decoder(info, info.threshold)(scores, deltas, make_prepared())) == 0


def test_no_number_is_no_face() -> None:
    scores = np.full((64, 3), np.nan, np.float32)
    found = Decoder(make_info(), (0.0,) * 3)(scores, np.zeros((64, 4), np.float32), make_prepared())
    assert len(found) == 0


@pytest.mark.parametrize(("boxes", "columns"), [(63, 4), (64, 5)])
def test_output_that_does_not_fit_the_grid_is_refused(boxes: int, columns: int) -> None:
    decoder = Decoder(make_info(), (0.5,) * 3)
    with pytest.raises(ModelError, match="64 default boxes"):
        decoder(np.zeros((boxes, 3), np.float32), np.zeros((boxes, columns), np.float32), make_prepared())


TABLES = {
    "with_mask": {"raw": [0.1, 0.5, 0.9], "confidence": [0.0, 0.2, 1.0]},
    "without_mask": {"raw": [0.0, 1.0], "confidence": [0.3, 0.9]},
    "mask_worn_incorrect": {"raw": [0.2], "confidence": [0.6]},
}


def test_calibration_comes_after_suppression() -> None:
    # Raw, the first is the surer; calibrated, the second would be. The two are one face.
    info = make_info(calibration=TABLES)
    scores = np.zeros((64, 3), np.float32)
    scores[10, 0], scores[11, 1], scores[40, 1] = 0.55, 0.5, 0.6
    deltas = np.zeros((64, 4), np.float32)
    deltas[11, 0] = -8 / 1.6
    found = Decoder(info, (0.25,) * 3)(scores, deltas, make_prepared())
    assert found.labels == ["without_mask", "with_mask"]  # by falling confidence
    np.testing.assert_allclose(found.confidence, [0.66, 0.3], atol=1e-6)


@st.composite
def tables(draw: st.DrawFn) -> Calibration:
    n = draw(st.integers(1, 6))
    thousandths = st.integers(0, 1000)
    raw = sorted(draw(st.lists(thousandths, min_size=n, max_size=n, unique=True)))
    confidence = sorted(draw(st.lists(thousandths, min_size=n, max_size=n)))
    return Calibration(tuple(v / 1000 for v in raw), tuple(v / 1000 for v in confidence))


@given(tables(), st.floats(0, 1))
def test_no_score_below_the_first_cut_could_pass(table: Calibration, least: float) -> None:
    raw = np.linspace(0, 1, 2001, dtype=np.float32)
    confidence = calibrate(raw, np.zeros(len(raw), np.int64), (table,))
    assert (np.diff(confidence) >= -1e-6).all()
    passed = confidence >= np.float32(least)
    assert (raw[passed] >= lowest_raw(table, least)).all()
