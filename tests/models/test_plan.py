from __future__ import annotations

import json

import pytest

pytest.importorskip("torch", reason="the extra 'train' is not installed")

import torch

from crowdmask.default_boxes import default_boxes
from crowdmask.errors import ModelError
from crowdmask.models.crowd import Crowd
from crowdmask.models.plan import STOCK, Plan
from crowdmask.models.registry import build
from crowdmask.training.checkpoint import load_model, save_weights
from crowdmask.training.start import shipped_weights

NARROW = Plan.from_dict(
    {"hidden": [8, 24, *[32] * 15], "neck": 32, "sizes": [[8, 13], [32, 50], [112, 300, 480]]}
)


def test_a_plan_is_read_as_it_was_written_and_what_is_left_out_is_the_stock_networks():
    assert Plan.from_dict(json.loads(json.dumps(NARROW.to_dict()))) == NARROW
    assert Plan.from_dict({}) == STOCK


@pytest.mark.parametrize(
    "value",
    [
        {"hidden": [8] * 16},
        {"hidden": [0] * 17},
        {"hidden": "wide"},
        {"neck": 0},
        {"neck": None},
        {"sizes": [[8], [32]]},
        {"sizes": [[8], [32], []]},
        {"sizes": [[8], [32], [-1]]},
    ],
)
def test_what_is_no_plan_is_refused(value):
    with pytest.raises(ModelError, match="plan"):
        Plan.from_dict(value)


@pytest.mark.parametrize("plan", [STOCK, NARROW])
def test_a_network_of_any_plan_answers_for_each_of_its_default_boxes(plan):
    model = build("crowd", plan).eval()
    with torch.no_grad():
        raw = model(torch.zeros(1, 3, 64, 96))
    assert raw.deltas.shape == (1, len(default_boxes(model.grid, 96, 64)), 4)
    assert [len(level) for level in model.grid.shapes] == [len(level) for level in plan.sizes]


def test_weights_say_how_wide_they_are(tmp_path):
    model = build("crowd", NARROW).eval()
    path = tmp_path / "narrow.safetensors"
    save_weights(model, path, {"name": "narrow"})
    loaded = load_model("crowd", path).eval()
    assert isinstance(loaded, Crowd)
    assert loaded.plan == NARROW
    picture = torch.randint(0, 256, (1, 3, 64, 64), dtype=torch.uint8)
    with torch.no_grad():
        assert torch.allclose(loaded(picture).logits, model(picture).logits, atol=0.05)


def test_weights_from_before_there_were_plans_are_stock():
    loaded = load_model("crowd", shipped_weights("ssdlite").with_name("crowd.safetensors"))
    assert loaded.plan is not None
    assert sum(len(level) for level in loaded.plan.sizes) >= 9


def test_weights_of_other_widths_than_their_file_says_are_refused(tmp_path):
    model = build("crowd", NARROW)
    with pytest.raises(ModelError, match="filters"):
        Plan.of_weights(model.state_dict(), None)


def test_an_architecture_of_one_width_takes_no_plan():
    with pytest.raises(ModelError, match="one width"):
        build("ssdlite", NARROW)
