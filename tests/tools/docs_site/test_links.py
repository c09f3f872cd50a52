"""Links between files of the repository become links between pages of the site."""

from __future__ import annotations

from pathlib import Path

import pytest
from links import site_links

PAGES = {
    "README.md": "index.md",
    "CHANGELOG.md": "changelog.md",
    "docs/data.md": "data.md",
    "docs/picture.jpg": "picture.jpg",
    "src/pkg/assets/crowd.md": "models/crowd.md",
}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "benchmarks").mkdir()
    (tmp_path / "run.py").write_text("")
    return tmp_path


@pytest.mark.parametrize(
    ("source", "text", "expected"),
    [
        ("README.md", "[data](docs/data.md)", "[data](data.md)"),
        ("README.md", "[data](docs/data.md#formats)", "[data](data.md#formats)"),
        ("README.md", "![all](docs/picture.jpg)", "![all](picture.jpg)"),
        ("README.md", "see [a](docs/data.md), [b](CHANGELOG.md).", "see [a](data.md), [b](changelog.md)."),
        ("docs/data.md", "[home](../README.md)", "[home](index.md)"),
        ("docs/data.md", "[card](../src/pkg/assets/crowd.md)", "[card](models/crowd.md)"),
        ("src/pkg/assets/crowd.md", "[data](../../../docs/data.md)", "[data](../data.md)"),
        pytest.param("README.md", "[benchmarks](benchmarks/)", "benchmarks (`benchmarks`)", id="a folder"),
        pytest.param("docs/data.md", "[it](../run.py)", "it (`run.py`)", id="a script"),
        pytest.param("README.md", "[x](docs/gone.md)", "[x](docs/gone.md)", id="broken: left for the build"),
        pytest.param("README.md", "![x](run.py)", "![x](run.py)", id="a picture that is no page"),
        pytest.param("README.md", "[x](#start)", "[x](#start)", id="a section of the page itself"),
        pytest.param(
            "README.md", "[x](https://a.org/docs/data.md)", "[x](https://a.org/docs/data.md)", id="an address"
        ),
        pytest.param(
            "README.md",
            "```\n[x](docs/data.md)\n```\n[x](docs/data.md)",
            "```\n[x](docs/data.md)\n```\n[x](data.md)",
            id="code stays",
        ),
    ],
)
def test_links_lead_to_the_pages_of_the_site(root: Path, source: str, text: str, expected: str) -> None:
    assert site_links(text, source, PAGES[source], PAGES, root) == expected
