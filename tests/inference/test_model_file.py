from __future__ import annotations

import copy
import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from crowdmask.errors import ModelError, UsageError
from crowdmask.inference.backends.onnx_runtime import read_metadata
from crowdmask.inference.backends.registry import load_backend
from crowdmask.inference.model_file import (
    CloserLook,
    FartherLook,
    card_of,
    hash_of,
    locate,
    parse_metadata,
    shipped_models,
)
from crowdmask.labels import LABELS

GOOD: dict[str, Any] = {
    "format": 1,
    "name": "crowd",
    "architecture": "crowd",
    "labels": list(LABELS),
    "input": {"resize": "fit", "size": 640, "multiple": 32, "pad": 114},
    "grid": {"strides": [8, 16], "shapes": [[[8, 10]], [[32, 40], [64, 80]]]},
    "variances": [0.1, 0.2],
    "nms_iou": 0.45,
    "max_detections": 500,
    "threshold": {"with_mask": 0.5, "without_mask": 0.6, "mask_worn_incorrect": 0.7},
    "calibration": {label: {"raw": [0.0, 1.0], "confidence": [0.0, 0.9]} for label in LABELS},
}


def parse(value: dict[str, Any]) -> Any:
    return parse_metadata({"crowdmask": json.dumps(value)}, "some.onnx")


def changed(*keys: str, to: Any) -> dict[str, Any]:
    value = copy.deepcopy(GOOD)
    part = value
    for key in keys[:-1]:
        part = part[key]
    part[keys[-1]] = to
    return value


def test_good_metadata() -> None:
    info = parse(GOOD)
    assert (info.name, info.input.size, info.threshold) == ("crowd", 640, (0.5, 0.6, 0.7))
    assert info.grid.shapes == (((8.0, 10.0),), ((32.0, 40.0), (64.0, 80.0)))
    assert info.calibration is not None
    assert info.calibration[0].confidence == (0.0, 0.9)
    assert parse(changed("calibration", to=None)).calibration is None
    assert info.closer_look is None  # older files have no such value
    closer = parse(changed("closer_look", to={"size": 1280, "share": 0.85})).closer_look
    assert closer == CloserLook(1280, 0.85)
    assert info.farther_look is None
    farther = parse(changed("farther_look", to={"size": 320, "face_px": 211.2})).farther_look
    assert farther == FartherLook(320, 211.2)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        pytest.param(changed("format", to=2), "format 2", id="a later format"),
        pytest.param(changed("labels", to=["mask", "none", "wrong"]), "labels are", id="other labels"),
        pytest.param(changed("input", "resize", to="crop"), "resize is 'crop'", id="unknown resize"),
        pytest.param(changed("input", "size", to=0), "above 0", id="size 0"),
        pytest.param(changed("input", "pad", to=300), "pad is 300", id="pad"),
        pytest.param(changed("grid", "strides", to=[8]), "grid", id="a level without shapes"),
        pytest.param(changed("variances", to=[0.1]), "damaged", id="one variance"),
        pytest.param(changed("nms_iou", to=0), "nms_iou is 0", id="nms_iou"),
        pytest.param(changed("max_detections", to=0), "max_detections", id="no detections"),
        pytest.param(changed("threshold", "with_mask", to=1.5), "thresholds are", id="threshold"),
        pytest.param(changed("threshold", to={}), "lack 'with_mask'", id="no threshold"),
        pytest.param(
            changed("calibration", "with_mask", "raw", to=[0.5, 0.5]),
            "calibration of with_mask",
            id="not rising",
        ),
        pytest.param(
            changed("calibration", "with_mask", "confidence", to=[0.9, 0.5]), "never fall", id="falling"
        ),
        pytest.param(
            changed("calibration", "with_mask", "raw", to=[0.5]), "as many scores", id="uneven table"
        ),
        pytest.param(changed("closer_look", to={"size": 0, "share": 1}), "closer_look", id="closer by 0"),
        pytest.param(changed("closer_look", to={"size": 9, "share": 5}), "closer_look", id="large share"),
        pytest.param(changed("closer_look", to={"size": 9}), "lack 'share'", id="no share"),
        pytest.param(changed("farther_look", to={"size": 9}), "lack 'face_px'", id="no size of near faces"),
        pytest.param(changed("farther_look", to={"size": 9, "face_px": 0}), "farther_look", id="all near"),
        pytest.param(
            {
                **changed("input", "resize", to="stretch"),
                "closer_look": {"size": 1280, "share": 1},
            },
            "keeps the picture's shape",
            id="closer in another shape",
        ),
        pytest.param({k: v for k, v in GOOD.items() if k != "grid"}, "lack 'grid'", id="without grid"),
    ],
)
def test_bad_metadata_are_refused_with_the_file_and_the_reason(value: dict[str, Any], message: str) -> None:
    with pytest.raises(ModelError, match=r"^some\.onnx: ") as caught:
        parse(value)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("metadata", "message"),
    [
        pytest.param({}, "not one of crowdmask's", id="another program's model"),
        pytest.param({"crowdmask": "{"}, "damaged", id="no JSON"),
        pytest.param({"crowdmask": "[]"}, "damaged", id="a list"),
    ],
)
def test_metadata_that_are_not_ours(metadata: dict[str, str], message: str) -> None:
    with pytest.raises(ModelError, match=message):
        parse_metadata(metadata, "some.onnx")


def test_shipped_models_are_found_by_name_and_pass_the_check() -> None:
    names = shipped_models()
    assert names[0] == "crowd"
    for name in names:
        path = locate(name)
        info = parse_metadata(read_metadata(path), path)
        assert info.name == name
        assert hash_of(path) == hashlib.sha256(path.read_bytes()).hexdigest()[:16]


def test_a_path_is_found_and_its_card_lies_beside_it(tmp_path: Path) -> None:
    model = tmp_path / "mine.onnx"
    model.write_bytes(b"x")
    assert locate(model) == locate(str(model)) == model
    assert card_of(model) is None
    model.with_suffix(".md").write_text("# mine\n", encoding="utf-8")
    assert card_of(model) == "# mine\n"


@pytest.mark.parametrize("name", ["nothing", "crowd.onnx", "../assets/crowd", "", "."])
def test_a_model_that_is_not_there(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ModelError, match="no such model") as caught:
        locate(name)
    assert "crowd" in str(caught.value)


@pytest.mark.parametrize("content", [b"", b"not a model", b"\x08\x07\x12\x04"])
def test_a_file_that_is_no_model(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "bad.onnx"
    path.write_bytes(content)
    for load in (read_metadata, lambda p: load_backend("onnxruntime", p)):
        with pytest.raises(ModelError, match=r"bad\.onnx: not a usable ONNX model") as caught:
            load(path)
        assert "\n" not in str(caught.value)


def test_a_model_of_another_interface_is_refused(make_model: Callable[..., Path]) -> None:
    path = make_model(input_name="image")
    with pytest.raises(ModelError, match=r"inputs \['image'\]"):
        load_backend("onnxruntime", path)


@pytest.mark.parametrize(
    ("backend", "threads", "message"),
    [("tensorrt", None, "choose from onnxruntime, openvino"), ("onnxruntime", 0, "1 or more, not 0")],
)
def test_wrong_choice_of_backend(backend: str, threads: int | None, message: str, colour_model: Path) -> None:
    with pytest.raises(UsageError, match=message):
        load_backend(backend, colour_model, threads)
