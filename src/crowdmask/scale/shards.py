"""The shards of a run: their names contain a hash that proves them complete, and a journal lists them."""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from crowdmask.batch.totals import Totals
from crowdmask.scale.rows import read_shard
from crowdmask.scale.store import Store

JOURNAL = "_journal.jsonl"
_SHARD = re.compile(r"part-(\d{6,})-([0-9a-f]{16})\.parquet")
_JOURNAL_EVERY = 20


def key_of(source: str) -> int:
    """Return a 96-bit hash of a source's name."""
    return int.from_bytes(hashlib.blake2b(source.encode(), digest_size=12).digest(), "big")


def shard_names(store: Store) -> list[str]:
    """Return the names of the shards in a place, in order."""
    return [name for name in store.names() if _SHARD.fullmatch(name)]


@dataclass
class Shards:
    """The shards that a run has written.

    Attributes:
        store: the place.
        totals: of all shards.
        done: keys of the sources of earlier runs.
        count: of shards.
        rows: in all of them.
    """

    store: Store
    totals: Totals = field(default_factory=Totals)
    done: set[int] = field(default_factory=set)
    count: int = 0
    rows: int = 0
    _next: int = 0
    _lines: list[str] = field(default_factory=list)
    _unwritten: int = 0

    def find(self, complain: Callable[[str], None]) -> None:
        """Read the complete shards of earlier runs; the files decide, the journal is only information.

        Args:
            complain: receives a message for each damaged shard, which is removed, so that its photos are done
                again.
        """
        for name in self.store.names():
            match = _SHARD.fullmatch(name)
            if match is None:
                continue
            data = self.store.read(name)
            self._next = max(self._next, int(match[1]) + 1)
            if hashlib.sha256(data).hexdigest()[:16] != match[2]:
                complain(f"{self.store.name}/{name}: damaged, so its photos are done again")
                self.store.remove(name)
                continue
            sources, totals = read_shard(data)
            self.done.update(key_of(source) for source in sources)
            self._note(name, data, len(sources), totals)
        self.write_journal()

    def add(self, data: bytes, rows: int, totals: Mapping[str, Any]) -> None:
        """Write a complete shard and record it.

        Raises:
            OutputError: it cannot be written.
        """
        name = f"part-{self._next:06d}-{hashlib.sha256(data).hexdigest()[:16]}.parquet"
        self.store.write(name, data)
        self._next += 1
        self._note(name, data, rows, totals)
        self._unwritten += 1
        if self._unwritten >= _JOURNAL_EVERY:
            self.write_journal()

    def write_journal(self) -> None:
        """Write the journal: one line for each shard, with its checksum.

        Raises:
            OutputError: it cannot be written.
        """
        self.store.write(JOURNAL, "".join(self._lines).encode())
        self._unwritten = 0

    def _note(self, name: str, data: bytes, rows: int, totals: Mapping[str, Any]) -> None:
        self.totals.join(Totals(totals["photos"], Counter(totals["counts"]), Counter(totals["failures"])))
        self.count += 1
        self.rows += rows
        line = {"shard": name, "sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data), "rows": rows}
        self._lines.append(json.dumps({**line, **totals}) + "\n")
