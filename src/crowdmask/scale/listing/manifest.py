"""List the photos of a manifest: Parquet, CSV or JSON lines with a column of paths or URLs."""

from __future__ import annotations

import csv
import io
import itertools
import json
import os
import posixpath
from collections.abc import Callable, Iterator
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
_BOM = b"\xef\xbb\xbf"


def is_manifest(name: str) -> bool:
    """Return whether a name has the suffix of a manifest."""
    return name.lower().endswith(SUFFIXES)


def list_manifest(
    where: str, columns: Columns, path_column: str | None, complain: Callable[[SourceError], None]
) -> Iterator[Entry]:
    """Yield the photos of a manifest in order; paths are relative to its folder.

    Args:
        where: path or URL.
        columns: records the user's columns.
        path_column: the column of paths; None: the first of `PATH_COLUMNS`.
        complain: receives an error for each line that names no photo; the others are still listed.
    Raises:
        SourceError: it cannot be read, or has no lines.
        UsageError: it has no such column, or one twice.
    """
    folder = where.rpartition("/")[0] + "/" if is_url(where) else os.path.dirname(where)
    empty = True

    def bad(line: str) -> None:
        nonlocal empty
        empty = False
        complain(SourceError(f"{where}: {line}"))

    with as_error(SourceError, where):
        for number, row in _rows(where, columns, bad):
            try:
                chosen = _chosen(row, path_column, where)
            except UsageError:
                if empty:
                    raise
                bad(f"line {number} has no column of paths")  # each line of JSON has its own
                continue
            path = row[chosen]
            if not isinstance(path, str) or not path:
                bad(f"line {number} has no value in the column {chosen}")
                continue
            empty = False
            place = path if is_url(path) or os.path.isabs(path) else _join(folder, path)
            further = {kept_name(name): value for name, value in row.items() if name != "source"}
            yield Entry(place, place, further={n: v for n, v in further.items() if v is not None})
    if empty:
        raise SourceError(f"{where}: no photo in this manifest")


def _join(folder: str, path: str) -> str:
    if not is_url(folder):
        return os.path.normpath(os.path.join(folder, path))
    # An object store takes `..` for the name of a folder.
    kind, _, rest = (folder + path).partition("://")
    return f"{kind}://{posixpath.normpath(rest)}"


def _chosen(row: dict[str, Any], path_column: str | None, where: str) -> str:
    if path_column is not None:
        if path_column not in row:
            raise UsageError(f"{where}: no column {path_column!r}: `column` must be one of {', '.join(row)}")
        return path_column
    names = {name.lower(): name for name in reversed(row)}
    chosen = next((names[name] for name in PATH_COLUMNS if name in names), None)
    if chosen is None:
        raise UsageError(
            f"{where}: which column holds the paths? name it by `column` (there are {', '.join(row)})"
        )
    return chosen


def _rows(where: str, columns: Columns, bad: Callable[[str], None]) -> Iterator[tuple[int, dict[str, Any]]]:
    lower = where.lower()
    if lower.endswith(".parquet"):
        yield from enumerate(_parquet_rows(where, columns), 1)
    elif lower.endswith((".csv", ".tsv")):
        yield from _csv_rows(where, columns, bad)
    else:
        yield from _json_rows(where, columns, bad)


def _parquet_rows(where: str, columns: Columns) -> Iterator[dict[str, Any]]:
    parquet = load("pyarrow.parquet")
    with open_file(where) as file:
        table = parquet.ParquetFile(file)
        for field in table.schema_arrow:
            if field.name != "source":
                columns.see_type(kept_name(field.name), field.type)
        for batch in table.iter_batches(_BATCH):
            yield from batch.to_pylist()


def _csv_rows(
    where: str, columns: Columns, bad: Callable[[str], None]
) -> Iterator[tuple[int, dict[str, Any]]]:
    marks = "\t,;" if where.lower().endswith(".tsv") else ",;\t"
    with open_file(where) as raw, io.TextIOWrapper(raw, encoding="utf-8-sig", newline="") as file:
        try:
            head = file.readline()
            reader = csv.DictReader(
                itertools.chain([head], file), delimiter=max(marks, key=head.count), restval=""
            )
            # pandas writes its index under no name, and reads it under this one.
            reader.fieldnames = names = [
                name or f"Unnamed: {place}" for place, name in enumerate(reader.fieldnames or [])
            ]
            twice = next((name for name in names if names.count(name) > 1), None)
            if twice is not None:
                raise UsageError(f"{where}: two columns are named {twice!r}: rename one of them")
            for row in reader:
                if row.pop(None, None) is not None:
                    bad(f"line {reader.line_num} has more values than there are columns")
                    continue
                for name, text in row.items():
                    if name != "source":
                        columns.see_text(kept_name(name), text)
                yield reader.line_num, dict(row)
        except UnicodeDecodeError as error:
            raise SourceError(f"{where}: is no UTF-8 text: save it as UTF-8") from error


def _json_rows(
    where: str, columns: Columns, bad: Callable[[str], None]
) -> Iterator[tuple[int, dict[str, Any]]]:
    with open_file(where) as file:
        for number, line in enumerate(file, 1):
            if not line.strip():
                continue
            if number == 1 and line.lstrip(_BOM).startswith(b"["):
                raise SourceError(f"{where}: is one list: write each of its objects on a line of its own")
            try:
                row = json.loads(line)
            except ValueError:
                bad(f"line {number} is not JSON")
                continue
            if not isinstance(row, dict):
                bad(f"line {number} is not an object with a path")
                continue
            for name, value in row.items():
                if name != "source":
                    columns.see_value(kept_name(name), value)
            yield number, row
