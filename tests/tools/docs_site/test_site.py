"""The documentation site as a whole: complete, loading nothing from elsewhere, and strict about links."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest
from typer.testing import CliRunner

from crowdmask.cli.main import COMMANDS, GROUPS, app

pytest.importorskip("mkdocs", reason="the extra 'docs' is not installed")
pytest.importorskip("material", reason="the extra 'docs' is not installed")
pytest.importorskip("mkdocstrings", reason="the extra 'docs' is not installed")

ROOT = Path(__file__).resolve().parents[3]
WORDS = [(name, *member) for name in COMMANDS for member in [(), *((each,) for each in GROUPS.get(name, ()))]]
BUILD = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir"]


def build(project: Path, to: Path) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src"), "NO_MKDOCS_2_WARNING": "1"}
    return subprocess.run(
        [*BUILD, str(to)],
        cwd=project,
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    done = build(ROOT, folder)
    assert done.returncode == 0, done.stderr
    return folder


class Loads(HTMLParser):
    """Collect what a browser loads by itself to show a page, apart from what a click opens."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        if tag == "link" and not set(values.get("rel", "").split()) & {"canonical", "prev", "next"}:
            self.found.append(values.get("href", ""))
        for name in ("src", "poster", "data", "background"):
            if name in values:
                self.found.append(values[name])
        self.found += [part.split()[0] for part in values.get("srcset", "").split(",") if part.strip()]
        self.found += styles(values.get("style", ""))


def styles(text: str) -> list[str]:
    """Return what a style sheet loads."""
    found = re.findall(r"url\(\s*['\"]?([^'\")]+)|@import\s+['\"]([^'\"]+)", text)
    return [first or second for first, second in found]


def is_outside(address: str) -> bool:
    return bool(re.match(r"(?!data:)(?:[a-z][a-z0-9+.-]*:)?//|https?:", address.strip(), re.IGNORECASE))


@pytest.mark.parametrize(
    ("address", "outside"),
    [
        ("https://a.org/x.js", True),
        ("//a.org/x.js", True),
        ("../x.js", False),
        ("x.css#a", False),
        ("data:image/svg+xml;charset=utf-8,<svg xmlns='http://www.w3.org/2000/svg'/>", False),
    ],
)
def test_what_counts_as_elsewhere(address: str, outside: bool) -> None:
    assert is_outside(address) is outside


def test_no_page_loads_anything_from_elsewhere(site: Path) -> None:
    pages = list(site.rglob("*.html"))
    assert len(pages) > 50
    outside = []
    for page in pages:
        text = page.read_text(encoding="utf-8")
        loads = Loads()
        loads.feed(text)
        assert loads.found, page
        inline = styles(" ".join(re.findall(r"<style[^>]*>(.*?)</style>", text, re.DOTALL)))
        outside += [(page.name, each) for each in [*loads.found, *inline] if is_outside(each)]
    for sheet in site.rglob("*.css"):
        outside += [
            (sheet.name, each) for each in styles(sheet.read_text(encoding="utf-8")) if is_outside(each)
        ]
    assert not outside


def test_what_a_page_loads_is_there(site: Path) -> None:
    for page in [site / "index.html", site / "models" / "crowd.html", site / "api" / "crowdmask.html"]:
        loads = Loads()
        loads.feed(page.read_text(encoding="utf-8"))
        for each in loads.found:
            file = each.partition("#")[0].partition("?")[0]
            if file and not file.startswith("data:"):
                assert (page.parent / file).is_file(), f"{page.name} loads {each}"


@pytest.mark.parametrize("words", WORDS, ids=" ".join)
def test_every_option_of_a_command_is_on_its_page(site: Path, words: tuple[str, ...]) -> None:
    page = (site / "commands" / f"{'-'.join(words)}.html").read_text(encoding="utf-8")
    help_text = (
        CliRunner().invoke(app, [*words, "--help"], env={"COLUMNS": "200", "TERMINAL_WIDTH": "200"}).output
    )
    options = set(re.findall(r"(?<![\w-])--[a-z][\w-]*", help_text))
    assert "--help" in options
    assert not {option for option in options if option not in page}


def test_the_python_api_comes_from_the_docstrings(site: Path) -> None:
    page = (site / "api" / "crowdmask.html").read_text(encoding="utf-8")
    for name in ("Detector", "Detector.detect", "Detections", "Detections.xyxy", "LABELS"):
        assert f'id="crowdmask.{name}"' in page
    modules = (ROOT / "src" / "crowdmask").glob("*/[a-z]*.py")
    public = [file for file in modules if file.parent.name != "cli"]
    built = {page.stem for page in (site / "api").glob("*.html")}
    assert len(built) > 0.8 * len(public)
    assert {"crowdmask.errors", "crowdmask.inference.detector", "crowdmask.training.trainer"} <= built


@pytest.mark.parametrize("source", [*sorted((ROOT / "docs").glob("*.md"))], ids=lambda path: path.name)
def test_every_guide_is_in_the_site_and_in_its_navigation(site: Path, source: Path) -> None:
    assert (site / f"{source.stem}.html").is_file()
    home = (site / "commands" / "detect.html").read_text(encoding="utf-8")
    guide = (site / "data.html").read_text(encoding="utf-8")
    project = (site / "changelog.html").read_text(encoding="utf-8")
    assert f'{source.stem}.html"' in home + guide + project


@pytest.mark.parametrize(
    ("page", "says"),
    [
        ("index.html", "responsible use"),
        ("changelog.html", "Keep a Changelog"),
        ("contributing.html", "A runtime"),
        ("security.html", "Report a weakness"),
        ("license.html", "Apache License"),
        ("example-photo.html", "Grace Hopper"),
        *((f"models/{card.stem}.html", card.stem) for card in (ROOT / "src/crowdmask/assets").glob("*.md")),
    ],
)
def test_pages_of_the_root_and_cards_are_in_the_site(site: Path, page: str, says: str) -> None:
    assert says in (site / page).read_text(encoding="utf-8")


def test_a_broken_link_fails_the_build_and_is_named(tmp_path: Path) -> None:
    project = tmp_path / "project"
    project.mkdir()
    for path in ROOT.iterdir():
        if path.name not in ("docs", "src", "README.md", ".git", ".venv", "site"):
            (project / path.name).symlink_to(path)
    shutil.copytree(ROOT / "docs", project / "docs")
    assets = project / "src" / "crowdmask" / "assets"
    assets.mkdir(parents=True)
    (assets.parent / "__init__.py").write_text('"""A small package, so that the build is quick."""\n')
    for card in (ROOT / "src" / "crowdmask" / "assets").glob("*.md"):
        shutil.copy(card, assets)
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    (project / "README.md").write_text(f"{readme}\n[a](docs/gone.md)\n", encoding="utf-8")
    with (project / "docs" / "data.md").open("a", encoding="utf-8") as guide:
        guide.write("\n[b](video.md#no-such-section) [c](../no-such-file.md)\n")
    done = build(project, tmp_path / "site")
    assert done.returncode != 0
    named = [line for line in done.stderr.splitlines() if line.startswith("WARNING")]
    assert len(named) == 3, done.stderr
    for target in ("docs/gone.md", "video.md#no-such-section", "../no-such-file.md"):
        assert any(target in line for line in named)
