"""The golden vectors of docs/model-file.md: any reader of model files must answer so, and ours does."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from crowdmask import Detector
from crowdmask.detections import Detections
from crowdmask.inference.backends.onnx_runtime import read_metadata
from crowdmask.inference.backends.registry import load_backend
from crowdmask.inference.closer import join
from crowdmask.inference.decode import Decoder, RawFaces, boxes_above, suppress
from crowdmask.inference.merge import merge
from crowdmask.inference.model_file import FartherLook, InputSpec, ModelInfo, parse_metadata
from crowdmask.inference.passes import (
    NetworkAnswer,
    PictureAnswers,
    calls_for_a_farther_look,
    find_once,
    part_with_small_faces,
    sure_faces,
    to_faces,
)
from crowdmask.inference.preprocess import Prepared, prepare
from crowdmask.inference.tiles import View, plan_tiles
from crowdmask.media.pictures import as_picture

GOLDEN = Path(__file__).parents[1] / "golden"
FACE_TOLERANCE = 1e-3  # pixels, and far more than float32 needs for confidences


def cases(name: str) -> list[Any]:
    content = json.loads((GOLDEN / f"{name}.json").read_text(encoding="utf-8"))
    assert content["format"] == 1
    return list(content["cases"])


def unpack(value: dict[str, Any]) -> NDArray[Any]:
    numbers = np.frombuffer(base64.b64decode(value["base64"]), np.dtype(value["dtype"]).newbyteorder("<"))
    return numbers.astype(value["dtype"]).reshape(value["shape"])


def raw_faces(value: dict[str, Any]) -> RawFaces:
    return RawFaces(unpack(value["xyxy"]), unpack(value["scores"]))


def detections(faces: list[dict[str, Any]], info: ModelInfo) -> Detections:
    return Detections(
        np.array([face["box"] for face in faces], np.float32).reshape(-1, 4),
        np.array([face["confidence"] for face in faces], np.float32),
        np.array([info.labels.index(face["label"]) for face in faces], np.int64),
    )


def check(found: Detections, expected: list[dict[str, Any]]) -> None:
    assert found.labels == [face["label"] for face in expected]
    boxes = np.array([face["box"] for face in expected]).reshape(-1, 4)
    np.testing.assert_allclose(found.xyxy, boxes, atol=FACE_TOLERANCE)
    np.testing.assert_allclose(found.confidence, [face["confidence"] for face in expected], atol=1e-5)


def check_raw(found: RawFaces, expected: dict[str, Any]) -> None:
    np.testing.assert_allclose(found.xyxy, unpack(expected["xyxy"]), atol=FACE_TOLERANCE)
    np.testing.assert_allclose(found.scores, unpack(expected["scores"]), atol=1e-6)


def answer(value: dict[str, Any]) -> NetworkAnswer:
    width, height = value["input"]
    empty = np.zeros((1, height, width, 3), np.uint8)
    return NetworkAnswer(
        unpack(value["scores"]), unpack(value["deltas"]), Prepared(empty, *value["scale"], *value["picture"])
    )


@pytest.fixture(scope="module")
def info() -> ModelInfo:
    path = GOLDEN / "tiny.onnx"
    return parse_metadata(read_metadata(path), path)


@pytest.mark.parametrize("case", cases("preprocess"))
def test_pictures_become_tensors(case: dict[str, Any]) -> None:
    made = prepare(as_picture(unpack(case["picture"])), InputSpec(**case["input"]))
    expected = unpack(case["tensor"])
    assert made.tensor.shape == expected.shape
    assert np.abs(made.tensor.astype(int) - expected).max() <= 1  # rounding of a filter's sum
    assert [made.scale_x, made.scale_y] == pytest.approx(case["scale"], abs=1e-9)


@pytest.mark.parametrize("backend", ["onnxruntime", "openvino"])
@pytest.mark.parametrize("case", cases("network"))
def test_tensors_become_raw_answers(case: dict[str, Any], backend: str) -> None:
    pytest.importorskip(backend)
    scores, deltas = load_backend(backend, GOLDEN / "tiny.onnx", 1, device="cpu").run(unpack(case["picture"]))
    np.testing.assert_allclose(scores, unpack(case["scores"]), atol=1e-4)
    np.testing.assert_allclose(deltas, unpack(case["deltas"]), atol=1e-3, rtol=1e-3)


@pytest.mark.parametrize("case", cases("decode"))
def test_raw_answers_become_faces(case: dict[str, Any], info: ModelInfo) -> None:
    raw = answer(case)
    shown = Decoder(info, info.threshold)
    check_raw(suppress(boxes_above(shown.least_raw, *raw, info), info), case["suppressed"])
    assert len(case["shown"]) > 3
    check(shown(*raw), case["shown"])
    fainter = Decoder(info, (case["candidates"]["floor"],) * 3)
    check(fainter(*raw), case["candidates"]["faces"])


@pytest.mark.parametrize("case", [case for case in cases("closer-look") if "first" in case])
def test_a_first_pass_calls_for_a_closer_look(case: dict[str, Any], info: ModelInfo) -> None:
    first = answer(case["first"])
    width, height = case["first"]["picture"]
    picture = as_picture(np.zeros((height, width, 3), np.uint8))
    found = find_once(first, Decoder(info, info.threshold))
    part = part_with_small_faces(picture, sure_faces(picture, found), info)
    assert part == (View(**case["part"]) if case["part"] else None)
    if part is None:
        return
    plan = plan_tiles("off", width, height, info)
    both = PictureAnswers(plan, (first, answer(case["second"])), (1.0, 1.0), part, found)
    check(to_faces(both, Decoder(info, info.threshold)), case["shown"])
    check(to_faces(both, Decoder(info, (case["candidates"]["floor"],) * 3)), case["candidates"]["faces"])


@pytest.mark.parametrize("case", cases("farther-look"))
def test_a_first_pass_calls_for_a_farther_look(case: dict[str, Any], info: ModelInfo) -> None:
    width, height = case["first"]["picture"]
    picture = as_picture(np.zeros((height, width, 3), np.uint8))
    info = replace(info, farther_look=FartherLook(**case["farther_look"]))
    sure = sure_faces(picture, find_once(answer(case["first"]), Decoder(info, info.threshold)))
    assert calls_for_a_farther_look(picture, sure, info) == case["farther"]


@pytest.mark.parametrize("case", [case["join"] for case in cases("closer-look") if "join" in case])
def test_both_passes_are_averaged(case: dict[str, Any], info: ModelInfo) -> None:
    first, second = raw_faces(case["first"]), raw_faces(case["second"])
    joined = join(first, second, View(**case["part"]), *case["picture"], info)  # type: ignore[call-arg]
    check_raw(joined, case["joined"])
    assert len(joined) < len(first) + len(second)


@pytest.mark.parametrize("case", [case for case in cases("tiles") if "views" in case])
def test_large_pictures_are_cut(case: dict[str, Any], info: ModelInfo) -> None:
    plan = plan_tiles(case["setting"], *case["picture"], info)  # type: ignore[call-arg]
    assert plan.views == tuple(View(**view) for view in case["views"])
    assert plan.overlap_px == pytest.approx(case["overlap_px"], abs=1e-3)


@pytest.mark.parametrize("case", [case["merge"] for case in cases("tiles") if "merge" in case])
def test_faces_of_tiles_are_merged(case: dict[str, Any], info: ModelInfo) -> None:
    plan = plan_tiles(case["setting"], *case["picture"], info)  # type: ignore[call-arg]
    found = [detections(faces, info) for faces in case["found"]]
    check(merge(plan, found, info), case["merged"])
    assert 0 < len(case["merged"]) < sum(len(faces) for faces in case["found"])


@pytest.mark.parametrize("case", cases("whole"))
def test_a_picture_becomes_faces(case: dict[str, Any]) -> None:
    detector = Detector(GOLDEN / "tiny.onnx", threads=1, device="cpu", **case["options"])
    found = detector.detect_with_candidates(GOLDEN / case["picture"], floor=case["candidates"]["floor"])
    check(found.shown, case["shown"])
    check(found.candidates, case["candidates"]["faces"])


@pytest.mark.parametrize("name", ["tiny", "tiny-int8"])
class TestVersion010:
    """Model files that version 0.1.0 wrote, and what it found with them."""

    def test_it_finds_the_same(self, name: str) -> None:
        expected = json.loads((GOLDEN / "0.1.0" / "faces.json").read_text(encoding="utf-8"))[name]
        detector = Detector(GOLDEN / "0.1.0" / f"{name}.onnx", threads=1, device="cpu")
        picture = GOLDEN / "0.1.0" / "picture.png"
        found = detector.detect_with_candidates(picture, floor=0.05)
        for faces, records in ((found.shown, expected["shown"]), (found.candidates, expected["candidates"])):
            assert faces.labels == [record["label"] for record in records]
            confidence = [record["confidence"] for record in records]
            np.testing.assert_allclose(faces.confidence, confidence, atol=1e-4)
            np.testing.assert_allclose(faces.xyxy, [record["box"] for record in records], atol=0.02)

    def test_it_finds_the_same_in_tiles(self, name: str) -> None:
        records = json.loads((GOLDEN / "0.1.0" / "faces.json").read_text(encoding="utf-8"))[name]["tiles"]
        detector = Detector(GOLDEN / "0.1.0" / f"{name}.onnx", threads=1, device="cpu", tiles="2x2")
        found = detector.detect(GOLDEN / "0.1.0" / "picture.png")
        boxes = np.array([record["box"] for record in records])
        same = (np.abs(found.xyxy[:, None] - boxes) <= 0.02).all(axis=2)
        # Some of these boxes end just where a rule begins, so another processor's rounding decides otherwise.
        assert same.any(axis=0).mean() > 0.95
        assert abs(len(found) - len(records)) <= 2

    def test_it_takes_a_batch(self, name: str) -> None:
        backend = load_backend("onnxruntime", GOLDEN / "0.1.0" / f"{name}.onnx", 1)
        tensor = np.random.default_rng(0).integers(0, 256, (3, 64, 96, 3), np.uint8)
        scores, deltas = backend.run(tensor)
        assert (len(scores), len(deltas)) == (3, 3)
        assert (scores[1] == backend.run(tensor[1:2])[0][0]).all()


def test_int8_sums_do_not_overflow() -> None:
    """Without VNNI and without the guard they do, by tenths: scripts/test_without_vnni.sh runs this there."""
    expected = json.loads((GOLDEN / "0.1.0" / "raw-int8.json").read_text(encoding="utf-8"))
    with Image.open(GOLDEN / "0.1.0" / "picture.png") as picture:
        pixels = np.ascontiguousarray(np.asarray(picture.convert("RGB"))[None, :96, :128])
    scores, deltas = load_backend("onnxruntime", GOLDEN / "0.1.0" / "tiny-int8.onnx", 1).run(pixels)
    # A step of 8 bits may round otherwise on another processor; an overflow is far more.
    assert np.abs(scores[0] - unpack(expected["scores"])).mean() < 1e-3
    assert np.abs(deltas[0] - unpack(expected["deltas"])).mean() < 2e-3
