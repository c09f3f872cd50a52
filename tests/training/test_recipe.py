from __future__ import annotations

import pytest
import yaml

pytest.importorskip("torch", reason="the extra 'train' is not installed")

from crowdmask.errors import DataError
from crowdmask.models.registry import ARCHITECTURES
from crowdmask.training.recipe import load_recipe

PLAIN = {"name": "mine", "steps": 10}


def write(folder, content):
    path = folder / "mine.yaml"
    path.write_text(content if isinstance(content, str) else yaml.safe_dump(content))
    return path


STARTS = {
    "fine-tune": "shipped",
    "tune-base": "shipped",
    "crowd-narrow": "shipped",
    "crowd-narrow-on": "~/.cache/crowdmask/runs/crowd-narrow/crowd-narrow.safetensors",
    "crowd-narrow-last": "~/.cache/crowdmask/runs/crowd-narrow-on/crowd-narrow-on.safetensors",
    "crowd-narrow-more": "~/.cache/crowdmask/runs/crowd-narrow-last/crowd-narrow-last.safetensors",
    "crowd-narrow-fifth": "~/.cache/crowdmask/runs/crowd-narrow-more/crowd-narrow-more.safetensors",
    "crowd-near": "~/.cache/crowdmask/runs/crowd-mean/crowd-mean.safetensors",
    # Where a plain `crowdmask train recipes/crowd-start.yaml` leaves its weights.
    "crowd": "~/.cache/crowdmask/runs/crowd-start/crowd-start.safetensors",
    "crowd-long": "~/.cache/crowdmask/runs/crowd/crowd.safetensors",
    "crowd-far": "~/.cache/crowdmask/runs/crowd-long/crowd-long.safetensors",
    "crowd-mean": (
        "~/.cache/crowdmask/runs/crowd-long/crowd-long.safetensors",
        "~/.cache/crowdmask/runs/crowd-far/crowd-far.safetensors",
    ),
}


def test_every_recipe_that_ships_can_be_read(project_root):
    # A space of a study is no recipe.
    paths = sorted(p for p in (project_root / "recipes").glob("*.yaml") if not p.stem.endswith("-space"))
    assert {path.stem for path in paths} >= {"crowd", "ssdlite", "fine-tune"}
    for path in paths:
        recipe = load_recipe(path)
        assert recipe.model in ARCHITECTURES
        assert recipe.data is None or (path.parent / recipe.data).is_file()
        assert recipe.start == STARTS.get(path.stem, "imagenet")
        assert recipe.steps == 0 or recipe.warmup_steps < recipe.steps


def test_what_is_left_out_has_a_default(tmp_path):
    recipe = load_recipe(write(tmp_path, PLAIN))
    assert (recipe.name, recipe.steps, recipe.model, recipe.start, recipe.data) == (
        "mine",
        10,
        "crowd",
        "imagenet",
        None,
    )
    assert recipe.views.face_px == (8, 220)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"learning_rte": 1}, r"mine\.yaml: learning_rte: there is no such key"),
        ({"views": {"uses": 1}}, r"mine\.yaml: views\.uses: there is no such key"),
        ({"steps": -1}, r"mine\.yaml: steps: must be 0 or more, not -1"),
        ({"steps": "many"}, r"mine\.yaml: steps: "),
        ({"name": "../elsewhere"}, r"mine\.yaml: name: "),
        ({"seed": -1}, r"mine\.yaml: seed: "),
        ({"batch_size": 1}, r"mine\.yaml: batch_size: "),
        ({"precision": "float16"}, r"mine\.yaml: precision: .*'bfloat16'"),
        ({"views": {"face_px": [220, 8]}}, r"views\.face_px: .*two numbers above 0, the smaller first"),
        ({"views": {"use_scale": [0, 1]}}, r"views\.use_scale: .*two numbers above 0"),
        ({"augmentation": {"flip": 1.5}}, r"augmentation\.flip: "),
        ({"sampling": {"sources": {"street": -1}}}, r"sampling\.sources\.street: "),
    ],
)
def test_what_does_not_fit_is_named_in_one_line(tmp_path, change, message):
    with pytest.raises(DataError, match=message) as raised:
        load_recipe(write(tmp_path, {**PLAIN, **change}))
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("content", ["a: [", "", "- a", "name: x"])
def test_what_is_no_recipe_is_one_line(tmp_path, content):
    with pytest.raises(DataError, match=r"mine\.yaml") as raised:
        load_recipe(write(tmp_path, content))
    assert "\n" not in str(raised.value)


def test_a_recipe_that_is_not_there_is_named(tmp_path):
    with pytest.raises(DataError, match=r"cannot read .*gone\.yaml: No such file"):
        load_recipe(tmp_path / "gone.yaml")


@pytest.mark.parametrize(
    ("change", "same"),
    [
        ({}, True),
        ({"scores": {"val mAP50": 0.7}}, True),
        ({"cache_gib": 1}, True),
        ({"checkpoint_every": 7}, True),
        ({"steps": 11}, False),
        ({"seed": 1}, False),
        ({"views": {"use": 0.1}}, False),
        ({"sampling": {"incorrect": 0.1}}, False),
        ({"augmentation": {"synthetic": 0.0}}, True),
        ({"augmentation": {"synthetic": 0.2}}, False),
        ({"augmentation": {"rotate": 0.0, "blocky": 0.0}}, True),
        ({"augmentation": {"rotate": 0.2}}, False),
        ({"views": {"texture": 0.0}}, True),
        ({"plan": None, "close": None, "teacher": None, "teacher_weight": 2, "first_steps": 0}, True),
        ({"teacher": "shipped"}, False),
        ({"plan": {"neck": 64}}, False),
    ],
)
def test_the_digest_tells_what_shapes_the_result(tmp_path, change, same):
    plain = load_recipe(write(tmp_path, PLAIN)).digest
    assert (load_recipe(write(tmp_path, {**PLAIN, **change})).digest == plain) is same
