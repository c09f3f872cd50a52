from __future__ import annotations

import os
import re
import subprocess
import sys
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


@pytest.mark.parametrize(
    ("words", "exit_code", "suggestion"),
    [
        (["detct", "a.jpg"], 2, "no such command: 'detct': did you mean detect?"),
        (["data", "lable"], 2, "no such command: 'lable': did you mean label?"),
        (["data", "xyz"], 2, "no such command: 'xyz': crowdmask data -h lists them"),
        (["xyz"], 2, "no such command: 'xyz': crowdmask -h lists them"),
        (["photo.jpg"], 2, "did you mean crowdmask detect photo.jpg?"),
        (["detect", "photo.jpg", "--jsn", "a"], 2, "--json"),
        (["detect", "photo.jpg", "--no-pictures", "--model", "crowd-fsat"], 1, "did you mean crowd-fast?"),
    ],
)
def test_the_nearest_name_is_suggested(
    words: list[str], exit_code: int, suggestion: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")
    (tmp_path / "photo.jpg").write_bytes(b"x")
    done = CliRunner().invoke(app, words, prog_name="crowdmask")
    assert done.exit_code == exit_code
    assert suggestion in done.stderr


def test_a_missing_source_is_noticed_before_anything_loads(tmp_path: Path) -> None:
    calls = [
        "track gone.mp4 gone.mov", "survey gone", "bench gone.jpg", "train gone.yaml", "evaluate gone.yaml",
        "tune gone.yaml --space gone2.yaml", "export gone.safetensors --data gone.yaml --to a.onnx",
        "data import gone.zip --format voc --to d",
    ]  # fmt: skip
    code = (
        "import sys; from crowdmask.cli.main import app\n"
        "for call in sys.argv[1:]:\n"
        "    try: app(call.split())\n"
        "    except SystemExit as end: print(end.code)\n"
        "print(sorted({'numpy', 'PIL', 'av', 'torch'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *calls],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2] / "src")},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split("\n") == ["1"] * len(calls) + ["[]", ""]
    lines = done.stderr.splitlines()
    assert len(lines) == len(calls)
    for line in lines:
        assert re.fullmatch(r"error: gone\S*(, gone\S+)*: no such file or folder", line)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("typed", "completed"),
    [
        ("crowdmask det", ["detect"]),
        ("crowdmask data la", ["label"]),
        ("crowdmask detect --format c", ["coco", "cvat"]),
        ("crowdmask detect a.jpg --no-pic", ["--no-pictures"]),
        ("crowdmask xyz --a", []),
    ],
)
def test_the_shell_completes(typed: str, completed: list[str]) -> None:
    about = {
        "_CROWDMASK_COMPLETE": "complete_bash",
        "COMP_WORDS": typed,
        "COMP_CWORD": str(typed.count(" ")),
    }
    done = CliRunner().invoke(app, [], env=about, prog_name="crowdmask")
    assert done.stdout.split() == completed
