"""The rows of a run as JSON lines, made from its complete shards."""

from __future__ import annotations

import datetime
import io
import math
from collections.abc import Iterator
from typing import Any

from crowdmask.media.writers import JsonLines
from crowdmask.scale.extra import load
from crowdmask.scale.shards import shard_names
from crowdmask.scale.store import Store

_BATCH = 1000


def rows_of(store: Store) -> Iterator[dict[str, Any]]:
    """Yield all rows of a run in the order of its shards, like the records of `crowdmask detect`.

    A photo that cannot be read has `error` and `error_kind` instead of size and faces.
    """
    parquet = load("pyarrow.parquet")
    for name in shard_names(store):
        for batch in parquet.ParquetFile(io.BytesIO(store.read(name))).iter_batches(_BATCH):
            for row in batch.to_pylist():
                gone = ("error", "error_kind") if row["error"] is None else _OF_A_PHOTO
                yield {key: _plain(value) for key, value in row.items() if key not in gone}


_OF_A_PHOTO = ("width", "height", "detections", "counts")


def write_lines(store: Store, target: str) -> None:
    """Write all rows of a run as JSON lines.

    Args:
        target: a file; "-" is standard output.
    Raises:
        OutputError: it cannot be written.
    """
    with JsonLines(target) as lines:
        for row in rows_of(store):
            lines.write(row)


def _plain(value: Any) -> Any:
    """Convert a value of a Parquet manifest for JSON."""
    if isinstance(value, dict):
        return {str(key): _plain(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_plain(each) for each in value]
    if isinstance(value, datetime.date | datetime.time):
        return value.isoformat()
    if isinstance(value, float) and not math.isfinite(value):
        return None  # JSON has no such number, and strict readers would refuse the line
    return value if value is None or isinstance(value, str | bool | int | float) else str(value)
