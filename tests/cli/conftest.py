"""Run ``crowdmask detect`` and ``track`` in an empty folder, in this process or in one of its own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from crowdmask.cli.main import app

from .track_clips import Track, write_clip

Detect = Callable[..., Result]


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder that the command runs in."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def detect(colour_model: Path, place: Path) -> Detect:
    """Run ``crowdmask detect`` in this process with the model that finds colours."""

    def run(*arguments: str | Path, model: Path = colour_model, piped: bytes | None = None) -> Result:
        words = ["detect", "--model", str(model), "--threads", "1", *map(str, arguments)]
        return CliRunner().invoke(app, words, input=piped)

    return run


@pytest.fixture(scope="session")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_clip(tmp_path_factory.mktemp("clip") / "street.mp4")


@pytest.fixture
def track(colour_model: Path, place: Path) -> Track:
    """Run ``crowdmask track`` in this process with the model that finds colours."""

    def run(*arguments: str | Path) -> Result:
        words = ["track", "-m", str(colour_model), "--threads", "1", *map(str, arguments)]
        return CliRunner().invoke(app, words)

    return run


def records(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def listing(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def hear_ctrl_c() -> None:
    """Undo, before a program starts, that shells let what they run in the background ignore Ctrl-C."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def process(place: Path, *arguments: str | Path, **options: Any) -> subprocess.Popen[str]:
    source = Path(__file__).parents[2] / "src"
    if os.name != "nt":
        options.setdefault("preexec_fn", hear_ctrl_c)
    return subprocess.Popen(
        [sys.executable, "-m", "crowdmask", *map(str, arguments)],
        cwd=place,
        env={**os.environ, "PYTHONPATH": str(source)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **options,
    )
