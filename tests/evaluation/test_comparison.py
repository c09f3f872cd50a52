from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from crowdmask.detections import Detections
from crowdmask.evaluation.comparison import FEW_FACES, compare
from crowdmask.evaluation.matching import ScoredPicture


def picture(index: int, found: int, faces: int = 10) -> ScoredPicture:
    """A picture with a row of faces, `found` of which are detected."""
    left = np.arange(faces, dtype=np.float32) * 30
    boxes = np.stack([left, np.zeros(faces), left + 20, np.full(faces, 20)], axis=1).astype(np.float32)
    labels = np.arange(faces) % 2
    seen = Detections(boxes[:found], np.full(found, 0.9, np.float32), labels[:found])
    return ScoredPicture(f"s/{index}.jpg", "s", boxes, labels, np.zeros(faces, bool), seen, seen)


@pytest.mark.parametrize(
    ("pictures", "before", "after", "said"),
    [
        (FEW_FACES // 10, 5, 9, "mAP50: better than the start by 0.396"),
        (FEW_FACES // 10, 9, 5, "mAP50: worse than the start by 0.396"),
        (FEW_FACES // 10, 8, 8, "val is too small to tell the two apart: 200 faces in 20 photos"),
        (FEW_FACES // 10 - 1, 5, 9, "val is too small to tell the two apart: 190 faces in 19 photos"),
        (1, 5, 9, "val is too small to tell the two apart: 10 faces in 1 photo;"),
    ],
)
def test_a_difference_counts_where_val_is_large_enough(pictures, before, after, said):
    first = [picture(i, before) for i in range(pictures)]
    second = [picture(i, after) for i in range(pictures)]
    compared = compare("crowd-float", first, "mine", second)
    assert said in compared.to_text()
    assert compared.is_clear is ("than the start" in said)
    rows = compared.to_text().splitlines()
    assert rows[1].startswith("start: crowd-float")
    assert rows[2].startswith("result: mine")
    assert f"{before / 10:.3f}" in rows[1]
    assert f"{after / 10:.3f}" in rows[2]
    content = json.loads(json.dumps(compared.to_dict(), allow_nan=False))
    assert content["result"]["recall"] == pytest.approx(after / 10)
    assert content["clear"] is compared.is_clear


def test_pictures_without_faces_have_no_score_and_no_verdict():
    empty = [replace(picture(0, 0), boxes=np.zeros((0, 4), np.float32), class_id=np.zeros(0, np.int64),
                     ignore=np.zeros(0, bool))]  # fmt: skip
    compared = compare("a", empty, "b", empty)
    assert "0 faces in 1 photo;" in compared.to_text()
    assert json.loads(json.dumps(compared.to_dict(), allow_nan=False))["start"]["mAP50"] is None


def test_other_pictures_are_not_compared():
    with pytest.raises(ValueError, match="same pictures"):
        compare("a", [picture(0, 1)], "b", [picture(1, 1)])
