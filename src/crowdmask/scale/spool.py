"""The list of photos to do, on the disk, so that millions take no memory; workers get its parts unchanged."""

from __future__ import annotations

import pickle
import tempfile
from collections.abc import Iterator
from typing import IO

from crowdmask.files import as_output_error
from crowdmask.scale.entries import Entry
from crowdmask.scale.rows import as_text
from crowdmask.scale.shards import key_of

_BLOCK = 256


class Spool:
    """Entries that are not done, each once, in order.

    Attributes:
        count: number of entries.
        known: number of listed photos that are already done.
        doubled: number of repeated photos; the first one counts.
    """

    def __init__(self, done: set[int]) -> None:
        """Begin an empty list.

        Args:
            done: keys of photos of earlier runs.
        """
        self._file: IO[bytes] = tempfile.TemporaryFile(prefix="crowdmask-")  # noqa: SIM115
        self._done, self._seen = done, set[int]()
        self._block: list[Entry] = []
        self.count = self.known = self.doubled = 0

    def add(self, entry: Entry) -> None:
        """Append a photo, unless it is already done or listed.

        Raises:
            OutputError: the disk is full.
        """
        key = key_of(as_text(entry.name))
        if key in self._seen:
            self.doubled += 1
            return
        self._seen.add(key)
        if key in self._done:
            self.known += 1
            return
        self.count += 1
        self._block.append(entry)
        if len(self._block) == _BLOCK:
            self._flush()

    def finish(self) -> None:
        """Finish the list and free the memory that was needed to make it."""
        self._flush()
        self._seen, self._done = set(), set()

    def tasks(self, size: int) -> Iterator[list[Entry]]:
        """Yield the photos in groups of `size`, the last one smaller."""
        self._file.seek(0)
        group: list[Entry] = []
        while True:
            try:
                group += pickle.load(self._file)
            except EOFError:
                break
            while len(group) >= size:
                yield group[:size]
                group = group[size:]
        if group:
            yield group

    def close(self) -> None:
        """Remove the list."""
        self._file.close()

    def _flush(self) -> None:
        if self._block:
            with as_output_error(tempfile.gettempdir(), "the list of photos to"):
                pickle.dump(self._block, self._file, protocol=pickle.HIGHEST_PROTOCOL)
            self._block = []
