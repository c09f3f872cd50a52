from __future__ import annotations

import math

import numpy as np
import pytest

pytest.importorskip("torch", reason="the extra 'train' is not installed")

import torch
from torch import Tensor

from crowdmask.boxes import iou
from crowdmask.default_boxes import GridSpec, default_boxes
from crowdmask.models.box_coding import encode, to_xyxy
from crowdmask.models.detector import Raw
from crowdmask.models.multibox_loss import MultiBoxLoss, match

GRID = GridSpec((16, 32), (((16.0, 16.0), (24.0, 24.0)), ((40.0, 40.0),)))
SIZE = (96, 64)
BOXES = torch.tensor(default_boxes(GRID, *SIZE))
XYXY = to_xyxy(BOXES)


def target(boxes: list[list[float]], labels: list[int], ignore: object = ()) -> dict[str, Tensor]:
    return {
        "boxes": torch.tensor(boxes, dtype=torch.float32).reshape(-1, 4),
        "labels": torch.tensor(labels, dtype=torch.long),
        "label_weight": torch.ones(len(labels)),
        "ignore": torch.tensor(ignore, dtype=torch.float32).reshape(-1, 4),
    }


def blank() -> Raw:
    logits = torch.zeros(1, len(BOXES), 4)
    logits[..., 0] = 10
    return Raw(logits, torch.zeros(1, len(BOXES), 4))


def costs(raw: Raw, *targets: dict[str, Tensor]) -> dict[str, float]:
    return {name: float(value) for name, value in MultiBoxLoss(GRID)(raw, list(targets), SIZE).items()}


def test_faces_get_their_best_box_and_all_boxes_above_a_half():
    faces = [[20.0, 20.0, 41.0, 43.0], [60.0, 5.0, 63.0, 9.0]]
    owner = match(XYXY, torch.tensor(faces)).numpy()
    overlap = iou(XYXY.numpy(), np.array(faces, np.float32))
    assert overlap[:, 1].max() < 0.5
    expected = np.where(overlap[:, 0] >= 0.5, 0, -1)
    expected[overlap.argmax(0)] = [0, 1]
    assert owner.tolist() == expected.tolist()
    assert (owner == 0).sum() >= 1
    assert (owner == 1).sum() == 1


def test_what_is_right_costs_next_to_nothing():
    faces = target([[20, 20, 41, 43], [50, 10, 92, 50]], [0, 2])
    raw = blank()
    owner = match(XYXY, faces["boxes"])
    found = owner >= 0
    raw.logits[0, found] = 0
    raw.logits[0, found, 1 + faces["labels"][owner[found]]] = 20
    raw.deltas[0, found] = encode(faces["boxes"][owner[found]], BOXES[found])
    losses = costs(raw, faces)
    assert losses["box"] < 1e-6
    assert losses["label"] < 1e-3
    raw.deltas[0, found] += 2
    shifted = costs(raw, faces)
    # Smooth L1 of 2 is 1.5, for four values a box, per matched box.
    assert shifted["box"] == pytest.approx(6, rel=1e-3)
    assert shifted["label"] == pytest.approx(losses["label"])


def test_three_hard_negatives_a_positive_are_learnt_from():
    faces = target([[60, 5, 63, 9]], [1])
    number = int((match(XYXY, faces["boxes"]) >= 0).sum())
    assert number == 1
    raw = blank()
    raw.logits[0, :, 0] = 0
    # All uniform: each counted box costs log 4.
    assert costs(raw, faces)["label"] == pytest.approx((1 + 3) * math.log(4))


def test_without_faces_the_worst_mistakes_still_count():
    raw = blank()
    raw.logits[0, 5, 2] = 15
    losses = costs(raw, target([], []))
    assert losses["label"] == pytest.approx(5, abs=0.1)
    assert losses["box"] == 0


def test_a_mistake_in_an_ignored_region_costs_nothing():
    raw = blank()
    raw.logits[0, 5, 2] = 15
    region = XYXY[5].tolist()
    assert costs(raw, target([], [], [region]))["label"] < 0.01


def test_the_label_of_a_face_counts_by_its_weight():
    faces = target([[60, 5, 63, 9]], [1])
    raw = blank()
    full = costs(raw, faces)["label"]
    half = costs(raw, {**faces, "label_weight": torch.tensor([0.5])})["label"]
    assert half == pytest.approx(full / 2, rel=1e-2)


@pytest.mark.parametrize("faces", [[], [[20.0, 20.0, 41.0, 43.0]]])
def test_every_output_has_a_gradient_also_without_faces(faces):
    raw = Raw(*(part.requires_grad_() for part in blank()))
    total = sum(MultiBoxLoss(GRID)(raw, [target(faces, [0] * len(faces))], SIZE).values())
    assert isinstance(total, Tensor)
    total.backward()
    for part in raw:
        assert part.grad is not None
        assert torch.isfinite(part.grad).all()
