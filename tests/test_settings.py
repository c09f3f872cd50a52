from __future__ import annotations

import re
from pathlib import Path
from typing import Literal

import pytest
from pydantic import Field, ValidationError

from crowdmask.errors import DataError, SourceError
from crowdmask.settings import StrictModel, describe_problems, read_yaml


class Views(StrictModel):
    use: float = Field(0.5, ge=0, lt=10)
    names: list[str] = Field([])


class Plan(StrictModel):
    name: str = Field(min_length=1)
    steps: int = 10
    flip: bool = False
    kind: Literal["a", "b"] = "a"
    views: Views = Views()
    parts: dict[str, Views] = Field({})
    crops: tuple[int, int] = (1, 2)


def read(tmp_path: Path, text: str) -> Plan:
    path = tmp_path / "plan.yaml"
    path.write_text(text, encoding="utf-8")
    return read_yaml(path, Plan)


def test_what_fits_is_read(tmp_path: Path) -> None:
    plan = read(tmp_path, "base: &b {use: 1}\n".replace("base", "views") + "name: x\nparts: {p: *b}\n")
    assert (plan.name, plan.views.use, plan.parts["p"].use) == ("x", 1.0, 1.0)
    with pytest.raises(ValidationError, match="frozen"):
        plan.name = "y"  # type: ignore[misc]


def test_a_merge_key_is_no_repetition(tmp_path: Path) -> None:
    text = "name: x\nviews: &v {use: 2, names: [b]}\nparts:\n  p:\n    <<: *v\n    names: [a]\n"
    assert read(tmp_path, text).parts["p"] == Views(use=2, names=["a"])


@pytest.mark.parametrize(
    ("text", "problems"),
    [
        pytest.param("steps: 1\n", ["name: is missing (line 1)"], id="missing"),
        pytest.param(
            "name: x\nstep: 1\n", ["step: there is no such key: did you mean steps? (line 2)"], id="misspelt"
        ),
        pytest.param("name: x\nzzz: 1\n", ["zzz: there is no such key (line 2)"], id="unknown"),
        pytest.param(
            "name: x\nviews:\n  usse: 1\n",
            ["views.usse: there is no such key: did you mean use? (line 3)"],
            id="misspelt below",
        ),
        pytest.param("name: ''\n", ["name: must not be empty (line 1)"], id="empty"),
        pytest.param("name: 3\n", ["name: must be text, not 3 (line 1)"], id="text"),
        pytest.param("name: x\n\nsteps: many\n", ["steps: must be a whole number, not 'many' (line 3)"]),
        pytest.param("name: x\nsteps: 1.5\n", ["steps: must be a whole number, not 1.5 (line 2)"]),
        pytest.param("name: x\nflip: maybe\n", ["flip: must be true or false, not 'maybe' (line 2)"]),
        pytest.param("name: x\nkind: c\n", ["kind: must be 'a' or 'b', not 'c' (line 2)"], id="choice"),
        pytest.param("name: x\nviews:\n  use: -1\n", ["views.use: must be 0 or more, not -1 (line 3)"]),
        pytest.param("name: x\nviews: {use: 10}\n", ["views.use: must be below 10, not 10 (line 2)"]),
        pytest.param(
            "name: x\nviews: {use: .nan}\n", ["views.use: must be a finite number, not nan (line 2)"]
        ),
        pytest.param(
            "name: x\nviews:\n", ["views: must be a section of keys with values, not nothing (line 2)"]
        ),
        pytest.param("name: x\nviews:\n  names: a\n", ["views.names: must be a list, not 'a' (line 3)"]),
        pytest.param(
            "name: x\nviews:\n  names:\n  - a\n  - 1\n", ["views.names.1: must be text, not 1 (line 5)"]
        ),
        pytest.param("name: x\nname: y\n", ["name: given twice (line 2)"], id="twice"),
        pytest.param("- a\n", ["it must hold keys with values"], id="a list"),
        pytest.param("", ["it must hold keys with values"], id="empty file"),
        pytest.param(
            "steps: x\nviews: {use: -1}\nparts: {p: {usse: 1}}\n",
            [
                "name: is missing (line 1)",
                "steps: must be a whole number, not 'x' (line 1)",
                "views.use: must be 0 or more, not -1 (line 2)",
                "parts.p.usse: there is no such key (line 3)",
            ],
            id="all at once",
        ),
    ],
)
def test_problems_are_named_with_key_and_line(tmp_path: Path, text: str, problems: list[str]) -> None:
    with pytest.raises(DataError, match=re.escape("; ".join(problems)) + "$") as raised:
        read(tmp_path, text)
    assert str(raised.value).startswith(f"{tmp_path / 'plan.yaml'}: ")
    assert "\n" not in str(raised.value)


def test_many_problems_are_cut_short(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"k7: there is no such key .*; and 3 more$"):
        read(tmp_path, "name: x\n" + "".join(f"k{i}: 1\n" for i in range(11)))


@pytest.mark.parametrize(
    "content", [b"a: [", b"\xff\xfe\x00", b"a: !!python/object:os.system {}", b"--- a\n--- b"]
)
def test_what_is_not_yaml_is_one_line(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "plan.yaml"
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"plan\.yaml is not YAML: ") as raised:
        read_yaml(path, Plan)
    assert "\n" not in str(raised.value)


def test_a_yaml_that_holds_itself_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"plan\.yaml"):
        read(tmp_path, "name: x\nviews: &v {use: 1, names: [*v]}\n")


def test_the_error_is_the_callers(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"^cannot read the plan \S+none\.yaml: No such file"):
        read_yaml(tmp_path / "none.yaml", Plan, error=SourceError, what="the plan")
    (tmp_path / "plan.yaml").write_text("a: 1")
    with pytest.raises(SourceError, match=r"name: is missing .*; see the docs$"):
        read_yaml(tmp_path / "plan.yaml", Plan, error=SourceError, hint="see the docs")


def test_without_a_file_no_line_is_named() -> None:
    with pytest.raises(ValidationError) as raised:
        Plan.model_validate({"steps": 1})
    assert describe_problems(raised.value) == ["name: is missing"]
