"""The group ``crowdmask data``: its help names all members and imports none of them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from crowdmask.cli.main import GROUPS, app

LIST = """
import sys
from typer.testing import CliRunner
from crowdmask.cli.main import app

done = CliRunner().invoke(app, sys.argv[1:])
sys.stdout.write(done.output)
members = [name for name in sys.modules if name.startswith("crowdmask.cli.data.")]
print("MEMBERS", members, "HEAVY", sorted({"torch", "PIL", "cv2", "scipy"} & set(sys.modules)))
sys.exit(done.exit_code)
"""


def run(*arguments: str):
    return CliRunner().invoke(app, list(arguments))


@pytest.mark.parametrize("arguments", [["data"], ["data", "--help"]])
def test_the_help_names_every_member_and_imports_none(project_root: Path, arguments: list[str]) -> None:
    done = subprocess.run(
        [sys.executable, "-c", LIST, *arguments],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(project_root / "src"), "COLUMNS": "200"},
        check=False,
    )
    assert done.returncode in (0, 2), done.stderr
    for name, summary in GROUPS["data"].items():
        assert name in done.stdout
        assert summary in done.stdout
    assert "MEMBERS [] HEAVY []" in done.stdout


@pytest.mark.parametrize("name", ["import", "export"])
def test_a_member_has_its_own_help(name: str) -> None:
    done = run("data", name, "--help")
    assert done.exit_code == 0
    assert "Example: " in done.stdout
    assert "--to" in done.stdout


@pytest.mark.parametrize("arguments", [["data", "paint"], ["data", "import", "--what"], ["data", "--what"]])
def test_wrong_usage_ends_with_2(arguments: list[str]) -> None:
    assert run(*arguments).exit_code == 2


def test_an_error_of_a_member_is_one_line_and_its_exit_code(tmp_path: Path) -> None:
    done = run("data", "export", str(tmp_path), "--format", "coco", "--to", str(tmp_path / "out"))
    assert done.exit_code == 1
    assert done.stderr.startswith("error: ")
    assert done.stderr.count("\n") == 1
