from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

import crowdmask
from crowdmask.cli.lines import one_line
from crowdmask.cli.main import COMMANDS, app


def run(*arguments: str):
    return CliRunner().invoke(app, list(arguments))


def test_version() -> None:
    done = run("--version")
    assert (done.exit_code, done.stdout) == (0, f"crowdmask {crowdmask.__version__}\n")


def test_help_names_every_command() -> None:
    done = run("--help")
    assert done.exit_code == 0
    for name in COMMANDS:
        assert name in done.stdout


@pytest.mark.parametrize("name", COMMANDS)
def test_each_command_has_help(name: str) -> None:
    done = run(name, "--help")
    assert done.exit_code == 0, done.output
    assert "Usage: " in done.stdout


@pytest.mark.parametrize("arguments", [["paint"], ["--what"], ["detect", "--what", "a.jpg"]])
def test_wrong_usage_ends_with_2(arguments: list[str]) -> None:
    assert run(*arguments).exit_code == 2


def test_list_of_models() -> None:
    done = run("model", "--list")
    assert done.exit_code == 0
    assert done.stdout.startswith("crowd ")


def test_card_of_a_model(colour_model: Path, tmp_path: Path) -> None:
    model = tmp_path / "mine.onnx"
    model.write_bytes(colour_model.read_bytes())
    assert "there is no card next to" in run("model", str(model)).stdout
    model.with_suffix(".md").write_text("# Mine\n\nTrained on [colours].\n", encoding="utf-8")
    done = run("model", str(model))
    assert done.exit_code == 0
    assert "colours" in done.stdout.splitlines()[0]
    assert "# Mine\n\nTrained on [colours].\n" in done.stdout


def test_a_model_that_is_not_there() -> None:
    done = run("model", "nothing")
    assert done.exit_code == 1
    assert done.stderr.startswith("error: nothing: no such model")
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    ("text", "expected"),
    [("é 人.jpg", "é 人.jpg"), ("a\nb\r\x1b[31m", "a\\nb\\r\\x1b[31m"), ("bytes-\udcff", "bytes-\\udcff")],
)
def test_names_are_shown_on_one_line(text: str, expected: str) -> None:
    assert one_line(text) == expected
