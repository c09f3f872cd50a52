"""The progress bar of the commands that look at many photos."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console


@contextmanager
def progress(what: str, total: int, console: Console) -> Iterator[Callable[[int], None]]:
    """Show a bar on a terminal, and on Ctrl-C how far it was; tell what it gives how many are done."""
    reached = 0
    try:
        with _bar(what, total, console) as show:

            def tell(done: int) -> None:
                nonlocal reached
                reached = done
                show(done)

            yield tell
    except KeyboardInterrupt:
        console.print(
            f"interrupted while {what} ({reached:,} of {total:,} done); the same command goes on",
            soft_wrap=True,
        )
        raise


@contextmanager
def _bar(what: str, total: int, console: Console) -> Iterator[Callable[[int], None]]:
    if not console.is_terminal or not total:
        yield lambda done: None
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn(what), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console) as shown:
        task = shown.add_task("", total=total)
        yield lambda done: shown.update(task, completed=done)
