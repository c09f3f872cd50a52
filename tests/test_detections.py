from __future__ import annotations

import io
import json
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import crowdmask
from crowdmask.detections import Detections
from crowdmask.errors import OutputError, UsageError
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


@pytest.mark.parametrize("index", [0, 2, -1, np.int64(1), slice(0, 2), [2, 0], np.array([True, False, True])])
def test_it_is_indexed_as_supervision_does(faces: Detections, index: Any) -> None:
    mine = faces[index]
    theirs: Any = faces.to_supervision()[index]
    np.testing.assert_array_equal(mine.xyxy, theirs.xyxy)
    np.testing.assert_array_equal(mine["class_name"], theirs["class_name"])


@pytest.mark.parametrize(("index", "error"), [(3, IndexError), (-4, IndexError), ("mask", KeyError)])
def test_what_is_not_there(faces: Detections, index: Any, error: type[Exception]) -> None:
    with pytest.raises(error):
        faces[index]


def test_it_iterates_as_supervision_does(faces: Detections) -> None:
    for mine, theirs in zip(faces, faces.to_supervision(), strict=True):
        np.testing.assert_array_equal(mine[0], theirs[0])
        assert mine[1:] == theirs[1:]


@pytest.mark.parametrize(
    ("index", "text"),
    [
        (slice(None), "Detections(3 faces: 2 with_mask, 1 without_mask)"),
        ([1], "Detections(1 face: 1 without_mask)"),
        ([], "Detections(0 faces)"),
    ],
)
def test_its_text_is_short(faces: Detections, index: Any, text: str) -> None:
    assert repr(faces[index]) == text


def test_to_dict_is_plain_json(faces: Detections) -> None:
    told = json.loads(json.dumps(faces.to_dict()))
    assert told == {"detections": faces.to_records(), "counts": faces.counts()}


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


@pytest.mark.parametrize(
    "form", [lambda path: path, str, Image.open, lambda path: np.asarray(Image.open(path))]
)
def test_save_finds_the_picture_again(faces: Detections, form: Any, tmp_path: Path) -> None:
    photo = tmp_path / "photo.png"
    Image.new("RGB", (96, 96), (40, 60, 200)).save(photo)
    picture = form(photo)
    where = faces.found_in(picture).save(tmp_path / "new" / "drawn.png")
    with Image.open(where) as drawn, Image.open(photo) as before:
        assert drawn.size == before.size
        assert drawn.tobytes() == faces.draw(before).tobytes() != before.tobytes()


def test_the_photo_itself_is_never_replaced(faces: Detections, tmp_path: Path) -> None:
    photo = tmp_path / "photo.png"
    Image.new("RGB", (96, 96)).save(photo)
    before = photo.read_bytes()
    (tmp_path / "link.png").symlink_to(photo)
    for name in ("photo.png", "link.png"):
        with pytest.raises(UsageError, match="the photo itself"):
            faces.found_in(photo).save(tmp_path / name)
    with pytest.raises(OutputError, match=r"name a picture to write \.jpg"):
        faces.found_in(photo).save(tmp_path / "a.gif")
    assert (photo.read_bytes(), sorted(path.name for path in tmp_path.iterdir())) == (
        before,
        ["link.png", "photo.png"],
    )


def test_a_picture_that_is_gone_is_asked_for(faces: Detections) -> None:
    for found in (faces, faces.found_in(b"bytes"), faces.found_in(np.zeros((96, 96, 3), np.uint8))):
        with pytest.raises(UsageError, match="give it as `picture`"):
            found.draw()
        assert found._repr_png_() is None
    kept = np.zeros((96, 96, 3), np.uint8)
    assert pickle.loads(pickle.dumps(faces.found_in(kept))).origin is None
    assert pickle.loads(pickle.dumps(faces.found_in("a.jpg"))).origin == "a.jpg"


def test_a_notebook_shows_the_faces(faces: Detections) -> None:
    picture = Image.new("RGB", (2560, 640))
    shown = faces.found_in(picture)._repr_png_()
    assert shown is not None
    with Image.open(io.BytesIO(shown)) as image:
        assert (image.format, image.size) == ("PNG", (1280, 320))
    assert (picture.size, picture.getbbox()) == ((2560, 640), None)
