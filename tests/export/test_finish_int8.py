from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from crowdmask.data.sample import Sample
from crowdmask.errors import DataError, ModelError
from crowdmask.evaluation.measures import measure
from crowdmask.evaluation.run import both_views, run_detector
from crowdmask.export import finish_int8 as module
from crowdmask.export.finish_int8 import (
    MOST_LOST,
    calibration_inputs,
    describe,
    finish_int8,
    require_accuracy,
)
from crowdmask.inference.backends.onnx_runtime import read_metadata
from crowdmask.inference.detector import Detector
from crowdmask.inference.model_file import METADATA_KEY
from crowdmask.labels import LABELS
from crowdmask.media.pictures import open_picture


@pytest.fixture(scope="module")
def val(tmp_path_factory) -> list[Sample]:
    """Four noisy pictures, two faces each, and one file that is no picture."""
    folder = tmp_path_factory.mktemp("val")
    random = np.random.default_rng(0)
    samples = []
    for index in range(5):
        path = folder / f"{index}.jpg"
        if index == 2:
            path.write_text("no picture")
        else:
            Image.fromarray(random.integers(0, 256, (72, 96, 3), np.uint8)).save(path)
        corner = random.uniform(0, 40, (2, 2))
        samples.append(
            Sample(
                path=path,
                name=path.name,
                source="street",
                width=96,
                height=72,
                boxes=np.concatenate([corner, corner + 25], axis=1).astype(np.float32),
                class_id=random.integers(0, 2, 2),
                ignore=np.zeros(2, bool),
            )
        )
    return samples


def test_the_int8_model_gets_decisions_of_its_own(small_model, val, tmp_path):
    to = tmp_path / "new" / "small-int8.onnx"
    finished = finish_int8(small_model, "small-int8", val, to, photos=3)
    assert finished.path == to
    assert [path.name for path in to.parent.iterdir()] == [to.name]
    about = json.loads(read_metadata(to)[METADATA_KEY])
    original = json.loads(read_metadata(small_model)[METADATA_KEY])
    assert (about["name"], about["precision"]) == ("small-int8", "int8")
    assert about["grid"] == original["grid"]
    assert set(about["calibration"]) == set(about["threshold"]) == set(LABELS)
    detector = Detector(to, threads=1)
    assert detector.info.precision == "int8"
    assert Detector(small_model, threads=1).info.precision == "fp32"
    assert detector.threshold == tuple(finished.decisions["threshold"][label] for label in LABELS)
    assert len(Detector(to, confidence=0.0, threads=1).detect(val[0].path)) > 10
    line = describe(finished)
    assert f"mAP50 {finished.after.two_class.map50:.3f}" in line
    assert f"(float {finished.before.two_class.map50:.3f})" in line


def test_the_int8_model_may_have_a_smaller_input(small_model, val, tmp_path):
    to = tmp_path / "fast.onnx"
    finished = finish_int8(small_model, "fast", val, to, photos=3, input_size=64)
    own = Detector(small_model, threads=1).info.input
    quick = Detector(to, threads=1)
    assert own.size != 64
    assert (quick.info.input.size, quick.info.input.multiple) == (64, own.multiple)
    assert max(quick.prepare(open_picture(val[0].path)).tensor.shape[1:3]) == 64
    assert finished.before.two_class.map50 == pytest.approx(
        measure(run_detector(both_views(Detector(small_model, input_size=64)), val).pictures).two_class.map50
    )


@pytest.mark.parametrize(("asked", "size"), [(400, 400), (0, None)])
def test_the_int8_model_may_look_closer_in_another_way(small_model, val, tmp_path, asked, size):
    to = tmp_path / "other.onnx"
    finish_int8(small_model, "other", val, to, photos=3, closer_look=asked)
    own, other = (Detector(path, threads=1).info.closer_look for path in (small_model, to))
    assert own is not None
    assert own.size not in (400, None)
    assert (other and other.size) == size


def test_a_worse_model_is_refused_and_leaves_no_file(small_model, val, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "MOST_LOST", -1.0)
    to = tmp_path / "worse.onnx"
    with pytest.raises(ModelError, match=r"refused: int8 costs .* nothing is written"):
        finish_int8(small_model, "worse", val, to, photos=2)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("before", "after", "good"),
    [
        (0.80, 0.80, True),
        (0.80, 0.82, True),
        (0.80, 0.80 - MOST_LOST + 1e-6, True),
        (0.80, 0.80 - MOST_LOST - 1e-6, False),
        (0.80, 0.0, False),
        (float("nan"), float("nan"), False),
    ],
)
def test_what_is_accurate_enough(before, after, good):
    if good:
        require_accuracy(before, after)
    else:
        with pytest.raises(ModelError, match="mAP50"):
            require_accuracy(before, after)


@pytest.mark.parametrize(("photos", "count"), [(1, 1), (2, 2), (5, 4), (64, 4)])
def test_ranges_come_from_photos_all_over_val(small_model, val, photos, count):
    detector = Detector(small_model, threads=1, closer_look=False)
    inputs = calibration_inputs(detector, val, photos)
    assert len(inputs) == count
    first = detector.prepare(_open(val[0].path)).tensor
    assert (inputs[0]() == first).all()
    if photos > 1:
        assert (inputs[-1]() == detector.prepare(_open(val[-1].path)).tensor).all()


def test_ranges_come_from_closer_looks_too(small_model, val):
    detector = Detector(small_model, threads=1)
    tensors = [make() for make in calibration_inputs(detector, val, 4)]
    seen = [detector.run_network(_open(val[index].path)) for index in (0, 1, 3, 4)]  # the other is no picture
    looks = [answer[2].tensor for each in seen for answer in each.answers]
    assert len(tensors) == len(looks) > 4
    assert all((a == b).all() for a, b in zip(tensors, looks, strict=True))


def test_photos_that_cannot_be_read_are_said_to_be(small_model, val):
    with pytest.raises(DataError, match=r"2\.jpg"):
        calibration_inputs(Detector(small_model, threads=1), val[2:3], 8)


def _open(path: Path):
    from crowdmask.media.pictures import open_picture

    return open_picture(path)
