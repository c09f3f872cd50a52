"""A package of which only some modules are imported, until somebody asks for the rest."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Thread
from types import ModuleType
from typing import Any

import pytest

from crowdmask.tracking.lean_import import LeanPackage, fetch

Write = Callable[..., dict[str, dict[str, str]]]

WHOLE = "from big.part import Wanted\nimport big.rest\nVALUE = 7\n__all__ = ['Wanted', 'VALUE']\n"
PART = "class Wanted: ...\n"


@pytest.fixture
def big(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Write]:
    """A package `big` with modules `part` and `rest`, of which the texts are given."""
    monkeypatch.syspath_prepend(tmp_path)

    def write(whole: str = WHOLE, **modules: str) -> dict[str, dict[str, str]]:
        (tmp_path / "big").mkdir()
        for name, text in {"__init__": whole, "part": PART, "rest": "", **modules}.items():
            (tmp_path / "big" / f"{name}.py").write_text(text)
        importlib.invalidate_caches()
        return {"big": {"Wanted": "big.part", "rest": "big.rest"}}

    yield write
    for name in [each for each in sys.modules if each.partition(".")[0] == "big"]:
        del sys.modules[name]


def _is_imported(name: str) -> bool:
    return name in sys.modules


def test_only_the_module_that_defines_a_name_is_imported(big: Write) -> None:
    kind = fetch("big", "Wanted", big())
    assert kind.__module__ == "big.part"
    assert isinstance(sys.modules["big"], LeanPackage)
    assert "VALUE" not in vars(sys.modules["big"])
    assert not _is_imported("big.rest")


@pytest.mark.parametrize(
    "ask",
    [
        "from big import VALUE",
        "import big; VALUE = big.VALUE",
        "from big import *",
        "import big; assert {'VALUE', 'Wanted', 'part', 'rest'} <= set(dir(big)); VALUE = big.VALUE",
        "import big; assert big.rest.__name__ == 'big.rest'; VALUE = big.VALUE",
        "import big.rest; VALUE = big.VALUE",
    ],
)
def test_whoever_asks_for_more_gets_the_whole_package(ask: str, big: Write) -> None:
    kind, found = fetch("big", "Wanted", big()), dict[str, Any]()
    package = sys.modules["big"]
    exec(ask, found)
    assert found["VALUE"] == 7
    assert sys.modules["big"] is package
    assert type(package) is ModuleType
    assert package.Wanted is kind  # the same class, not one like it
    assert not hasattr(package, "Unheard")


def test_a_module_is_one_of_the_names(big: Write) -> None:
    places = big(part="from big import rest\nclass Wanted: thing = rest.THING\n", rest="THING = 3\n")
    assert fetch("big", "Wanted", places).thing == 3
    assert isinstance(sys.modules["big"], LeanPackage)


@pytest.mark.parametrize(
    ("whole", "modules"),
    [
        # It is in another module than expected; a module needs what the package prepares for it.
        ("from big.moved import Wanted\n", {"part": "", "moved": PART}),
        (
            "SIZE = 3\nfrom big.part import Wanted\n",
            {"part": "import big\nclass Wanted:\n    size = big.SIZE\n"},
        ),
        (
            "import big.rest\nbig.rest.ready.append(1)\nfrom big.part import Wanted\n",
            {"rest": "ready = []\n", "part": "import big.rest\nbig.rest.ready.pop()\nclass Wanted: ...\n"},
        ),
    ],
)
def test_a_package_that_does_not_bear_it_is_imported_whole(
    whole: str, modules: dict[str, str], big: Write
) -> None:
    kind = fetch("big", "Wanted", big(whole, **modules))
    assert type(sys.modules["big"]) is ModuleType
    assert sys.modules["big"].Wanted is kind
    assert kind is sys.modules[kind.__module__].Wanted


def test_a_package_that_is_there_already_stays(big: Write) -> None:
    places = big()
    whole = importlib.import_module("big")
    assert fetch("big", "Wanted", places) is whole.Wanted
    assert sys.modules["big"] is whole
    assert type(whole) is ModuleType


@pytest.mark.parametrize("threads", [2, 8])
def test_several_threads_may_ask_at_once(threads: int, big: Write) -> None:
    fetch("big", "Wanted", big())
    package, found = sys.modules["big"], list[object]()
    asking = [Thread(target=lambda: found.append(package.VALUE)) for _ in range(threads)]
    for each in asking:
        each.start()
    for each in asking:
        each.join()
    assert found == [7] * threads


def test_what_is_missing_is_told_as_by_any_import(big: Write) -> None:
    places = big()
    with pytest.raises(ModuleNotFoundError, match="no_such_package"):
        fetch("no_such_package", "Wanted", {"no_such_package": {}})
    with pytest.raises(AttributeError, match="Unheard"):
        fetch("big", "Unheard", places)
    assert fetch("big", "Wanted", places).__module__ == "big.part"
