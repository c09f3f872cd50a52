from __future__ import annotations

import json

import numpy as np
import pytest
from PIL import Image

import crowdmask
from crowdmask.detections import Detections
from crowdmask.labels import LABELS, describe


@pytest.fixture
def faces() -> Detections:
    return Detections(
        np.array([[1.234567, 2, 30, 40], [5, 6, 70.005, 80], [0, 0, 9, 9]], np.float32),
        np.array([0.973456, 0.88, 0.715], np.float32),
        np.array([0, 1, 0]),
    )


def test_labels_and_counts(faces: Detections) -> None:
    assert len(faces) == 3
    assert faces.labels == ["with_mask", "without_mask", "with_mask"]
    assert faces.counts() == {"with_mask": 2, "without_mask": 1, "mask_worn_incorrect": 0}


def test_a_picture_without_faces_still_has_all_counts() -> None:
    nothing = Detections.empty()
    assert len(nothing) == 0
    assert nothing.counts() == dict.fromkeys(LABELS, 0)
    assert nothing.to_records() == []


@pytest.mark.parametrize(
    ("index", "confidence"),
    [
        pytest.param(slice(1, None), [0.88, 0.715], id="slice"),
        pytest.param(np.array([True, False, True]), [0.973456, 0.715], id="mask"),
        pytest.param(np.array([2, 0]), [0.715, 0.973456], id="indices"),
    ],
)
def test_a_part_of_the_faces(faces: Detections, index: object, confidence: list[float]) -> None:
    part = faces[index]
    np.testing.assert_allclose(part.confidence, confidence, rtol=1e-6)
    assert len(part.xyxy) == len(part.class_id) == len(confidence)


def test_records_are_plain_json(faces: Detections) -> None:
    records = json.loads(json.dumps(faces.to_records()))
    assert records[0] == {"box": [1.23, 2.0, 30.0, 40.0], "label": "with_mask", "confidence": 0.97346}
    assert [record["label"] for record in records] == faces.labels


@pytest.mark.parametrize(
    ("xyxy", "confidence", "class_id"),
    [
        pytest.param((2, 4), (1,), (2,), id="confidence too short"),
        pytest.param((2, 5), (2,), (2,), id="five columns"),
        pytest.param((2, 4), (2,), (2, 1), id="class of two dimensions"),
    ],
)
def test_arrays_that_do_not_fit_are_refused(
    xyxy: tuple[int, ...], confidence: tuple[int, ...], class_id: tuple[int, ...]
) -> None:
    with pytest.raises(ValueError, match=r"must be \(N, 4\)"):
        Detections(np.zeros(xyxy, np.float32), np.zeros(confidence, np.float32), np.zeros(class_id, np.int64))


def test_to_supervision(faces: Detections) -> None:
    pytest.importorskip("supervision")
    theirs = faces.to_supervision()
    np.testing.assert_array_equal(theirs.xyxy, faces.xyxy)
    np.testing.assert_array_equal(theirs.class_id, faces.class_id)
    assert theirs.data["class_name"].tolist() == faces.labels
    assert len(Detections.empty().to_supervision()) == 0


def test_draw_returns_a_copy_of_the_same_kind(faces: Detections) -> None:
    pixels = np.full((100, 120, 3), 200, np.uint8)
    drawn = faces.draw(pixels)
    assert isinstance(drawn, np.ndarray)
    assert (pixels == 200).all()
    assert (drawn != pixels).any()
    image = Image.fromarray(pixels)
    np.testing.assert_array_equal(np.asarray(faces.draw(image)), drawn)
    assert (np.asarray(image) == 200).all()


@pytest.mark.parametrize(
    ("label", "confidence", "text"),
    [
        ("with_mask", 0.973, "Mask 97.3 %"),
        ("without_mask", 0.88, "No mask 88.0 %"),
        ("mask_worn_incorrect", 0.715, "Mask worn incorrectly 71.5 %"),
    ],
)
def test_describe(label: str, confidence: float, text: str) -> None:
    assert describe(label, confidence) == text


def test_package_offers_its_names_and_no_other() -> None:
    assert crowdmask.Detections is Detections
    assert crowdmask.LABELS == LABELS
    assert {"Detector", "Detections", "LABELS"} <= set(dir(crowdmask))
    with pytest.raises(AttributeError, match="no attribute 'detector'"):
        crowdmask.detector  # noqa: B018
