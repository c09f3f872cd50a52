from __future__ import annotations

import pytest

pytest.importorskip("torch", reason="the extra 'train' is not installed")

import torch

from crowdmask.errors import ModelError
from crowdmask.models.plan import Plan
from crowdmask.models.registry import build
from crowdmask.training.recipe import Recipe
from crowdmask.training.teacher import Learner, Teacher
from crowdmask.training.trainer import Trainer

PLAN = Plan(hidden=(8, *(16,) * 16), neck=24)
LARGER = Plan(hidden=(8, *(12,) * 16), neck=24, sizes=(*PLAN.sizes[:2], (112, 180, 300, 480)))
PICTURES = (torch.rand(2, 3, 64, 96, generator=torch.Generator().manual_seed(0)) * 255).round()


def model(plan: Plan, seed: int):
    torch.manual_seed(seed)
    return build("crowd", plan).eval()


def test_who_answers_like_the_teacher_has_nothing_to_learn():
    teacher, student = Teacher(model(PLAN, 0), model(PLAN, 0)), Learner(model(PLAN, 0)).eval()
    with torch.no_grad():
        loss = teacher.loss(teacher.show(PICTURES), student(PICTURES), (96, 64))
    assert float(loss) == pytest.approx(0, abs=1e-4)


def test_default_boxes_that_the_teacher_lacks_are_passed_over():
    student = model(LARGER, 1)
    teacher = Teacher(model(PLAN, 0), student)
    shown, mine = teacher.show(PICTURES), Learner(student)(PICTURES)
    with torch.no_grad():
        before = float(teacher.loss(shown, mine, (96, 64)))
        mine.raw.logits[:, -4 * 6 :].view(2, 6, 4, 4)[:, :, 3] += 100
        assert mine.raw.logits.shape[1] == shown.raw.logits.shape[1] + 6
        assert float(teacher.loss(shown, mine, (96, 64))) == pytest.approx(before, rel=1e-5)
        mine.raw.logits[:, 0] += 100
        assert float(teacher.loss(shown, mine, (96, 64))) > before + 1


@pytest.mark.parametrize("other", ["ssdlite", "neck"])
def test_who_has_other_maps_cannot_teach(other):
    given = build("ssdlite") if other == "ssdlite" else model(Plan(hidden=PLAN.hidden, neck=16), 0)
    with pytest.raises(ModelError):
        Teacher(given, model(PLAN, 0))


def test_a_run_learns_from_its_teacher_but_not_on_larger_crops(samples, recipe, tmp_path):
    close = {"every": 2, "crop_px": 96, "batch_size": 2}
    given: Recipe = recipe(steps=4, close=close, crop_px=64, validate_every=4, checkpoint_every=4)
    trainer = Trainer(given, model(LARGER, 1), samples[:-1], samples[-1:], tmp_path, model(PLAN, 0))
    seen = [progress.losses for progress in trainer.run()]
    assert ["teacher" in losses for losses in seen] == [True, False, True, False]
    assert all(losses["total"] > 0 for losses in seen)
