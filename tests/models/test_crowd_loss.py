from __future__ import annotations

from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch", reason="the extra 'train' is not installed")

import torch
from torch import Tensor

from crowdmask.boxes import iou
from crowdmask.default_boxes import default_boxes
from crowdmask.models.box_coding import encode, to_xyxy
from crowdmask.models.crowd import Crowd
from crowdmask.models.crowd_loss import CrowdLoss, assign
from crowdmask.models.detector import Raw

SIZE = (128, 96)
BOXES = torch.tensor(default_boxes(Crowd.grid, *SIZE))
LEVELS = [3 * (SIZE[0] // s) * (SIZE[1] // s) for s in (8, 16, 32)]
FACE_LOGIT_OF_NOTHING = -12.0


def target(boxes: list[list[float]], labels: list[int], ignore: Any = ()) -> dict[str, Tensor]:
    return {
        "boxes": torch.tensor(boxes, dtype=torch.float32).reshape(-1, 4),
        "labels": torch.tensor(labels, dtype=torch.long),
        "label_weight": torch.ones(len(labels)),
        "ignore": torch.tensor(ignore, dtype=torch.float32).reshape(-1, 4),
    }


def blank(pictures: int = 1) -> Raw:
    """An answer that finds no face anywhere."""
    logits = torch.zeros(pictures, len(BOXES), 4)
    logits[..., 0] = FACE_LOGIT_OF_NOTHING
    return Raw(logits, torch.zeros(pictures, len(BOXES), 4))


def perfect(faces: dict[str, Tensor]) -> Raw:
    """An answer that is right in all, labels very surely."""
    raw = blank()
    index, face = assign(to_xyxy(BOXES), LEVELS, [3, 3, 3], faces["boxes"])
    raw.logits[0, index, 0] = 12
    raw.logits[0, index, 1 + faces["labels"][face]] = 12
    raw.deltas[0, index] = encode(faces["boxes"][face], BOXES[index])
    return raw


def costs(raw: Raw, *targets: dict[str, Tensor]) -> dict[str, float]:
    return {name: float(value) for name, value in CrowdLoss(Crowd.grid)(raw, list(targets), SIZE).items()}


def assigned(*faces: list[float]) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    index, face = assign(to_xyxy(BOXES), LEVELS, [3, 3, 3], torch.tensor(faces, dtype=torch.float32))
    return index.numpy(), face.numpy()


@pytest.mark.parametrize("side", [4, 8, 12, 20, 35, 60, 90])
def test_a_face_is_answered_for_by_boxes_of_its_size_around_it(side):
    index, face = assigned([50.3 - side / 2, 44.1 - side / 2, 50.3 + side / 2, 44.1 + side / 2])
    assert (face == 0).all()
    corner = np.array([50.3, 44.1]) - side / 2
    overlap = iou(to_xyxy(BOXES).numpy(), np.array([[*corner, *(corner + side)]], np.float32))[:, 0]
    assert overlap.argmax() in index
    assert overlap[index].min() > overlap.mean()
    boxes = BOXES[index].numpy()
    assert np.abs(boxes[:, :2] - [50.3, 44.1]).max() <= max(side / 2, 8)


def test_every_face_of_a_crowd_gets_a_box_and_no_box_two_faces():
    faces = [[x, y, x + 7.0, y + 9.0] for x in np.arange(2, 118, 10.0) for y in np.arange(2, 84, 12.0)]
    index, face = assigned(*faces)
    assert len(np.unique(index)) == len(index)
    assert set(face) == set(range(len(faces)))


def test_a_box_that_two_faces_want_goes_to_the_one_it_fits_best():
    small, large = [44.0, 44.0, 52.0, 53.0], [36.0, 35.0, 60.0, 62.0]
    index, face = assigned(large, small)
    sizes = (BOXES[index, 2] * BOXES[index, 3]).sqrt().numpy()
    assert set(face) == {0, 1}
    assert sizes[face == 1].max() < sizes[face == 0].min()


def test_what_is_right_costs_next_to_nothing():
    faces = target([[10, 12, 26, 32], [60, 20, 110, 80]], [0, 2])
    losses = costs(perfect(faces), faces)
    assert losses["face"] < 1e-3
    assert losses["box"] < 1e-3
    # Smoothing leaves a little.
    assert losses["label"] < 0.3


@pytest.mark.parametrize("part", ["face", "box", "label"])
def test_what_is_wrong_costs_in_its_own_part(part):
    faces = target([[10, 12, 26, 32], [60, 20, 110, 80]], [0, 2])
    before = costs(perfect(faces), faces)
    raw = perfect(faces)
    index, _ = assign(to_xyxy(BOXES), LEVELS, [3, 3, 3], faces["boxes"])
    if part == "face":
        raw.logits[0, index, 0] = FACE_LOGIT_OF_NOTHING
    elif part == "box":
        raw.deltas[0, index, 0] += 5
    else:
        raw.logits[0, index, 1:] = raw.logits[0, index, 1:].roll(1, -1)
    after = costs(raw, faces)
    assert after[part] > before[part] + 0.2
    if part == "label":
        assert after["face"] == pytest.approx(before["face"])
        assert after["box"] == pytest.approx(before["box"])


def test_a_false_face_costs_but_not_in_an_ignored_region():
    raw = blank()
    inside = (BOXES[:, 0] > 80) & (BOXES[:, 2] < 40) & (BOXES[:, 0] < 110)
    raw.logits[0, inside, 0] = 4
    false = costs(raw, target([], []))["face"]
    excused = costs(raw, target([], [], [[60, 0, 128, 96]]))["face"]
    elsewhere = costs(raw, target([], [], [[0, 0, 60, 96]]))["face"]
    assert false > 100
    assert excused < 0.01
    assert elsewhere == pytest.approx(false)


def test_a_face_inside_an_ignored_region_is_still_learnt():
    face = [[20.0, 20.0, 40.0, 44.0]]
    plain, covered = target(face, [1]), target(face, [1], [[0, 0, 128, 96]])
    raw = blank()
    expected = costs(raw, plain)
    assert costs(raw, covered) == pytest.approx(expected, rel=1e-3)
    assert expected["face"] > 0.1


def test_the_label_of_a_face_counts_by_its_weight():
    faces = target([[10, 12, 26, 32]], [0])
    full = costs(blank(), faces)
    quarter = costs(blank(), {**faces, "label_weight": torch.tensor([0.25])})
    assert quarter["label"] == pytest.approx(full["label"] / 4)
    assert quarter["box"] == pytest.approx(full["box"])


@pytest.mark.parametrize("faces", [[], [[10.0, 12.0, 26.0, 32.0]]])
def test_every_output_has_a_gradient_also_without_faces(faces):
    """With several cards a parameter without a gradient would stop the run."""
    raw = Raw(*(part.requires_grad_() for part in blank(2)))
    given = target(faces, [1] * len(faces))
    total = sum(CrowdLoss(Crowd.grid)(raw, [given, target([], [])], SIZE).values())
    assert isinstance(total, Tensor)
    total.backward()
    for part in raw:
        assert part.grad is not None
        assert torch.isfinite(part.grad).all()
