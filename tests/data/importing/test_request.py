from __future__ import annotations

from pathlib import Path

import pytest

from crowdmask.data.importing.presets import find_preset, presets
from crowdmask.data.importing.request import Request, downloadable, make_plan, name_of
from crowdmask.errors import UsageError

SOURCE = Path("crowd.zip")


def test_a_preset_fills_what_is_left_out(tmp_path: Path) -> None:
    name, preset = find_preset("andrewmvd")
    plan = make_plan(Request(to=tmp_path, preset=name), SOURCE)
    assert (plan.name, plan.form, plan.licence) == (name, preset.format, preset.licence)
    assert plan.classes == preset.classes
    assert plan.must_occur == ()


def test_what_is_asked_for_goes_before_the_preset(tmp_path: Path) -> None:
    request = Request(
        to=tmp_path, preset="andrewmvd", name="mine", licence="CC0", class_map=["hat=skip"],
        convention="0,-0.1,0,0", events=["A, B", "C"],
    )  # fmt: skip
    plan = make_plan(request, SOURCE)
    assert (plan.name, plan.licence, plan.convention) == ("mine", "CC0", (0, -0.1, 0, 0))
    assert plan.classes["hat"] == "skip"
    assert plan.must_occur == ("hat",)
    assert plan.events == ("A", "B", "C")


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({}, "`format` NAME, or `preset` NAME"),
        ({"preset": "andrewmvd", "form": "yolo"}, "has the format voc: leave `format` out"),
        ({"preset": "nobody"}, "nobody"),
        ({"form": "voc", "class_map": ["a=hat"]}, "old=new"),
        ({"form": "voc", "split": "dev"}, "choose from train, val, test"),
    ],
)
def test_what_does_not_fit_is_told(tmp_path: Path, asked: dict[str, object], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        make_plan(Request(to=tmp_path, **asked), SOURCE)  # type: ignore[arg-type]


def test_only_presets_at_kaggle_can_be_downloaded() -> None:
    there = [name for name, preset in presets().items() if preset.kaggle is not None]
    elsewhere = [name for name, preset in presets().items() if preset.kaggle is None]
    assert there
    assert all(downloadable(name).kaggle for name in there)
    for name in (*elsewhere, None):
        with pytest.raises(UsageError, match="at Kaggle"):
            downloadable(name)


@pytest.mark.parametrize(
    ("source", "name"), [("a/Face Masks.tar.gz", "Face-Masks"), ("a/___.zip", "source"), ("a/b.c/", "b")]
)
def test_a_source_is_called_by_its_file(source: str, name: str) -> None:
    assert name_of(Path(source)) == name
