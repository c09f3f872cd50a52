"""Small photos in folders, archives and manifests, and runs over them with the model that finds colours."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as parquet
import pytest
from PIL import Image

from crowdmask.scale.run import Outcome, Wanted, detect_at_scale, local_processes
from crowdmask.scale.work import DetectorMaker

Run = Callable[..., Outcome]


def rows(folder: Path | str) -> list[dict[str, Any]]:
    """Return all rows of an output, by source."""
    found: list[dict[str, Any]] = []
    for path in sorted(Path(folder).glob("part-*.parquet")):
        found += parquet.read_table(path).to_pylist()
    return sorted(found, key=lambda row: row["source"])


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder to work in."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def photos(place: Path, blocks: Image.Image) -> Path:
    """Six photos in two folders, one of them without a face."""
    for name in ("a/1.png", "a/2.png", "a/3.png", "b/1.png", "b/2.png"):
        path = place / "photos" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        blocks.save(path)
    Image.new("RGB", (64, 64), (90, 90, 90)).save(place / "photos" / "b" / "none.png")
    return place / "photos"


@pytest.fixture
def complaints() -> list[str]:
    return []


@pytest.fixture
def run(colour_model: Path, complaints: list[str]) -> Run:
    """Run over sources into ``out``."""

    def go(*sources: str, to: str = "out", maker: Any = None, **options: Any) -> Outcome:
        options.setdefault("workers", 1)
        pool = options.pop("make_pool", local_processes)
        wanted = Wanted(sources, to, maker or DetectorMaker(str(colour_model), {"threads": 1}), **options)
        return detect_at_scale(wanted, complain=complaints.append, make_pool=pool)

    return go
