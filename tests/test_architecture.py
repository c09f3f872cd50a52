"""The shape of the package: which way imports go, and how large a file, a folder and a function may be.

`ORDER` is the order of rooms in docs/architecture.md: a module imports from its own room and from those above
it in the list. An import inside a function counts where it makes a circle, since it can only hide one; in the
order of rooms it counts as well, unless `UPWARD` names it with its reason.
"""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
SOURCE = ROOT / "src"
PACKAGE = SOURCE / "crowdmask"

ORDER = (
    "errors labels extras",
    "clusters cores ctrl_c signals boxes default_boxes detections progress matching",
    "suggestions supplement files outputs settings paths secret hours",
    "assets",
    "media",
    "drawing",
    "inference",
    "web",
    "tracking",
    "batch",
    "live",
    "survey",
    "data",
    "models",
    "evaluation",
    "export",
    "training",
    "store",
    "alerts",
    "client",
    "serve",
    "scale",
    "cli",
    "__init__ __main__",
)
# The package itself holds the version, and is loaded before any of its modules.
FLOOR = "crowdmask"
# A public method that draws is loaded when it is called, and what draws does not know the value.
UPWARD = {("crowdmask.detections", f"crowdmask.drawing.{module}") for module in ("draw", "saving")}
DETECTING = (
    "media", "drawing", "inference", "tracking", "batch", "live", "cli.detect", "cli.track", "cli.main",
)  # fmt: skip
MAX_FILES = 20
MAX_LINES = 400
MAX_BODY = 60


def modules() -> dict[str, Path]:
    """Return all modules of the package by their names."""
    found = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(SOURCE).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


MODULES = modules()


def is_type_checking(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)


def imports(path: Path, name: str, late: bool) -> Iterator[tuple[str, int]]:
    """Yield the package's modules that a module imports, and the line.

    Args:
        path: its file.
        name: its own name.
        late: also what functions import when they run.
    """
    stack: list[ast.AST] = [ast.parse(path.read_text(encoding="utf-8"))]
    while stack:
        node = stack.pop()
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield from known(alias.name, node.lineno)
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{path}:{node.lineno}: a relative import"
            for alias in node.names:
                yield from known(f"{node.module}.{alias.name}", node.lineno)
        elif not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda) or late:
            stack.extend(ast.iter_child_nodes(node))


def known(name: str, line: int) -> Iterator[tuple[str, int]]:
    """Yield the module that an import of this name loads, where it is one of ours."""
    while name.startswith("crowdmask"):
        if name in MODULES:
            yield name, line
            return
        name = name.rpartition(".")[0]


@cache
def graph(late: bool) -> dict[str, dict[str, int]]:
    """Return which module imports which, and in which line."""
    return {name: dict(imports(path, name, late)) for name, path in MODULES.items()}


def circle(arrows: dict[str, dict[str, int]]) -> list[str]:
    """Return the modules of a circle, the first one again at its end; empty where there is none."""
    done: set[str] = set()

    def search(name: str, way: list[str]) -> list[str]:
        if name in way:
            return [*way[way.index(name) :], name]
        if name in done:
            return []
        for target in arrows[name]:
            if target != name and (found := search(target, [*way, name])):
                return found
        done.add(name)
        return []

    return next((found for name in arrows if (found := search(name, []))), [])


def rank(module: str) -> int:
    """Return where a module's room stands in `ORDER`."""
    room = [*module.split("."), "__init__"][1]
    places = [number for number, rooms in enumerate(ORDER) if room in rooms.split()]
    assert places, f"{module}: name its room in ORDER and in docs/architecture.md"
    return places[0]


@pytest.mark.parametrize("late", [False, True], ids=["when loaded", "also in functions"])
def test_no_module_imports_itself_through_others(late: bool) -> None:
    assert circle(graph(late)) == []


def test_imports_go_down_the_order_of_the_rooms() -> None:
    wrong = [
        f"{name.removeprefix('crowdmask.')}:{line} imports {target.removeprefix('crowdmask.')}"
        for name, targets in graph(True).items()
        for target, line in targets.items()
        if target != FLOOR and rank(target) > rank(name) and (name, target) not in UPWARD
    ]
    assert wrong == []


def test_who_detects_needs_no_torch() -> None:
    arrows = graph(True)
    rooms = tuple(f"crowdmask.{room}" for room in DETECTING)
    waiting = [name for name in MODULES if name == FLOOR or name.startswith(rooms)]
    reached: set[str] = set()
    while waiting:
        name = waiting.pop()
        if name not in reached:
            reached.add(name)
            waiting.extend(arrows[name])
    assert not [name for name in reached if "torch" in foreign(MODULES[name])]
    # Nor does one of the libraries bring it.
    loaded = [name for name in sorted(reached) if name.startswith((*rooms, "crowdmask.detections"))]
    program = f"import sys, {', '.join(loaded)}; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False"]


def foreign(path: Path) -> set[str]:
    """Return the names of the packages that a file imports anywhere."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module.partition(".")[0])
    return names


def test_no_command_uses_another_one() -> None:
    commands = {name for name, path in MODULES.items() if ".cli." in name and has_command(path)}
    assert len(commands) > 10
    arrows = graph(True)
    assert [(name, target) for name in commands for target in arrows[name] if target in commands] == []


def has_command(path: Path) -> bool:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return any(isinstance(node, ast.FunctionDef) and node.name == "command" for node in tree.body)


def test_no_folder_of_the_package_is_crowded() -> None:
    counts = {folder: len(list(folder.glob("*.py"))) for folder in PACKAGE.rglob("*") if folder.is_dir()}
    assert {str(folder): count for folder, count in counts.items() if count > MAX_FILES} == {}


@cache
def written() -> dict[Path, str]:
    """Return all Python files of the project and their text."""
    folders = ("src", "tests", "benchmarks", "tools", "examples", "scripts")
    paths = (path for folder in folders for path in sorted((ROOT / folder).rglob("*.py")))
    return {path: path.read_text(encoding="utf-8") for path in (*paths, *sorted(ROOT.glob("*.py")))}


def test_no_file_is_long() -> None:
    lines = {str(path.relative_to(ROOT)): text.count("\n") for path, text in written().items()}
    assert {path: count for path, count in lines.items() if count > MAX_LINES} == {}


def test_no_function_is_long() -> None:
    long = []
    for path, text in written().items():
        is_command = PACKAGE / "cli" in path.parents
        for node in ast.walk(ast.parse(text)):
            if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                continue
            # What a command can be told makes its signature long; what it does is short like the rest.
            first = node.body[0].lineno if is_command and node.name == "command" else node.lineno
            length = (node.end_lineno or first) - first + 1
            if length > MAX_BODY:
                long.append(f"{path.relative_to(ROOT)}:{node.lineno} {node.name}: {length} lines")
    assert long == []
