from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from crowdmask.data.sample import Sample
from crowdmask.detections import Detections
from crowdmask.errors import OutputError
from crowdmask.evaluation.run import FAINTEST, both_views, run_detector, write_detections
from crowdmask.inference.detector import Detector
from crowdmask.inference.model_file import shipped_models
from crowdmask.media.pictures import Picture, open_picture


def make_sample(path: Path, width: int = 96, height: int = 64) -> Sample:
    return Sample(
        path=path,
        name=f"street/{path.name}",
        source="street",
        width=width,
        height=height,
        boxes=np.array([[10, 10, 30, 30]], np.float32),
        class_id=np.array([1]),
        ignore=np.array([False]),
    )


@pytest.fixture
def samples(tmp_path) -> list[Sample]:
    """A picture, one that is truncated, one that is not there, and another picture."""
    random = np.random.default_rng(0)
    for name in ("a.jpg", "d.jpg"):
        Image.fromarray(random.integers(0, 256, (64, 96, 3), np.uint8)).save(tmp_path / name)
    (tmp_path / "b.jpg").write_bytes((tmp_path / "a.jpg").read_bytes()[:400])
    return [make_sample(tmp_path / name) for name in ("a.jpg", "b.jpg", "c.jpg", "d.jpg")]


def brightest_block(picture: Picture) -> tuple[Detections, Detections]:
    """Say that there is one face of the picture's size, surely and faintly."""
    xyxy = np.array([[0, 0, picture.width, picture.height]] * 2, np.float32)
    found = Detections(xyxy, np.array([0.9, 0.02], np.float32), np.array([0, 1]))
    return found, found[found.confidence > 0.5]


def test_pictures_that_cannot_be_read_are_named_and_passed_over(samples):
    run = run_detector(brightest_block, samples)
    assert [picture.name for picture in run.pictures] == ["street/a.jpg", "street/d.jpg"]
    assert run.samples == (samples[0], samples[3])
    assert len(run.failed) == 2
    assert "b.jpg" in run.failed[0]
    assert "c.jpg" in run.failed[1]
    assert run.seconds > 0


def test_truth_and_detections_come_together(samples):
    told = []
    picture = run_detector(brightest_block, samples[:1], lambda *state: told.append(state)).pictures[0]
    assert told == [("evaluating", 0, 1), ("evaluating", 1, 1)]
    assert picture.faces.tolist() == [[10, 10, 30, 30]]
    assert picture.found.confidence == pytest.approx([0.9, 0.02])
    assert picture.shown.labels == ["with_mask"]


def test_records_are_those_of_detect(samples, tmp_path):
    run = run_detector(brightest_block, samples)
    file = tmp_path / "new" / "low.jsonl"
    write_detections(run, file, "crowd", "0123456789abcdef")
    lines = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
    assert [line["source"] for line in lines] == [str(samples[0].path), str(samples[3].path)]
    assert lines[0]["detections"][1] == {
        "box": [0.0, 0.0, 96.0, 64.0],
        "label": "without_mask",
        "confidence": 0.02,
    }
    assert lines[0]["counts"] == {"with_mask": 1, "without_mask": 1, "mask_worn_incorrect": 0}
    assert {key: lines[1][key] for key in ("width", "height", "model", "model_hash")} == {
        "width": 96,
        "height": 64,
        "model": "crowd",
        "model_hash": "0123456789abcdef",
    }
    with pytest.raises(OutputError, match=r"low\.jsonl"):
        write_detections(run, file / "below.jsonl", "crowd", "0123456789abcdef")


@pytest.mark.skipif("crowd" not in shipped_models(), reason="no shipped model in this checkout")
@pytest.mark.parametrize("size", [(96, 64), (5, 5)], ids=["usual", "too small for a face"])
def test_both_views_are_those_of_the_detector_that_users_run(tmp_path, size):
    random = np.random.default_rng(0)
    file = tmp_path / "a.png"
    Image.fromarray(random.integers(0, 256, (*size, 3), np.uint8)).save(file)
    found, shown = both_views(Detector(threads=1))(open_picture(file))
    for detections, confidence in ((found, FAINTEST), (shown, None)):
        expected = Detector(confidence=confidence, threads=1).detect(file)
        assert detections.to_records() == expected.to_records()
