"""Show long work: a bar on a terminal, a plain line every half minute elsewhere."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from crowdmask.errors import Interrupted

if TYPE_CHECKING:
    from rich.console import Console

    from crowdmask.progress import Progress

PLAIN_EVERY_S = 30.0
"""How often a line is printed where the output is no terminal, as in logs of batch jobs."""


@contextmanager
def show_progress(
    console: Console, *, goes_on: bool = False, detail: Callable[[], str] = lambda: ""
) -> Iterator[Progress]:
    """Yield a `Progress` that shows what it is told.

    Args:
        console: usually on standard error, so that results can be piped.
        goes_on: the same command goes on where it was interrupted: say so on Ctrl-C, and how far it was.
        detail: returns what else is shown beside how much is done, such as a rate; may be empty.
    """
    reached = ("", 0, 0)
    with _bars(console, detail) if console.is_terminal else _lines(console, detail) as show:

        def tell(stage: str, done: int, total: int) -> None:
            nonlocal reached
            reached = (stage, done, total)
            show(stage, done, total)

        try:
            yield tell
        except KeyboardInterrupt:
            stage, done, total = reached
            if goes_on and stage:
                console.print(
                    f"interrupted while {stage} ({_count(done, total)} done); the same command goes on",
                    soft_wrap=True,
                )
                raise Interrupted from None
            raise


class PlainLines:
    """Prints a line when enough time has passed since the last one."""

    def __init__(
        self,
        print_line: Callable[[str], None],
        every_s: float = PLAIN_EVERY_S,
        clock: Callable[[], float] = time.monotonic,
        tenths: bool = False,
    ) -> None:
        """Start now.

        Args:
            print_line: takes each line.
            every_s: seconds between two lines.
            tenths: print a line at each tenth of a stage as well, however short it is.
            clock: seconds that only grow.
        """
        self._print, self._every_s, self._clock, self._tenths = print_line, every_s, clock, tenths
        self._stage: str | None = None
        self._tenth = self._from = 0
        self._began = self._printed = clock()

    def __call__(self, stage: str, done: int, total: int) -> None:
        """Take the state of a stage, see `crowdmask.progress.Progress`."""
        now = self._clock()
        if stage != self._stage:
            # Work that goes on where it was stopped begins in the middle.
            self._stage, self._began, self._from = stage, now, done
            self._tenth = done * 10 // total if total else 0
        tenth = done * 10 // total if self._tenths and total else 0
        if now - self._printed < self._every_s and tenth <= self._tenth:
            return
        self._tenth = tenth
        self._printed = now
        share = f" ({done / total:.0%})".replace("%", " %") if total else ""
        left = ""
        if total and self._from < done < total:
            left = f", about {_duration((now - self._began) / (done - self._from) * (total - done))} left"
        self._print(f"{stage}: {_count(done, total)}{share}{left}")


@contextmanager
def _lines(console: Console, detail: Callable[[], str]) -> Iterator[Progress]:
    yield PlainLines(lambda line: console.print(", ".join(filter(None, (line, detail()))), soft_wrap=True))


@contextmanager
def _bars(console: Console, detail: Callable[[], str]) -> Iterator[Progress]:
    from rich import progress as bars

    columns = (
        bars.TextColumn("{task.description}"),
        bars.BarColumn(),
        bars.MofNCompleteColumn(),
        bars.TimeRemainingColumn(),
        bars.TextColumn("{task.fields[detail]}"),
    )
    with bars.Progress(*columns, console=console, redirect_stdout=False, redirect_stderr=False) as shown:
        tasks: dict[str, bars.TaskID] = {}

        def tell(stage: str, done: int, total: int) -> None:
            if stage not in tasks:
                tasks[stage] = shown.add_task(stage, total=total or None, detail="")
            shown.update(tasks[stage], completed=done, total=total or None, detail=detail())

        yield tell


def _count(done: int, total: int) -> str:
    return f"{done:,} of {total:,}" if total else f"{done:,}"


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    return f"{round(seconds / 60)} min" if seconds < 90 * 60 else f"{seconds / 3600:.1f} h"
