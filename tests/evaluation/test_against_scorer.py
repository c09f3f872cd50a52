"""The independent scorer beside the shared data and ours must say the same of the same detections."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path

import numpy as np
import pytest

from crowdmask.evaluation.measures import measure
from crowdmask.labels import LABELS

SHARED = Path(__file__).resolve().parents[3] / "shared"
SCORER = SHARED / "tools" / "score.py"
TRUTH = SHARED / "data" / "splits" / "val_gt.json"

pytestmark = pytest.mark.skipif(
    not (SCORER.is_file() and TRUTH.is_file()), reason=f"no independent scorer at {SHARED}"
)


@pytest.fixture(scope="module")
def scorer():
    spec = importlib.util.spec_from_file_location("score", SCORER)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def imagined_detections(boxes: np.ndarray, random: np.random.Generator) -> list[tuple[float, ...]]:
    """Finds of differing accuracy, doubles, mislabelled ones and over a hundred false ones a picture."""
    found = []
    for x1, y1, x2, y2, label, _ in boxes:
        for _ in range(random.choice(3, p=[0.15, 0.7, 0.15])):
            box = np.array([x1, y1, x2, y2]) + random.normal(0, 0.08, 4) * np.tile([x2 - x1, y2 - y1], 2)
            said = label if random.random() < 0.93 else random.integers(3)
            found.append((*box.round(2), said, random.beta(5, 2)))
    for _ in range(random.integers(60, 160)):
        x, y = random.uniform(0, 700, 2)
        side = 2 ** random.uniform(2, 7)
        found.append((x, y, x + side, y + side * 1.2, random.integers(3), random.beta(0.5, 6)))
    return [(*row[:5], max(0.01, round(float(row[5]), 5))) for row in found]


def test_every_measure_agrees(scorer, scored, tmp_path):
    random = np.random.default_rng(5)
    truth = json.loads(TRUTH.read_text(encoding="utf-8"))
    pictures, lines = [], []
    for item in truth:
        boxes = np.array(item["boxes"], float).reshape(-1, 6)
        found = imagined_detections(boxes, random)
        pictures.append(scored(boxes, found, item["slice"], shown_from=0.5, name=item["image"]))
        records = [
            {"box": [float(v) for v in row[:4]], "label": LABELS[int(row[4])], "confidence": row[5]}
            for row in found
        ]
        lines.append(json.dumps({"source": item["image"], "detections": records}))
    file = tmp_path / "detections.jsonl"
    file.write_text("\n".join(lines), encoding="utf-8")

    by_slice, missing = scorer.load(TRUTH, file)
    assert missing == 0
    data = [pair for pairs in by_slice.values() for pair in pairs]
    theirs, shown, faint = scorer.report(data), scorer.at_threshold(data, 0.5), scorer.at_threshold(data, 0.1)
    # The scorer reads by slice, so pictures, and with them equal confidences, come in its order.
    ours = measure([picture for name in by_slice for picture in pictures if picture.source == name])
    numbers = ours.to_dict()
    assert 0.3 < theirs["mAP50"] < 0.95, "detections that are all right or all wrong would show nothing"

    same = pytest.approx
    assert numbers["mAP50"] == same(theirs["mAP50"], abs=1e-3)
    assert numbers["AP50"]["with_mask"] == same(theirs["AP50_with"], abs=1e-3)
    assert numbers["AP50"]["without_mask"] == same(theirs["AP50_without"], abs=1e-3)
    assert numbers["mAP50_95"] == same(theirs["mAP50_95"], abs=1e-3)
    assert numbers["AP50_3class"] == same(theirs["AP50_3class"], abs=1e-3)
    assert numbers["face_AP50"] == same(theirs["face_AP50"], abs=1e-3)
    for name, width in {"8-16": "8-16px", "16-32": "16-32px", "32-64": "32-64px", "64+": "64-px"}.items():
        ours_of_width = numbers["face_AP50_by_width_px"][name]
        assert ours_of_width["AP50"] == same(theirs[f"face_AP50_{width}"], abs=1e-3)
        assert ours_of_width["faces"] == theirs[f"n_{name.split('-')[0].rstrip('+')}"]
    at_default = numbers["at_default"]
    for name in ("recall", "precision", "class_accuracy", "balanced_accuracy", "ece"):
        assert at_default[name] == same(shown[name], abs=1e-3), name
    assert at_default["class_accuracy_3"] == same(shown["accuracy_3class"], abs=1e-3)
    assert np.abs(np.array(at_default["confusion"]) - shown["confusion"]).sum() <= 2
    assert numbers["calibration"]["ece"] == same(faint["ece"], abs=1e-3)
