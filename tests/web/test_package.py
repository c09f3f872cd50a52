"""The package for browsers: its types, and its own tests in Node.js with the golden vectors."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

WEB = Path(__file__).resolve().parents[2] / "web"


@pytest.fixture(scope="module")
def npm() -> str:
    found = shutil.which("npm")
    if found is None:
        pytest.skip("Node.js with npm is not installed")
    if not (WEB / "node_modules" / "onnxruntime-web").is_dir():
        pytest.skip("its parts are not installed: run  make web")
    return found


@pytest.mark.parametrize("script", ["check", "test"])
def test_its_own_tests_pass(script: str, npm: str) -> None:
    done = subprocess.run(
        [npm, "run", "--silent", script], cwd=WEB, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
    if script == "test":
        counts = dict(
            line.removeprefix("# ").split(" ", 1)
            for line in done.stdout.splitlines()[-12:]
            if line[:1] == "#"
        )
        assert int(counts["pass"]) > 50
        assert int(counts["skipped"]) == 0
