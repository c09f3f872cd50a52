"""Load what a command needs in less time; this module imports very little."""

import atexit
import gc
from collections.abc import Iterator
from contextlib import contextmanager

_KEPT_BY_PYTHON = gc.get_freeze_count()


@contextmanager
def collection_paused() -> Iterator[None]:
    """Search for no garbage in this block, which only imports and loads.

    Loading makes some hundred thousand objects that stay, and Python would look through them again and again.
    After `keep_for_ever` it never does.
    """
    running = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if gc.get_freeze_count() > _KEPT_BY_PYTHON:
            gc.freeze()
        if running:
            gc.enable()


def keep_for_ever() -> None:
    """Search for no garbage among what has been loaded, now, after later loading, and when the process ends.

    Only for a process that runs one command: the search at the end takes longer than all else there.
    """
    gc.freeze()
    atexit.register(gc.freeze)
