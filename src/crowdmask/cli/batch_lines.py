"""What ``crowdmask batch`` says: photos per second, time left and failures, and the totals at its end."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from crowdmask.cli.lines import one_line
from crowdmask.cli.progress import show_progress
from crowdmask.labels import display_name

if TYPE_CHECKING:
    from rich.console import Console

    from crowdmask.progress import Progress
    from crowdmask.scale.run import Outcome

DETECTING = "detecting"


@contextmanager
def show_rate(
    console: Console, failed: Callable[[], int], clock: Callable[[], float] = time.monotonic
) -> Iterator[Progress]:
    """Yield a `Progress` that shows a bar on a terminal, and a plain line every half minute elsewhere.

    Args:
        failed: returns how many photos and sources could not be read so far.
        clock: seconds that only grow.
    """
    began, seconds, photos = 0.0, 0.0, 0

    def detail() -> str:
        told = [f"{photos / seconds:,.1f} photos a second"] if photos and seconds > 0 else []
        return ", ".join([*told, *([f"{failed():,} failed"] if failed() else [])])

    with show_progress(console, detail=detail) as shown:

        def tell(stage: str, done: int, total: int) -> None:
            nonlocal began, seconds, photos
            if stage == DETECTING:
                began = began if done else clock()
                seconds, photos = clock() - began, done
            shown(stage, done, total)

        yield tell


def say_totals(console: Console, outcome: Outcome, to: str) -> None:
    """Print how many photos and faces there are, failures by kind, and where the rows are."""
    totals = outcome.totals
    faces = ", ".join(f"{count:,} {display_name(label)}" for label, count in totals.faces.items() if count)
    console.print(
        f"{totals.photos:,} photos, {totals.faces.total():,} faces{f' ({faces})' if faces else ''}",
        soft_wrap=True,
    )
    for kind, count in totals.failures.most_common():
        console.print(f"{count:,} failed: {kind}", soft_wrap=True)
    if outcome.doubled:
        console.print(f"{outcome.doubled:,} were named more than once and done once", soft_wrap=True)
    if outcome.known:
        console.print(f"{outcome.known:,} were done before", soft_wrap=True)
    rate = f", {outcome.done / outcome.seconds:,.1f} photos a second" if outcome.seconds else ""
    console.print(
        one_line(f"{to}: {outcome.rows:,} rows in {outcome.shards:,} Parquet files{rate}"), soft_wrap=True
    )
