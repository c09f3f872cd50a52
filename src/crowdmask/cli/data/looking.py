"""Show work that begins by looking at every photo, and say on Ctrl-C how far it was."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from crowdmask.cli.progress import show_progress
from crowdmask.errors import Interrupted

if TYPE_CHECKING:
    from rich.console import Console

    from crowdmask.progress import Progress


@contextmanager
def show_looking(console: Console, afterwards: str) -> Iterator[Progress]:
    """Yield what reports the progress.

    Args:
        console: on standard error.
        afterwards: what to say where it is interrupted after all photos were looked at.
    """
    reached = ("", 0, 0)
    try:
        with show_progress(console) as show:

            def tell(stage: str, done: int, total: int) -> None:
                nonlocal reached
                reached = (stage, done, total)
                show(stage, done, total)

            yield tell
    except KeyboardInterrupt:
        stage, done, total = reached
        what = f"interrupted; {afterwards}"
        if stage in ("", "looking"):
            what = f"interrupted after {done:,} of {total:,} photos; the same command goes on there"
        console.print(what, soft_wrap=True)
        raise Interrupted from None
