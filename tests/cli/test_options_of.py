from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from crowdmask.cli.main import COMMANDS, GROUPS, _single
from crowdmask.cli.options_of import as_options, option_names, running

PACKAGE = Path(__file__).parents[2] / "src" / "crowdmask"


@pytest.mark.parametrize(
    ("command", "text", "expected"),
    [
        ("detect", "`confidence` must be 0 to 1", "--confidence must be 0 to 1"),
        ("detect", "give `input_size` or `json`", "give --input-size or --json"),
        ("detect", "give `json_file`", "give --json"),
        ("detect", "`sources` holds nothing", "SOURCE holds nothing"),
        ("detect", "`strange` and `run_folder` stay", "`strange` and `run_folder` stay"),
        (
            "detect",
            "run `crowdmask data label`, the file a`out`b",
            "run `crowdmask data label`, the file a--outb",
        ),
        ("train", "give another `run_folder`, or delete it", "give another --run-folder, or delete it"),
        ("train", "map each with `map` 'hat=LABEL'", "map each with --map 'hat=LABEL'"),
    ],
)
def test_named_parameters_become_options(command: str, text: str, expected: str) -> None:
    with running(_single(command, f"crowdmask.cli.{command}", command).params):
        assert as_options(text) == expected
    assert as_options(text) == text


@pytest.mark.parametrize("name", [name for name in COMMANDS if name not in GROUPS])
def test_every_option_of_a_command_can_be_named(name: str) -> None:
    command = _single(name, f"crowdmask.cli.{name}", name)
    names = option_names(command.params)
    for parameter in command.params:
        shown = names[parameter.name]
        assert shown in (*parameter.opts, parameter.metavar)


@pytest.mark.parametrize("name", [name for name in COMMANDS if name not in GROUPS])
def test_the_list_says_what_the_command_says(name: str) -> None:
    assert _single(name, f"crowdmask.cli.{name}", name).help.splitlines()[0] == COMMANDS[name].summary


def strings(path: Path) -> Iterator[str]:
    """Yield the strings of a module's code, not its docstrings."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    said = {
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node not in said:
            yield node.value


def test_no_message_outside_of_the_command_line_names_an_option() -> None:
    # The options of pip, Ray and datumaro, the variables of a style sheet, and a page of the documentation.
    names = (
        "models/pretrained.py", "clusters.py", "data/formats/foreign.py", "drawing/page.py",
        "serve/reference.py",
    )  # fmt: skip
    foreign = {PACKAGE / name for name in names}
    rooms = [path for path in PACKAGE.rglob("*.py") if path.relative_to(PACKAGE).parts[0] != "cli"]
    found = [
        f"{path.relative_to(PACKAGE)}: {text}"
        for path in rooms
        if path not in foreign
        for text in strings(path)
        if re.search(r"(?<![\w-])--[a-z]", text)
    ]
    assert found == []
