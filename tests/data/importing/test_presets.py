from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from crowdmask.data.formats.table import names
from crowdmask.data.importing.presets import conventions, find_preset, parse_convention, presets
from crowdmask.data.user_photos import guess_label
from crowdmask.errors import UsageError
from crowdmask.labels import LABELS

KAGGLE = [
    "ahmetfurkandemr/mask-datasets-v1",
    "vtech6/medical-masks-dataset",
    "gooogr/yolo-medical-mask-dataset",
    "abuanas/masked-face-detection-wider-dataset",
    "andrewmvd/face-mask-detection",
]


@pytest.mark.parametrize("name", KAGGLE)
def test_presets_of_kaggle_are_found_by_both_names(name: str) -> None:
    short, preset = find_preset(name)
    assert preset.kaggle == name
    assert preset.origin == f"https://www.kaggle.com/datasets/{name}"
    assert find_preset(short) == (short, preset)


@pytest.mark.parametrize("name", presets())
def test_every_preset_is_sound(name: str) -> None:
    preset = presets()[name]
    assert preset.format in names()
    assert preset.convention in conventions()
    assert set(preset.classes.values()) <= {*LABELS, "ignore", "skip"}
    assert preset.origin.startswith("http")
    assert preset.licence
    assert preset.note


def test_sources_of_the_shipped_model_are_as_in_its_recipe(project_root: Path) -> None:
    recipe = yaml.safe_load((project_root / "recipes/data/crowdmask.yaml").read_text())
    for name, source in recipe["sources"].items():
        preset = presets()[name]
        assert preset.format == source["format"]
        assert conventions()[preset.convention] == tuple(source["convention"])
        assert preset.first_pixel == source.get("first_pixel", 0)
        for published, label in source["classes"].items():
            assert preset.classes.get(published, guess_label(published)) == label


def test_the_documentation_lists_every_preset_and_whether_it_was_tested(project_root: Path) -> None:
    text = (project_root / "docs/data-sets.md").read_text(encoding="utf-8")
    rows = {line.split("|")[1].strip(" `"): line for line in text.splitlines() if line.startswith("| `")}
    for name, preset in presets().items():
        assert preset.origin in rows[name], name
        assert ("| yes" in rows[name]) == preset.tested, name


def test_an_unknown_preset() -> None:
    with pytest.raises(UsageError, match="there is no such preset; `list_presets` shows them"):
        find_preset("faces")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("none", (0, 0, 0, 0)),
        ("andrewmvd", (0, -0.12, 0, 0.08)),
        ("0.1,-0.2,0,.3", (0.1, -0.2, 0, 0.3)),
        ("-0.1, 0, 0, 0", (-0.1, 0, 0, 0)),
    ],
)
def test_conventions(text: str, expected: tuple[float, ...]) -> None:
    assert parse_convention(text) == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("dlib", "left,top,right,bottom"),
        ("1,2,3", "left,top,right,bottom"),
        ("0,0,0,x", "left,top,right,bottom"),
        ("2,0,0,0", "-1 to 1"),
        ("nan,0,0,0", "-1 to 1"),
        ("0.5,0,0.5,0", "nothing of a box would be left"),
    ],
)
def test_conventions_that_make_no_sense(text: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        parse_convention(text)
