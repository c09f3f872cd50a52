from __future__ import annotations

import copy
from dataclasses import replace

import pytest

pytest.importorskip("torch", reason="the extra 'train' is not installed")

import torch

from crowdmask.errors import ModelError
from crowdmask.models.plan import STOCK, Plan
from crowdmask.models.registry import build
from crowdmask.training.checkpoint import load_model
from crowdmask.training.prune import narrowed, taught_first_layers
from crowdmask.training.recipe import Recipe
from crowdmask.training.start import shipped_weights, starting_model

WIDE = Plan(hidden=(8, 24, *(36,) * 15), neck=24)
SMALL = replace(WIDE, hidden=(6, 18, *(24,) * 15), sizes=(*WIDE.sizes[:2], (112, 180, 300, 480)))


def pictures(count: int = 2) -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    coarse = torch.rand(count, 2, 3, 12, 12, generator=generator) * 255
    return [torch.nn.functional.interpolate(each, size=96, mode="bilinear").round() for each in coarse]


@pytest.fixture(scope="module")
def wide():
    torch.manual_seed(0)
    return build("crowd", WIDE).eval()


def test_a_narrowed_network_comes_closer_than_one_whose_channels_are_merely_cut(wide):
    small = narrowed(wide, SMALL, pictures()).eval()
    assert small.plan == SMALL
    torch.manual_seed(1)
    cut = build("crowd", SMALL).eval()
    with torch.no_grad():
        given = [model.maps(pictures()[0])[1][0] for model in (wide, small, cut)]
    assert (given[1] - given[0]).square().mean() < 0.5 * (given[2] - given[0]).square().mean()


def test_leaving_out_nothing_changes_nothing(wide):
    same = narrowed(wide, WIDE, pictures()).eval()
    with torch.no_grad():
        before, after = (model(pictures()[0]).logits for model in (wide, same))
    assert torch.allclose(before, after, atol=0.02)


def test_further_boxes_alone_leave_the_rest_as_it_is(tmp_path):
    sizes = (*STOCK.sizes[:2], (112, 180, 300, 480))
    plan = {"sizes": [list(level) for level in sizes]}
    model = starting_model(Recipe(name="near", start="shipped", steps=0, plan=plan), tmp_path)
    whole = load_model("crowd", shipped_weights("crowd")).state_dict()
    own = model.state_dict()
    assert model.plan == replace(STOCK, sizes=sizes)
    for name, value in whole.items():
        kept = own[name][: len(value)] if value.ndim else own[name]
        assert torch.equal(kept, value), name
    grown = {name for name, value in whole.items() if own[name].shape != value.shape}
    assert grown == {f"{part}.2.{kind}" for part in ("judge", "locate") for kind in ("weight", "bias")}


def test_channels_that_do_nothing_go_first(wide):
    idle = copy.deepcopy(wide)
    with torch.no_grad():
        for block in idle.features[2:]:
            block.conv[-2].weight[:, ::3] = 0
    plan = replace(WIDE, hidden=(8, 16, *(24,) * 15))
    small = narrowed(idle, plan, pictures()).eval()
    with torch.no_grad():
        before, after = (model.backbone(model.normalise(pictures()[0]))[0] for model in (idle, small))
    assert torch.allclose(before, after, atol=1e-2)


def test_further_default_boxes_begin_like_the_largest(wide):
    small = narrowed(wide, SMALL, pictures())
    assert torch.equal(small.judge[2].weight[12:16], wide.judge[2].weight[8:12])
    assert torch.equal(small.locate[2].weight[:12], wide.locate[2].weight)


@pytest.mark.parametrize(
    "plan",
    [
        replace(WIDE, hidden=(9, *WIDE.hidden[1:])),
        replace(WIDE, neck=16),
        replace(WIDE, sizes=((8, 13, 21), (32, 50, 76), (112, 180))),
    ],
)
def test_a_plan_that_is_not_narrower_is_refused(wide, plan):
    with pytest.raises(ModelError, match="plan"):
        narrowed(wide, plan, pictures())


def test_first_layers_learn_from_the_whole_ones(wide):
    teacher, small = copy.deepcopy(wide), narrowed(wide, SMALL, pictures())
    with torch.no_grad():
        for network in (teacher, small):
            # What a block gives has the scale of trained ones.
            network.features[3].conv[-1].weight.mul_(100)
            network.features[3].conv[-1].bias.mul_(100)
        small.features[3].conv[-2].weight.add_(torch.randn_like(small.features[3].conv[-2].weight) * 0.1)
    losses = taught_first_layers(small, teacher, 4, pictures(1) * 30, rate=5e-3, steps=30)
    assert len(losses) == 30
    assert losses[-1] < 0.7 * losses[0]


def test_a_recipe_narrows_its_start(samples, recipe, tmp_path):
    plan = {"hidden": [24, *STOCK.hidden[1:]]}
    given: Recipe = recipe(start="shipped", plan=plan, frozen_layers=3, first_steps=1)
    if load_model("crowd", shipped_weights("crowd")).plan != STOCK:
        pytest.skip("the shipped weights are narrow already")
    model = starting_model(given, tmp_path, samples)
    assert model.plan == Plan.from_dict(plan)
    assert model.features[0][0].weight.shape[0] == 24
    with pytest.raises(ModelError, match="photos"):
        starting_model(given, tmp_path)
