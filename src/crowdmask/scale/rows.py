"""The rows of the output: one schema for all shards of a run, independent of their content."""

from __future__ import annotations

import io
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from crowdmask.batch.items import PhotoFailure, PhotoItem
from crowdmask.scale.columns import as_kind
from crowdmask.scale.entries import Entry
from crowdmask.scale.extra import load

TOTALS_KEY = b"crowdmask"
"""Metadata of a shard: its totals as JSON."""


def schema_of(labels: Sequence[str], further: Mapping[str, Any]) -> Any:
    """Return the Arrow schema of a run.

    A column's type never depends on its values; otherwise a shard without faces could not be read
    together with the others.

    Args:
        labels: of the model.
        further: Arrow types of the user's columns by name, as values or as text.
    """
    arrow = load("pyarrow")
    face = arrow.struct(
        [
            arrow.field("box", arrow.list_(arrow.float64())),
            arrow.field("label", arrow.string()),
            arrow.field("confidence", arrow.float64()),
        ]
    )
    fields = [
        arrow.field("source", arrow.string(), nullable=False),
        arrow.field("width", arrow.int32()),
        arrow.field("height", arrow.int32()),
        arrow.field("detections", arrow.list_(face)),
        arrow.field("counts", arrow.struct([arrow.field(label, arrow.int32()) for label in labels])),
        arrow.field("model", arrow.string(), nullable=False),
        arrow.field("model_hash", arrow.string(), nullable=False),
        arrow.field("error", arrow.string()),
        arrow.field("error_kind", arrow.string()),
    ]
    for name, kind in further.items():
        fields.append(arrow.field(name, arrow.type_for_alias(kind) if isinstance(kind, str) else kind))
    return arrow.schema(fields)


def as_text(name: str) -> str:
    """Return a file name as text; invalid bytes are escaped, since Arrow accepts only UTF-8."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def row_of(
    item: PhotoItem, entry: Entry, model: str, model_hash: str, kinds: Mapping[str, str]
) -> dict[str, Any]:
    """Return the row of one photo.

    Args:
        kinds: types of the user's columns by name, as text.
    """
    record = item.to_record()
    row = {
        **record,
        "source": as_text(entry.name),
        "model": model,
        "model_hash": model_hash,
        "error": None,
        "error_kind": None,
    }
    if isinstance(item, PhotoFailure):
        row.update(error=as_text(record["error"]), error_kind=row.pop("kind"))
    further = entry.further or {}
    return {**row, **{name: as_kind(further.get(name), kind) for name, kind in kinds.items()}}


def to_shard(rows: Iterable[Mapping[str, Any]], schema: Any, totals: Mapping[str, Any]) -> bytes:
    """Return a Parquet file; the same rows always give the same bytes.

    Args:
        totals: of `crowdmask.batch.totals.Totals`, stored in the metadata.
    """
    arrow, parquet = load("pyarrow"), load("pyarrow.parquet")
    noted = schema.with_metadata({TOTALS_KEY: json.dumps(totals).encode()})
    table = arrow.Table.from_pylist(list(rows), schema=noted)
    file = io.BytesIO()
    parquet.write_table(table, file, compression="zstd")
    return file.getvalue()


def read_shard(data: bytes) -> tuple[list[str], dict[str, Any]]:
    """Return the sources of a shard and its totals."""
    parquet = load("pyarrow.parquet")
    file = parquet.ParquetFile(io.BytesIO(data))
    totals = json.loads(file.schema_arrow.metadata[TOTALS_KEY])
    return file.read(columns=["source"]).column("source").to_pylist(), totals
