"""What a user gets who installs the package: version, commands, a light import, models with cards."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

import crowdmask

ROOT = Path(__file__).resolve().parents[1]
HEAVY = ("torch", "supervision", "matplotlib", "cv2", "scipy", "onnx", "trackers", "av")
COMMANDS = ("detect", "evaluate", "export", "model", "train")


def run(*command: str, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
    return subprocess.run(
        command, cwd=cwd, env=environment, capture_output=True, text=True, timeout=120, check=False
    )


def python(code: str) -> subprocess.CompletedProcess[str]:
    return run(sys.executable, "-c", code)


@pytest.fixture(scope="module")
def project() -> dict[str, Any]:
    loaded = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    return dict(loaded["project"])


def test_version_is_said_the_same_everywhere() -> None:
    said = run(sys.executable, "-m", "crowdmask", "--version")
    assert said.returncode == 0, said.stderr
    assert re.search(r"\d+\.\d+\.\d+", said.stdout).group() == crowdmask.__version__


def test_changelog_and_citation_name_this_version() -> None:
    released = re.findall(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert released[0] == crowdmask.__version__
    assert released == sorted(released, key=lambda each: tuple(map(int, each.split("."))), reverse=True)
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert citation["version"] == crowdmask.__version__
    assert {"cff-version", "message", "title", "authors"} <= set(citation)


@pytest.mark.parametrize("command", ["", *COMMANDS])
def test_help_works_without_loading_anything_heavy(command: str) -> None:
    code = (
        "import sys\n"
        f"sys.argv = ['crowdmask', *{[command] if command else []!r}, '--help']\n"
        "from crowdmask.cli.main import main\n"
        "try:\n    main()\n"
        "except SystemExit as end:\n    assert not end.code, end.code\n"
        f"loaded = [name for name in {HEAVY!r} if name in sys.modules]\n"
        "print('LOADED', loaded)\n"
    )
    done = python(code)
    assert done.returncode == 0, done.stderr
    assert "Usage" in done.stdout
    assert done.stdout.rstrip().endswith("LOADED []")


@pytest.mark.parametrize(
    "work",
    [
        pytest.param("import crowdmask", id="import"),
        pytest.param("from crowdmask import Detector; Detector()", id="load a model"),
        pytest.param(
            "import numpy; from crowdmask import Detector\n"
            "Detector().detect(numpy.full((240, 320, 3), 90, numpy.uint8))",
            id="detect",
        ),
    ],
)
def test_detecting_loads_neither_torch_nor_other_heavy_packages(work: str) -> None:
    done = python(f"{work}\nimport sys\nprint([name for name in {HEAVY!r} if name in sys.modules])")
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "[]"


def test_base_install_asks_for_no_torch(project: dict[str, Any]) -> None:
    names = {re.match(r"[\w.-]+", line).group().lower() for line in project["dependencies"]}
    assert "onnxruntime" in names
    assert not names & {"torch", "torchvision", "onnx", "tensorboard"}
    # trackers brings opencv-python; the headless variant beside it breaks both.
    assert "opencv-python-headless" not in names


def test_extras_are_those_that_messages_name(project: dict[str, Any]) -> None:
    extras = set(project["optional-dependencies"])
    named = set()
    for path in (ROOT / "src").rglob("*.py"):
        named |= set(re.findall(r'MissingExtraError\([^)]*,\s*"(\w+)"\)', path.read_text(encoding="utf-8")))
    assert named
    assert named <= extras
    assert {"train", "serve", "openvino", "dev"} <= extras


@pytest.mark.parametrize("model", ["crowd", "ssdlite"])
@pytest.mark.parametrize("suffix", [".onnx", ".safetensors", ".md"])
def test_each_model_ships_whole_and_with_its_card(model: str, suffix: str) -> None:
    file = Path(crowdmask.__file__).parent / "assets" / f"{model}{suffix}"
    assert file.is_file()
    assert file.stat().st_size > 200


def test_nothing_that_ships_is_ignored_by_git() -> None:
    if not (ROOT / ".git").exists():
        pytest.skip("not a git checkout")
    package = [str(p) for p in (ROOT / "src").rglob("*") if p.is_file() and "__pycache__" not in p.parts]
    ignored = run("git", "check-ignore", "--no-index", *package, "1.jpg").stdout.split("\n")
    assert not [name for name in ignored if name]


def test_example_photo_is_small_and_says_where_it_is_from() -> None:
    from PIL import Image

    photo = ROOT / "1.jpg"
    assert photo.stat().st_size < 300_000
    with Image.open(photo) as picture:
        assert picture.size == (1024, 683)
    note = (ROOT / "1.jpg.md").read_text(encoding="utf-8").lower()
    for word in ("public domain", "pete souza", "nasa", "us navy", "drawn"):
        assert word in note


def pages() -> list[Path]:
    return [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").glob("*.md"))]


@pytest.mark.parametrize("page", pages(), ids=lambda page: page.name)
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    targets = [t for t in re.findall(r"\]\(([^)\s]+)\)", text) if "://" not in t]
    for target in targets:
        name, _, section = target.partition("#")
        file = page.parent / name if name else page
        assert file.exists(), f"{page.name} links to {target}"
        if section:
            titles = re.findall(r"^#+ (.+)$", file.read_text(encoding="utf-8"), re.MULTILINE)
            assert section in {re.sub(r"[^\w -]", "", t.lower()).replace(" ", "-") for t in titles}


def test_readme_example_in_python_runs(tmp_path: Path) -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    assert blocks  # the first stands alone; those below go on from it
    (tmp_path / "1.jpg").write_bytes((ROOT / "1.jpg").read_bytes())
    done = run(sys.executable, "-c", blocks[0], cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "with_mask" in done.stdout
    assert (tmp_path / "1-annotated.png").is_file()
