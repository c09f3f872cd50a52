from __future__ import annotations

import hashlib
import io
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from crowdmask import Detector
from crowdmask.detections import Detections
from crowdmask.errors import ModelError, PictureError, UsageError
from crowdmask.inference.decode import Decoder
from crowdmask.labels import LABELS


@pytest.fixture(scope="module")
def detector(colour_model: Path) -> Detector:
    return Detector(colour_model, threads=1)


def check(found: Detections, block_boxes: dict[str, list[float]], scale: float = 1.0) -> None:
    by_label = dict(zip(found.labels, found.xyxy.tolist(), strict=True))
    assert len(found) == 3
    for label, box in block_boxes.items():
        assert by_label[label] == pytest.approx([v * scale for v in box], abs=0.01 * scale)


def test_finds_what_is_there(
    detector: Detector, blocks: Image.Image, block_boxes: dict[str, list[float]]
) -> None:
    found = detector.detect(blocks)
    check(found, block_boxes)
    assert found.labels == ["with_mask", "without_mask", "mask_worn_incorrect"]
    np.testing.assert_allclose(found.confidence, [1, 240 / 255, 220 / 255], atol=1e-4)
    assert found.counts() == dict.fromkeys(LABELS, 1)


@pytest.mark.parametrize(
    "form",
    [
        pytest.param(lambda image, folder: image, id="PIL image"),
        pytest.param(lambda image, folder: np.asarray(image), id="array"),
        pytest.param(lambda image, folder: np.asarray(image)[:, ::-1].copy()[:, ::-1], id="strided array"),
        pytest.param(lambda image, folder: image.convert("RGBA"), id="PIL image with alpha"),
        pytest.param(lambda image, folder: str(save(image, folder)), id="path as text"),
        pytest.param(lambda image, folder: save(image, folder), id="path"),
        pytest.param(lambda image, folder: save(image, folder).read_bytes(), id="bytes"),
        pytest.param(lambda image, folder: bytearray(save(image, folder).read_bytes()), id="bytearray"),
        pytest.param(lambda image, folder: written(image), id="file at its end"),
        pytest.param(lambda image, folder: np.asarray(image.convert("RGBA")), id="RGBA array"),
    ],
)
def test_takes_a_picture_in_any_form(
    form: Callable[[Image.Image, Path], Any],
    detector: Detector,
    blocks: Image.Image,
    block_boxes: dict[str, list[float]],
    tmp_path: Path,
) -> None:
    check(detector.detect(form(blocks, tmp_path)), block_boxes)


@pytest.mark.parametrize("shape", [(192, 320), (192, 320, 1)])
def test_a_grey_array_is_a_grey_picture(
    shape: tuple[int, ...], detector: Detector, blocks: Image.Image
) -> None:
    grey = blocks.convert("L")
    found = detector(np.asarray(grey).reshape(shape))
    assert found.to_records() == detector.detect(grey).to_records()


def test_it_is_callable(detector: Detector, blocks: Image.Image) -> None:
    assert detector(blocks).to_records() == detector.detect(blocks).to_records() != []


def test_faces_of_many_know_their_pictures(detector: Detector, blocks: Image.Image, tmp_path: Path) -> None:
    path = save(blocks, tmp_path)
    for faces in detector.detect_many([path, blocks]):
        assert difference(faces.draw(), blocks) > 0
        assert faces.draw().size == blocks.size


def difference(a: Image.Image, b: Image.Image) -> float:
    return float(np.abs(np.asarray(a, float) - np.asarray(b, float)).mean())


def written(image: Image.Image) -> io.BytesIO:
    file = io.BytesIO()
    image.save(file, "PNG")
    return file


def save(image: Image.Image, folder: Path) -> Path:
    image.save(folder / "blocks.png")
    return folder / "blocks.png"


@pytest.mark.parametrize("scale", [0.5, 2, 7])
def test_boxes_are_measured_in_the_photo(
    scale: float, detector: Detector, blocks: Image.Image, block_boxes: dict[str, list[float]]
) -> None:
    size = (round(blocks.width * scale), round(blocks.height * scale))
    check(detector.detect(blocks.resize(size, Image.Resampling.NEAREST)), block_boxes, scale)


def test_stages_together_are_detect(detector: Detector, blocks: Image.Image) -> None:
    from crowdmask.media.pictures import as_picture

    prepared = detector.prepare(as_picture(blocks))
    scores, deltas = detector.network(prepared.tensor)
    assert scores.shape == (60, 3)
    assert deltas.shape == (60, 4)
    faces = Decoder(detector.info, detector.threshold)(scores, deltas, prepared)
    assert len(faces) > 0
    assert faces.to_records() == detector.detect(blocks).to_records()


@pytest.mark.parametrize("size", [(1, 1), (7, 400), (400, 7), (0, 5)])
def test_a_picture_below_8_pixels_holds_no_face(size: tuple[int, int], colour_model: Path) -> None:
    red = Image.new("RGB", size, (255, 0, 0))
    assert len(Detector(colour_model, confidence=0, threads=1).detect(red)) == 0


def test_a_small_picture_may_hold_one(detector: Detector) -> None:
    assert detector.detect(Image.new("RGB", (16, 16), (255, 0, 0))).counts()["with_mask"] == 100


@pytest.mark.parametrize(("confidence", "number"), [(None, 3), (0.9, 2), (0.99, 1), (0.0, 60), (1, 1)])
def test_confidence_overrides_the_models_own(
    confidence: float | None, number: int, colour_model: Path, blocks: Image.Image
) -> None:
    assert len(Detector(colour_model, confidence=confidence, threads=1).detect(blocks)) == number


