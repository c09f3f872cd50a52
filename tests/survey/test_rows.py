"""A survey of the Parquet rows of ``crowdmask batch`` is the survey of the same JSON records."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow
import pyarrow.parquet as parquet
import pytest

from crowdmask.errors import SourceError
from crowdmask.labels import LABELS
from crowdmask.scale.rows import schema_of, to_shard
from crowdmask.survey import Settings, read, survey


def record(number: int) -> dict[str, Any]:
    faces = [
        {
            "box": [10.0, 10.0, 40.0 + 5 * place, 50.0],
            "label": LABELS[(number + place) % 3],
            "confidence": 0.9,
        }
        for place in range(number % 4)
    ]
    return {
        "source": f"photos/{number}.jpg",
        "width": 640,
        "height": 480,
        "detections": faces,
        "counts": dict.fromkeys(LABELS, 0),
        "model": "crowd",
        "model_hash": "0123456789abcdef",
    }


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """Forty photos as JSON lines, and as two shards with a photo that could not be read."""
    photos = [record(number) for number in range(40)]
    (tmp_path / "all.jsonl").write_text("".join(json.dumps(photo) + "\n" for photo in photos))
    failed = {**dict.fromkeys(photos[0]), "source": "photos/bad.jpg", "model": "crowd", "model_hash": "0"}
    failed |= {"error": "photos/bad.jpg: empty file", "error_kind": "empty"}
    (tmp_path / "out").mkdir()
    for number, rows in enumerate((photos[:20], [*photos[20:], failed])):
        shard = to_shard(rows, schema_of(LABELS, {}), {})
        (tmp_path / "out" / f"part-{number:06}-0123456789abcdef.parquet").write_bytes(shard)
    return tmp_path


def test_rows_are_records(place: Path) -> None:
    expected = survey(read([str(place / "all.jsonl")]), Settings(draws=100))
    found = survey(read([str(place / "out")]), Settings(draws=100))
    assert list(found.records()) == list(expected.records())
    assert found.problems == ("photos/bad.jpg: empty file: left out",)
    one = read([str(place / "out" / "part-000000-0123456789abcdef.parquet")])
    assert survey(one, Settings(draws=100)).groups[0].estimate.photos == 20


def test_another_parquet_file_is_refused(place: Path) -> None:
    parquet.write_table(pyarrow.table({"source": ["a"]}), place / "other.parquet")
    (place / "cut.parquet").write_bytes(b"PAR1 and no more")
    for name in ("other", "cut"):
        with pytest.raises(SourceError, match=rf"{name}\.parquet"):
            read([str(place / f"{name}.parquet")])


def test_a_pattern_names_the_shards_and_what_is_not_there_is_said(place: Path) -> None:
    whole = survey(read([str(place / "out")]), Settings(draws=100))
    found = survey(read([str(place / "out" / "*.parquet")]), Settings(draws=100))
    assert list(found.records()) == list(whole.records())
    for name, told in (
        ("no*.parquet", "nothing matches this pattern"),
        ("no.parquet", "no such file or folder"),
    ):
        with pytest.raises(SourceError, match=told):
            read([str(place / name)])
