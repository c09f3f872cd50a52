"""The arithmetic of the speed benchmark, and one run of it with a small model."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import speed
from PIL import Image

from crowdmask.inference.model_file import hash_of


@pytest.fixture
def summary() -> dict[str, Any]:
    """Three photos; the int8 form takes 10, 20 and 60 ms for the network, float twice or thrice as long."""
    int8 = np.array([[10, 12, 2], [20, 24, 3], [60, 66, 4]], float)
    plain = np.array([[20, 22, 2], [40, 44, 3], [180, 186, 4]], float)
    peer = np.array([[10, 16], [10, 20], [20, 33]], float)
    return speed.summarise(speed.Times({"crowd": int8, "crowd-float": plain}, peer))


def test_ratios_are_of_the_times_on_one_photo(summary):
    crowd, plain = summary["models"]["crowd"], summary["models"]["crowd-float"]
    assert crowd["network_ms"]["median"] == 20
    assert crowd["network_ms"]["middle_half"] == [15, 40]
    # 1, 2 and 3 times; not the ratio of the medians in all.
    assert crowd["network_by_peer"]["median"] == 2
    assert crowd["network_by_peer"]["interval_95"] == [1, 3]
    assert crowd["whole_by_peer"]["median"] == pytest.approx(1.2)
    assert (crowd["float_by_int8"]["median"], crowd["float_model"]) == (2, "crowd-float")
    assert plain["network_by_peer"]["median"] == 4
    assert "float_by_int8" not in plain
    assert summary["peer"]["whole_ms"]["median"] == 20


def test_what_is_printed(summary):
    about = {"photos": 3, "threads": 2, "backend": "onnxruntime"}
    summary["peer"]["name"] = "yolov5n-pruned-640"
    summary["models"]["crowd"]["process_s"] = 0.5
    assert speed.lines("crowd", about | summary) == [
        "3 photos, 2 threads, crowd on onnxruntime",
        "network                                       20.0 ms  (15.0 to 40.0)",
        "whole Detector.detect                         24.0 ms  (18.0 to 45.0)",
        "CPU time outside the network                   3.0 ms  (2.5 to 3.5)",
        "yolov5n-pruned-640: network                   10.0 ms  (10.0 to 15.0)",
        "yolov5n-pruned-640: whole call                20.0 ms  (18.0 to 26.5)",
        "network, ours / peer, median of ratios        2.00",
        "whole call, ours / peer, median of ratios     1.20",
        "network, float / int8, median of ratios       2.00",
        "process start to files written, 1024 x 683    0.50 s",
    ]


def test_without_a_peer_there_are_no_ratios_to_it():
    alone = speed.summarise(speed.Times({"crowd": np.full((2, 3), 5.0)}, None))
    assert "peer" not in alone
    assert set(alone["models"]["crowd"]) == {"network_ms", "whole_ms", "cpu_ms"}


def test_one_run_of_several_models(small_model, tmp_path, monkeypatch, capsys):
    photos, models = tmp_path / "photos", tmp_path / "models"
    for folder in (photos, models):
        folder.mkdir()
    random = np.random.default_rng(0)
    for index in range(2):
        picture = Image.fromarray(random.integers(0, 256, (72, 96, 3), np.uint8))
        picture.save(photos / f"{index}.jpg")
    names = [str(models / f"{name}.onnx") for name in ("small", "small-float")]
    for name in names:
        Path(name).write_bytes(small_model.read_bytes())
    file = tmp_path / "speed.json"
    options = ["--photos", str(photos), "--models", ",".join(names), "--threads", "1", "--json", str(file)]
    monkeypatch.setattr(sys, "argv", ["speed.py", *options])
    # For the processes that it starts, where the package is not installed.
    monkeypatch.setenv("PYTHONPATH", str(Path(speed.__file__).parents[1] / "src"))
    speed.main()
    assert capsys.readouterr().out.count("2 photos, 1 threads") == 2
    report = json.loads(file.read_text(encoding="utf-8"))
    assert list(report["models"]) == ["small", "small-float"]
    small = report["models"]["small"]
    assert (small["model_hash"], small["input_size"]) == (hash_of(small_model), 96)
    assert small["whole_ms"]["median"] > small["network_ms"]["median"] > 0
    low, high = small["float_by_int8"]["interval_95"]
    assert low <= small["float_by_int8"]["median"] <= high
    assert small["process_s"] > 0
