"""Load what a command needs in less time; this module imports very little."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def collection_paused() -> Iterator[None]:
    """Search for no garbage in this block, which only imports and loads.

    Loading makes some hundred thousand objects that stay, and Python would look through them again and again.
    """
    running = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if running:
            gc.enable()
