"""What was measured of the shipped models, as the files of benchmarks/results hold it."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from crowdmask.errors import ModelError
from crowdmask.inference.model_file import hash_of, locate

SPLITS = ("val", "test")


def hash_of_shipped(name: str) -> str | None:
    """Return the hash of a shipped model's file, or None where none of this name ships."""
    try:
        return hash_of(locate(name))
    except ModelError:
        return None


@dataclass
class Results:
    """Reads reports and times; what is missing or is of another file than the shipped one is left out.

    Attributes:
        folder: of the files.
        hash_of_model: gives the hash of a shipped model.
        missing: a line for each thing that is not there.
        stale: a line for each thing that measured another file.
    """

    folder: Path
    hash_of_model: Callable[[str], str | None] = hash_of_shipped
    missing: list[str] = field(default_factory=list)
    stale: list[str] = field(default_factory=list)

    def reports(self, name: str) -> dict[str, dict[str, Any]] | None:
        """Return a model's report of each of `SPLITS`, or None where not all can be used."""
        shipped = self.hash_of_model(name)
        if shipped is None:
            self.missing.append(f"{name}: no such model ships")
            return None
        found = {}
        for split in SPLITS:
            path = self.folder / f"{name}-{split}.json"
            content = self._read(path)
            if content is None:
                self.missing.append(f"{name}: {path.name} is missing")
            elif content["model_hash"] != shipped:
                self.stale.append(f"{path.name} is of another file than the shipped {name}: measure it again")
            else:
                found[split] = content
        return found if len(found) == len(SPLITS) else None

    def speed(self) -> dict[str, Any] | None:
        """Return the times, of the models alone that are still the shipped ones; None without any."""
        content = self._read(self.folder / "speed.json")
        if content is None:
            self.missing.append("speed.json is missing")
            return None
        kept = {}
        for name, times in content["models"].items():
            if times["model_hash"] == self.hash_of_model(name):
                kept[name] = times
            else:
                self.stale.append(f"speed.json is of another file than the shipped {name}: time it again")
        for times in kept.values():
            # The ratio of both forms is of no use where one of them has changed.
            if "float_by_int8" in times and times.get("float_model") not in kept:
                del times["float_by_int8"]
        return {**content, "models": kept} if kept else None

    def text(self, name: str) -> str:
        """Return the text of a further file, empty where there is none."""
        path = self.folder / name
        if not path.is_file():
            self.missing.append(f"{name} is missing")
            return ""
        return path.read_text(encoding="utf-8").strip()

    def _read(self, path: Path) -> dict[str, Any] | None:
        if not path.is_file():
            return None
        content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return content
