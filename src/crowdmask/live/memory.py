"""How the C library keeps memory, for runs that go on for days."""

from __future__ import annotations

import ctypes
import sys

# Names and numbers of <malloc.h>.
_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3
_LARGE = 128 * 1024


def give_back_large_blocks() -> bool:
    """Have blocks of 128 kB and more, such as frames, go back to the system as soon as they are freed.

    glibc starts that way, but raises the limit with the first large block that is freed. Frames are taken
    by one thread and freed by another, so each thread's heap is then left with holes that only grow.

    Returns:
        Whether this system's C library could be told; others need no telling.
    Source: mallopt(3).
    """
    if not sys.platform.startswith("linux"):
        return False
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):  # musl has none
        return False
    return bool(mallopt(_MMAP_THRESHOLD, _LARGE)) and bool(mallopt(_TRIM_THRESHOLD, 2 * _LARGE))