def test_thresholds_of_the_model_are_its_own_by_label(
    make_model: Callable[..., Path], blocks: Image.Image
) -> None:
    least = {"with_mask": 0.5, "without_mask": 0.99, "mask_worn_incorrect": 0.5}
    detector = Detector(make_model(threshold=least), threads=1)
    assert detector.threshold == (0.5, 0.99, 0.5)
    assert detector.detect(blocks).labels == ["with_mask", "mask_worn_incorrect"]


def test_calibration_changes_what_is_shown(make_model: Callable[..., Path], blocks: Image.Image) -> None:
    tables = {label: {"raw": [0.0, 1.0], "confidence": [0.0, 0.9]} for label in LABELS}
    found = Detector(make_model(calibration=tables), threads=1).detect(blocks)
    np.testing.assert_allclose(found.confidence, [0.9, 0.9 * 240 / 255, 0.9 * 220 / 255], atol=1e-4)


def test_input_size(colour_model: Path, blocks: Image.Image, block_boxes: dict[str, list[float]]) -> None:
    detector = Detector(colour_model, input_size=640, threads=1)
    found = detector.detect(blocks)  # four cells cover each square now
    assert found.counts() == dict.fromkeys(LABELS, 4)
    assert detector.info.input.size == 640


@pytest.mark.parametrize(
    ("options", "message"),
    [
        pytest.param({"confidence": 1.5}, "0 to 1, not 1.5", id="confidence"),
        pytest.param({"input_size": 10}, "64 to 4096 pixels, not 10", id="small input"),
        pytest.param({"input_size": 100_000}, "64 to 4096", id="large input"),
        pytest.param({"backend": "x"}, "choose from", id="backend"),
    ],
)
def test_options_out_of_range(options: dict[str, Any], message: str, colour_model: Path) -> None:
    with pytest.raises(UsageError, match=message):
        Detector(colour_model, **options)


def test_a_model_of_one_size_takes_no_other(make_model: Callable[..., Path], blocks: Image.Image) -> None:
    spec = {"resize": "stretch", "size": 320, "multiple": 32, "pad": 114}
    model = make_model(input=spec, sides=(320, 320))
    assert len(Detector(model, threads=1).detect(blocks)) >= 3
    with pytest.raises(UsageError, match="320 pixels only, not 640"):
        Detector(model, input_size=640)
    with pytest.raises(ModelError, match="keeps the shape"):
        Detector(make_model(sides=(320, 320)))


def test_metadata_that_do_not_fit_the_network(make_model: Callable[..., Path], blocks: Image.Image) -> None:
    detector = Detector(make_model(grid={"strides": [16], "shapes": [[[32, 32]]]}), threads=1)
    with pytest.raises(ModelError, match="does not fit its metadata"):
        detector.detect(blocks)


def test_name_and_hash(detector: Detector, colour_model: Path) -> None:
    assert detector.model_name == "colours"
    assert detector.model_hash == hashlib.sha256(colour_model.read_bytes()).hexdigest()[:16]
    assert detector.model_hash in repr(detector)


@pytest.mark.parametrize(
    ("value", "error"),
    [
        pytest.param(np.zeros((9, 9, 2), np.uint8), ValueError, id="two channels"),
        pytest.param(np.zeros(9, np.uint8), ValueError, id="one row"),
        pytest.param(b"", PictureError, id="no bytes"),
        pytest.param(b"GIF89a", PictureError, id="bytes of another kind"),
        pytest.param(io.BytesIO(b"cut"), PictureError, id="a file that is no picture"),
        pytest.param(io.StringIO("text"), TypeError, id="a file opened as text"),
        pytest.param(np.zeros((9, 9, 3), np.float32), ValueError, id="floats"),
        pytest.param(np.zeros((0, 9, 3), np.uint8), ValueError, id="no pixels"),
        pytest.param(3, TypeError, id="a number"),
        pytest.param("nowhere.jpg", PictureError, id="a path that is not there"),
    ],
)
def test_what_is_no_picture(value: Any, error: type[Exception], detector: Detector) -> None:
    with pytest.raises(error):
        detector.detect(value)


def test_threads_share_a_detector(detector: Detector, blocks: Image.Image) -> None:
    pictures = [blocks.crop((0, 0, 320, 192 - 16 * (i % 4))) for i in range(16)]
    alone = [detector.detect(picture).to_records() for picture in pictures]
    with ThreadPoolExecutor(4) as pool:
        together = [found.to_records() for found in pool.map(detector.detect, pictures)]
    assert together == alone


def test_shipped_default_gives_all_that_a_precision_recall_curve_needs(example_photo: Path) -> None:
    found = Detector(confidence=0.0, threads=1).detect(example_photo)
    assert len(found) >= 300
    with Image.open(example_photo) as image:
        width, height = image.size
    assert (found.xyxy >= 0).all()
    assert (found.xyxy <= (width, height, width, height)).all()
    assert (found.xyxy[:, 2:] > found.xyxy[:, :2]).all()
    assert (np.diff(found.confidence) <= 0).all()


def test_memory_is_reserved_for_the_largest_input(
    colour_model: Path, blocks: Image.Image, block_boxes: dict[str, list[float]]
) -> None:
    detector = Detector(colour_model, threads=1)
    seen: list[tuple[int, ...]] = []
    network = detector.network

    def watched(tensor: Any) -> Any:
        seen.append(tensor.shape)
        return network(tensor)

    detector.network = watched  # type: ignore[method-assign]
    detector.reserve()
    check(detector.detect(blocks), block_boxes)
    largest = detector.info.input.size
    assert seen[0][1] >= largest
    assert seen[0][2] >= largest
