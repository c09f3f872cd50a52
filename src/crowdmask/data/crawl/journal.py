"""What a crawl has done, line by line, so that it goes on where it was stopped."""

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
    """What became of one photo.

    Attributes:
        kind: "kept", "rejected" (asking again would not help) or "failed" (it may).
        query: that found it.
        candidate: what the API said of it.
        photo: its line of the manifest, where it was kept.
        limits: the size limits that it was judged by.
    """

    kind: str
    query: str
    candidate: dict[str, Any]
    why: str = ""
    photo: dict[str, Any] | None = None
    limits: list[int] = field(default_factory=list)


class Journal:
    """A file that only grows; also a context manager."""

    def __init__(self, folder: Path) -> None:
        """Read what is there and open it.

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
            if torn:  # a run that was killed left half a line
                self._file.write("\n")
        except OSError as error:
            raise OutputError(f"cannot write {self.path}: {error.strerror or error}") from error

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def note(self, key: str, entry: JournalEntry) -> None:
        """Write down what became of a photo."""
        self.entries[key] = entry
        self._write({"key": key, **{name: value for name, value in vars(entry).items() if value}})

    def cursor(self, stream: Iterable[str]) -> dict[str, str]:
        """Return where the pages of one query go on; empty: at the first."""
        return self._cursors.get(json.dumps(list(stream)), {})

    def note_page(self, stream: Iterable[str], following: dict[str, str] | None) -> None:
        """Write down that a page is done; after the last, the next run begins with the first again."""
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
                    continue  # half a line, of a run that was killed
                raise DataError(
                    f"{self.path}, line {number}: not a line of a crawl; move the file away to begin afresh"
                ) from error
        return not text.endswith("\n") and bool(text)
