"""Fixtures for all tests: the example photo, the shared data, and two models that find things."""

from __future__ import annotations

import json
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import settings
from PIL import Image, ImageDraw

from crowdmask.labels import LABELS

# A busy machine is slow, which says nothing about the code.
settings.register_profile("crowdmask", deadline=None)
settings.load_profile("crowdmask")

# Who starts the tests in the background may have Ctrl-C ignored, and the programs that they start would, too.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

ROOT = Path(__file__).resolve().parents[1]

COLOUR_METADATA: dict[str, Any] = {
    "format": 1,
    "name": "colours",
    "architecture": "colours",
    "labels": list(LABELS),
    "input": {"resize": "fit", "size": 320, "multiple": 32, "pad": 114},
    "grid": {"strides": [32], "shapes": [[[32.0, 32.0]]]},
    "variances": [0.1, 0.2],
    "nms_iou": 0.45,
    "max_detections": 500,
    "threshold": dict.fromkeys(LABELS, 0.5),
    "calibration": None,
}

MakeModel = Callable[..., Path]


@pytest.fixture(scope="session")
def project_root() -> Path:
    return ROOT


@pytest.fixture
def unmeasured(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave programs that a test starts out of the coverage: on a full disk its file is a second error."""
    for name in ("COVERAGE_PROCESS_CONFIG", "COVERAGE_PROCESS_START"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(scope="session")
def example_photo(project_root: Path) -> Path:
    return project_root / "1.jpg"


@pytest.fixture(scope="session")
def shared(project_root: Path) -> Path:
    folder = project_root.parent / "shared"
    if not (folder / "data").is_dir():
        pytest.skip(f"the shared data are not at {folder}")
    return folder


@pytest.fixture(scope="session")
def make_model(tmp_path_factory: pytest.TempPathFactory) -> MakeModel:
    """Return a function that writes a working model file, with changes to its metadata.

    The model is a real network with known answers: a red square of 32 x 32 input pixels, on the grid
    of 32, is a face with a mask, a green one without, a blue one with the mask worn incorrectly.
    """
    onnx = pytest.importorskip("onnx", reason="the extra 'train' is not installed")
    from onnx import TensorProto, helper, numpy_helper

    # Each class: its own channel less half of the two others, 0 to 1.
    own = (1.5 * np.eye(3) - 0.5).astype(np.float32).reshape(3, 3, 1, 1) / 255
    constants = {
        "own": own,
        "none": np.zeros((4, 3, 1, 1), np.float32),
        "zero": np.float32(0),
        "one": np.float32(1),
        "rows3": np.array([1, -1, 3], np.int64),
        "rows4": np.array([1, -1, 4], np.int64),
    }
    node = helper.make_node
    nodes = [
        node("Cast", ["picture"], ["float"], to=TensorProto.FLOAT),
        node("Transpose", ["float"], ["channels"], perm=[0, 3, 1, 2]),
        node("AveragePool", ["channels"], ["cells"], kernel_shape=[32, 32], strides=[32, 32]),
        node("Conv", ["cells", "own"], ["colour"]),
        node("Clip", ["colour", "zero", "one"], ["share"]),
        node("Transpose", ["share"], ["share_last"], perm=[0, 2, 3, 1]),
        node("Reshape", ["share_last", "rows3"], ["scores"]),
        node("Conv", ["cells", "none"], ["offset"]),
        node("Transpose", ["offset"], ["offset_last"], perm=[0, 2, 3, 1]),
        node("Reshape", ["offset_last", "rows4"], ["deltas"]),
    ]

    def make(name: str = "colours", raw_metadata: dict[str, str] | None = None, **changes: Any) -> Path:
        sides = changes.pop("sides", ("height", "width"))
        picture = changes.pop("input_name", "picture")
        graph = helper.make_graph(
            [node("Identity", [picture], ["picture"]), *nodes] if picture != "picture" else nodes,
            "colours",
            [helper.make_tensor_value_info(picture, TensorProto.UINT8, [1, *sides, 3])],
            [
                helper.make_tensor_value_info("scores", TensorProto.FLOAT, [1, None, 3]),
                helper.make_tensor_value_info("deltas", TensorProto.FLOAT, [1, None, 4]),
            ],
            [numpy_helper.from_array(np.asarray(value), key) for key, value in constants.items()],
        )
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
        metadata = raw_metadata
        if metadata is None:
            metadata = {"crowdmask": json.dumps({**COLOUR_METADATA, "name": name, **changes})}
        helper.set_model_props(model, metadata)
        path = tmp_path_factory.mktemp("model") / f"{name}.onnx"
        onnx.save(model, path)
        return path

    return make


@pytest.fixture(scope="session")
def colour_model(make_model: MakeModel) -> Path:
    return make_model()


@pytest.fixture(scope="session")
def blocks() -> Image.Image:
    """320 x 192 pixels, grey, with a red, a green and a blue square at known places."""
    pixels = np.full((192, 320, 3), 90, np.uint8)
    pixels[32:64, 64:96] = (255, 0, 0)
    pixels[96:128, 160:192] = (0, 240, 0)
    pixels[128:160, 256:288] = (0, 0, 220)
    return Image.fromarray(pixels)


@pytest.fixture(scope="session")
def block_boxes() -> dict[str, list[float]]:
    """Where `blocks` has which face."""
    return {
        "with_mask": [64, 32, 96, 64],
        "without_mask": [160, 96, 192, 128],
        "mask_worn_incorrect": [256, 128, 288, 160],
    }


@pytest.fixture(scope="session")
def small_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model file of the crowd architecture, untrained, narrow and for small pictures, that finds much."""
    torch = pytest.importorskip("torch", reason="the extra 'train' is not installed")

    from crowdmask.export.onnx import export_onnx, metadata
    from crowdmask.inference.model_file import InputSpec
    from crowdmask.models.crowd import Crowd
    from crowdmask.models.plan import Plan

    torch.manual_seed(0)
    model = Crowd(Plan(neck=16))
    model.input_spec = InputSpec(resize="fit", size=96, multiple=32)
    for module in model.modules():
        if isinstance(module, torch.nn.BatchNorm2d):  # as after some training, not all alike
            torch.nn.init.uniform_(module.weight, 0.7, 1.3)
            torch.nn.init.normal_(module.bias, 0, 0.2)
    for judge, locate in zip(model.judge, model.locate, strict=True):
        torch.nn.init.normal_(judge.weight, 0, 0.3)
        torch.nn.init.normal_(locate.weight, 0, 0.3)
        torch.nn.init.constant_(judge.bias, 0.0)
        judge.bias.data[::4], judge.bias.data[1::4] = 2.0, 1.5  # a face, with a mask
    path = tmp_path_factory.mktemp("model") / "small.onnx"
    export_onnx(model.eval(), path, metadata(model, "small"))
    return path


@pytest.fixture
def crowd_model(make_model: MakeModel) -> Path:
    """A model that looks at small squares once more, twice as large."""
    grid = {"strides": [32], "shapes": [[[8.0, 8.0]]]}
    return make_model(grid=grid, closer_look={"size": 640, "share": 1.0}, nms_iou=0.2)


@pytest.fixture
def far_crowd() -> Image.Image:
    """640 pixels with squares of 32, which the first look, at 320 pixels, sees a quarter of a cell large."""
    picture = Image.new("RGB", (640, 640))
    draw = ImageDraw.Draw(picture)
    for x in range(256, 512, 64):
        draw.rectangle((x, 320, x + 31, 351), fill=(255, 0, 0))
    return picture
