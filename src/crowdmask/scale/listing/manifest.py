"""List the photos of a manifest: Parquet, CSV or JSON lines with a column of paths or URLs."""

from __future__ import annotations

import csv
import io
import json
import os
from collections.abc import Iterator
from typing import Any

from crowdmask.errors import SourceError, UsageError
from crowdmask.scale.columns import Columns, kept_name
from crowdmask.scale.entries import Entry, open_file
from crowdmask.scale.extra import load
from crowdmask.scale.remote import as_error, is_url

SUFFIXES = (".parquet", ".csv", ".tsv", ".jsonl", ".ndjson", ".json")
PATH_COLUMNS = ("source", "path", "url", "file", "filename", "file_name", "filepath", "photo", "image", "key")
"""Names of a manifest's column of paths; the first existing one is used, unless another is given."""
_BATCH = 10_000


def is_manifest(name: str) -> bool:
    """Return whether a name has the suffix of a manifest."""
    return name.lower().endswith(SUFFIXES)


def list_manifest(where: str, columns: Columns, path_column: str | None = None) -> Iterator[Entry]:
    """Yield the photos of a manifest in order; paths are relative to its folder.

    Args:
        where: path or URL.
        columns: records the user's columns.
        path_column: the column of paths; None: the first of `PATH_COLUMNS`.
    Raises:
        SourceError: it cannot be read, or a line has no path.
        UsageError: it has no such column.
    """
    folder = where.rpartition("/")[0] + "/" if is_url(where) else os.path.dirname(where)
    with as_error(SourceError, where):
        for row in _rows(where, columns, path_column):
            chosen = _chosen(row, path_column, where)
            path = row[chosen]
            if not isinstance(path, str) or not path:
                raise SourceError(f"{where}: a line has no value in the column {chosen}")
            place = path if is_url(path) or os.path.isabs(path) else _join(folder, path)
            further = {kept_name(name): value for name, value in row.items() if name != "source"}
            yield Entry(place, place, further={n: v for n, v in further.items() if v is not None})


def _join(folder: str, path: str) -> str:
    return folder + path if is_url(folder) else os.path.normpath(os.path.join(folder, path))


def _chosen(row: dict[str, Any], path_column: str | None, where: str) -> str:
    if path_column is not None:
        if path_column not in row:
            raise UsageError(f"{where}: no column {path_column!r}: `column` must be one of {', '.join(row)}")
        return path_column
    chosen = next((name for name in PATH_COLUMNS if name in row), None)
    if chosen is None:
        raise UsageError(
            f"{where}: which column holds the paths? name it by `column` (there are {', '.join(row)})"
        )
    return chosen


def _rows(where: str, columns: Columns, path_column: str | None) -> Iterator[dict[str, Any]]:
    lower = where.lower()
    if lower.endswith(".parquet"):
        yield from _parquet_rows(where, columns)
    elif lower.endswith((".csv", ".tsv")):
        yield from _csv_rows(where, columns, "\t" if lower.endswith(".tsv") else ",")
    else:
        yield from _json_rows(where, columns)


def _parquet_rows(where: str, columns: Columns) -> Iterator[dict[str, Any]]:
    parquet = load("pyarrow.parquet")
    with open_file(where) as file:
        table = parquet.ParquetFile(file)
        for field in table.schema_arrow:
            if field.name != "source":
                columns.see_type(kept_name(field.name), field.type)
        for batch in table.iter_batches(_BATCH):
            yield from batch.to_pylist()


def _csv_rows(where: str, columns: Columns, delimiter: str) -> Iterator[dict[str, Any]]:
    with open_file(where) as raw, io.TextIOWrapper(raw, encoding="utf-8-sig", newline="") as file:
        reader = csv.DictReader(file, delimiter=delimiter, restkey="", restval="")
        for row in reader:
            if row.pop("", None) is not None:
                raise SourceError(f"{where}: line {reader.line_num} has more values than there are columns")
            for name, text in row.items():
                if name != "source":
                    columns.see_text(kept_name(name), text)
            yield dict(row)


def _json_rows(where: str, columns: Columns) -> Iterator[dict[str, Any]]:
    with open_file(where) as file:
        for number, line in enumerate(file, 1):
            if not line.strip():
                continue
            try:
                row = json.loads(line)
            except ValueError as error:
                raise SourceError(f"{where}: line {number} is not JSON") from error
            if not isinstance(row, dict):
                raise SourceError(f"{where}: line {number} is not an object with a path")
            for name, value in row.items():
                if name != "source":
                    columns.see_value(kept_name(name), value)
            yield row
