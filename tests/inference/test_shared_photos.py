"""The float model finds the same faces as before on photos of the shared folder."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from crowdmask import Detector

GOLDEN = Path(__file__).parents[1] / "golden" / "shared-photos.json"
TOLERANCE = 1e-4


def test_the_faces_are_those_of_before(shared: Path) -> None:
    golden = json.loads(GOLDEN.read_text(encoding="utf-8"))
    detector = Detector("crowd-float", device="cpu")
    assert detector.model_hash == golden["model_hash"], "another model: tests/golden/shared_photos.py"
    names = list(golden["photos"])
    found = detector.detect_many(shared / "data" / name for name in names)
    for name, faces, expected in zip(names, found, golden["photos"].values(), strict=True):
        rows = np.array(expected).reshape(-1, 6)
        assert faces.class_id.tolist() == rows[:, 4].tolist(), name
        np.testing.assert_allclose(faces.confidence, rows[:, 5], atol=TOLERANCE, err_msg=name)
        # Pixels: a ten-thousandth of the way across the photo, and the rounding of other processors.
        np.testing.assert_allclose(faces.xyxy, rows[:, :4], rtol=TOLERANCE, atol=0.01, err_msg=name)
