"""The farther look: when a picture is seen again, smaller, and what becomes of it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from crowdmask import Detector
from crowdmask.default_boxes import GridSpec
from crowdmask.export.onnx import rewrite_metadata
from crowdmask.inference.backends.onnx_runtime import read_metadata
from crowdmask.inference.decode import RawFaces
from crowdmask.inference.farther import shows_near_faces_only, worth_while
from crowdmask.inference.model_file import METADATA_KEY, CloserLook, FartherLook, InputSpec, ModelInfo
from crowdmask.media.pictures import as_picture

# A picture of 1,000 pixels is seen at 500; faces of 100 pixels there, 200 in the picture, are near.
INFO = ModelInfo(
    name="crowd",
    architecture="crowd",
    input=InputSpec("fit", 500, 20, 114),
    grid=GridSpec((8,), (((8.0, 10.0),),)),
    variances=(0.1, 0.2),
    nms_iou=0.45,
    max_detections=500,
    threshold=(0.5, 0.5, 0.5),
    calibration=None,
    farther_look=FartherLook(240, 100.0),
)
GOLDEN = Path(__file__).parents[1] / "golden"


def raw(faces: Sequence[tuple[float, float]]) -> RawFaces:
    """Square faces of these sides and scores."""
    xyxy = np.array([(0, 0, side, side) for side, _ in faces], np.float32).reshape(-1, 4)
    scores = np.zeros((len(faces), 3), np.float32)
    scores[:, 1] = [score for _, score in faces]
    return RawFaces(xyxy, scores)


@pytest.mark.parametrize(
    ("faces", "farther"),
    [
        pytest.param([], True, id="nothing"),
        pytest.param([(200, 0.9)], True, id="near"),
        pytest.param([(199, 0.9)], False, id="not quite near"),
        pytest.param([(200, 0.9), (50, 0.29)], True, id="near, and something unsure"),
        pytest.param([(200, 0.9), (50, 0.2), (30, 0.2)], False, id="near, and two that are hardly sure"),
        pytest.param([(800, 0.9), (40, 0.5)], False, id="near and far"),
    ],
)
def test_near_faces_or_none_call_for_it(faces: list[tuple[float, float]], farther: bool) -> None:
    assert shows_near_faces_only(raw(faces), 1000, INFO) is farther
    assert not shows_near_faces_only(raw(faces), 1000, replace(INFO, farther_look=None))


@pytest.mark.parametrize(("size", "worth"), [(416, True), (417, False), (500, False), (20, True)])
def test_it_is_clearly_smaller(size: int, worth: bool) -> None:
    assert worth_while(replace(INFO, farther_look=FartherLook(size, 100.0))) is worth
    assert not worth_while(replace(INFO, farther_look=None))


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """The tiny model of 96 pixels, with a farther look at 64."""
    pytest.importorskip("onnx", reason="the extra 'train' is not installed")
    to = tmp_path / "tiny.onnx"
    shutil.copy(GOLDEN / "tiny.onnx", to)
    about = json.loads(read_metadata(to)[METADATA_KEY])
    rewrite_metadata(to, {**about, "closer_look": None, "farther_look": {"size": 64, "face_px": 1.0}})
    return to


def test_its_answer_takes_the_place_of_the_first(model: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (150, 200, 3), np.uint8)
    detector = Detector(model, threads=1, device="cpu")
    assert detector.looks_farther
    answers = detector.run_network(as_picture(pixels)).answers
    assert [each.prepared.tensor.shape[1:3] for each in answers] == [(64, 64)]
    smaller = detector.with_options(input_size=64, closer_look=False).detect(pixels)
    found = detector.detect(pixels)
    assert np.array_equal(found.xyxy, smaller.xyxy)
    assert np.array_equal(found.confidence, smaller.confidence)


@pytest.mark.parametrize(
    "options",
    [
        pytest.param({"closer_look": False}, id="one look only"),
        pytest.param({"tiles": "2x2"}, id="tiles"),
        pytest.param({"input_size": 64}, id="the input is as small"),
    ],
)
def test_there_is_none_where_it_is_not_wanted(model: Path, options: dict[str, object]) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (150, 200, 3), np.uint8)
    detector = Detector(model, threads=1, device="cpu", **options)  # type: ignore[arg-type]
    plain = Detector(GOLDEN / "tiny.onnx", threads=1, device="cpu", **{"closer_look": False, **options})  # type: ignore[arg-type]
    assert np.array_equal(detector.detect(pixels).xyxy, plain.detect(pixels).xyxy)


def test_a_closer_look_goes_first(model: Path) -> None:
    """Faces that are small call for a closer look; the farther one is for pictures without."""
    pixels = np.random.default_rng(3).integers(0, 256, (300, 400, 3), np.uint8)
    both = Detector(model, threads=1, device="cpu", closer_look=CloserLook(400, 1.0))
    answers = both.run_network(as_picture(pixels))
    assert (answers.closer is None) == (len(answers.answers) == 1)
