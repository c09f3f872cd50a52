"""Limits on what an archive may unpack to: protection against archive bombs."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from crowdmask.errors import DataError


@dataclass(frozen=True)
class Limits:
    """Limits on what an archive, including all archives in it, may unpack to.

    Attributes:
        total_bytes: maximum size of all files.
        file_bytes: maximum size of one file.
        ratio: maximum ratio of unpacked to packed size, for one file and for all.
        ratio_from: files smaller than this many bytes may have any ratio, and so may a total below 50 times
            as much.
        members: maximum number of files, folders and links.
    """

    total_bytes: int = 100 << 30
    file_bytes: int = 2 << 30
    ratio: int = 100
    ratio_from: int = 1_000_000
    members: int = 3_000_000


@dataclass(frozen=True)
class Member:
    """One entry: its name, its unpacked and packed size, and the target of a link."""

    name: str
    size: int
    packed: int | None
    is_file: bool
    target: str | None
    handle: Any


@dataclass
class Budget:
    """What is left of the limits, for an archive and the archives in it."""

    archive: Path
    limits: Limits
    packed: int
    size: int = 0
    members: int = 0

    def spend(self, member: Member) -> None:
        """Count one member.

        Raises:
            DataError: a limit is exceeded.
        """
        limits = self.limits
        self.members += 1
        self.size += member.size
        if self.members > limits.members:
            raise self.bomb(f"it has more than {limits.members:,} members")
        if member.size > limits.file_bytes:
            raise self.bomb(f"{member.name} has {member.size:,} bytes; {limits.file_bytes:,} are allowed")
        if self.size > limits.total_bytes:
            raise self.bomb(f"it unpacks to more than {limits.total_bytes:,} bytes")
        if member.packed is not None and member.size > max(limits.ratio_from, limits.ratio * member.packed):
            raise self.bomb(f"{member.name} grows from {member.packed:,} to {member.size:,} bytes")
        if self.size > max(50 * limits.ratio_from, limits.ratio * self.packed):
            raise self.bomb(f"it grows from {self.packed:,} to more than {self.size:,} bytes")

    def bomb(self, why: str) -> DataError:
        """Return the error that refuses the archive."""
        return DataError(f"{self.archive}: refused as an archive bomb: {why}; nothing of it was unpacked")
