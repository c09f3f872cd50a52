"""What MkDocs asks while it builds the site: pages from the code, from the cards and from the root.

The pages written by hand lie in `docs/`. All others are made here at each build and never stored, so they
cannot differ from the code: every command's options, the Python API, the models' cards, the changelog.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from api_pages import ModulePage, module_pages
from command_pages import CommandPage, command_pages
from links import site_links
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File, Files

ASSETS = "src/crowdmask/assets"
COMMANDS, API, MODELS = "commands", "api", "models"

# Files of the root that are pages of the site, and their places there.
ROOT_PAGES = {
    "README.md": "index.md",
    "CONTRIBUTING.md": "contributing.md",
    "SECURITY.md": "security.md",
    "CHANGELOG.md": "changelog.md",
    "1.jpg.md": "example-photo.md",
    "LICENSE": "license.md",
}


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages that are not in `docs/`, and put all into the navigation."""
    root = _root(config)
    cards = {
        f"{ASSETS}/{card.name}": f"{MODELS}/{card.name}" for card in sorted((root / ASSETS).glob("*.md"))
    }
    for source, place in {**ROOT_PAGES, **cards}.items():
        if not (root / source).is_file():
            raise PluginError(f"{source} is missing: the site needs it for {place}")
        text = (root / source).read_text(encoding="utf-8")
        if source == "LICENSE":
            text = f"# Licence\n\n```text\n{text}\n```\n"
        _add(files, config, place, text)
    commands, modules = command_pages(), module_pages(root / "src" / "crowdmask")
    for command in commands:
        _add(files, config, f"{COMMANDS}/{command.path}", command.markdown)
    for module in modules:
        _add(files, config, f"{API}/{module.path}", module.markdown)
    config.nav = _navigation(config, files, list(cards.values()), commands, modules)
    return files


def on_page_markdown(markdown: str, page: Any, config: MkDocsConfig, files: Files) -> str:
    """Let links that hold in the repository hold in the site, too."""
    place = page.file.src_uri
    places = _places(config, files)
    source = next((file for file, there in places.items() if there == place), None)
    return markdown if source is None else site_links(markdown, source, place, places, _root(config))


def _root(config: MkDocsConfig) -> Path:
    return Path(config.config_file_path).parent


def _places(config: MkDocsConfig, files: Files) -> dict[str, str]:
    """Return the place in the site of each file of the repository that has one."""
    docs = Path(config.docs_dir).relative_to(_root(config)).as_posix()
    places = {f"{docs}/{file.src_uri}": file.src_uri for file in files if file.generated_by is None}
    cards = (file.src_uri for file in files if file.src_uri.startswith(f"{MODELS}/"))
    return {**places, **ROOT_PAGES, **{f"{ASSETS}/{Path(card).name}": card for card in cards}}


def _add(files: Files, config: MkDocsConfig, place: str, text: str) -> None:
    if files.get_file_from_path(place) is not None:
        raise PluginError(f"docs/{place} stands where a page is made by the build: give it another name")
    files.append(File.generated(config, place, content=text))


def _navigation(
    config: MkDocsConfig,
    files: Files,
    cards: list[str],
    commands: list[CommandPage],
    modules: list[ModulePage],
) -> list[Any]:
    """Fill the sections of `mkdocs.yml` that the build makes; guides that nobody listed come last there."""
    listed = set(_pages_of(config.nav or []))
    places = [file.src_uri for file in files.documentation_pages() if file.generated_by is None]
    made: dict[str, list[Any]] = {
        "Guides": [place for place in sorted(places) if place not in listed],
        "Commands": [{" ".join(page.words): f"{COMMANDS}/{page.path}"} for page in commands],
        "Python API": _by_package(modules),
        "Models": cards,
    }
    nav = []
    for entry in config.nav or []:
        ((title, inner),) = entry.items()
        nav.append({title: [*inner, *made.pop(title, [])] if isinstance(inner, list) else inner})
    if made:
        raise PluginError(f"mkdocs.yml has no section named {', '.join(made)}")
    return nav


def _pages_of(nav: list[Any]) -> list[str]:
    found: list[str] = []
    for entry in nav:
        inner = next(iter(entry.values())) if isinstance(entry, dict) else entry
        found += _pages_of(inner) if isinstance(inner, list) else [inner]
    return found


def _by_package(modules: list[ModulePage]) -> list[Any]:
    """Group the modules of each folder of the package; those at its top come first."""
    top: list[Any] = []
    folders: dict[str, list[Any]] = {}
    for page in modules:
        parts = page.name.split(".")
        is_folder = any(other.name.startswith(f"{page.name}.") for other in modules)
        if len(parts) == 1 or (len(parts) == 2 and not is_folder):
            top.append({page.name: f"{API}/{page.path}"})
        else:
            folders.setdefault(parts[1], []).append({".".join(parts[1:]): f"{API}/{page.path}"})
    return [*top, *({folder: pages} for folder, pages in folders.items())]
