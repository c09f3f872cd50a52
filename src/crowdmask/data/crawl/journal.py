"""The journal of a crawl, one line a step, so that an interrupted crawl can continue."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, Self

from crowdmask.errors import DataError, OutputError

FILE_NAME = "crawl.jsonl"


@dataclass
class JournalEntry:
    """The outcome for one photo.

    Attributes:
        kind: "kept", "rejected" (another attempt would not help) or "failed" (it may).
        query: the query that found it.
        candidate: what the API said about it.
        photo: its line of the manifest, if it was kept.
        limits: the size limits that applied.
    """

    kind: str
    query: str
    candidate: dict[str, Any]
    why: str = ""
    photo: dict[str, Any] | None = None
    limits: list[int] = field(default_factory=list)


class Journal:
    """An append-only file; also a context manager."""

    def __init__(self, folder: Path) -> None:
        """Read the existing lines and open the file.

        Raises:
            DataError: the file is not of this kind.
            OutputError: it cannot be written.
        """
        self.path = folder / FILE_NAME
        self.entries: dict[str, JournalEntry] = {}
        self._cursors: dict[str, dict[str, str]] = {}
        try:
            torn = self._read() if self.path.exists() else False
            self._file: IO[str] = self.path.open("a", encoding="utf-8")
            if torn:  # a killed run left an incomplete line
                self._file.write("\n")
        except OSError as error:
            raise OutputError(f"cannot write {self.path}: {error.strerror or error}") from error

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def note(self, key: str, entry: JournalEntry) -> None:
        """Append the outcome for a photo."""
        self.entries[key] = entry
        self._write({"key": key, **{name: value for name, value in vars(entry).items() if value}})

    def cursor(self, stream: Iterable[str]) -> dict[str, str]:
        """Return where to continue with the pages of a query; empty: at the first one."""
        return self._cursors.get(json.dumps(list(stream)), {})

    def note_page(self, stream: Iterable[str], following: dict[str, str] | None) -> None:
        """Note that a page is done; after the last one, the next run starts with the first again."""
        self._cursors[json.dumps(list(stream))] = following or {}
        self._write({"stream": list(stream), "next": following or {}})

    def _write(self, row: dict[str, Any]) -> None:
        try:
            self._file.write(json.dumps(row) + "\n")
            self._file.flush()
            os.fsync(self._file.fileno())
        except OSError as error:
            raise OutputError(f"cannot write {self.path}: {error.strerror or error}") from error

    def _read(self) -> bool:
        """Read all lines; return whether the last one is not complete."""
        text = self.path.read_text(encoding="utf-8", errors="replace")
        lines = text.split("\n")
        for number, line in enumerate(lines, 1):
            if not line.strip():
                continue
            try:
                row = json.loads(line)
                if "stream" in row:
                    self._cursors[json.dumps(list(row["stream"]))] = dict(row["next"])
                else:
                    key = str(row.pop("key"))
                    self.entries[key] = JournalEntry(**row)
            except (ValueError, KeyError, TypeError, AttributeError) as error:
                if isinstance(error, json.JSONDecodeError):
                    continue  # an incomplete line, of a killed run
                raise DataError(
                    f"{self.path}, line {number}: not a line of a crawl; move the file away to begin afresh"
                ) from error
        return not text.endswith("\n") and bool(text)
