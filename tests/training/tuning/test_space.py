from __future__ import annotations

import optuna
import pytest
import yaml

pytest.importorskip("torch", reason="the extra 'train' is not installed")

from crowdmask.errors import DataError
from crowdmask.training.recipe import load_recipe
from crowdmask.training.tuning.space import changed, load_space, value_of

FLOAT = {"type": "float", "low": 0.0005, "high": 0.004, "log": True}
SPACE = {
    "learning_rate": FLOAT,
    "frozen_layers": {"type": "int", "low": 0, "high": 8, "step": 4},
    "views.use": {"type": "float", "low": 0.2, "high": 0.8},
    "views.face_px": {"type": "choice", "choices": [[8, 220], [8, 330]]},
    "views.use_scale.1": {"type": "float", "low": 1.1, "high": 1.6},
    "sampling.sources.street": {"type": "float", "low": 0.1, "high": 3},
    "augmentation.blur": {"type": "choice", "choices": [0.0, 0.1, 0.3]},
    "precision": {"type": "choice", "choices": ["float32", "bfloat16"]},
    "frozen_norms": {"type": "choice", "choices": [True, False]},
}


@pytest.fixture
def base(recipe):
    return recipe(sampling={"sources": {"street": 1.0}}, frozen_layers=4)


def load(tmp_path, recipe, content, objective="mAP50"):
    path = tmp_path / "space.yaml"
    path.write_text(content if isinstance(content, str) else yaml.safe_dump(content))
    return load_space(path, recipe, objective)


def test_what_a_study_chooses_is_in_the_recipe(tmp_path, base):
    space = load(tmp_path, base, SPACE)
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    seen = set()
    for _ in range(20):
        trial = study.ask()
        values = space.suggest(trial)
        new = changed(base, values)
        study.tell(trial, 0.0)
        assert 0.0005 <= new.learning_rate <= 0.004
        assert new.frozen_layers in (0, 4, 8)
        assert new.views.face_px in ((8, 220), (8, 330))
        assert new.views.use_scale == (0.7, values["views.use_scale.1"])
        assert new.sampling.sources == {"street": values["sampling.sources.street"]}
        assert new.augmentation.flip == base.augmentation.flip
        assert (new.name, new.steps, new.seed) == (base.name, base.steps, base.seed)
        seen.add((new.views.face_px, new.precision, new.frozen_norms))
    assert len(seen) == 8
    assert changed(base, {}) == base


def test_the_recipes_own_setting_is_one_of_the_space(tmp_path, base):
    space = load(tmp_path, base, SPACE)
    own = space.own(base)
    assert own["learning_rate"] == 0.002
    assert own["views.face_px"] == "[8, 220]"
    study = optuna.create_study()
    study.enqueue_trial(own)
    assert changed(base, space.suggest(study.ask())) == base


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"learning_rte": FLOAT}, r"learning_rte: the recipe has no such key; there is: name, model"),
        ({"views.uses": FLOAT}, r"views\.uses: the recipe has no such key; there is: use, face"),
        ({"views.use.more": FLOAT}, r"views\.use\.more: the recipe has no such key"),
        ({"views.face_px.2": FLOAT}, r"views\.face_px\.2: the recipe has no such key"),
        ({"sampling.sources.wider": FLOAT}, r"sampling\.sources\.wider: .*give that source a weight"),
        ({"learning_rate": {**FLOAT, "hgh": 1}}, r"learning_rate\.float\.hgh: there is no such key"),
        ({"learning_rate": {**FLOAT, "type": "real"}}, r"learning_rate: .*'real'"),
        (
            {"learning_rate": {"type": "float", "low": 1, "high": 1}},
            r"learning_rate.*low must lie below high",
        ),
        ({"learning_rate": {**FLOAT, "low": 0}}, r"learning_rate.*above 0 with log"),
        ({"frozen_layers": {"type": "int", "low": 1, "high": 9, "log": True, "step": 2}}, "takes no step"),
        ({"precision": {"type": "choice", "choices": ["auto"]}}, r"precision\.choice\.choices: "),
        (
            {"precision": {"type": "choice", "choices": ["float32", "float16"]}},
            r"precision: .*'float16' .*at an end",
        ),
        (
            {"augmentation.blur": {"type": "float", "low": 0, "high": 1.2}},
            r"augmentation\.blur: .*1\.2 .*at an end",
        ),
        (
            {"learning_rate": {"type": "float", "low": 0.01, "high": 0.1}},
            r"own value 0\.002, the first trial, lies",
        ),
        (
            {"frozen_layers": {"type": "int", "low": 1, "high": 9, "step": 2}},
            r"own value 4, the first trial, lies",
        ),
        ({"steps": {"type": "int", "low": 2, "high": 9}}, "steps cannot be tuned: trials of other lengths"),
        ({"scores.val": FLOAT}, r"scores\.val cannot be tuned"),
        ({"learning_rate": 0.1}, r"learning_rate: "),
        ({}, "holds no keys"),
        ("a: [", "is not YAML"),
    ],
)
def test_what_does_not_fit_is_named_in_one_line(tmp_path, base, content, message):
    with pytest.raises(DataError, match=message) as raised:
        load(tmp_path, base, content)
    assert "\n" not in str(raised.value)
    assert "space.yaml" in str(raised.value)


@pytest.mark.parametrize("key", ["crop_px", "batch_size", "sampling.incorrect_label_weight", "seed"])
def test_what_changes_the_val_loss_is_not_tuned_by_it(tmp_path, base, key):
    own = value_of(base, key)
    kind = "int" if isinstance(own, int) else "float"
    content = {key: {"type": kind, "low": own, "high": own + 32}}
    assert load(tmp_path, base, content).root
    with pytest.raises(DataError, match="changes the val loss itself"):
        load(tmp_path, base, content, "loss")


def test_the_space_that_ships_fits_its_recipe(project_root):
    recipe = load_recipe(project_root / "recipes" / "tune-base.yaml")
    space = load_space(project_root / "recipes" / "tune-space.yaml", recipe, "mAP50")
    assert len(space.root) >= 5
