"""Write one page a module of the package, which mkdocstrings fills from the docstrings."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from pathlib import Path

# Commands have pages of their own, made from their options.
LEFT_OUT = ("cli",)


@dataclass(frozen=True)
class ModulePage:
    """One module.

    Attributes:
        name: its full name, such as "crowdmask.inference.detector".
        markdown: the page.
    """

    name: str
    markdown: str

    @property
    def path(self) -> str:
        """Return the place of the page below the folder of the Python API."""
        return f"{self.name}.md"


def module_pages(package: Path) -> list[ModulePage]:
    """Return a page for every module that has something public.

    Args:
        package: the folder of the package.
    Returns:
        The package first, then its modules by name.
    """
    pages = []
    for file in sorted(package.rglob("*.py")):
        parts = file.relative_to(package.parent).with_suffix("").parts
        if parts[1] in LEFT_OUT or any(part.startswith("_") and part != "__init__" for part in parts):
            continue
        name = ".".join(part for part in parts if part != "__init__")
        if name == package.name or _is_public(file):
            pages.append(ModulePage(name, f"# {name}\n\n::: {name}\n"))
    return sorted(pages, key=lambda page: page.name)


def _is_public(file: Path) -> bool:
    """Return whether a module defines a public name; the `__init__` of a folder often holds nothing."""
    for node in ast.parse(file.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            names = [node.name]
        elif isinstance(node, ast.Assign):
            names = [target.id for target in node.targets if isinstance(target, ast.Name)]
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            names = [node.target.id]
        else:
            names = []
        if any(not name.startswith("_") for name in names):
            return True
    return False
