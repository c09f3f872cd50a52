"""Read the Parquet rows of ``crowdmask batch``: a file, or the folder of a run."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from glob import glob, has_magic
from importlib import import_module
from pathlib import Path
from typing import Any

from crowdmask.errors import MissingExtraError, SourceError

SUFFIX = ".parquet"
_COLUMNS = ("source", "detections", "model", "model_hash", "error")
_SHARDS = f"part-*{SUFFIX}"
_BATCH = 1000


def is_rows(name: str) -> bool:
    """Return whether a source is a Parquet file, or the folder of a run."""
    path = Path(name)
    return path.suffix.lower() == SUFFIX or (path.is_dir() and next(path.glob(_SHARDS), None) is not None)


def read_rows(name: str, also: Sequence[str] = ()) -> Iterator[dict[str, Any]]:
    """Yield the rows of a file or folder: each is the record of a photo, or a photo with its error.

    Args:
        name: a path, or a pattern of files.
        also: columns to read beside source, detections, model, model_hash and error.
    Raises:
        SourceError: it cannot be read, or is of another kind.
        MissingExtraError: the package that reads Parquet is not installed.
    """
    try:
        parquet = import_module("pyarrow.parquet")
    except ModuleNotFoundError as error:
        raise MissingExtraError("reading Parquet", "scale") from error
    columns = [*_COLUMNS, *also]
    for file in _files(name):
        try:
            with parquet.ParquetFile(file) as shard:
                missing = set(columns) - set(shard.schema_arrow.names)
                if missing:
                    raise SourceError(f"{file}: no rows of crowdmask batch (lacks {min(missing)})")
                for batch in shard.iter_batches(_BATCH, columns=columns):
                    yield from batch.to_pylist()
        except FileNotFoundError as error:
            raise SourceError(f"{file}: no such file or folder") from error
        except (OSError, ValueError) as error:
            raise SourceError(f"{file}: {' '.join(str(error).split())}") from error


def _files(name: str) -> list[Path]:
    path = Path(name)
    if path.is_dir():
        return sorted(path.glob(_SHARDS))
    if path.exists() or not has_magic(name):
        return [path]
    found = sorted(glob(name, recursive=True))
    if not found:
        raise SourceError(f"{name}: nothing matches this pattern")
    return [Path(each) for each in found]
