"""The wheel alone: built from this checkout, it holds all that detecting and tracking need.

Here its dependencies come from the environment of the tests, so that no network is needed;
`tools/check_wheel.py`, which CI runs, installs it with its dependencies into a clean environment.
"""

from __future__ import annotations

import subprocess
import sys
import zipfile
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

import pytest

import crowdmask

pytest.importorskip("build", reason="the extra 'dev' is not installed")
pytest.importorskip("hatchling", reason="the extra 'dev' is not installed")

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="module")
def check_wheel() -> ModuleType:
    spec = spec_from_file_location("check_wheel", ROOT / "tools" / "check_wheel.py")
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(ROOT)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    (built,) = folder.iterdir()
    return built


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the wheel's files and nothing else."""
    folder = tmp_path_factory.mktemp("installed")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder)
    return folder


def test_the_wheel_holds_the_whole_package_and_nothing_else(wheel: Path, installed: Path) -> None:
    assert wheel.name == f"crowdmask-{crowdmask.__version__}-py3-none-any.whl"
    source = ROOT / "src" / "crowdmask"
    ours = {
        path.relative_to(source) for path in source.rglob("*") if path.is_file() and path.suffix != ".pyc"
    }
    packed = installed / "crowdmask"
    assert {path.relative_to(packed) for path in packed.rglob("*") if path.is_file()} == ours
    assert {path.name for path in installed.iterdir()} == {
        "crowdmask",
        f"crowdmask-{crowdmask.__version__}.dist-info",
    }


def test_the_wheel_detects_tracks_and_helps(check_wheel: ModuleType, installed: Path, tmp_path: Path) -> None:
    environment = {"PYTHONPATH": str(installed), "PYTHONDONTWRITEBYTECODE": "1"}
    run = check_wheel.runner(Path(sys.executable), tmp_path, environment)
    version, helped, detected = check_wheel.check_photos(run, tmp_path, installed)
    assert version == f"crowdmask {crowdmask.__version__}"
    assert helped.startswith("help of ")
    assert "with_mask" in detected
    assert "24 frames" in check_wheel.check_video(run, tmp_path)


def test_another_package_than_the_wheel_is_noticed(
    check_wheel: ModuleType, installed: Path, tmp_path: Path
) -> None:
    run = check_wheel.runner(Path(sys.executable), tmp_path, {"PYTHONPATH": str(installed)})
    with pytest.raises(check_wheel.CheckError, match="not from"):
        check_wheel.check_photos(run, tmp_path, tmp_path / "elsewhere")


def test_a_command_that_fails_is_told_in_one_line(check_wheel: ModuleType, tmp_path: Path) -> None:
    run = check_wheel.runner(Path(sys.executable), tmp_path)
    with pytest.raises(check_wheel.CheckError, match=r"ended with 3: the reason$"):
        run(["-c", "import sys; print('first\\nthe reason', file=sys.stderr); sys.exit(3)"])
    assert "PYTHONPATH" not in run(["-c", "import os; print(*os.environ)"])
