"""What a user gets who installs the package: version, commands, a light import, models with cards."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

import crowdmask
from crowdmask import supplement
from crowdmask.cli.main import app
from crowdmask.errors import MissingSupplementError, ModelError
from crowdmask.inference.model_file import (
    card_of,
    locate,
    models_of_supplement,
    shipped_card,
    shipped_models,
)

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
    # These or what they bring would be most of its size.
    assert not names & {"av", "matplotlib", "opencv-python", "scipy", "supervision", "trackers"}
    # trackers brings opencv-python; the headless variant beside it breaks both.
    assert "opencv-python-headless" not in names


def test_extras_are_those_that_messages_name(project: dict[str, Any]) -> None:
    extras = set(project["optional-dependencies"])
    named = set()
    for path in (ROOT / "src").rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        named |= set(re.findall(r'MissingExtraError\([^)]*,\s*"(\w+)"\)', text))
    assert named
    assert named <= extras
    assert {"train", "serve", "video", "openvino", "dev"} <= extras


@pytest.mark.parametrize(
    ("work", "named"),
    [
        ("crowdmask.Tracker()", "crowdmask.Tracker"),
        ("crowdmask.Detector().detect('1.jpg').to_supervision()", "Detections.to_supervision()"),
        ("import crowdmask.survey; crowdmask.survey.read(['clip.mp4'])", "a survey of videos"),
        ("from crowdmask import *; Tracker(Detector())", "crowdmask.Tracker"),
        ("from crowdmask import *; Client, TrackedFrame, Detector().detect('1.jpg')", None),
        ("import crowdmask.survey; crowdmask.survey.survey(crowdmask.survey.read(['1.jpg']))", None),
    ],
)
def test_without_the_extra_video_python_names_it_where_it_is_needed(work: str, named: str | None) -> None:
    hidden = "import sys\nfrom crowdmask.extras import VIDEO\n"
    hidden += "sys.modules.update(dict.fromkeys((*VIDEO, 'matplotlib', 'scipy')))\n"
    guarded = "import crowdmask\nfrom crowdmask.errors import MissingExtraError\ntry:\n    "
    done = python(f"{hidden}{guarded}{work}\nexcept MissingExtraError as error: print(error)")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"{named} needs the extra 'video'") if named else not done.stdout


def test_the_supplement_is_of_this_version() -> None:
    made = tomllib.loads((ROOT / "supplement" / "pyproject.toml").read_text(encoding="utf-8"))
    assert made["project"]["version"] == crowdmask.__version__


def hide_supplement(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(supplement, "__file__", str(tmp_path / "a" / "b" / "supplement.py"))
    monkeypatch.setattr(supplement, "find_spec", lambda name: None)


def test_without_the_supplement_its_package_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    hide_supplement(monkeypatch, tmp_path)
    with pytest.raises(
        MissingSupplementError, match=r"the weights of crowd needs .* pip install crowdmask-sup"
    ):
        supplement.supplement("the weights of crowd")


ASSETS = Path(crowdmask.__file__).parent / "assets"


@pytest.mark.parametrize("model", ["crowd", "crowd-fast", "crowd-float", "ssdlite"])
def test_each_model_ships_whole_and_with_its_card(model: str) -> None:
    in_base = model in ("crowd", "crowd-fast")
    folder = ASSETS if in_base else supplement.supplement("it") / "models"
    assert locate(model) == folder / f"{model}.onnx"
    assert len(card_of(locate(model)) or "") > 1000
    if model != "crowd-float":
        weights = supplement.supplement("it") / "weights" / f"{model}.safetensors"
        assert weights.stat().st_size > 1_000_000


def test_the_package_has_no_weights_for_training_and_little_else_that_is_large() -> None:
    package = ASSETS.parent
    assert not list(package.rglob("*.safetensors"))
    # With its bytecode it is about this and as much as its Python code again.
    size = sum(path.stat().st_size for path in package.rglob("*") if path.is_file() and path.suffix != ".pyc")
    assert size < 16_000_000


def test_without_the_supplement_its_models_are_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    hide_supplement(monkeypatch, tmp_path)
    assert shipped_models() == ["crowd", "crowd-fast"]
    assert models_of_supplement() == ["crowd-float", "ssdlite"]
    with pytest.raises(MissingSupplementError, match=r"^the model ssdlite needs the package crowdmask-sup"):
        locate("ssdlite")
    assert len(shipped_card("ssdlite") or "") > 1000
    with pytest.raises(ModelError, match="one of the names: crowd, crowd-fast, crowd-float, ssdlite"):
        locate("other")
    listed = CliRunner().invoke(app, ["model", "--list"])
    assert listed.exit_code == 0
    assert "each of crowd-float, ssdlite needs the package crowdmask-supplement" in listed.stdout
    refused = CliRunner().invoke(app, ["detect", str(ROOT / "1.jpg"), "--no-pictures", "--model", "ssdlite"])
    assert (refused.exit_code, refused.stderr.count("\n")) == (2, 1)


def test_without_the_supplement_the_page_has_all_models_but_nothing_for_graphics_cards(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    whole = tmp_path / "page"
    assert CliRunner().invoke(app, ["web", "--to", str(whole), "--webgpu"]).exit_code == 0
    hide_supplement(monkeypatch, tmp_path)
    refused = CliRunner().invoke(app, ["web", "--to", str(tmp_path / "new"), "--webgpu"])
    assert (refused.exit_code, refused.stderr.count("\n"), (tmp_path / "new").exists()) == (2, 1, False)
    # An older page with it is replaced.
    done = CliRunner().invoke(app, ["web", "--to", str(whole)])
    assert done.exit_code == 0, done.stderr
    site = json.loads((whole / "site.json").read_text(encoding="utf-8"))
    assert [model["name"] for model in site["models"]] == ["crowd-float", "crowd", "crowd-fast"]
    assert not list((whole / "webgpu").glob("*"))


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
