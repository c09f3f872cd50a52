"""Import what is needed of large packages, and put the rest off until somebody asks for it.

To follow boxes takes one class of `trackers`, two names of `supervision` and one function of SciPy. Their
packages import everything else, too: annotators, data sets, downloads, splines, some 800 modules.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from importlib import import_module
from importlib.util import find_spec
from threading import RLock, get_ident
from types import ModuleType
from typing import Any

Places = Mapping[str, Mapping[str, str]]
"""For each package the modules that define some of its names."""

_ONE_AT_A_TIME = RLock()


class LeanPackage(ModuleType):
    """A package whose `__init__` is run once somebody asks for more than is known without it.

    Modules of it import as usual. From then on it is an ordinary package; what was imported before stays the
    same.
    """

    def __init__(self, name: str, places: Mapping[str, str]) -> None:
        """Find it, and run nothing.

        Args:
            name: of the package.
            places: the modules that define some of its names.
        Raises:
            ImportError: there is no such package.
        """
        spec = find_spec(name)
        if spec is None or spec.loader is None or spec.submodule_search_locations is None:
            raise ImportError(f"no package {name}", name=name)
        super().__init__(name)
        self.__spec__, self.__loader__, self.__package__ = spec, spec.loader, name
        self.__file__, self.__path__ = spec.origin, spec.submodule_search_locations
        self._places = places
        self._running: set[int] = set()

    def __getattr__(self, name: str) -> Any:
        """Return a name of the package: from the module that defines it, or by running `__init__`."""
        inside = vars(self)
        if get_ident() in inside["_running"]:  # then an `__init__` misses it, too, until it has set it
            raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")
        place = inside["_places"].get(name)
        if place is not None:
            try:
                inside[name] = (
                    import_module(place) if place == f"{self.__name__}.{name}" else _of(place, name)
                )
            except (ImportError, AttributeError):  # another version has it elsewhere
                pass
            else:
                return inside[name]
        self._complete()
        return getattr(self, name)

    def __dir__(self) -> list[str]:
        """Return all names, those of `__init__` among them."""
        self._complete()
        return dir(self)

    def _complete(self) -> None:
        # Without a lock: what it imports has locks of its own, and waiting for two kinds could last for ever.
        # Two threads at once set the same names twice.
        running = self._running
        running.add(get_ident())
        try:
            self.__loader__.exec_module(self)  # type: ignore[union-attr]
        finally:
            running.discard(get_ident())
        self.__class__ = ModuleType  # type: ignore[assignment]


def fetch(package: str, name: str, places: Places) -> Any:
    """Return a name of a package, importing little more than the module that defines it.

    A package that has been imported already stays as it is. Where its parts cannot be imported without the
    whole, the whole is imported.

    Args:
        package: one of `places`.
        name: what is wanted of it.
        places: the packages that are needed, those that others are in first.
    Raises:
        ImportError: a package is not installed, or cannot be imported.
        AttributeError: the package does not have it.
    """
    with _ONE_AT_A_TIME:
        before = set(sys.modules)
        try:
            for each, known in places.items():
                _put_off(each, known)
            return getattr(import_module(package), name)
        except Exception:  # whatever an `__init__` prepares for its modules
            for each in set(sys.modules) - before:
                if any(each == one or each.startswith(f"{one}.") for one in places):
                    del sys.modules[each]
            return getattr(import_module(package), name)


def _put_off(name: str, places: Mapping[str, str]) -> None:
    if name in sys.modules or find_spec(name) is None:
        return
    sys.modules[name] = package = LeanPackage(name, places)
    parent, _, last = name.rpartition(".")
    if parent:
        setattr(sys.modules[parent], last, package)


def _of(module: str, name: str) -> Any:
    return getattr(import_module(module), name)
