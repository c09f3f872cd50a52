"""The pages that the build makes of the code."""

from __future__ import annotations

from pathlib import Path

import pytest

griffe = pytest.importorskip("griffe", reason="the extra 'docs' is not installed")

from api_pages import module_pages  # noqa: E402
from command_pages import command_pages  # noqa: E402
from docstrings import JointParameters  # noqa: E402

from crowdmask.cli.main import COMMANDS, GROUPS  # noqa: E402


def test_every_command_has_a_page_in_the_order_of_the_help() -> None:
    expected: list[tuple[str, ...]] = []
    for name in COMMANDS:
        expected += [(name,), *((name, member) for member in GROUPS.get(name, ()))]
    assert [page.words for page in command_pages()] == expected


def test_a_group_lists_its_commands() -> None:
    (page,) = [page for page in command_pages() if page.words == ("data",)]
    for name, summary in GROUPS["data"].items():
        assert f"| [`{name}`](data-{name}.md) |" in page.markdown
        assert summary.split(":")[0].split(",")[0] in page.markdown


def test_signs_of_markdown_in_a_help_text_are_only_text() -> None:
    (page,) = [page for page in command_pages() if page.words == ("detect",)]
    (row,) = [line for line in page.markdown.splitlines() if "--tiles" in line]
    assert "off&#124;auto&#124;COLSxROWS" in row
    assert row.count("|") == 3


def test_modules_without_anything_public_have_no_page(tmp_path: Path) -> None:
    package = tmp_path / "package"
    files = {
        "__init__.py": "",
        "values.py": "LIMIT = 3\n",
        "_private.py": "def f(): ...\n",
        "room/__init__.py": '"""Only a title."""\n',
        "room/work.py": "class Work: ...\n",
        "room/hidden.py": "def _f(): ...\n_X: int = 1\n",
        "cli/run.py": "def command(): ...\n",
    }
    for name, text in files.items():
        (package / name).parent.mkdir(parents=True, exist_ok=True)
        (package / name).write_text(text)
    assert [page.name for page in module_pages(package)] == ["package", "package.room.work", "package.values"]


def test_parameters_described_together_are_known_one_by_one(tmp_path: Path) -> None:
    text = (
        "def area(width, height, unit):\n"
        '    """Return it.\n\n    Args:\n        width, height: of the box,\n            in pixels.\n'
        '        unit: its name.\n    """\n'
    )
    (tmp_path / "boxes.py").write_text(text)
    extensions = griffe.load_extensions(JointParameters())
    module = griffe.load("boxes", search_paths=[tmp_path], extensions=extensions, force_inspection=False)
    sections = module["area"].docstring.parse("google", warnings=False)
    (parameters,) = [section for section in sections if section.kind.value == "parameters"]
    described = {each.name: " ".join(each.description.split()) for each in parameters.value}
    assert described == {
        "width": "of the box, in pixels.",
        "height": "of the box, in pixels.",
        "unit": "its name.",
    }
