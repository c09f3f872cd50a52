from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from crowdmask import boxes
from crowdmask.errors import MissingExtraError, ModelError
from crowdmask.inference.backends.onnx_runtime import OnnxRuntimeBackend
from crowdmask.inference.backends.registry import load_backend
from crowdmask.inference.detector import Detector
from crowdmask.media.pictures import open_picture

SOURCES = Path(__file__).parents[2] / "src"
EXAMPLE = Path(__file__).parents[2] / "1.jpg"

# Run in a process of its own, with a home of its own, where every way to the network is an error.
QUIET = """
import pathlib, socket, sys
attempts = []
def refuse(*arguments, **options):
    attempts.append(arguments)
    raise OSError("no network in this test")
socket.socket.connect = socket.getaddrinfo = refuse
from crowdmask.inference.backends.registry import load_backend
import numpy as np, threading
for name in ("onnxruntime", "openvino"):
    load_backend(name, pathlib.Path(sys.argv[1]), 1).run(np.zeros((1, 64, 64, 3), np.uint8))
assert "openvino_telemetry" not in sys.modules
for thread in threading.enumerate():
    if thread is not threading.main_thread():
        thread.join(5)
assert not attempts, attempts
assert not list(pathlib.Path.home().iterdir()), list(pathlib.Path.home().iterdir())
print("quiet")
"""


def test_openvino_says_what_to_install_where_it_is_missing(small_model, monkeypatch):
    monkeypatch.setitem(sys.modules, "openvino", None)
    before = sys.modules.get("openvino_telemetry", "not there")
    with pytest.raises(MissingExtraError, match=r"crowdmask\[openvino\]"):
        load_backend("openvino", small_model)
    assert sys.modules.get("openvino_telemetry", "not there") == before


class TestInstalled:
    """With OpenVINO itself."""

    @pytest.fixture(autouse=True, scope="class")
    def _installed(self, small_model):
        from importlib.util import find_spec

        if find_spec("openvino") is None:
            pytest.skip("the extra openvino is not installed")

    @pytest.mark.parametrize("shape", [(64, 96), (96, 64), (160, 224)])
    def test_answers_are_those_of_onnx_runtime(self, small_model, shape):
        tensor = np.random.default_rng(0).integers(0, 256, (1, *shape, 3), np.uint8)
        openvino = load_backend("openvino", small_model, 1)
        scores, deltas = OnnxRuntimeBackend(small_model, 1).run(tensor)
        for _ in range(2):
            other_scores, other_deltas = openvino.run(tensor)
            assert other_scores == pytest.approx(scores, abs=1e-4)
            assert other_deltas == pytest.approx(deltas, abs=1e-3, rel=1e-3)

    def test_an_int8_model_answers_about_the_same(self, small_model, tmp_path):
        from crowdmask.export.quantize import quantize_network

        path = tmp_path / "int8.onnx"
        tensors = [np.random.default_rng(i).integers(0, 256, (1, 96, 64, 3), np.uint8) for i in range(3)]
        quantize_network(small_model, path, [lambda t=t: t for t in tensors])
        scores, _ = OnnxRuntimeBackend(path, 1).run(tensors[0])
        other_scores, _ = load_backend("openvino", path, 1).run(tensors[0])
        assert np.abs(other_scores - scores).mean() < 0.01
        assert np.corrcoef(scores.ravel(), other_scores.ravel())[0, 1] > 0.99

    def test_7_bit_weights_find_the_same_faces_in_both_runtimes(self, tmp_path):
        """OpenVINO has no guard against sums that overflow without VNNI; with weights of 7 bits none do."""
        from crowdmask.export.quantize import quantize_network

        float_model = Detector("crowd-float", threads=1)
        picture = open_picture(EXAMPLE)
        path = tmp_path / "crowd-7-bits.onnx"
        quantize_network(float_model.model_path, path, [lambda: float_model.prepare(picture).tensor])
        ours = Detector(path, threads=1).detect(picture)
        other = Detector(path, threads=1, backend="openvino").detect(picture)
        assert len(ours) == len(other) >= 3
        pairs = boxes.iou(ours.xyxy, other.xyxy)
        best = pairs.argmax(axis=1)
        assert pairs.max(axis=1).min() > 0.9
        assert [other.labels[i] for i in best] == ours.labels
        assert other.confidence[best] == pytest.approx(ours.confidence, abs=0.1)

    def test_the_detector_finds_the_same(self, small_model):
        pixels = np.random.default_rng(1).integers(0, 256, (90, 120, 3), np.uint8)
        ours = Detector(small_model, threads=1).detect(pixels)
        other = Detector(small_model, threads=1, backend="openvino").detect(pixels)
        assert len(ours) == len(other) > 0
        pairs = boxes.iou(ours.xyxy, other.xyxy)  # equally sure ones may come in another order
        assert pairs.max(axis=1).min() > 0.99
        assert other.counts() == ours.counts()

    def test_nothing_is_sent_and_nothing_is_left_in_the_home(self, small_model, tmp_path):
        home = tmp_path / "home"
        home.mkdir()
        places = {"HOME": str(home), "USERPROFILE": str(home), "PYTHONPATH": str(SOURCES)}
        result = subprocess.run(
            [sys.executable, "-c", QUIET, str(small_model)],
            env={"PATH": "", "PYTHONDONTWRITEBYTECODE": "1", **places},
            capture_output=True,
            text=True,
            check=False,
        )
        assert result.returncode == 0, result.stderr
        assert result.stdout.strip() == "quiet"

    def test_a_file_that_is_no_model_is_refused(self, tmp_path):
        path = tmp_path / "text.onnx"
        path.write_text("no model")
        with pytest.raises(ModelError, match=r"text\.onnx"):
            load_backend("openvino", path)
