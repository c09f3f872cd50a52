"""How long-running work reports its progress, without knowing who listens.

Library functions take a `Progress` and call it; commands pass one that draws a bar (`crowdmask.cli`), a
service passes one that stores the numbers, and `silent` is the default.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sized
from typing import Protocol, TypeVar

_Item = TypeVar("_Item")


class Progress(Protocol):
    """A function that receives the progress of long-running work."""

    def __call__(self, stage: str, done: int, total: int, /) -> None:
        """Receive the state of one stage.

        Args:
            stage: what is being done, like "copying photos". A new stage ends the previous one; a stage may
                come again.
            done: how many items of this stage are done.
            total: how many there are; 0: unknown.
        """


def silent(stage: str, done: int, total: int, /) -> None:
    """Report to nobody."""


def counted(
    items: Iterable[_Item], stage: str, progress: Progress = silent, total: int | None = None
) -> Iterator[_Item]:
    """Yield the items and report each one as done when the next one is asked for.

    Args:
        items: what to go through.
        stage: what is being done with them.
        progress: receives the progress.
        total: how many there are; None: their `len()`, if they have one.
    """
    if total is None:
        total = len(items) if isinstance(items, Sized) else 0
    progress(stage, 0, total)
    for done, item in enumerate(items, 1):
        yield item
        progress(stage, done, total)
